//! What a Migration's status says. Every message names the cause and the next command to type; a test reads them all.

use jiff::Timestamp;
use kube::ResourceExt;

use super::approval_text;
use super::by_hand;
use super::decide::Decision;
use super::demand::demanded;
use super::message_text;
use super::missing;
use super::new_plan_text;
use super::seen::Seen;
use super::situation::Situation;
use crate::api::database::{Entry, EntryOutcome, Holder, RunMode};
use crate::api::migration::{MigrationPhase, MigrationStatus};
use crate::core::conditions::{self, Standing};
use crate::core::plan::{Executed, Report, Stop};
use at_work::{about_to_look, listing, reading_back, running, running_phase, was_armed};

mod at_work;
mod events;

/// The status that follows, and an event where the phase has changed. Nothing where something has changed meanwhile: the next look, at once,
/// knows better.
#[must_use]
pub fn report(seen: &Seen, decision: &Decision, executed: &Executed, now: Timestamp) -> Report {
    if matches!(executed.stop, Some(Stop::ReadAgain { .. })) {
        return Report::default();
    }
    let old = seen.migration.status.clone().unwrap_or_default();
    let (phase, standing) = standing(seen, decision, executed, now);
    let ledger = seen.ledger();
    let entry = seen.own_entry(&ledger);
    let holder = seen.own_holder(&ledger);
    let generation = seen.migration.metadata.generation.unwrap_or_default();
    let status = MigrationStatus {
        observed_generation: Some(generation),
        conditions: conditions::settle(&old.conditions, standing.drafts(), generation, now),
        phase: Some(phase),
        plan_key: plan_key(seen),
        attempt: attempt(holder.as_ref(), entry).or(old.attempt),
        job: job(seen, holder.as_ref(), entry).or_else(|| old.job.clone()),
        current: entry.and_then(|entry| entry.after.clone().or_else(|| entry.before.clone())),
        target: seen
            .migration
            .spec
            .target
            .clone()
            .or_else(|| entry.and_then(|entry| entry.files_top.clone())),
        pending: entry.and_then(|entry| entry.pending),
        started_at: holder
            .map(|holder| holder.since)
            .or_else(|| entry.and_then(|entry| entry.started_at.clone())),
        finished_at: entry
            .filter(|_| is_over(phase))
            .and_then(|entry| entry.finished_at.clone()),
        took: entry.filter(|_| is_over(phase)).and_then(took),
    };
    Report {
        events: events::event(seen, &decision.situation, (old.phase, phase), &standing)
            .into_iter()
            .collect(),
        status: serde_json::to_value(status).ok(),
    }
}

/// The key in force, and from now on that of one that a person wrote.
fn plan_key(seen: &Seen) -> Option<String> {
    let known = seen.migration.plan_key();
    if known.is_empty() {
        return by_hand::new_key(seen).cloned();
    }
    Some(known.to_owned())
}

