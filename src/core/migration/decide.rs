//! One move at a time towards the arm: make the Job inert, take the ledger, arm the Job. Each move is computed from what the caches show
//! after the one before, so a crash between two of them is an ordinary next look (`migrations.md` 4.3).

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use serde_json::json;

use super::approval;
use super::asked;
use super::build::attempt::Attempt;
use super::build::job::job;
use super::contract;
use super::seen::Seen;
use super::situation::{self, Situation, situation};
use crate::api::common::Tool;
use crate::api::database::{Entry, Holder, Ledger, RunMode, TakenForApplied};
use crate::api::migration::MigrationSpec;
use crate::core::database::{self, ledger};
use crate::core::meta;
use crate::core::migration::planned;
use crate::core::plan::{Confirm, Create, ObjectKey, ObjectKind, Plan, Propagation, Step};
use crate::core::run::ticket::job_name;

/// What follows from a look: where it stands, and the next move.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    pub situation: Situation,
    pub plan: Plan,
}

/// Decides the next move.
#[must_use]
pub fn decide(seen: &Seen, now: Timestamp) -> Decision {
    let situation = situation(seen, now);
    let plan = match &situation {
        Situation::Turn {
            attempt,
            mode,
            job: None,
        } => steps(create(seen, *attempt, *mode)),
        Situation::Turn {
            attempt,
            mode,
            job: Some(job),
        } => steps(take_or_replace(seen, *attempt, *mode, job, now)),
        Situation::Taken { holder, job } => steps(touch_or_arm(seen, holder.mode, job, now)),
        Situation::MarkGoes { entry } => steps(unmark(seen, &entry.plan_key, now)),
        Situation::RetryWait { entry } => Plan {
            steps: Vec::new(),
            wake: until(situation::retry_time(entry), now),
        },
        Situation::NotDue(not_due) => Plan {
            steps: Vec::new(),
            wake: not_due.until.map(|until| contract::left(until, now)),
        },
        Situation::Waiting { .. }
        | Situation::Superseded
        | Situation::AwaitingApproval(_)
        | Situation::Queued { .. }
        | Situation::Marked { .. }
        | Situation::Running { .. }
        | Situation::Verifying { .. }
        | Situation::Ended { .. } => Plan::default(),
    };
    Decision { situation, plan }
}

/// The name of the inert Job that this Migration holds or will need; every other inert Job of it is swept.
#[must_use]
pub fn next_job(seen: &Seen, now: Timestamp) -> Option<String> {
    match situation(seen, now) {
        Situation::Turn { attempt, mode, .. } => {
            Some(job_name(&seen.migration.name_any(), attempt, mode))
        }
        Situation::Taken { holder, job }
            if situation::may_be_armed(seen, holder.mode, &job, now) =>
        {
            Some(job.name_any())
        }
        _ => None,
    }
}

fn unmark(seen: &Seen, plan_key: &str, now: Timestamp) -> Vec<Step> {
    let database = seen
        .database()
        .filter(|database| database.metadata.deletion_timestamp.is_none());
    let ledger = ledger::without_mark(&seen.ledger(), plan_key, seen.retry_token().as_ref());
    database
        .map(|database| {
            database::replace(
                database,
                database::status_with(database, Some(ledger), seen.bound, now),
            )
        })
        .into_iter()
        .collect()
}

fn create(seen: &Seen, attempt: i64, mode: RunMode) -> Vec<Step> {
    let Some(body) = build(seen, attempt, mode) else {
        return Vec::new();
    };
    let hash = meta::hash_of(&body);
    let key = ObjectKey {
        kind: ObjectKind::Job,
        namespace: seen.migration.namespace().unwrap_or_default(),
        name: job_name(&seen.migration.name_any(), attempt, mode),
    };
    vec![Step::Create(Create { key, body, hash })]
}

/// An inert Job is taken as it is if this Slipway would make the same one; else it goes and is made anew.
fn take_or_replace(
    seen: &Seen,
    attempt: i64,
    mode: RunMode,
    job: &Job,
    now: Timestamp,
) -> Vec<Step> {
    if job.metadata.deletion_timestamp.is_some() {
        return Vec::new();
    }
    let (Some(database), Some(body)) = (seen.database(), build(seen, attempt, mode)) else {
        return Vec::new();
    };
    let hash = meta::hash_of(&body);
    if job.annotations().get(meta::HASH_ANNOTATION) != Some(&hash) {
        return vec![Step::delete(ObjectKind::Job, job, Propagation::Background)];
    }
    let holder = Holder {
        migration: seen.migration.name_any(),
        migration_uid: seen.uid(),
        plan_key: seen.migration.spec.plan_key.clone(),
        attempt,
        mode,
        job: job.name_any(),
        job_uid: job.uid().unwrap_or_default(),
        template_hash: hash,
        backend: seen.migration.spec.backend.clone(),
        version_table: planned::version_table(&seen.migration.spec).to_owned(),
        phase: Some(seen.migration.spec.phase),
        lists: approval::lists(seen, mode, own_entry(&seen.ledger(), seen)),
        retry_token: seen.retry_token(),
        since: crate::core::conditions::to_seconds(now).to_string(),
    };
    ledger::take(&seen.ledger(), holder)
        .map(|ledger| {
            database::replace(
                database,
                database::status_with(database, Some(ledger), seen.bound, now),
            )
        })
        .into_iter()
        .collect()
}

