//! The ledger: which attempt holds a database, and how each plan ended. Every change is a pure function from the ledger that was read
//! to the one to write; the write is a compare-and-swap, so a change computed from an old ledger never lands.

use std::borrow::Cow;

use jiff::Timestamp;

use super::contracts;
use super::demands;
use super::retention;
use super::retries;
use super::waits::{failures_since, retry_time, still_unreachable, unreachable_since};
use crate::api::database::{
    Block, BlockEvidence, Database, Entry, EntryOutcome, Holder, Ledger, RunMode, TakenForApplied,
};
use crate::core::backoff::Backoff;
use crate::core::conditions;
use crate::core::migration::message::clean;
use crate::core::run::ticket::Ticket;
use crate::core::run::verdict::{End, Verdict};

/// Attempts that a plan gets before it is Failed, unless its entry says otherwise or a person asks again (`migrations.md` 4.1).
pub const ATTEMPTS: i64 = 5;

/// Longest message of an entry, bytes: the words of a kubelet about an image can be long.
const MESSAGE_BYTES: usize = 1024;

/// The ledger of a Database; empty where there is none yet.
#[must_use]
pub fn of(database: &Database) -> Cow<'_, Ledger> {
    let ledger = database
        .status
        .as_ref()
        .and_then(|status| status.ledger.as_ref());
    ledger.map_or_else(|| Cow::Owned(Ledger::default()), Cow::Borrowed)
}

/// Who holds a Database.
#[must_use]
pub fn holder_of(database: &Database) -> Option<&Holder> {
    let ledger = database.status.as_ref()?.ledger.as_ref()?;
    ledger.holder.as_ref()
}

/// What the ledger says of a plan.
#[must_use]
pub fn entry<'a>(ledger: &'a Ledger, plan_key: &str) -> Option<&'a Entry> {
    ledger
        .entries
        .iter()
        .find(|entry| entry.plan_key == plan_key)
}

/// What the last good run on this version table took for applied, whoever's it was.
#[must_use]
pub fn taken_for_applied<'a>(
    ledger: &'a Ledger,
    version_table: &str,
) -> Option<&'a TakenForApplied> {
    let good = ledger.entries.iter().filter(|entry| {
        entry.outcome == EntryOutcome::Succeeded && entry.version_table == version_table
    });
    good.filter(|entry| entry.taken_for_applied.is_some())
        .max_by_key(|entry| entry.finished_at.as_deref())?
        .taken_for_applied
        .as_ref()
}

/// The mark on a version table, if a person must look at it first.
#[must_use]
pub fn block<'a>(ledger: &'a Ledger, version_table: &str) -> Option<&'a Block> {
    ledger
        .blocks
        .iter()
        .find(|block| block.version_table == version_table)
}

/// Whether nobody knows how an attempt of another plan on this version table ended, and nobody has read the table since. Its program may have
/// left a part of a file behind, of which nothing tells: so whoever comes next looks at the database before a tool is started.
#[must_use]
pub fn is_in_doubt(ledger: &Ledger, version_table: &str, plan_key: &str) -> bool {
    let on_table = |entry: &&Entry| entry.version_table == version_table;
    let unread =
        |entry: &Entry| matches!(entry.outcome, EntryOutcome::Unknown | EntryOutcome::Listed);
    let entries = || ledger.entries.iter().filter(on_table);
    let last_read = entries()
        .filter(|entry| !unread(entry))
        .filter_map(|entry| entry.finished_at.as_deref())
        .max();
    !version_table.is_empty()
        && entries()
            .filter(|entry| entry.plan_key != plan_key)
            .filter(|entry| entry.outcome == EntryOutcome::Unknown)
            .any(|entry| entry.finished_at.as_deref() > last_read)
}

/// The ledger without the mark of a plan that never runs again, and with a person's word that it was looked at: the token of this Migration.
#[must_use]
pub fn without_mark(
    ledger: &Ledger,
    plan_key: &str,
    (migration_uid, retry_token): (&str, Option<&String>),
) -> Ledger {
    let mut next = ledger.clone();
    next.blocks.retain(|block| block.plan_key != plan_key);
    for entry in &mut next.entries {
        if entry.plan_key == plan_key {
            entry.answered = retries::with(entry, migration_uid, retry_token);
        }
    }
    next
}

/// The ledger once a person must look how an attempt ended: what could tell it from the database is no more.
#[must_use]
pub fn record_unreadable(
    ledger: &Ledger,
    plan_key: &str,
    message: String,
    now: Timestamp,
) -> Ledger {
    let verdict = Verdict::without_message(End::Blocked, "OutcomeUnknown", Some(message));
    let mut next = ledger.clone();
    let mut entries = next.entries.iter_mut();
    let Some(entry) = entries.find(|entry| entry.plan_key == plan_key) else {
        return next;
    };
    entry.outcome = EntryOutcome::Blocked;
    entry.reason.clone_from(&verdict.reason);
    entry.message.clone_from(&verdict.message);
    entry.next_attempt_after = None;
    // Not its time: nobody has read the table.
    let entry = entry.clone();
    let is_anothers =
        |block: &Block| block.plan_key != plan_key && block.evidence == BlockEvidence::LedgerOnly;
    // What another plan left there must be looked at for itself.
    if !block(&next, &entry.version_table).is_some_and(is_anothers) {
        mark(&mut next, &entry, &verdict, now);
    }
    next
}