/// What has no Job to show for its turn is Pending: others on its database need not wait for it.
fn standing(
    seen: &Seen,
    decision: &Decision,
    executed: &Executed,
    now: Timestamp,
) -> (MigrationPhase, Standing) {
    if let Some(Stop::NameConflict { key }) = &executed.stop {
        let kind = key.kind.kind().to_lowercase();
        let message = format!(
            "{kind} {} exists and is not Slipway's; it stays untouched. Next, if nobody needs it: kubectl delete {kind} {} -n {}",
            key.name, key.name, key.namespace
        );
        return (MigrationPhase::Pending, stalled("NameConflict", message));
    }
    if let Some(stop) = executed.stop.as_ref().and_then(refusal) {
        return (MigrationPhase::Pending, stop);
    }
    match &decision.situation {
        Situation::Waiting {
            reason: reason @ missing::LEDGER_FULL,
            message,
        } => (MigrationPhase::Queued, stalled(reason, message.clone())),
        Situation::Waiting { reason, message } => {
            let is_late = missing::until(seen, reason, now).is_some_and(|until| until <= now);
            let tells = if is_late { stalled } else { working };
            (MigrationPhase::Pending, tells(reason, message.clone()))
        }
        Situation::NotDue(not_due) => (
            MigrationPhase::Pending,
            working(not_due.reason, not_due.message.clone()),
        ),
        Situation::Superseded => (
            MigrationPhase::Pending,
            working("Superseded", new_plan_text::superseded(&seen.migration)),
        ),
        Situation::Queued { behind } => (
            MigrationPhase::Queued,
            working(
                "Queued",
                format!(
                    "waits for migration {behind} on database {}",
                    seen.migration.spec.database
                ),
            ),
        ),
        Situation::AwaitingApproval(awaiting) => (
            MigrationPhase::AwaitingApproval,
            working("AwaitingApproval", approval_text::awaiting(seen, awaiting)),
        ),
        Situation::Turn {
            mode: RunMode::Check,
            ..
        } => about_to_look(seen),
        Situation::Taken { holder, .. } if holder.mode == RunMode::Check => {
            (running_phase(holder), running(seen, holder))
        }
        Situation::Taken { holder, .. } if was_armed(decision, executed) => {
            (MigrationPhase::Running, running(seen, holder))
        }
        Situation::Turn { .. } | Situation::Taken { .. } => (
            MigrationPhase::Queued,
            working("Queued", "its turn; the Job is being made".to_owned()),
        ),
        Situation::Running {
            holder,
            trouble: Some(trouble),
            ..
        }
        | Situation::Verifying {
            holder,
            trouble: Some(trouble),
        } => {
            let message = message_text::cannot_start(seen, holder, trouble);
            (running_phase(holder), working("PodCannotStart", message))
        }
        Situation::Running {
            holder,
            trouble: None,
            ..
        } => (running_phase(holder), running(seen, holder)),
        Situation::Verifying { holder, .. } if is_known(seen, holder) => {
            (running_phase(holder), running(seen, holder))
        }
        Situation::Verifying { holder, .. } => (
            MigrationPhase::Verifying,
            working(
                "Verifying",
                format!("Job {} has ended; its outcome is being read", holder.job),
            ),
        ),
        Situation::Marked { block, by } => (
            MigrationPhase::Blocked,
            stalled(&block.reason, message_text::marked(seen, block, by)),
        ),
        Situation::RetryWait { entry } if entry.outcome == EntryOutcome::Unknown => (
            MigrationPhase::Unknown,
            working(
                &entry.reason,
                message_text::looks_again(&seen.migration, entry),
            ),
        ),
        Situation::RetryWait { entry } => (MigrationPhase::RetryWait, retrying(seen, entry)),
        Situation::Ended { entry }
        | Situation::MarkGoes { entry }
        | Situation::BeyondReading { entry } => ended(seen, entry),
    }
}

/// A finished Job whose outcome is about to be recorded shows no state of its own, or each run would cost one more write: Verifying is
/// shown only when something is odd, that is when its Job is gone or the message keeps being awaited.
fn is_known(seen: &Seen, holder: &Holder) -> bool {
    let phase = seen
        .migration
        .status
        .as_ref()
        .and_then(|status| status.phase);
    phase == Some(running_phase(holder)) && seen.job(&holder.job).is_some()
}

fn ended(seen: &Seen, entry: &Entry) -> (MigrationPhase, Standing) {
    let migration = &seen.migration;
    match entry.outcome {
        EntryOutcome::Succeeded if by_hand::was_done_by_another(migration, entry) => (
            MigrationPhase::Skipped,
            ready(entry, new_plan_text::done_before(entry)),
        ),
        EntryOutcome::Succeeded if entry.backend != migration.spec.backend => (
            MigrationPhase::Skipped,
            ready(entry, message_text::done_for_another(entry)),
        ),
        EntryOutcome::Succeeded => (
            MigrationPhase::Succeeded,
            ready(entry, message_text::succeeded(entry)),
        ),
        EntryOutcome::Skipped => (
            MigrationPhase::Skipped,
            ready(entry, message_text::skipped(entry)),
        ),
        EntryOutcome::Failed => (
            MigrationPhase::Failed,
            stalled(&entry.reason, message_text::failed(migration, entry)),
        ),
        EntryOutcome::Blocked => (
            MigrationPhase::Blocked,
            stalled(&entry.reason, message_text::blocked(migration, entry)),
        ),
        EntryOutcome::RetryWait => (
            MigrationPhase::RetryWait,
            working(&entry.reason, message_text::retry_wait(migration, entry)),
        ),
        EntryOutcome::Unknown => (MigrationPhase::Unknown, reading_back(seen)),
        EntryOutcome::Listed => (MigrationPhase::Queued, listing(seen)),
    }
}