/// A new leader changes the Job first, so that an arm of the old one gets 409. Then: is it still wanted, by quorum; then the arm.
fn touch_or_arm(seen: &Seen, mode: RunMode, job: &Job, now: Timestamp) -> Vec<Step> {
    let may = situation::may_be_armed(seen, mode, job, now);
    let Some(backend) = seen.live_backend().filter(|_| may) else {
        return Vec::new();
    };
    // A ledger that was lost does not name it, and yet it runs.
    let stray = situation::stray_run(seen, now);
    if job.metadata.deletion_timestamp.is_some() || stray.is_some() {
        return Vec::new();
    }
    if job.annotations().get(meta::LEADER_ANNOTATION) != Some(&seen.term) {
        return vec![Step::patch(
            ObjectKind::Job,
            job,
            json!({"metadata": {"annotations": {meta::LEADER_ANNOTATION: seen.term}}}),
        )];
    }
    let confirm = Confirm {
        key: ObjectKey::of(ObjectKind::Backend, backend.as_ref()),
        uid: backend.uid().unwrap_or_default(),
        generation: backend.metadata.generation.unwrap_or_default(),
        annotation: None,
    };
    let ledger = seen.ledger();
    let approved = (mode == RunMode::Run)
        .then(|| approval::confirm(seen, own_entry(&ledger, seen)))
        .flatten();
    let armed = json!({
        "spec": {
            "suspend": false,
            "template": {"metadata": {"annotations": {meta::ARMED_ANNOTATION: crate::core::conditions::to_seconds(now).to_string()}}},
        },
    });
    [Some(confirm), approved]
        .into_iter()
        .flatten()
        .map(Step::Confirm)
        .chain([Step::patch(ObjectKind::Job, job, armed)])
        .collect()
}

fn build(seen: &Seen, attempt: i64, mode: RunMode) -> Option<serde_json::Value> {
    let spec = asked::asked(seen).unwrap_or(&seen.migration.spec);
    let ledger = seen.ledger();
    let entry = own_entry(&ledger, seen);
    let attempt = Attempt {
        migration: &seen.migration,
        spec,
        known: known(seen, &ledger, spec),
        may_have_run: may_have_run(seen, &ledger, spec),
        backend: seen.live_backend()?,
        database: seen.database()?,
        settings: &seen.settings,
        term: &seen.term,
        number: attempt,
        mode,
        lists: approval::lists(seen, mode, entry),
        approved: (mode == RunMode::Run)
            .then(|| approval::bound(seen, entry))
            .flatten(),
    };
    Some(job(&attempt))
}

/// What the ledger knows of files that golang-migrate's table does not name. Not for a person who asks again: whoever has looked may want it
/// run all the same.
fn known<'a>(seen: &Seen, ledger: &'a Ledger, spec: &MigrationSpec) -> Option<&'a TakenForApplied> {
    let entry = ledger::entry(ledger, &spec.plan_key);
    let blind = spec.tool == Tool::GolangMigrate && !situation::asked_again(seen, entry);
    let table = planned::version_table(spec);
    blind.then(|| ledger::taken_for_applied(ledger, table))?
}

/// What the ledger says of this plan.
fn own_entry<'a>(ledger: &'a Ledger, seen: &Seen) -> Option<&'a Entry> {
    ledger::entry(ledger, &seen.migration.spec.plan_key)
}

/// Whether a program of which nothing tells afterwards that it ran may have run before this ledger began. A person who asks again has looked.
fn may_have_run(seen: &Seen, ledger: &Ledger, spec: &MigrationSpec) -> bool {
    let options = &spec.options;
    let proven = options.read_back.is_some() || options.idempotent == Some(true);
    let entry = ledger::entry(ledger, &spec.plan_key);
    spec.tool == Tool::Exec
        && !proven
        && !situation::asked_again(seen, entry)
        && ledger::may_have_forgotten(ledger, &spec.backend)
}

fn steps(steps: Vec<Step>) -> Plan {
    Plan { steps, wake: None }
}

fn until(time: Option<jiff::Timestamp>, now: Timestamp) -> Option<Duration> {
    let seconds = time?.as_second().saturating_sub(now.as_second()).max(1);
    u64::try_from(seconds).ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests;