/// The ledger once `holder` has taken it; `None` when another attempt holds it.
#[must_use]
pub fn take(ledger: &Ledger, holder: Holder) -> Option<Ledger> {
    match &ledger.holder {
        Some(current) if current.job_uid != holder.job_uid => None,
        _ => Some(Ledger {
            holder: Some(holder),
            ..ledger.clone()
        }),
    }
}

/// The ledger once the attempt of this Job has given it back without having been armed.
#[must_use]
pub fn give_back(ledger: &Ledger, job_uid: &str) -> Ledger {
    let mut next = ledger.clone();
    next.holder.take_if(|holder| holder.job_uid == job_uid);
    next
}

/// The ledger once the outcome of a finished Job is written: its entry replaced, the holder gone if it was this Job, the version table
/// marked or freed.
#[must_use]
pub fn record(
    ledger: &Ledger,
    ticket: &Ticket,
    job_uid: &str,
    verdict: &Verdict,
    backoff: Backoff,
    now: Timestamp,
) -> Ledger {
    let holder = ledger
        .holder
        .as_ref()
        .filter(|holder| holder.job_uid == job_uid);
    let before = entry(ledger, &ticket.plan_key);
    let entry = next_entry(before, holder, ticket, job_uid, verdict, backoff, now);
    let mut next = give_back(ledger, job_uid);
    if verdict.found_empty {
        next.found_empty = Some(ticket.database_identity.clone());
    }
    mark(&mut next, &entry, verdict, now);
    contracts::note(&mut next, ticket, verdict, before, &entry);
    demands::settle(&mut next.demands, before, &entry);
    match next
        .entries
        .iter_mut()
        .find(|old| old.plan_key == entry.plan_key)
    {
        Some(old) => *old = entry,
        None => next.entries.push(entry),
    }
    retention::fitted(next)
}

/// The ledger once the Job of its holder is gone without a trace: Unknown, never success.
#[must_use]
pub fn record_lost(ledger: &Ledger, holder: &Holder, now: Timestamp) -> Ledger {
    let old = entry(ledger, &holder.plan_key).cloned().unwrap_or_default();
    let lost = Entry {
        plan_key: holder.plan_key.clone(),
        migration: holder.migration.clone(),
        migration_uid: holder.migration_uid.clone(),
        backend: holder.backend.clone(),
        version_table: holder.version_table.clone(),
        phase: holder.phase.or(old.phase),
        outcome: if holder.lists {
            EntryOutcome::Listed
        } else {
            EntryOutcome::Unknown
        },
        listed: old.listed.clone().filter(|_| !holder.lists),
        reason: "OutcomeUnknown".to_owned(),
        message: Some(format!(
            "Job {} was removed before its outcome was known",
            holder.job
        )),
        last_attempt: if holder.mode == RunMode::Run {
            holder.attempt
        } else {
            old.last_attempt
        },
        last_check: if holder.mode == RunMode::Check {
            holder.attempt
        } else {
            old.last_check
        },
        answered: retries::answered_by(&old, Some(holder)),
        next_attempt_after: None,
        job_uid: holder.job_uid.clone(),
        started_at: Some(holder.since.clone()),
        finished_at: Some(conditions::to_seconds(now).to_string()),
        lock_milliseconds: None,
        tool_milliseconds: None,
        ..old
    };
    let mut next = give_back(ledger, &holder.job_uid);
    next.entries.retain(|entry| entry.plan_key != lost.plan_key);
    next.entries.push(lost);
    next
}

