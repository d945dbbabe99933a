//! What the ledger remembers of plans that wait for an approval: each keeps the demand under which its wait began, whatever becomes of its
//! Migration, its Backend and what they say. Pure.

use super::retention;
use crate::api::database::{Demand, Entry, EntryOutcome, Ledger};
use crate::api::migration::Approval;

/// Demands kept of one version table, for plans that were never approved and have been replaced by newer ones; of programs, which have no table,
/// those kept of one Backend. The strictest stays in any case.
const KEPT_OF_A_TABLE: usize = 20;

/// Whether two names mean one version table, whatever schema and case they are written with. Too broad an answer asks a person once more.
#[must_use]
pub fn is_same_table(one: &str, other: &str) -> bool {
    let bare = |name: &str| {
        let (_, last) = name.rsplit_once('.').unwrap_or(("", name));
        last.to_lowercase()
    };
    !one.is_empty() && bare(one) == bare(other)
}

/// The remembered demand of a plan.
#[must_use]
pub fn of<'a>(ledger: &'a Ledger, plan_key: &str) -> Option<&'a Demand> {
    let mut demands = ledger.demands.iter();
    demands.find(|demand| demand.plan_key == plan_key)
}

/// The ledger that remembers this demand too; `None` where it does already, or where the ledger is full: then nothing is armed.
/// A demand only becomes stricter, and stays with the Backend that made it first.
#[must_use]
pub fn with(ledger: &Ledger, demand: &Demand) -> Option<Ledger> {
    let mut next = ledger.clone();
    match of(ledger, &demand.plan_key) {
        None if retention::is_full(ledger) => return None,
        None => {
            next.demands.push(demand.clone());
            shorten(&mut next.demands, demand);
        }
        Some(known) => {
            let merged = Demand {
                approval: known.approval.max(demand.approval),
                ..if known.backend_uid.is_empty() && !demand.backend_uid.is_empty() {
                    demand.clone()
                } else {
                    known.clone()
                }
            };
            if merged == *known {
                return None;
            }
            next.demands.retain(|old| old.plan_key != merged.plan_key);
            next.demands.push(merged);
        }
    }
    (next != *ledger).then_some(next)
}

/// Forgets what an end, or a list in which nothing was found, makes void. A plan that waited and has succeeded was approved: it takes with it all that waited on its version table
/// before. Any other good end is that of its own plan only. `before`: what the ledger said of the plan until then.
pub fn settle(demands: &mut Vec<Demand>, before: Option<&Entry>, entry: &Entry) {
    let is_own = |demand: &Demand| demand.plan_key == entry.plan_key;
    let table = entry.version_table.as_str();
    let listed = before.and_then(|before| before.listed.as_ref());
    let was_approved = |demand: &Demand| {
        let needs_one = demand.approval == Approval::Always;
        is_own(demand) && listed.is_some_and(|list| needs_one || list.findings_total > 0)
    };
    let waits_for_nothing = |demand: &Demand| {
        let harmless = entry.listed.as_ref().map(|list| list.findings_total == 0);
        is_own(demand) && demand.approval == Approval::OnDestructive && harmless == Some(true)
    };
    match entry.outcome {
        EntryOutcome::Listed => demands.retain(|demand| !waits_for_nothing(demand)),
        EntryOutcome::Succeeded if !table.is_empty() && demands.iter().any(was_approved) => {
            demands.retain(|demand| demand.version_table != table);
        }
        EntryOutcome::Succeeded | EntryOutcome::Skipped => demands.retain(|demand| !is_own(demand)),
        EntryOutcome::Failed
        | EntryOutcome::Blocked
        | EntryOutcome::Unknown
        | EntryOutcome::RetryWait => {}
    }
}

