//! Where a Migration stands, worked out from the ledger first: it is the truth, the Migration's own status only shows it. Guards come in a
//! fixed order: what holds the database, what has ended, what is no longer wanted, what is missing, whose turn it is.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;

use super::approval::{self, Awaiting, Need};
use super::asked;
use super::by_hand;
use super::contract::{self, NotDue};
use super::doubt;
use super::missing;
use super::planned;
use super::seen::Seen;
use crate::api::database::{Block, BlockEvidence, Entry, EntryOutcome, Holder, Ledger, RunMode};
use crate::api::migration::{Migration, MigrationPhase};
use crate::core::database::retries::has_answered;
use crate::core::database::{ledger, retention};
use crate::core::meta;
use crate::core::run::evidence::{self, JobState};
use crate::core::run::start::{self, StartTrouble};
use crate::core::run::ticket::{self, Ticket, job_name};

#[cfg(test)]
mod tests;

/// One of these at any moment.
#[derive(Clone, Debug, PartialEq)]
pub enum Situation {
    /// Something it needs is missing; `reason` and `message` say what.
    Waiting {
        reason: &'static str,
        message: String,
    },
    /// Nobody asks for it: the Backend's newest spec does not, or what a person wrote is another plan by now.
    Superseded,
    /// It runs after the rollout, and it is too early for that.
    NotDue(NotDue),
    /// Nobody asks for it any more, and the mark that it left on its version table goes: the database itself will tell the next plan, or a
    /// person has looked.
    MarkGoes { entry: Entry },
    /// How its attempt ended is not known, and what could tell is no more: a person must look.
    BeyondReading { entry: Entry },
    /// What is pending waits for a person; it holds nothing meanwhile.
    AwaitingApproval(Awaiting),
    /// It is not its turn: behind the Migration of this name.
    Queued { behind: String },
    /// Its version table is marked by another plan and only a person can free it.
    Marked { block: Block, by: String },
    /// Its turn: the Job must be made, is there, or must go because an older Slipway made it otherwise.
    Turn {
        attempt: i64,
        mode: RunMode,
        job: Option<Arc<Job>>,
    },
    /// It holds the database and its Job is not armed yet.
    Taken { holder: Holder, job: Arc<Job> },
    /// Its Job may be at work. `wake`: when a pod that is not there yet will be missed.
    Running {
        holder: Holder,
        trouble: Option<StartTrouble>,
        wake: Option<Duration>,
    },
    /// Its Job has ended, the ledger does not know yet. `trouble`: it was given up, as its pod did not start.
    Verifying {
        holder: Holder,
        trouble: Option<StartTrouble>,
    },
    /// It failed and will be tried again at a time; or nobody could look at how it ended, and will look again then.
    RetryWait { entry: Entry },
    /// The ledger has the last word on it.
    Ended { entry: Entry },
}

/// Works out where it stands.
#[must_use]
pub fn situation(seen: &Seen, now: Timestamp) -> Situation {
    if seen.database().is_none() {
        return missing::database(seen);
    }
    let ledger = seen.ledger();
    if let Some(holder) = seen.own_holder(&ledger) {
        return held(seen, holder, now);
    }
    let spec = &seen.migration.spec;
    let entry = seen.own_entry(&ledger).cloned();
    let asked_again = asked_again(seen, entry.as_ref());
    if let Some(entry) = entry
        .clone()
        .filter(|entry| mark_goes(seen, &ledger, entry, asked_again))
    {
        return Situation::MarkGoes { entry };
    }
    if let Some(entry) = entry.clone().filter(|entry| is_final(entry, asked_again)) {
        return Situation::Ended { entry };
    }
    if let Some(entry) = entry
        .clone()
        .filter(|entry| doubt::is_beyond_reading(seen, Some(entry)))
    {
        return Situation::BeyondReading { entry };
    }
    if !doubt::must_be_read(seen, entry.as_ref())
        && let Some(early) = too_early(seen, now)
    {
        return early;
    }
    if let Some(entry) = entry
        .clone()
        .filter(|entry| !asked_again && waits_for_retry(entry, now))
    {
        return Situation::RetryWait { entry };
    }
    if let Some((block, by)) = foreign_mark(seen, &ledger).filter(|_| !asked_again) {
        return Situation::Marked { block, by };
    }
    if is_going(seen) {
        let message = format!(
            "database {} is being deleted; no migration is started on it",
            spec.database
        );
        return Situation::Waiting {
            reason: "DatabaseTerminating",
            message,
        };
    }
    // Not in the queue: the one that is waited for may stand behind it there.
    if let Some(reader) = doubt::reader(seen) {
        return Situation::Waiting {
            reason: "Queued",
            message: format!(
                "waits until database {} was read to find out how migration {reader} ended",
                spec.database
            ),
        };
    }
    if let Need::Person(awaiting) = approval::need(seen, entry.as_ref()) {
        return Situation::AwaitingApproval(awaiting);
    }
    if let Some(behind) = ahead_in_queue(seen, &ledger, now) {
        return Situation::Queued { behind };
    }
    // Who has an entry adds none; so what is blocked can be repaired and tried again.
    if entry.is_none() && retention::is_full(&ledger) {
        return missing::room(seen);
    }
    turn(seen, entry.as_ref(), now)
}

