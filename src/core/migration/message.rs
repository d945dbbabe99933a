//! The message that a runner leaves behind: one JSON object of at most 4096 bytes in the container's termination message.

use serde::{Deserialize, Serialize};

/// The kubelet keeps this many bytes of a termination message.
pub const MESSAGE_LIMIT: usize = 4096;

/// What the runner found out; `migrations.md` section 2. Versions are strings.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Message {
    /// Version of this format: 1.
    pub v: i64,
    pub outcome: Outcome,
    /// One of the reasons of `experience.md` section 3. Example: `SqlError`.
    pub reason: String,
    pub plan_key: String,
    pub attempt: i64,
    /// Whether the tool was started.
    pub started: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_exit: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_top: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_digest: Option<String>,
    pub file_count: i64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<String>,
    pub pending_total: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_digest: Option<String>,
    pub applied: i64,
    pub dirty: bool,
    /// Whether 4.4 calls another attempt safe.
    pub retry_safe: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<MessageError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    pub lock_ms: i64,
    pub tool_ms: i64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub invalid_indexes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum Outcome {
    Succeeded,
    Skipped,
    Failed,
    Blocked,
    #[default]
    Unknown,
}

/// What went wrong, without any value that a row may hold.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MessageError {
    /// `Sql`, `Connection`, `Files`, `Tool`...
    pub class: String,
    /// SQLSTATE. Example: `23505`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<i64>,
    /// Table or constraint. Example: `users_email_key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The primary message, at most 512 bytes, without control characters and without values.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
}