/// The oldest of a version table go, those of hand-written Migrations first, but for the first of the strictest.
fn shorten(demands: &mut Vec<Demand>, newest: &Demand) {
    let is_program = newest.version_table.is_empty();
    let of_table = |demand: &Demand| {
        if is_program {
            demand.version_table.is_empty() && demand.backend_uid == newest.backend_uid
        } else {
            is_same_table(&newest.version_table, &demand.version_table)
        }
    };
    let kept = demands.iter().filter(|demand| of_table(demand));
    if kept.count() <= KEPT_OF_A_TABLE {
        return;
    }
    let strictest = demands.iter().rev().filter(|demand| of_table(demand));
    let strictest = strictest.max_by_key(|demand| demand.approval);
    let strictest = strictest.map(|demand| demand.plan_key.clone());
    let may_go = |demand: &Demand| of_table(demand) && Some(&demand.plan_key) != strictest.as_ref();
    let oldest = demands
        .iter()
        .position(|demand| may_go(demand) && demand.backend_uid.is_empty())
        .or_else(|| demands.iter().position(may_go));
    if let Some(oldest) = oldest {
        demands.remove(oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT_OF_A_TABLE, is_same_table, settle, with};
    use crate::api::database::{Demand, Entry, EntryOutcome, Ledger, MOST_RECORDS, PendingList};
    use crate::api::migration::Approval;
    use crate::core::database::retention::is_full;

    fn demand(plan: &str, table: &str, backend: &str, approval: Approval) -> Demand {
        Demand {
            plan_key: plan.to_owned(),
            migration: format!("orders-{plan}"),
            backend_uid: backend.to_owned(),
            version_table: table.to_owned(),
            files: "files".to_owned(),
            approval,
        }
    }

    fn ledger(demands: impl IntoIterator<Item = Demand>) -> Ledger {
        Ledger {
            demands: demands.into_iter().collect(),
            ..Ledger::default()
        }
    }

    #[test]
    fn a_remembered_demand_only_becomes_stricter_and_keeps_its_backend() {
        let weak = |backend| demand("a", "t", backend, Approval::OnDestructive);
        let strict = |backend| demand("a", "t", backend, Approval::Always);
        let known = |first: Demand, then: Demand| with(&ledger([first]), &then);
        assert_eq!(
            with(&Ledger::default(), &weak("x")),
            Some(ledger([weak("x")]))
        );
        assert_eq!(known(weak("x"), weak("y")), None);
        assert_eq!(known(strict("x"), weak("y")), None);
        assert_eq!(known(weak("x"), strict("y")), Some(ledger([strict("x")])));
        assert_eq!(known(strict(""), weak("y")), Some(ledger([strict("y")])));
        // Two hand-written Migrations of one plan wait: neither takes the demand from the other.
        let other = Demand {
            migration: "another".to_owned(),
            ..weak("")
        };
        assert_eq!(known(weak(""), other), None);
    }

    #[test]
    fn a_version_table_is_known_by_any_spelling_of_its_name() {
        let same = |one, other| is_same_table(one, other);
        assert!(same("t", "t") && same("public.T", "t") && same("T", "audit.t"));
        assert!(!same("t", "u") && !same("", "") && !same("t", ""));
    }

    /// The wait of a plan is over before it began: nothing in it needs a person.
    #[test]
    fn a_list_without_findings_ends_a_demand_for_destructive_files_only() {
        let settled = |approval, findings_total| {
            let entry = Entry {
                plan_key: "a".to_owned(),
                outcome: EntryOutcome::Listed,
                listed: Some(PendingList {
                    findings_total,
                    ..PendingList::default()
                }),
                ..Entry::default()
            };
            let mut demands = vec![demand("a", "t", "x", approval)];
            settle(&mut demands, None, &entry);
            demands.len()
        };
        let left = [
            settled(Approval::OnDestructive, 0),
            settled(Approval::OnDestructive, 1),
            settled(Approval::Always, 0),
        ];
        assert_eq!(left, [0, 1, 1]);
    }

    #[test]
    fn only_the_success_of_what_waited_ends_the_other_waits_on_its_table() {
        let all = [
            demand("a", "t", "x", Approval::Always),
            demand("b", "t", "x", Approval::OnDestructive),
            demand("c", "u", "x", Approval::Always),
            demand("d", "", "x", Approval::Always),
            demand("e", "", "x", Approval::Always),
        ];
        let left = |plan: &str, findings: Option<i64>, outcome| {
            let table = all.iter().find(|demand| demand.plan_key == plan);
            let entry = Entry {
                plan_key: plan.to_owned(),
                version_table: table.map_or("t", |demand| &demand.version_table).to_owned(),
                outcome,
                ..Entry::default()
            };
            let before = Entry {
                listed: findings.map(|findings_total| PendingList {
                    findings_total,
                    ..PendingList::default()
                }),
                ..entry.clone()
            };
            let mut demands = all.to_vec();
            settle(&mut demands, Some(&before), &entry);
            demands
                .into_iter()
                .map(|demand| demand.plan_key)
                .collect::<String>()
        };
        let succeeded = EntryOutcome::Succeeded;
        assert_eq!(left("a", Some(0), succeeded), "cde");
        assert_eq!(left("b", Some(1), succeeded), "cde");
        // It ran unasked, as nothing was found in it; or nothing was pending.
        assert_eq!(left("b", Some(0), succeeded), "acde");
        assert_eq!(left("a", None, succeeded), "bcde");
        assert_eq!(left("a", Some(1), EntryOutcome::Skipped), "bcde");
        assert_eq!(left("never listed", None, succeeded), "abcde");
        assert_eq!(left("d", None, succeeded), "abce");
        for outcome in [
            EntryOutcome::Failed,
            EntryOutcome::Blocked,
            EntryOutcome::Unknown,
            EntryOutcome::RetryWait,
            EntryOutcome::Listed,
        ] {
            assert_eq!(left("a", Some(1), outcome), "abcde", "{outcome:?}");
        }
    }

    /// I-45: many Backends may each wait with a program.
    #[test]
    fn a_full_ledger_takes_no_further_demand() {
        let of = |number: usize| {
            let key = number.to_string();
            demand(&key, "", &key, Approval::Always)
        };
        let full = ledger((0..MOST_RECORDS).map(of));
        assert_eq!(with(&full, &of(MOST_RECORDS)), None);
        assert!(is_full(&full));
    }

    #[test]
    fn of_each_version_table_the_newest_demands_and_the_strictest_are_kept() {
        let mut ledger = ledger([demand("strict", "t", "x", Approval::Always)]);
        for number in 0..100 {
            let new = demand(&number.to_string(), "t", "x", Approval::OnDestructive);
            ledger = with(&ledger, &new).expect("a new one");
        }
        let keys: Vec<&str> = ledger
            .demands
            .iter()
            .map(|demand| demand.plan_key.as_str())
            .collect();
        assert_eq!(keys.len(), KEPT_OF_A_TABLE);
        assert_eq!((keys.first(), keys.last()), (Some(&"strict"), Some(&"99")));
    }

    /// Else a user could push out what waits by many hand-written Migrations.
    #[test]
    fn what_backends_wait_for_outlives_what_hand_written_migrations_wait_for() {
        let mut ledger = ledger([demand("waits", "t", "x", Approval::OnDestructive)]);
        for number in 0..100 {
            let new = demand(&number.to_string(), "public.t", "", Approval::Always);
            ledger = with(&ledger, &new).expect("a new one");
        }
        let first = ledger
            .demands
            .first()
            .map(|demand| demand.plan_key.as_str());
        assert_eq!(
            (first, ledger.demands.len()),
            (Some("waits"), KEPT_OF_A_TABLE)
        );
    }
}