fn next_entry(
    before: Option<&Entry>,
    holder: Option<&Holder>,
    ticket: &Ticket,
    job_uid: &str,
    verdict: &Verdict,
    backoff: Backoff,
    now: Timestamp,
) -> Entry {
    let old = before.cloned().unwrap_or_default();
    let asked_again = retries::answers(&old, holder);
    let spent_before = if asked_again { 0 } else { old.attempts };
    let unreachable_since = unreachable_since(&old, verdict, now);
    let spends = verdict.spends_attempt
        && ticket.mode == RunMode::Run
        && !still_unreachable(unreachable_since.as_deref(), now);
    let attempts = spent_before + i64::from(spends);
    let outcome = outcome_of(verdict, attempts, ticket.attempts.unwrap_or(ATTEMPTS));
    let failures = match (outcome, ticket.mode) {
        (EntryOutcome::RetryWait, _) => {
            Some(unreachable_since.as_deref().map_or(attempts, |since| {
                failures_since(since, backoff, now).max(attempts)
            }))
        }
        // A look that failed is repeated, ever more slowly.
        (EntryOutcome::Unknown, RunMode::Check) => Some(ticket.attempt),
        (EntryOutcome::Listed, RunMode::Check) if verdict.list.is_none() => Some(ticket.attempt),
        _ => None,
    };
    let next_attempt_after = failures
        .map(|failures| retry_time(&ticket.plan_key, ticket.attempt, failures, backoff, now));
    Entry {
        plan_key: ticket.plan_key.clone(),
        migration: ticket.migration.clone(),
        migration_uid: ticket.migration_uid.clone(),
        backend: ticket.backend.clone(),
        entry: ticket.entry.clone(),
        database_identity: ticket.database_identity.clone(),
        tool: Some(ticket.tool),
        version_table: ticket.version_table.clone(),
        phase: Some(ticket.phase),
        outcome,
        reason: reason_of(verdict, outcome),
        message: verdict
            .message
            .as_deref()
            .map(|text| clean(text, MESSAGE_BYTES)),
        last_attempt: if ticket.mode == RunMode::Run {
            ticket.attempt
        } else {
            old.last_attempt
        },
        last_check: if ticket.mode == RunMode::Check {
            ticket.attempt
        } else {
            old.last_check
        },
        attempts,
        unreachable_since,
        next_attempt_after,
        answered: retries::answered_by(&old, holder),
        before: verdict.before.clone().or(old.before),
        after: verdict.after.clone().or(old.after),
        files_top: verdict.files_top.clone().or(old.files_top),
        files_digest: verdict.files_digest.clone().or(old.files_digest),
        file_count: verdict.file_count.or(old.file_count),
        last_good: verdict.last_good.clone(),
        taken_for_applied: verdict.taken_for_applied.clone().or(old.taken_for_applied),
        job_uid: job_uid.to_owned(),
        pending: verdict.pending,
        listed: match outcome {
            EntryOutcome::Listed => verdict.list.clone(),
            EntryOutcome::Succeeded | EntryOutcome::Skipped => None,
            _ => old.listed,
        },
        started_at: holder.map(|holder| holder.since.clone()).or(old.started_at),
        finished_at: Some(conditions::to_seconds(now).to_string()),
        lock_milliseconds: verdict.lock_milliseconds,
        tool_milliseconds: verdict.tool_milliseconds,
        warnings: verdict.warnings.clone(),
    }
}

fn outcome_of(verdict: &Verdict, attempts: i64, most: i64) -> EntryOutcome {
    match verdict.end {
        End::Succeeded => EntryOutcome::Succeeded,
        End::Skipped => EntryOutcome::Skipped,
        End::Blocked => EntryOutcome::Blocked,
        End::Unknown => EntryOutcome::Unknown,
        End::Listed => EntryOutcome::Listed,
        End::Failed { retry_safe: true } if attempts < most => EntryOutcome::RetryWait,
        End::Failed { .. } => EntryOutcome::Failed,
    }
}

/// A cause keeps its own word; only where none is known the state says it.
fn reason_of(verdict: &Verdict, outcome: EntryOutcome) -> String {
    match (verdict.reason.is_empty(), outcome) {
        (false, _) => verdict.reason.clone(),
        (true, EntryOutcome::RetryWait) => "RetryScheduled".to_owned(),
        (true, EntryOutcome::Succeeded) => "Succeeded".to_owned(),
        (true, _) => "OutcomeUnknown".to_owned(),
    }
}

/// A Blocked plan marks its version table; a good end of any plan on that table frees it, as does a person's "I looked". A program of one's
/// own has none that is known: it marks nothing, and no mark stops it, as it may be the repair.
fn mark(ledger: &mut Ledger, entry: &Entry, verdict: &Verdict, now: Timestamp) {
    if entry.version_table.is_empty() {
        return;
    }
    match entry.outcome {
        EntryOutcome::Succeeded | EntryOutcome::Skipped => {
            ledger
                .blocks
                .retain(|block| block.version_table != entry.version_table);
        }
        EntryOutcome::Blocked => {
            ledger
                .blocks
                .retain(|block| block.version_table != entry.version_table);
            ledger.blocks.push(Block {
                version_table: entry.version_table.clone(),
                plan_key: entry.plan_key.clone(),
                reason: entry.reason.clone(),
                evidence: if verdict.only_the_ledger_knows() {
                    BlockEvidence::LedgerOnly
                } else {
                    BlockEvidence::Database
                },
                since: conditions::to_seconds(now).to_string(),
            });
        }
        EntryOutcome::Failed
        | EntryOutcome::Unknown
        | EntryOutcome::RetryWait
        | EntryOutcome::Listed => {}
    }
}

#[cfg(test)]
pub(super) mod tests;
