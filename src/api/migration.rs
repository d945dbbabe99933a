//! The Migration: one planned change of one Database's schema.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{Conditions, Phase, Tool};

/// One planned change of a Database's schema. Slipway makes them from `Backend.spec.migrations`; the list is the history.
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "slipway.dev",
    version = "v1alpha1",
    kind = "Migration",
    namespaced,
    shortname = "slm",
    category = "slipway",
    status = "MigrationStatus",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct MigrationSpec {
    /// Name of the Backend that needs it.
    pub backend: String,
    /// Name of the entry in the Backend's `spec.migrations`.
    pub name: String,
    /// Name of the Database.
    pub database: String,
    pub tool: Tool,
    pub phase: Phase,
    pub source: MigrationSource,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Hash of everything that makes this another plan; set by Slipway.
    pub plan_key: String,
}

/// Where the files are.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MigrationSource {
    pub image: String,
    pub path: String,
}

/// How it stands.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MigrationStatus {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Conditions,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<MigrationPhase>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<i64>,
    /// Name of the Job at work or last at work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<i64>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    /// Example: `12s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took: Option<String>,
}

/// The states of `design.md` section 3.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum MigrationPhase {
    Pending,
    Queued,
    Running,
    Verifying,
    RetryWait,
    Succeeded,
    Skipped,
    Failed,
    Blocked,
    Unknown,
}