/// What must be so before it takes part in the queue at all.
fn too_early(seen: &Seen, now: Timestamp) -> Option<Situation> {
    if let Some(files) = asked::missing_files(seen) {
        return Some(missing::files(seen, files));
    }
    if let Some(waits) = by_hand::waits(seen) {
        return Some(waits);
    }
    if !asked::is_wanted(seen) {
        return Some(Situation::Superseded);
    }
    if let Some(not_due) = contract::not_due(seen, now) {
        return Some(Situation::NotDue(not_due));
    }
    // Not in the queue: one that cannot go must not keep another Backend from the database.
    asked::unfinished_predecessor(seen).map(|behind| Situation::Waiting {
        reason: "Queued",
        message: format!(
            "waits for migration {behind}, which comes before it in backend {}",
            seen.migration.spec.backend
        ),
    })
}

/// Whether a Job that holds the database may be armed now.
#[must_use]
pub fn may_be_armed(seen: &Seen, mode: RunMode, job: &Job, now: Timestamp) -> bool {
    let ledger = seen.ledger();
    let entry = seen.own_entry(&ledger);
    let reads = mode == RunMode::Check && doubt::must_be_read(seen, entry);
    let due = asked::is_wanted(seen) && contract::not_due(seen, now).is_none();
    if is_going(seen) {
        return false;
    }
    reads || (due && (mode == RunMode::Check || approval::covers(seen, entry, job)))
}

/// Whether its Database is being deleted.
fn is_going(seen: &Seen) -> bool {
    let database = seen.database();
    database.is_some_and(|database| database.metadata.deletion_timestamp.is_some())
}

fn held(seen: &Seen, holder: Holder, now: Timestamp) -> Situation {
    let Some(job) = seen
        .job(&holder.job)
        .filter(|job| job.uid().as_deref() == Some(&holder.job_uid))
    else {
        return Situation::Verifying {
            holder,
            trouble: None,
        };
    };
    let pods = evidence::pods_of(job, &seen.pods);
    match evidence::state(job, &pods, now) {
        JobState::Inert => Situation::Taken {
            holder,
            job: job.clone(),
        },
        JobState::Active => {
            let trouble = if evidence::main_ran(&pods) {
                None
            } else {
                start::start_trouble(job, &pods, now)
            };
            let wake = start::no_pod_in(job, &pods, now).filter(|left| !left.is_zero());
            Situation::Running {
                holder,
                trouble,
                wake,
            }
        }
        JobState::Finished => Situation::Verifying {
            holder,
            trouble: start::recorded(job),
        },
    }
}

/// A plan that is not wanted never runs again, so no end of its own can free the table.
fn mark_goes(seen: &Seen, ledger: &Ledger, entry: &Entry, asked_again: bool) -> bool {
    let mark = ledger::block(ledger, &entry.version_table)
        .filter(|block| block.plan_key == entry.plan_key);
    mark.is_some_and(|block| block.evidence == BlockEvidence::Database || asked_again)
        && !asked::is_wanted(seen)
        && (asked::missing_files(seen).is_none() || seen.migration.is_by_hand())
}

/// Succeeded and Skipped never change. Failed and Blocked do when a person asks again. Unknown and `RetryWait` are on their way.
fn is_final(entry: &Entry, asked_again: bool) -> bool {
    match entry.outcome {
        EntryOutcome::Succeeded | EntryOutcome::Skipped => true,
        EntryOutcome::Failed | EntryOutcome::Blocked => !asked_again,
        EntryOutcome::Unknown | EntryOutcome::RetryWait | EntryOutcome::Listed => false,
    }
}

