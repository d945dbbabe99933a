//! The migration Job: born suspended, without an owner and with a finalizer, so that nobody starts or removes it before its outcome can be
//! recorded (`migrations.md` section 3).

use std::collections::BTreeMap;

use kube::ResourceExt;
use serde_json::{Value, json};

use super::attempt::Attempt;
use super::pod;
use crate::core::meta;
use crate::core::migration::planned;
use crate::core::run::ticket::{TICKET_ANNOTATION, Ticket, job_name};
use crate::core::settings::MigrationTimes;

/// Added to all limits of the runner, so that the runner's own deadlines come first: two minutes, in seconds.
const DEADLINE_SLACK_SECONDS: u64 = 120;

/// The body of the POST. Its hash stands in the annotation `slipway.dev/hash` and leaves out the leader's term.
#[must_use]
pub fn job(attempt: &Attempt) -> Value {
    let ticket = ticket(attempt);
    let labels = labels(&ticket);
    let mut body = meta::with_hash(json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name(&ticket.migration, attempt.number, attempt.mode),
            "namespace": attempt.migration.namespace(),
            "labels": labels,
            "annotations": {TICKET_ANNOTATION: as_text(&ticket)},
            "finalizers": [meta::OUTCOME_FINALIZER],
        },
        "spec": {
            "suspend": true,
            "backoffLimit": 0,
            "parallelism": 1,
            "completions": 1,
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": {
                "rules": [{"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}],
            },
            "activeDeadlineSeconds": deadline_seconds(&attempt.times()),
            "template": pod::template(attempt, &ticket, &labels),
        },
    }));
    if let Some(annotations) = body
        .pointer_mut("/metadata/annotations")
        .and_then(Value::as_object_mut)
    {
        annotations.insert(
            meta::LEADER_ANNOTATION.to_owned(),
            Value::String(attempt.term.to_owned()),
        );
    }
    body
}

fn ticket(attempt: &Attempt) -> Ticket {
    let spec = attempt.spec;
    let attempts = spec.options.retry.as_ref().and_then(|retry| retry.attempts);
    Ticket {
        migration: attempt.migration.name_any(),
        migration_uid: attempt.migration.uid().unwrap_or_default(),
        backend: spec.backend.clone(),
        entry: spec.name.clone(),
        database: spec.database.clone(),
        database_identity: planned::identity(&attempt.database.spec),
        plan_key: attempt.migration.plan_key().to_owned(),
        attempt: attempt.number,
        mode: attempt.mode,
        tool: spec.tool,
        phase: spec.phase,
        version_table: planned::version_table(spec).to_owned(),
        secret: attempt.endpoint().secret,
        start_seconds: Some(attempt.times().start.as_secs()),
        attempts: attempts.map(i64::from),
        lists: attempt.lists,
        approved: attempt.approved.clone(),
    }
}

fn labels(ticket: &Ticket) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        (meta::MANAGED_BY, meta::MANAGER.to_owned()),
        (meta::MIGRATION_LABEL, ticket.migration_uid.clone()),
        (meta::DATABASE_LABEL, ticket.database_identity.clone()),
        (meta::PLAN_KEY_LABEL, ticket.plan_key.clone()),
    ])
}

fn deadline_seconds(times: &MigrationTimes) -> u64 {
    [times.start, times.lock_wait, times.run, times.grace]
        .iter()
        .map(std::time::Duration::as_secs)
        .fold(DEADLINE_SLACK_SECONDS, u64::saturating_add)
}

fn as_text<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
