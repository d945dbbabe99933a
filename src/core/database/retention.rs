//! What the ledger keeps and what it forgets: it lives in one object, and the API server refuses an object that is too big. Pure.
//!
//! What still counts is never forgotten: what has not ended, what a person must look at, what a Backend asks for now, and everything that a
//! program of tool Exec did, as no version table remembers that. A plan that was forgotten and comes back is run again, and the runner finds
//! that nothing is pending.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::common::Tool;
use crate::api::database::{Entry, EntryOutcome, Ledger, MOST_RECORDS};
use crate::core::size::{self, LARGEST_LEDGER};

/// Finished entries kept of each Backend.
const KEPT_OF_A_BACKEND: usize = 20;

/// So many more may gather before any goes, as each forgetting costs a write.
const SLACK: usize = 5;

/// What one attempt may add: its holder and its entry. Bytes.
const ATTEMPT_BYTES: usize = 16 * 1024;

/// The ledger without what it need not keep. `wanted`: the plan keys that Backends ask for now.
#[must_use]
pub fn forget(ledger: Ledger, wanted: &BTreeSet<String>) -> Ledger {
    let forgotten = surplus(&ledger, wanted);
    let mut next = without(ledger, &forgotten);
    let mut excess = size::of(&next).saturating_sub(LARGEST_LEDGER - ATTEMPT_BYTES);
    if excess == 0 {
        return next;
    }
    let mut oldest = BTreeSet::new();
    for entry in oldest_first(&next, wanted) {
        if excess == 0 {
            break;
        }
        excess = excess.saturating_sub(size::of(entry));
        oldest.insert(entry.plan_key.clone());
    }
    next = without(next, &oldest);
    next
}

/// Whether another attempt might make the ledger too big. What could be forgotten has been, so nothing more may be armed.
#[must_use]
pub fn is_full(ledger: &Ledger) -> bool {
    may_be_full(ledger)
        && (has_full_list(ledger) || size::of(ledger) > LARGEST_LEDGER - ATTEMPT_BYTES)
}

/// An attempt adds one to each list at most.
fn has_full_list(ledger: &Ledger) -> bool {
    let Ledger {
        holder: _,
        found_empty: _,
        entries,
        blocks,
        contracts,
        demands,
    } = ledger;
    [entries.len(), blocks.len(), contracts.len(), demands.len()]
        .into_iter()
        .any(|count| count >= MOST_RECORDS)
}

/// Whether it is worth writing it out to see: a few entries never fill it.
fn may_be_full(ledger: &Ledger) -> bool {
    let holds =
        ledger.entries.len() + ledger.blocks.len() + ledger.contracts.len() + ledger.demands.len();
    holds >= LARGEST_LEDGER / ATTEMPT_BYTES - 1
}

/// Whether anything may have to go: then it is worth the work to find out what is wanted.
#[must_use]
pub fn is_due(ledger: &Ledger) -> bool {
    finished(ledger)
        .values()
        .any(|count| *count > KEPT_OF_A_BACKEND + SLACK)
        || is_full(ledger)
}

/// A ledger that is too large all the same, as entries that were there grew: nothing of them is forgotten that decides, and their texts go.
pub(super) fn fitted(mut ledger: Ledger) -> Ledger {
    if !may_be_full(&ledger) || size::of(&ledger) <= LARGEST_LEDGER {
        return ledger;
    }
    for entry in &mut ledger.entries {
        entry.message = None;
        entry.warnings.clear();
        if let Some(listed) = &mut entry.listed {
            listed.files.clear();
            listed.findings.clear();
        }
    }
    ledger
}

/// Of each Backend the oldest of those beyond the number that is kept.
fn surplus(ledger: &Ledger, wanted: &BTreeSet<String>) -> BTreeSet<String> {
    let mut finished = finished(ledger);
    let mut surplus = BTreeSet::new();
    for entry in oldest_first(ledger, wanted) {
        let Some(left) = finished.get_mut(entry.backend.as_str()) else {
            continue;
        };
        if *left > KEPT_OF_A_BACKEND {
            *left -= 1;
            surplus.insert(entry.plan_key.clone());
        }
    }
    surplus
}

/// How many finished entries each Backend has.
fn finished(ledger: &Ledger) -> BTreeMap<&str, usize> {
    let mut finished: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in ledger.entries.iter().filter(|entry| is_finished(entry)) {
        *finished.entry(entry.backend.as_str()).or_default() += 1;
    }
    finished
}

