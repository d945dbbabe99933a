//! What to do about a migration Job: record the outcome of one that has finished or said that all is well, let it go, stop one that cannot start, sweep one that
//! was never armed. Nothing here ever ends a program that runs.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use serde_json::json;

use super::evidence::{self, JobState, SeenPod};
use super::lost;
use super::outcome;
use super::seen::Seen;
use super::start;
use super::ticket::{Ticket, ticket};
use super::verdict::{End, SOURCE_CHANGED, Verdict};
use crate::api::database::{Database, EntryOutcome, Holder, Ledger, RunMode};
use crate::core::database::{self, ledger};
use crate::core::meta;
use crate::core::migration;
use crate::core::plan::{Executed, ObjectKind, Plan, Propagation, Report, Step};

#[cfg(test)]
mod tests;

/// So long an inert Job that its Migration does not ask for just now stays: a spec that goes there and back in a moment takes it again. Were
/// it deleted at once, the ledger could be taken in its name in the same moment.
const SWEPT_AFTER: Duration = Duration::from_secs(3);

/// A released Job and its pod stay this long for who wants to read the log: one day, in seconds.
const KEEP_SECONDS: i64 = 86_400;

/// The same where the Migration is gone, so nobody can find the log any more.
const KEEP_ORPHAN_SECONDS: i64 = 60;

/// What follows.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    pub plan: Plan,
}

/// Looks at one Job.
#[must_use]
pub fn decide(seen: &Seen, now: Timestamp) -> Decision {
    let plan = match ticket(&seen.job) {
        Some(ticket) if meta::has_finalizer(seen.job.as_ref(), meta::OUTCOME_FINALIZER) => {
            plan(seen, &ticket, now)
        }
        _ => Plan::default(),
    };
    Decision { plan }
}

/// A Job's status is the Job controller's.
#[must_use]
pub fn report(_seen: &Seen, _decision: &Decision, _executed: &Executed, _now: Timestamp) -> Report {
    Report::default()
}

fn plan(seen: &Seen, ticket: &Ticket, now: Timestamp) -> Plan {
    let pods = evidence::pods_of(&seen.job, &seen.pods);
    match evidence::state(&seen.job, &pods, now) {
        JobState::Inert => inert(seen, now),
        JobState::Active => active(seen, ticket, &pods, now),
        JobState::Finished => finished(seen, ticket, &pods, now),
    }
}

/// Never armed. A holder is given back only once its Job is being deleted: after that no late arm can land on it.
fn inert(seen: &Seen, now: Timestamp) -> Plan {
    let next = seen
        .asks
        .as_ref()
        .and_then(|asks| migration::next_job(asks, now));
    let wanted = next.as_deref() == Some(seen.job.name_any().as_str());
    let held = holder(seen).is_some();
    if seen.job.metadata.deletion_timestamp.is_some() {
        let mut steps: Vec<Step> = Vec::new();
        if let (true, Some(database)) = (held, &seen.database) {
            steps.push(write_ledger(
                seen,
                database,
                ledger::give_back(&ledger::of(database), &uid(&seen.job)),
                now,
            ));
        }
        steps.push(Step::patch(
            ObjectKind::Job,
            seen.job.as_ref(),
            json!({"metadata": {"finalizers": other_finalizers(&seen.job)}}),
        ));
        return Plan { steps, wake: None };
    }
    if wanted {
        return Plan::default();
    }
    let wake = seen
        .asks
        .as_ref()
        .and_then(|_| left_until_swept(&seen.job, now));
    if wake.is_some() {
        let steps = Vec::new();
        return Plan { steps, wake };
    }
    Plan {
        steps: vec![Step::delete(
            ObjectKind::Job,
            seen.job.as_ref(),
            Propagation::Background,
        )],
        wake: None,
    }
}

fn left_until_swept(job: &Job, now: Timestamp) -> Option<Duration> {
    let age = now.duration_since(job.metadata.creation_timestamp.as_ref()?.0);
    let left = SWEPT_AFTER.checked_sub(age.try_into().unwrap_or_default())?;
    (!left.is_zero()).then_some(left)
}

