//! What a Database's status says, and when it is written. The whole status goes out by compare-and-swap, as the ledger is in it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::ResourceExt;

use super::ledger::holder_of;
use super::{finalizer, retention};
use crate::api::database::{Database, DatabaseStatus, Holder, Ledger};
use crate::core::conditions::{self, Standing};
use crate::core::plan::{
    Executed, ObjectKey, ObjectKind, Plan, ReplaceDatabaseStatus, Report, Step,
};

#[cfg(test)]
mod tests;

/// How old a holder is before the absence of its Job counts, in seconds.
const LOST_JOB_SECONDS: i64 = 30;

/// The caches of two kinds may be of different age: so long after a Backend's first word a Migration of it may still be on its way here.
const MIGRATION_ON_ITS_WAY: Duration = Duration::from_secs(3);

/// What one look at a Database shows.
#[derive(Clone, Debug)]
pub struct Seen {
    pub database: Arc<Database>,
    /// Backends of the namespace that name it.
    pub bound: i64,
    /// Whether one of them has not been visited yet or waits for a Migration here: the ledger's next write then carries the count.
    pub ledger_write_ahead: bool,
    /// When the standing of one of them last changed, as far as they tell.
    pub last_news: Option<Timestamp>,
    /// Whether the Job that the ledger's holder names still exists, or its pod is at work without it.
    pub holder_lives: bool,
    /// The plan keys that Backends ask for, where the ledger may have to forget something; else absent.
    pub wanted: Option<BTreeSet<String>>,
}

/// What follows.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    pub plan: Plan,
}

/// Writes the status where something a user can see has changed, else takes away the finalizer that is not needed any more.
#[must_use]
pub fn decide(seen: &Seen, now: Timestamp) -> Decision {
    let (write, wake) = status_write(seen, now);
    let steps = write.or_else(|| let_go(seen)).into_iter().collect();
    Decision {
        plan: Plan { steps, wake },
    }
}

/// The status to write, and when to look again. A new count alone waits for a ledger write that is about to come; one that is being deleted
/// and that nobody holds needs none.
fn status_write(seen: &Seen, now: Timestamp) -> (Option<Step>, Option<Duration>) {
    let old = seen.database.status.clone().unwrap_or_default();
    let held = holder_of(&seen.database).is_some();
    if is_going(&seen.database) && !held {
        return (None, None);
    }
    let (ledger, wake) = without_lost_job(seen, old.ledger.clone(), now);
    let ledger = match &seen.wanted {
        Some(wanted) => ledger.map(|ledger| retention::forget(ledger, wanted)),
        None => ledger,
    };
    let new = status_with(&seen.database, ledger, seen.bound, now);
    let only_count = DatabaseStatus {
        backends: old.backends,
        ..new.clone()
    } == old;
    if new == old {
        return (None, wake);
    }
    match count_waits(seen, now).filter(|_| only_count) {
        Some(left) => (None, Some(left)),
        None => (Some(replace(&seen.database, new)), wake),
    }
}

/// Once nothing holds it: at once where somebody waits for its end, else when nothing is about to take it again.
fn let_go(seen: &Seen) -> Option<Step> {
    let due = is_going(&seen.database) || !seen.ledger_write_ahead;
    let free = holder_of(&seen.database).is_none();
    (free && due).then(|| finalizer::let_go(&seen.database))?
}

fn is_going(database: &Database) -> bool {
    database.metadata.deletion_timestamp.is_some()
}

/// How long a new count waits for the ledger's next write, which carries it: two writes at once would cost one more, or refuse the ledger's.
fn count_waits(seen: &Seen, now: Timestamp) -> Option<Duration> {
    if seen.ledger_write_ahead {
        return Some(Duration::from_mins(1));
    }
    let since = now.duration_since(seen.last_news?);
    MIGRATION_ON_ITS_WAY
        .checked_sub(since.try_into().unwrap_or_default())
        .filter(|left| !left.is_zero())
}

