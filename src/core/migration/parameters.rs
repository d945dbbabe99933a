//! What the operator tells the runner: one JSON object in the environment of the migration pod. No secret is in it.

use serde::{Deserialize, Serialize};

use crate::api::common::{Engine, Tool};
use crate::api::database::{RunMode, TakenForApplied, TlsMode};
use crate::api::migration::{OutOfOrder, ReadBack};

/// Environment variable of the migration pod that holds [`RunParameters`] as JSON.
pub const PARAMETERS_VARIABLE: &str = "SLIPWAY_RUN";

/// Environment variable that the downward API fills from the annotation `slipway.dev/armed`; empty = not armed.
pub const ARMED_VARIABLE: &str = "SLIPWAY_ARMED";

/// A ConfigMap whose keys are the migration files.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMapFiles {
    /// Its name, for the message.
    pub name: String,
    /// Folder in the pod where it is mounted.
    pub folder: String,
    /// Hash of keys and contents that was planned.
    pub digest: String,
}

/// Everything one attempt needs to know, but for user and password (`PGUSER`, `PGPASSWORD`, or MySQL's, from the Secret).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunParameters {
    /// Uid of the Migration: part of the names of database sessions.
    pub migration_uid: String,
    pub plan_key: String,
    /// Number of the Job.
    pub attempt: i64,
    pub mode: RunMode,
    pub tool: Tool,
    pub engine: Engine,
    pub host: String,
    pub port: i32,
    /// Name of the database.
    pub database: String,
    pub tls: TlsMode,
    /// File with the certificate of the authority that signed the server's; absent: one of those that everybody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// Whether the user is for migrations alone, so that every session of it is a migration's.
    #[serde(default)]
    pub own_user: bool,
    /// Folder in the pod with the migration files; empty: there are none.
    pub files: String,
    /// Folder in the pod, in a volume of the image, from which the runner fills that folder; absent: it is filled, or comes of a ConfigMap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_folder: Option<String>,
    /// The ConfigMap from which the runner fills that folder; absent: it is filled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<ConfigMapFiles>,
    /// Version to stop at; absent: the last file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What becomes of a file with a lower number than one that ran.
    #[serde(default)]
    pub out_of_order: OutOfOrder,
    /// File of the tool; absent: it is sought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_path: Option<String>,
    /// Program of tool Exec and its arguments. Never in the JSON: the runner has it from its own command line, in which the kubelet has put
    /// variables in place of `$(NAME)`.
    #[serde(skip)]
    pub command: Vec<String>,
    /// Tool whose version table says how the program of Exec ended; absent: its exit code does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_back: Option<ReadBack>,
    /// Whether the program of Exec may be run again after anything.
    #[serde(default)]
    pub idempotent: bool,
    /// Names of the migration's own variables that a Secret fills.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// What the ledger knows of the last good run, for a tool whose own table does not tell which files were there; absent: nothing, or a
    /// person looked and wants it run all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<TakenForApplied>,
    /// Whether the program of Exec may have run before the ledger began, so that it is not started on a database that is in use already.
    #[serde(default)]
    pub may_have_run: bool,
    /// The tool's version table. Example: `goose_db_version`.
    pub version_table: String,
    /// Digest of the pending files that may run; absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<String>,
    /// Longest wait for the lock in the database and for orphans together, seconds.
    pub lock_wait_seconds: i64,
    /// Longest run of the tool, seconds.
    pub run_seconds: i64,
    /// The pod's grace period, seconds.
    pub grace_seconds: i64,
}