/// At work. An armed Job that no ledger knows (a restored or re-made Database) is adopted; one whose pod does not start in time is
/// stopped, which is safe as long as its program never ran.
fn active(seen: &Seen, ticket: &Ticket, pods: &[&SeenPod], now: Timestamp) -> Plan {
    if let Some(step) = adopt(seen, ticket, now) {
        let steps = vec![step];
        return Plan { steps, wake: None };
    }
    if let Some(steps) = record_success(seen, ticket, pods, now) {
        return Plan { steps, wake: None };
    }
    let lost = lost::lost_in(pods, now);
    if evidence::main_ran(pods) || seen.job.metadata.deletion_timestamp.is_some() || lost.is_some()
    {
        return Plan {
            steps: Vec::new(),
            wake: lost,
        };
    }
    let Some(started) = evidence::started_at(&seen.job) else {
        return Plan::default();
    };
    let limit = ticket
        .start_seconds
        .unwrap_or(seen.settings.migrations.start.as_secs());
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let left = started
        .as_second()
        .saturating_add(limit)
        .saturating_sub(now.as_second());
    match u64::try_from(left) {
        Ok(left) if left > 0 => Plan {
            steps: Vec::new(),
            wake: Some(Duration::from_secs(left)),
        },
        _ => Plan {
            steps: vec![give_up(seen, pods, now)],
            wake: None,
        },
    }
}

/// Why is written down first, as nobody tells it any more once the pod is ended.
fn give_up(seen: &Seen, pods: &[&SeenPod], now: Timestamp) -> Step {
    if start::recorded(&seen.job).is_none() {
        return start::record(&seen.job, pods, now);
    }
    Step::delete(ObjectKind::Job, seen.job.as_ref(), Propagation::Foreground)
}

/// An armed Job that no ledger knows becomes the holder; then its Database gets the finalizer that an arm would have set.
fn adopt(seen: &Seen, ticket: &Ticket, now: Timestamp) -> Option<Step> {
    let database = seen.database.as_ref()?;
    if database.metadata.deletion_timestamp.is_some() {
        return None;
    }
    if let Some(holder) = holder(seen) {
        return outcome::is_adopted(holder).then(|| database::finalizer::hold(database))?;
    }
    let ledger = ledger::of(database);
    let recorded = ledger::entry(&ledger, &ticket.plan_key)
        .is_some_and(|entry| entry.job_uid == uid(&seen.job));
    let unknown = ledger.holder.is_none() && !recorded;
    unknown.then(|| {
        let adopted = Ledger {
            holder: Some(holder_from(ticket, &seen.job, now)),
            ..ledger.into_owned()
        };
        write_ledger(seen, database, adopted, now)
    })
}

/// The runner has ended and said that all is well, read back from the database: a release need not wait the two seconds until the kubelet and
/// the Job controller say so too. The Job is let go only then, and before that no other is armed on its database.
fn record_success(
    seen: &Seen,
    ticket: &Ticket,
    pods: &[&SeenPod],
    now: Timestamp,
) -> Option<Vec<Step>> {
    let (database, holder) = (seen.database.as_ref()?, holder(seen)?);
    if ticket.mode == RunMode::Check || outcome::is_adopted(holder) {
        return None;
    }
    let verdict = Verdict::from_message(&evidence::message(pods, ticket)?);
    matches!(verdict.end, End::Succeeded | End::Skipped)
        .then(|| vec![record(seen, database, ticket, &verdict, now)])
}

fn record(
    seen: &Seen,
    database: &Arc<Database>,
    ticket: &Ticket,
    verdict: &Verdict,
    now: Timestamp,
) -> Step {
    let backoff = seen.settings.migrations.backoff;
    let ledger = ledger::of(database);
    let recorded = ledger::record(&ledger, ticket, &uid(&seen.job), verdict, backoff, now);
    write_ledger(seen, database, recorded, now)
}

