//! What the status says while a Job is at work, or about to be: what it does, until when at the latest, and where its log is.

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

use super::working;
use crate::api::database::{Holder, RunMode};
use crate::api::migration::MigrationPhase;
use crate::core::conditions::Standing;
use crate::core::migration::approval;
use crate::core::migration::decide::Decision;
use crate::core::migration::seen::Seen;
use crate::core::plan::{Executed, Step};

/// The phase of a Migration whose Job is at work.
pub(super) fn running_phase(holder: &Holder) -> MigrationPhase {
    match holder.mode {
        RunMode::Run => MigrationPhase::Running,
        RunMode::Check if holder.lists => MigrationPhase::Queued,
        RunMode::Check => MigrationPhase::Unknown,
    }
}

/// What the Job of the holder does.
pub(super) fn running(seen: &Seen, holder: &Holder) -> Standing {
    if holder.lists {
        return listing(seen);
    }
    if holder.mode == RunMode::Check {
        return reading_back(seen);
    }
    let message = format!(
        "attempt {} runs on database {}{}; its log: kubectl logs job/{} -n {}",
        holder.attempt,
        seen.migration.spec.database,
        until(seen, holder),
        holder.job,
        seen.migration.namespace().unwrap_or_default()
    );
    working("Running", message)
}

/// When Kubernetes ends the Job at the latest; the runner ends its tool before that. A look costs no such word, as it would cost one more write.
fn until(seen: &Seen, holder: &Holder) -> String {
    let deadline = || {
        let job = seen.job(&holder.job)?;
        let seconds = job.spec.as_ref()?.active_deadline_seconds?;
        let since: Timestamp = holder.since.parse().ok()?;
        since.checked_add(SignedDuration::from_secs(seconds)).ok()
    };
    deadline().map_or_else(String::new, |time| format!(", until {time} at the latest"))
}

/// A Check run that is about to be made.
pub(super) fn about_to_look(seen: &Seen) -> (MigrationPhase, Standing) {
    if lists(seen) {
        (MigrationPhase::Queued, listing(seen))
    } else {
        (MigrationPhase::Unknown, reading_back(seen))
    }
}

fn lists(seen: &Seen) -> bool {
    let ledger = seen.ledger();
    approval::lists(seen, RunMode::Check, seen.own_entry(&ledger))
}

/// What is pending is listed for a person.
pub(super) fn listing(seen: &Seen) -> Standing {
    let database = &seen.migration.spec.database;
    working(
        "Queued",
        format!("what is pending on database {database} is being listed for the approval"),
    )
}

/// The database is read to find out how the last attempt ended.
pub(super) fn reading_back(seen: &Seen) -> Standing {
    let database = &seen.migration.spec.database;
    working(
        "OutcomeUnknown",
        format!(
            "how the last attempt ended is not known; database {database} is being read to find out"
        ),
    )
}

/// Whether this look has armed the Job.
pub(super) fn was_armed(decision: &Decision, executed: &Executed) -> bool {
    executed.stop.is_none()
        && decision
            .plan
            .steps
            .iter()
            .any(|step| matches!(step, Step::Confirm(_)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::running;
    use crate::api::database::Holder;
    use crate::core::migration::Seen;

    fn object<T: serde::de::DeserializeOwned>(value: Value) -> T {
        serde_json::from_value(value).expect("a valid object")
    }

    /// What is said of the attempt while these Jobs are there.
    fn said(jobs: &[Value]) -> String {
        let migration = object(json!({
            "apiVersion": "slipway.dev/v1alpha1", "kind": "Migration", "metadata": {"name": "orders-x", "namespace": "team-a"},
            "spec": {"backend": "orders", "name": "schema", "database": "orders-db", "tool": "Goose", "phase": "BeforeRollout",
                "source": {"image": "orders:1", "path": "/m"}, "planKey": "k"},
        }));
        let seen = Seen {
            jobs: jobs
                .iter()
                .map(|job| Arc::new(object(job.clone())))
                .collect(),
            ..Seen::alone(Arc::new(migration))
        };
        let holder: Holder = object(json!({
            "migration": "orders-x", "migrationUid": "m", "planKey": "k", "attempt": 2, "mode": "Run", "job": "orders-x-2", "jobUid": "j",
            "templateHash": "h", "backend": "orders", "since": "2026-11-24T12:00:00Z",
        }));
        running(&seen, &holder).message().to_owned()
    }

    /// I-18.
    #[test]
    fn an_attempt_at_work_says_until_when_at_the_latest() {
        let job = json!({"metadata": {"name": "orders-x-2"}, "spec": {"activeDeadlineSeconds": 4920, "template": {}}});
        assert_eq!(
            said(&[job]),
            "attempt 2 runs on database orders-db, until 2026-11-24T13:22:00Z at the latest; its log: kubectl logs job/orders-x-2 -n team-a"
        );
        assert_eq!(
            said(&[]),
            "attempt 2 runs on database orders-db; its log: kubectl logs job/orders-x-2 -n team-a"
        );
    }
}