/// What may be forgotten.
fn oldest_first<'a>(ledger: &'a Ledger, wanted: &BTreeSet<String>) -> Vec<&'a Entry> {
    let mut entries: Vec<&Entry> = ledger
        .entries
        .iter()
        .filter(|entry| is_finished(entry) && entry.tool != Some(Tool::Exec))
        .filter(|entry| !wanted.contains(&entry.plan_key))
        .collect();
    entries.sort_by_key(|entry| (&entry.finished_at, &entry.plan_key));
    entries
}

fn is_finished(entry: &Entry) -> bool {
    matches!(
        entry.outcome,
        EntryOutcome::Succeeded
            | EntryOutcome::Skipped
            | EntryOutcome::Failed
            // Nothing of it ran: when it comes back, it is listed again.
            | EntryOutcome::Listed
    )
}

fn without(mut ledger: Ledger, plan_keys: &BTreeSet<String>) -> Ledger {
    ledger
        .entries
        .retain(|entry| !plan_keys.contains(&entry.plan_key));
    ledger
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{ATTEMPT_BYTES, KEPT_OF_A_BACKEND, MOST_RECORDS, fitted, forget, is_due, is_full};
    use crate::api::common::Tool;
    use crate::api::database::{
        Answered, Contract, Entry, EntryOutcome, Ledger, ListedFinding, MOST_ANSWERED,
        MOST_WARNINGS, PendingList,
    };
    use crate::core::size::{self, LARGEST_LEDGER};

    fn entry(number: usize, backend: &str, outcome: EntryOutcome, tool: Tool) -> Entry {
        Entry {
            plan_key: format!("{backend}-{number:04}"),
            backend: backend.to_owned(),
            tool: Some(tool),
            outcome,
            finished_at: Some(format!(
                "2027-01-15T08:{:02}:{:02}Z",
                number / 60,
                number % 60
            )),
            ..Entry::default()
        }
    }

    fn ledger(entries: impl IntoIterator<Item = Entry>) -> Ledger {
        Ledger {
            entries: entries.into_iter().collect(),
            ..Ledger::default()
        }
    }

    fn keys(ledger: &Ledger) -> Vec<&str> {
        ledger
            .entries
            .iter()
            .map(|entry| entry.plan_key.as_str())
            .collect()
    }

    fn of(backend: &str, count: usize) -> impl Iterator<Item = Entry> {
        (0..count).map(move |number| entry(number, backend, EntryOutcome::Succeeded, Tool::Goose))
    }

    #[test]
    fn of_each_backend_the_newest_twenty_finished_plans_are_kept() {
        let full = ledger(of("orders", 26).chain(of("billing", 20)));
        assert!(is_due(&full) && !is_due(&ledger(of("orders", 25))));
        let kept = forget(full, &BTreeSet::new());
        assert_eq!(kept.entries.len(), 2 * KEPT_OF_A_BACKEND);
        assert_eq!(keys(&kept).first(), Some(&"orders-0006"));
        assert!(keys(&kept).contains(&"billing-0000"));
    }

    #[test]
    fn what_is_unfinished_blocked_wanted_or_of_exec_is_never_forgotten() {
        let old = [
            entry(0, "orders", EntryOutcome::Succeeded, Tool::Exec),
            entry(1, "orders", EntryOutcome::Unknown, Tool::Goose),
            entry(2, "orders", EntryOutcome::RetryWait, Tool::Goose),
            entry(3, "orders", EntryOutcome::Blocked, Tool::Goose),
            entry(4, "orders", EntryOutcome::Succeeded, Tool::Goose),
            entry(5, "orders", EntryOutcome::Failed, Tool::Goose),
        ];
        let newer =
            (6..40).map(|number| entry(number, "orders", EntryOutcome::Skipped, Tool::Goose));
        let wanted = BTreeSet::from(["orders-0004".to_owned()]);
        let kept = forget(ledger(old.into_iter().chain(newer)), &wanted);
        let first: Vec<&str> = keys(&kept).into_iter().take(6).collect();
        assert_eq!(
            first,
            [
                "orders-0000",
                "orders-0001",
                "orders-0002",
                "orders-0003",
                "orders-0004",
                "orders-0022"
            ]
        );
    }

    /// Each Backend has few, but there are many Backends.
    #[test]
    fn a_ledger_that_grows_too_big_forgets_the_oldest_of_all() {
        let many = (0..2000).map(|number| Entry {
            message: Some("x".repeat(300)),
            ..entry(
                number,
                &format!("backend{number}"),
                EntryOutcome::Succeeded,
                Tool::Goose,
            )
        });
        let full = ledger(many);
        assert!(size::of(&full) > LARGEST_LEDGER && is_full(&full));
        let kept = forget(full, &BTreeSet::from(["backend0-0000".to_owned()]));
        assert!(!is_full(&kept));
        let keys = keys(&kept);
        assert_eq!(
            (keys.first(), keys.last()),
            (Some(&"backend0-0000"), Some(&"backend1999-1999"))
        );
        assert!(keys.len() > 500, "{} are left", keys.len());
    }

    /// Nothing in it may go: then nothing more is armed.
    #[test]
    fn a_ledger_of_what_a_person_must_look_at_stays_full() {
        let blocked = (0..2000).map(|number| Entry {
            message: Some("x".repeat(300)),
            ..entry(number, "orders", EntryOutcome::Blocked, Tool::Goose)
        });
        let full = ledger(blocked);
        assert_eq!(forget(full.clone(), &BTreeSet::new()), full);
        assert!(is_full(&full));
    }

    /// I-45: no list of the ledger grows beyond the `maxItems` of the definition. A contract is so small that its count decides.
    #[test]
    fn a_ledger_with_a_full_list_is_full() {
        let of = |count: usize| Ledger {
            contracts: (0..count)
                .map(|number| Contract {
                    version_table: format!("t{number}"),
                    ..Contract::default()
                })
                .collect(),
            ..Ledger::default()
        };
        assert!(size::of(&of(MOST_RECORDS)) < LARGEST_LEDGER / 2);
        assert_eq!(
            [is_full(&of(MOST_RECORDS - 1)), is_full(&of(MOST_RECORDS))],
            [false, true]
        );
    }

    /// I-45: an attempt adds what its runner's message and its Job say, and both have an end.
    #[test]
    fn the_largest_entry_of_an_attempt_fits_into_what_is_kept_free_for_it() {
        let quotes = |length: usize| "\"".repeat(length);
        let finding = ListedFinding {
            file: quotes(200),
            line: i64::MAX,
            code: quotes(200),
            why: quotes(200),
        };
        // All texts of a runner come from a message of 4096 bytes, in which each quote already has two.
        let entry = Entry {
            message: Some(quotes(1024)),
            listed: Some(PendingList {
                digest: "x".repeat(52),
                files: vec![quotes(200); 2],
                findings: vec![finding; 2],
                ..PendingList::default()
            }),
            answered: vec![
                Answered {
                    migration_uid: "x".repeat(36),
                    token: "x".repeat(63),
                };
                MOST_ANSWERED
            ],
            migration: "x".repeat(63),
            backend: "x".repeat(40),
            version_table: "x".repeat(127),
            warnings: vec![quotes(300); MOST_WARNINGS],
            ..entry(1, "orders", EntryOutcome::Listed, Tool::Goose)
        };
        assert!(size::of(&entry) < ATTEMPT_BYTES, "{}", size::of(&entry));
    }

    /// I-45: a retry is never held back by a full ledger, and its entry may be larger than before.
    #[test]
    fn entries_that_grow_beyond_the_limit_lose_their_texts_and_nothing_that_decides() {
        let listed = |files: &[&str]| PendingList {
            digest: "the approved one".to_owned(),
            files: files.iter().map(|file| (*file).to_owned()).collect(),
            ..PendingList::default()
        };
        let grown = (0..1000).map(|number| Entry {
            message: Some("x".repeat(1000)),
            listed: Some(listed(&["1_first.sql"])),
            ..entry(number, "orders", EntryOutcome::RetryWait, Tool::Goose)
        });
        let grown = ledger(grown);
        let fitted = fitted(grown.clone());
        let slim = grown.entries.into_iter().map(|entry| Entry {
            message: None,
            listed: Some(listed(&[])),
            ..entry
        });
        assert_eq!(fitted, ledger(slim));
        assert!(size::of(&fitted) < LARGEST_LEDGER);
    }
}