/// Ended. The outcome goes into the ledger first; only then the Job is let go. Only the Job that the ledger names by uid has an outcome:
/// whatever else wears our labels is let go unheard.
fn finished(seen: &Seen, ticket: &Ticket, pods: &[&SeenPod], now: Timestamp) -> Plan {
    let (Some(database), Some(holder)) = (&seen.database, holder(seen)) else {
        return Plan {
            steps: vec![let_go(seen, pods, now)],
            wake: None,
        };
    };
    let Some(verdict) = outcome::verdict(seen, holder, ticket, pods, now) else {
        return Plan {
            steps: Vec::new(),
            wake: Some(Duration::from_secs(1)),
        };
    };
    let verdict = match ticket.mode {
        RunMode::Run => verdict,
        RunMode::Check if ticket.lists => verdict.of_list(),
        // It looked because of another plan's end: of its own nothing ever ran.
        RunMode::Check if verdict.reason == SOURCE_CHANGED && !is_unknown(database, ticket) => {
            verdict.of_list()
        }
        RunMode::Check => verdict.of_check(),
    };
    Plan {
        steps: vec![
            record(seen, database, ticket, &verdict, now),
            let_go(seen, pods, now),
        ],
        wake: None,
    }
}

/// Whether nobody knows how an attempt of this plan ended.
fn is_unknown(database: &Database, ticket: &Ticket) -> bool {
    let ledger = ledger::of(database);
    ledger::entry(&ledger, &ticket.plan_key)
        .is_some_and(|entry| entry.outcome == EntryOutcome::Unknown)
}

fn holder(seen: &Seen) -> Option<&Holder> {
    ledger::holder_of(seen.database.as_ref()?).filter(|holder| holder.job_uid == uid(&seen.job))
}

fn holder_from(ticket: &Ticket, job: &Job, now: Timestamp) -> Holder {
    Holder {
        migration: ticket.migration.clone(),
        migration_uid: ticket.migration_uid.clone(),
        plan_key: ticket.plan_key.clone(),
        attempt: ticket.attempt,
        mode: ticket.mode,
        job: job.name_any(),
        job_uid: uid(job),
        template_hash: String::new(),
        retry_token: None,
        backend: ticket.backend.clone(),
        version_table: ticket.version_table.clone(),
        phase: Some(ticket.phase),
        lists: ticket.lists,
        since: evidence::started_at(job).unwrap_or(now).to_string(),
    }
}

fn write_ledger(seen: &Seen, database: &Database, ledger: Ledger, now: Timestamp) -> Step {
    database::replace(
        database,
        database::status_with(database, Some(ledger), seen.bound, now),
    )
}

/// One that was suspended again goes: whoever unsuspended it would start its program behind the ledger's back.
fn let_go(seen: &Seen, pods: &[&SeenPod], now: Timestamp) -> Step {
    if evidence::is_stopped(&seen.job) && seen.job.metadata.deletion_timestamp.is_none() {
        return Step::delete(ObjectKind::Job, seen.job.as_ref(), Propagation::Background);
    }
    release(seen, pods, now)
}

/// Finalizer off, a time to live, and an owner where it still exists, in one patch. On a lost node its program may be alive: nobody who deletes
/// the Migration may end it, so it gets no owner, and goes by its time to live alone.
fn release(seen: &Seen, pods: &[&SeenPod], now: Timestamp) -> Step {
    let live = seen.migration.as_ref();
    let live = live.filter(|migration| migration.metadata.deletion_timestamp.is_none());
    let keep = if live.is_some() {
        KEEP_SECONDS
    } else {
        KEEP_ORPHAN_SECONDS
    };
    let finalizers = other_finalizers(&seen.job);
    let owner = live.filter(|_| !pods.iter().any(|pod| lost::is_lost(pod, now)));
    let metadata = match owner.map(|migration| meta::controller_reference(migration.as_ref())) {
        Some(owner) => json!({"finalizers": finalizers, "ownerReferences": [owner]}),
        None => json!({"finalizers": finalizers}),
    };
    let body = json!({"metadata": metadata, "spec": {"ttlSecondsAfterFinished": keep}});
    Step::patch(ObjectKind::Job, seen.job.as_ref(), body)
}

fn other_finalizers(job: &Job) -> Vec<&str> {
    meta::finalizers_without(job, meta::OUTCOME_FINALIZER)
}

fn uid(job: &Job) -> String {
    job.uid().unwrap_or_default()
}
