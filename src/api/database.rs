//! The Database: where it is, which Secret opens it, and the ledger of what ran on it.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{Conditions, Engine, Phase, Tool};

/// A database that Backends use.
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "slipway.dev",
    version = "v1alpha1",
    kind = "Database",
    namespaced,
    shortname = "sldb",
    category = "slipway",
    status = "DatabaseStatus",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseSpec {
    pub engine: Engine,
    /// Host name or address. Example: `orders-db.acme.test`.
    pub host: String,
    /// Port; default 5432.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<i32>,
    /// Name of the database on the server. Example: `orders`.
    pub name: String,
    pub credentials: Credentials,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
}

/// The Secret that holds user and password.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// Name of the Secret. Example: `orders-db-app`.
    pub secret: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<CredentialKeys>,
}

/// The keys in the Secret.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CredentialKeys {
    /// Key of the user's name; default `username`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Key of the password; default `password`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// Encryption on the way to the database.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    /// Default `Prefer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<TlsMode>,
}

/// How much encryption is asked for; as PostgreSQL's `sslmode`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum TlsMode {
    Disable,
    Prefer,
    Require,
    VerifyFull,
}

/// What Slipway knows of the database.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DatabaseStatus {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Conditions,
    /// How many Backends are bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backends: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledger: Option<Ledger>,
}

/// Which Migration holds the database, and what ended how. Changed by compare-and-swap only.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Ledger {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    /// One by plan key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<Entry>,
    /// Version tables that a person must repair.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<Block>,
}

/// The attempt that holds the database.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Holder {
    pub migration: String,
    pub migration_uid: String,
    pub plan_key: String,
    /// Number in the Job's name.
    pub attempt: i64,
    pub mode: RunMode,
    pub job: String,
    pub job_uid: String,
    /// Empty where the attempt was adopted after the ledger had been lost.
    pub template_hash: String,
    pub backend: String,
    pub version_table: String,
    /// The `slipway.dev/retry` token that this attempt answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_token: Option<String>,
    /// RFC 3339.
    pub since: String,
}

/// What a Job does: run the tool, or only read the database.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum RunMode {
    #[default]
    Run,
    Check,
}

/// How a plan ended, or stands.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Entry {
    pub plan_key: String,
    pub migration: String,
    pub backend: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<Tool>,
    pub version_table: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    pub outcome: EntryOutcome,
    pub reason: String,
    /// What a person reads: file, line, SQLSTATE; never the server's free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Number of the last Job, Check runs apart.
    pub last_attempt: i64,
    /// Number of the last Check Job.
    pub last_check: i64,
    /// Attempts spent since the last explicit retry.
    pub attempts: i64,
    /// RFC 3339; since when attempts end without being spent (a database that cannot be reached).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreachable_since: Option<String>,
    /// RFC 3339; when a RetryWait is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt_after: Option<String>,
    /// The `slipway.dev/retry` token that was answered last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_top: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_count: Option<i64>,
    pub job_uid: String,
    /// Files that were still to be applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<i64>,
    /// RFC 3339; when the last attempt was armed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
}

/// What the ledger says of a plan.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum EntryOutcome {
    Succeeded,
    Skipped,
    Failed,
    Blocked,
    #[default]
    Unknown,
    RetryWait,
}

/// A version table that must be looked at by a person first.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Block {
    pub version_table: String,
    pub plan_key: String,
    pub reason: String,
    pub evidence: BlockEvidence,
    /// RFC 3339.
    pub since: String,
}

/// Whether the database itself shows the trouble.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum BlockEvidence {
    #[default]
    Database,
    LedgerOnly,
}