fn retrying(seen: &Seen, entry: &Entry) -> Standing {
    let message = if entry.outcome == EntryOutcome::Listed {
        let approval = demanded(seen, Some(entry)).approval;
        message_text::lists_again(&seen.migration, entry, approval)
    } else {
        message_text::retry_wait(&seen.migration, entry)
    };
    working(&entry.reason, message)
}

fn refusal(stop: &Stop) -> Option<Standing> {
    match stop {
        Stop::QuotaExceeded { key, message } => Some(working(
            "QuotaExceeded",
            format!(
                "{} {} is refused for now: {message}. It is tried again",
                key.kind.kind().to_lowercase(),
                key.name
            ),
        )),
        Stop::Forbidden { key, verb, message } => Some(stalled(
            "Forbidden",
            format!(
                "Slipway may not {verb} {} in namespace {}: {message}. Next: install the chart's roles again",
                key.kind.plural(),
                key.namespace
            ),
        )),
        Stop::Refused { key, message } => Some(stalled(
            "InvalidSpec",
            format!(
                "the API server refuses {} {}: {message}",
                key.kind.kind().to_lowercase(),
                key.name
            ),
        )),
        Stop::TooLarge { key, too_large } => Some(stalled(
            "InvalidSpec",
            format!(
                "{} {} would be {too_large}; nothing of it was sent. Next: move long values of env and command into a ConfigMap or into the image, in a new Migration",
                key.kind.kind().to_lowercase(),
                key.name
            ),
        )),
        Stop::ReadAgain { .. }
        | Stop::NameConflict { .. }
        | Stop::NamespaceTerminating { .. }
        | Stop::Unavailable { .. }
        | Stop::NotLeader => None,
    }
}

fn attempt(holder: Option<&Holder>, entry: Option<&Entry>) -> Option<i64> {
    let held = holder
        .filter(|holder| holder.mode == RunMode::Run)
        .map(|holder| holder.attempt);
    held.or_else(|| {
        entry
            .map(|entry| entry.last_attempt)
            .filter(|attempt| *attempt > 0)
    })
}

fn job(seen: &Seen, holder: Option<&Holder>, entry: Option<&Entry>) -> Option<String> {
    holder.map(|holder| holder.job.clone()).or_else(|| {
        let uid = &entry?.job_uid;
        seen.jobs
            .iter()
            .find(|job| job.uid().as_ref() == Some(uid))
            .map(|job| job.name_any())
    })
}

fn is_over(phase: MigrationPhase) -> bool {
    matches!(
        phase,
        MigrationPhase::Succeeded
            | MigrationPhase::Skipped
            | MigrationPhase::Failed
            | MigrationPhase::Blocked
    )
}

fn took(entry: &Entry) -> Option<String> {
    let start: Timestamp = entry.started_at.as_ref()?.parse().ok()?;
    let end: Timestamp = entry.finished_at.as_ref()?.parse().ok()?;
    Some(format!(
        "{}s",
        end.as_second().saturating_sub(start.as_second()).max(0)
    ))
}

fn ready(entry: &Entry, message: String) -> Standing {
    Standing::Ready {
        reason: entry.reason.clone(),
        message,
    }
}

fn working(reason: &str, message: String) -> Standing {
    Standing::Working {
        reason: reason.to_owned(),
        message,
    }
}

fn stalled(reason: &str, message: String) -> Standing {
    Standing::Stalled {
        reason: reason.to_owned(),
        message,
    }
}
