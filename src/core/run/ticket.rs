//! The ticket: what a migration Job says of itself in an annotation, so that its outcome can be recorded when all that made it is gone.

use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use serde::{Deserialize, Serialize};

use crate::api::common::{Phase, Tool};
use crate::api::database::RunMode;

/// Annotation on a migration Job that holds the [`Ticket`] as JSON.
pub const TICKET_ANNOTATION: &str = "slipway.dev/run";

/// What a Job is for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ticket {
    pub migration: String,
    pub migration_uid: String,
    pub backend: String,
    /// Name of the entry in its Backend's `spec.migrations`.
    #[serde(default)]
    pub entry: String,
    pub database: String,
    /// Hash of the database's identity.
    pub database_identity: String,
    pub plan_key: String,
    pub attempt: i64,
    pub mode: RunMode,
    pub tool: Tool,
    pub phase: Phase,
    pub version_table: String,
    /// Name of the Secret with user and password, for messages.
    pub secret: String,
    /// Seconds from the arm to the start of the runner; absent in the Jobs of a Slipway that knew one limit for all.
    #[serde(default)]
    pub start_seconds: Option<u64>,
    /// Attempts that the plan gets; absent: five. It stands here, as the Migration may be gone when the outcome is recorded.
    #[serde(default)]
    pub attempts: Option<i64>,
    /// Whether it only lists what is pending, so that a person may approve it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lists: bool,
    /// What may run, by the approval that it was made under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<String>,
}

/// The ticket of a Job; `None` for a Job that is none of ours.
#[must_use]
pub fn ticket(job: &Job) -> Option<Ticket> {
    serde_json::from_str(job.annotations().get(TICKET_ANNOTATION)?).ok()
}

/// Name of the Job of an attempt: at most 63 characters, as a Migration's name has at most 51.
#[must_use]
pub fn job_name(migration: &str, attempt: i64, mode: RunMode) -> String {
    match mode {
        RunMode::Run => format!("{migration}-{attempt}"),
        RunMode::Check => format!("{migration}-c{attempt}"),
    }
}
