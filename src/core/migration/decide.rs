//! One move at a time towards the arm: make the Job inert, take the ledger, arm the Job. Each move is computed from what the caches show
//! after the one before, so a crash between two of them is an ordinary next look (`migrations.md` 4.3).

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;

use super::arm;
use super::build;
use super::build::attempt::Attempt;
use super::build::network_policy::network_policy;
use super::contract;
use super::demand;
use super::inputs;
use super::missing;
use super::new_plan_text;
use super::seen::Seen;
use super::situation::{self, Situation, situation};
use crate::api::database::{Database, Holder, Ledger, RunMode};
use crate::core::database::{self, ledger};
use crate::core::meta;
use crate::core::migration::planned;
use crate::core::plan::{Create, ObjectKey, ObjectKind, Plan, Propagation, Step};
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
        Situation::Taken { holder, job } => steps(arm::touch_or_arm(seen, holder, job, now)),
        Situation::AwaitingApproval(_) => steps(remember(seen, now)),
        Situation::MarkGoes { entry } => steps(unmark(seen, &entry.plan_key, now)),
        Situation::BeyondReading { entry } => steps(give_up_reading(seen, &entry.plan_key, now)),
        Situation::RetryWait { entry } => Plan {
            steps: Vec::new(),
            wake: until(situation::retry_time(entry), now),
        },
        Situation::Running { wake, .. } => Plan {
            steps: Vec::new(),
            wake: *wake,
        },
        Situation::NotDue(not_due) => Plan {
            steps: Vec::new(),
            wake: not_due.until.map(|until| contract::left(until, now)),
        },
        Situation::Waiting { reason, .. } => Plan {
            steps: Vec::new(),
            wake: until(
                missing::until(seen, reason, now).filter(|until| now < *until),
                now,
            ),
        },
        Situation::Superseded
        | Situation::Queued { .. }
        | Situation::Marked { .. }
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

/// The ledger remembers what waits, so that no edit lifts the demand. It does so from the listing on; here of a program, which has no list, and
/// of a demand that has become stricter since.
fn remember(seen: &Seen, now: Timestamp) -> Vec<Step> {
    demand::remember(seen).map_or_else(Vec::new, |ledger| write_ledger(seen, ledger, now))
}

fn unmark(seen: &Seen, plan_key: &str, now: Timestamp) -> Vec<Step> {
    let (uid, token) = (seen.uid(), seen.retry_token());
    let looked = (uid.as_str(), token.as_ref());
    let ledger = ledger::without_mark(&seen.ledger(), plan_key, looked);
    write_ledger(seen, ledger, now)
}

fn give_up_reading(seen: &Seen, plan_key: &str, now: Timestamp) -> Vec<Step> {
    let message = format!(
        "how it ended cannot be read any more, as {}",
        new_plan_text::what_was_changed(&seen.migration)
    );
    let ledger = ledger::record_unreadable(&seen.ledger(), plan_key, message, now);
    write_ledger(seen, ledger, now)
}

/// Nothing is written to a Database that goes.
fn write_ledger(seen: &Seen, ledger: Ledger, now: Timestamp) -> Vec<Step> {
    let stays = |database: &&Arc<Database>| database.metadata.deletion_timestamp.is_none();
    let database = seen.database().filter(stays);
    let replace = database.map(|database| {
        let status = database::status_with(database, Some(ledger), seen.bound, now);
        database::replace(database, status)
    });
    replace.into_iter().collect()
}

fn create(seen: &Seen, attempt: i64, mode: RunMode) -> Vec<Step> {
    let Some(body) = inputs::job_body(seen, attempt, mode) else {
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
    let ledger = seen.ledger();
    let (Some(database), Some(made_from)) = (
        seen.database(),
        inputs::attempt(seen, &ledger, attempt, mode),
    ) else {
        return Vec::new();
    };
    let body = build::job::job(&made_from);
    let hash = meta::hash_of(&body);
    if job.annotations().get(meta::HASH_ANNOTATION) != Some(&hash) {
        return vec![Step::delete(ObjectKind::Job, job, Propagation::Background)];
    }
    let holder = Holder {
        migration: seen.migration.name_any(),
        migration_uid: seen.uid(),
        plan_key: seen.migration.plan_key().to_owned(),
        attempt,
        mode,
        job: job.name_any(),
        job_uid: job.uid().unwrap_or_default(),
        template_hash: hash,
        backend: seen.migration.spec.backend.clone(),
        version_table: planned::version_table(&seen.migration.spec).to_owned(),
        phase: Some(seen.migration.spec.phase),
        lists: made_from.lists,
        retry_token: seen.retry_token(),
        since: crate::core::conditions::to_seconds(now).to_string(),
    };
    // A deletion of the Backend while its files are being listed lifts the demand no more than one afterwards.
    let remembers = made_from.lists.then(|| demand::remember(seen)).flatten();
    let Some(taken) = ledger::take(remembers.as_ref().unwrap_or(&ledger), holder) else {
        return Vec::new();
    };
    let status = database::status_with(database, Some(taken), seen.bound, now);
    vec![reach(&made_from, job), database::replace(database, status)]
}

/// What its pod may reach stands before the pod does. One that stands already is met.
fn reach(attempt: &Attempt, job: &Job) -> Step {
    let body = network_policy(attempt, job);
    Step::Create(Create {
        key: ObjectKey::of(ObjectKind::NetworkPolicy, job),
        hash: meta::hash_of(&body),
        body,
    })
}

fn steps(steps: Vec<Step>) -> Plan {
    Plan { steps, wake: None }
}

fn until(time: Option<jiff::Timestamp>, now: Timestamp) -> Option<Duration> {
    let seconds = time?.as_second().saturating_sub(now.as_second()).max(1);
    u64::try_from(seconds).ok().map(Duration::from_secs)
}
