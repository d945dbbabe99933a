//! What Slipway shows of a Backend. Written by the operator only; no rules, and no default but that of `observedGeneration` (see `definitions`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::backend::BackendType;
use super::common::Conditions;
use super::schema;
use super::workload::Resources;

/// Most entries of `status.problems`.
pub const MOST_PROBLEMS: usize = 20;

/// What Slipway has seen and done.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BackendStatus {
    /// The `metadata.generation` that this status speaks of; -1 before the first visit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Reconciling`, `Stalled`, `Available`, `Migrated`, `UpdateAvailable`: all there from the first visit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Conditions,
    /// The values in force for what the spec leaves out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective: Option<Effective>,
    /// The release that is out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
    /// The release that waits at the gate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<PendingRelease>,
    /// Since when the release runs undisturbed, while a migration of `phase: AfterRollout` is not done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soak: Option<Soak>,
    /// What is waited for, and since when nothing got better; absent while nothing is waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// Number of pods that exist, of any release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Number of pods that are ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_replicas: Option<i32>,
    /// Label selector of the pods, as text; read by `kubectl scale` and autoscalers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Version of the first database's schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<SchemaVersions>,
    /// Warnings about the spec that stop nothing; at most 20, where there are more the last says how many.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MOST_PROBLEMS))]
    pub problems: Vec<Problem>,
    /// Texts for the columns of `kubectl get`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display: Option<BackendDisplay>,
}

/// The values that are in force for what the spec leaves out.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Effective {
    /// `spec.type` in force.
    #[serde(skip_serializing_if = "Option::is_none", rename = "type")]
    pub type_: Option<BackendType>,
    /// `spec.replicas` in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// `spec.resources` in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::resources_in_force")]
    pub resources: Option<Resources>,
    /// `spec.shutdown.drainSeconds` in force; seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain_seconds: Option<i32>,
    /// `spec.shutdown.graceSeconds` in force; seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace_seconds: Option<i32>,
    /// `spec.rollout.progressDeadlineSeconds` in force; seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress_deadline_seconds: Option<i32>,
}

/// A release that went through the gate.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Release {
    /// Number of the release; the ControllerRevision of that number keeps its template.
    pub revision: i64,
    /// Image of the release.
    pub image: String,
    /// Hash of everything that the application team decided and that reaches the pods.
    pub input_hash: String,
    /// When it went out; RFC 3339.
    pub since: String,
}

/// A release that waits.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PendingRelease {
    /// Image of the release.
    pub image: String,
    /// Hash of everything that the application team decided and that reaches the pods.
    pub input_hash: String,
}

/// Since when a release runs undisturbed: all its pods available, none of an older release left, not even one that ends.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Soak {
    /// Number of the release.
    pub release: i64,
    /// Since when; RFC 3339. A pod that is lost begins it anew.
    pub since: String,
}

/// What a Backend waits for. The deadline is `spec.rollout.progressDeadlineSeconds` after `since`.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Waiting {
    /// What is waited for: the pods of a release, or objects that the spec names and that are missing. Example: `release 3` or `objects`.
    #[serde(rename = "for")]
    pub what: String,
    /// Since when nothing got better; RFC 3339. More pods, or more ready pods, than ever before in this rollout are better.
    pub since: String,
    /// Most pods of the release that were there at once; absent before they are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pods: Option<i32>,
    /// Most pods of the release that were ready at once; absent before they are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<i32>,
}

/// Versions of the schema: what the database has, what the newest plan wants.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SchemaVersions {
    /// Version that the database has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// Version that the newest release needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// A warning about the spec that stops nothing.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Problem {
    /// Stable code. Example: `SLP0104`.
    pub code: String,
    /// Path of the field. Example: `spec.image`.
    pub path: String,
    /// How bad it is: `warning`.
    pub severity: String,
    /// What is wrong, and what to write instead.
    pub message: String,
}

/// Texts for `kubectl get`, which cannot join fields or know a default.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BackendDisplay {
    /// Column TYPE. Example: `Service`.
    #[serde(skip_serializing_if = "Option::is_none", rename = "type")]
    pub type_: Option<String>,
    /// Column IMAGE: the released tag, then `->` and the wanted one while that is held. Example: `1.4.0->1.5.0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Column REPLICAS: ready and wanted pods. Example: `2/2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<String>,
    /// Column SCHEMA: current and wanted version. Example: `7/9`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Column RELEASE: number of the release that is out. Example: `3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Column DATABASE: the bound Databases. Example: `orders-db`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
}