/// Whether its annotation holds a token that no attempt has answered yet.
#[must_use]
pub fn asked_again(seen: &Seen, entry: Option<&Entry>) -> bool {
    let uid = seen.uid();
    let is_answered = |token: &str| entry.is_some_and(|entry| has_answered(entry, &uid, token));
    seen.retry_token().is_some_and(|token| !is_answered(&token))
}

fn waits_for_retry(entry: &Entry, now: Timestamp) -> bool {
    matches!(
        entry.outcome,
        EntryOutcome::RetryWait | EntryOutcome::Unknown | EntryOutcome::Listed
    ) && retry_time(entry).is_some_and(|time| now < time)
}

/// When the next attempt may begin.
#[must_use]
pub fn retry_time(entry: &Entry) -> Option<Timestamp> {
    entry.next_attempt_after.as_ref()?.parse().ok()
}

/// A mark that only the ledger knows of: no look at the database can clear it.
fn foreign_mark(seen: &Seen, ledger: &Ledger) -> Option<(Block, String)> {
    let block = ledger::block(ledger, planned::version_table(&seen.migration.spec))?;
    if block.evidence != BlockEvidence::LedgerOnly || block.plan_key == seen.migration.plan_key() {
        return None;
    }
    let by = ledger::entry(ledger, &block.plan_key).map_or_else(
        || "an earlier one".to_owned(),
        |entry| entry.migration.clone(),
    );
    Some((block.clone(), by))
}

/// Who holds the database, or waits for it longer: by creation, ties by name.
fn ahead_in_queue(seen: &Seen, ledger: &Ledger, now: Timestamp) -> Option<String> {
    if let Some(holder) = &ledger.holder {
        return Some(holder.migration.clone());
    }
    if let Some(stray) = stray_run(seen, now) {
        return Some(stray.migration);
    }
    let own = rank(&seen.migration);
    seen.siblings
        .iter()
        .filter(|other| {
            other.spec.database == seen.migration.spec.database
                && other.uid() != seen.migration.uid()
        })
        .filter(|other| {
            other.status.as_ref().and_then(|status| status.phase) == Some(MigrationPhase::Queued)
        })
        .filter(|other| other.metadata.deletion_timestamp.is_none() && rank(other) < own)
        .min_by_key(|other| rank(other))
        .map(|other| other.name_any())
}

fn rank(migration: &Migration) -> (i64, String) {
    let created = migration
        .metadata
        .creation_timestamp
        .as_ref()
        .map_or(0, |time| time.0.as_second());
    (created, migration.name_any())
}

/// An armed, unfinished Job on this very database that the ledger does not name: the ledger was lost, its end is waited for.
#[must_use]
pub fn stray_run(seen: &Seen, now: Timestamp) -> Option<Ticket> {
    let identity = planned::identity(&seen.database()?.spec);
    seen.jobs
        .iter()
        .filter(|job| meta::has_finalizer(job.as_ref(), meta::OUTCOME_FINALIZER))
        .filter(|job| {
            evidence::state(job, &evidence::pods_of(job, &seen.pods), now) == JobState::Active
        })
        .filter_map(|job| ticket::ticket(job))
        .find(|ticket| ticket.database_identity == identity)
}

/// Which Job comes next: the number after the last armed one, whatever Jobs of lost ledgers lie about.
fn turn(seen: &Seen, entry: Option<&Entry>, now: Timestamp) -> Situation {
    let mode = if doubt::must_read(seen, entry) || approval::need(seen, entry) == Need::List {
        RunMode::Check
    } else {
        RunMode::Run
    };
    let recorded = entry.map_or(0, |entry| match mode {
        RunMode::Check => entry.last_check,
        RunMode::Run => entry.last_attempt,
    });
    let name = seen.migration.name_any();
    let mut attempt = recorded.saturating_add(1);
    // A Job of somebody else has no ticket of ours, whatever its labels say: the creation then meets it, and tells.
    while let Some(job) = seen
        .job(&job_name(&name, attempt, mode))
        .filter(|job| ticket::ticket(job).is_some())
    {
        if evidence::state(job, &evidence::pods_of(job, &seen.pods), now) == JobState::Inert {
            return Situation::Turn {
                attempt,
                mode,
                job: Some(job.clone()),
            };
        }
        attempt = attempt.saturating_add(1);
    }
    Situation::Turn {
        attempt,
        mode,
        job: None,
    }
}