/// A Job that was removed by force left no outcome: Unknown, so that a Check run reads the database. A holder younger than half a minute is
/// left alone, as the caches of two kinds may be of different age.
fn without_lost_job(
    seen: &Seen,
    ledger: Option<Ledger>,
    now: Timestamp,
) -> (Option<Ledger>, Option<Duration>) {
    let Some(current) = ledger else {
        return (None, None);
    };
    let Some(holder) = current.holder.clone().filter(|_| !seen.holder_lives) else {
        return (Some(current), None);
    };
    let age = holder.since.parse::<Timestamp>().map_or(i64::MAX, |since| {
        now.as_second().saturating_sub(since.as_second())
    });
    match u64::try_from(LOST_JOB_SECONDS.saturating_sub(age)) {
        Ok(left) if left > 0 => (Some(current), Some(Duration::from_secs(left))),
        _ => (
            Some(super::ledger::record_lost(&current, &holder, now)),
            None,
        ),
    }
}

/// The Database's status is written by the plan's own step, never applied: an apply could bring an old ledger back.
#[must_use]
pub fn report(_seen: &Seen, _decision: &Decision, _executed: &Executed, _now: Timestamp) -> Report {
    Report::default()
}

/// The step that writes a Database's status if it is still as it was read.
#[must_use]
pub fn replace(database: &Database, status: DatabaseStatus) -> Step {
    Step::ReplaceDatabaseStatus(Box::new(ReplaceDatabaseStatus {
        key: ObjectKey::of(ObjectKind::Database, database),
        uid: database.uid().unwrap_or_default(),
        resource_version: database.resource_version().unwrap_or_default(),
        status,
    }))
}

/// The whole status around a ledger.
#[must_use]
pub fn status_with(
    database: &Database,
    ledger: Option<Ledger>,
    bound: i64,
    now: Timestamp,
) -> DatabaseStatus {
    let old = database
        .status
        .as_ref()
        .map(|status| status.conditions.as_slice())
        .unwrap_or_default();
    let generation = database.metadata.generation.unwrap_or_default();
    let standing = standing(database, ledger.as_ref());
    DatabaseStatus {
        observed_generation: Some(generation),
        conditions: conditions::settle(old, standing.drafts(), generation, now),
        backends: Some(bound),
        ledger,
    }
}

fn standing(database: &Database, ledger: Option<&Ledger>) -> Standing {
    let holder = ledger.and_then(|ledger| ledger.holder.as_ref());
    if let Some(holder) = holder.filter(|_| is_going(database)) {
        return going(database, holder);
    }
    let mark = ledger.and_then(|ledger| {
        let block = ledger.blocks.first()?;
        let entry = super::ledger::entry(ledger, &block.plan_key);
        Some((
            block,
            entry.map_or_else(String::new, |entry| entry.migration.clone()),
        ))
    });
    match mark {
        None => Standing::Ready {
            reason: "Ready".to_owned(),
            message: "No migration is blocked on this database".to_owned(),
        },
        Some((block, migration)) => Standing::Stalled {
            reason: "LedgerBlocked".to_owned(),
            message: format!(
                "migration {migration} left version table {} blocked ({}). Next: {}",
                block.version_table,
                block.reason,
                look_at(database, &migration)
            ),
        },
    }
}

/// Nothing of ours ends a migration that runs, so who deletes its Database waits for it.
fn going(database: &Database, holder: &Holder) -> Standing {
    Standing::Working {
        reason: "DatabaseTerminating".to_owned(),
        message: format!(
            "is being deleted as soon as the outcome of migration {}, which is at work on it, is recorded. Next: {}",
            holder.migration,
            look_at(database, &holder.migration)
        ),
    }
}

fn look_at(database: &Database, migration: &str) -> String {
    let namespace = database.namespace().unwrap_or_default();
    format!("kubectl get slm/{migration} -n {namespace} -o wide")
}
