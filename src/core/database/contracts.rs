//! Contracts: how far migrations after a rollout have taken a version table. Code whose files end below that may meet a schema from which
//! something that it needs was taken away. Pure.

use std::cmp::Ordering;

use crate::api::common::Phase;
use crate::api::database::{Contract, Entry, EntryOutcome, Ledger, RunMode};
use crate::core::run::ticket::Ticket;
use crate::core::run::verdict::Verdict;
use crate::core::version;

/// The contract on a version table, if there is one.
#[must_use]
pub fn contract<'a>(ledger: &'a Ledger, version_table: &str) -> Option<&'a Contract> {
    ledger
        .contracts
        .iter()
        .find(|contract| contract.version_table == version_table)
}

/// The contract that files which end at this entry's last one do not reach.
#[must_use]
pub fn beyond<'a>(ledger: &'a Ledger, entry: &Entry) -> Option<&'a Contract> {
    let top = entry.files_top.as_deref()?;
    contract(ledger, &entry.version_table)
        .filter(|contract| version::compare(&contract.version, top) == Some(Ordering::Greater))
}

/// Notes in the ledger what an attempt made of the contract on its version table. `before` is the plan's entry as it was, `after` as it is.
pub(super) fn note(
    ledger: &mut Ledger,
    ticket: &Ticket,
    verdict: &Verdict,
    before: Option<&Entry>,
    after: &Entry,
) {
    let read = verdict.after.as_ref();
    let Some(read) = read.filter(|_| after.outcome != EntryOutcome::Unknown) else {
        return;
    };
    if ticket.version_table.is_empty() {
        return;
    }
    forget_what_was_taken_back(ledger, &ticket.version_table, read);
    if ticket.phase != Phase::AfterRollout || !applied_files(ticket, verdict, before, read) {
        return;
    }
    let reached = contract(ledger, &ticket.version_table)
        .is_some_and(|known| version::compare(&known.version, read) == Some(Ordering::Greater));
    if reached {
        return;
    }
    ledger
        .contracts
        .retain(|contract| contract.version_table != ticket.version_table);
    ledger.contracts.push(Contract {
        version_table: ticket.version_table.clone(),
        version: read.clone(),
        plan_key: ticket.plan_key.clone(),
        backend: ticket.backend.clone(),
    });
}

/// A database that is below a contract now was restored, or taken back by hand: the contract is no more.
fn forget_what_was_taken_back(ledger: &mut Ledger, version_table: &str, read: &str) {
    ledger.contracts.retain(|contract| {
        contract.version_table != version_table
            || version::compare(read, &contract.version) != Some(Ordering::Less)
    });
}

/// A Check run applies nothing, it finds what the attempt before it did; where that left no word of where it began, files count as applied.
fn applied_files(ticket: &Ticket, verdict: &Verdict, before: Option<&Entry>, read: &str) -> bool {
    // A list of what is pending applies nothing, and nothing ran before it; nor before a look that is for another plan's sake.
    let ran = before.is_some_and(|entry| entry.outcome == EntryOutcome::Unknown);
    if ticket.lists || ticket.mode == RunMode::Check && !ran {
        return false;
    }
    let began = match ticket.mode {
        RunMode::Run => verdict.before.as_ref(),
        RunMode::Check => before.and_then(|entry| entry.before.as_ref()),
    };
    verdict.applied > 0 || began.is_none_or(|began| began != read)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{beyond, note};
    use crate::api::database::{Contract, Entry, EntryOutcome, Ledger};
    use crate::core::run::ticket::Ticket;
    use crate::core::run::verdict::{End, Verdict};

    fn ticket(phase: &str, mode: &str) -> Ticket {
        serde_json::from_value(json!({
            "migration": "orders-x", "migrationUid": "u", "backend": "orders", "database": "d", "databaseIdentity": "i", "planKey": "k",
            "attempt": 1, "mode": mode, "tool": "Goose", "phase": phase, "versionTable": "goose_db_version", "secret": "s",
        }))
        .expect("a ticket")
    }

    fn contract(version: &str) -> Contract {
        Contract {
            version_table: "goose_db_version".to_owned(),
            version: version.to_owned(),
            plan_key: "k".to_owned(),
            backend: "orders".to_owned(),
        }
    }

    /// What the ledger knows after an attempt that began at one version and ended at another.
    fn known(
        known: Option<&str>,
        ticket: &Ticket,
        began: Option<&str>,
        read: Option<&str>,
        outcome: EntryOutcome,
    ) -> Vec<Contract> {
        let mut ledger = Ledger {
            contracts: known.map(contract).into_iter().collect(),
            ..Ledger::default()
        };
        let verdict = Verdict {
            before: began.map(str::to_owned),
            after: read.map(str::to_owned),
            ..Verdict::without_message(End::Succeeded, "", None)
        };
        let earlier = Entry {
            before: Some("7".to_owned()),
            ..Entry::default()
        };
        let after = Entry {
            outcome,
            ..Entry::default()
        };
        note(&mut ledger, ticket, &verdict, Some(&earlier), &after);
        ledger.contracts
    }

    /// migrations.md 4.6: a file applied by a run after the rollout makes it a contract, whatever came of the run.
    #[test]
    fn files_applied_after_a_rollout_make_a_contract() {
        let (run, check) = (
            ticket("AfterRollout", "Run"),
            ticket("AfterRollout", "Check"),
        );
        let earlier = ticket("BeforeRollout", "Run");
        let (done, failed) = (EntryOutcome::Succeeded, EntryOutcome::Failed);
        let at = |version| vec![contract(version)];
        let rows = [
            (known(None, &run, Some("7"), Some("8"), done), at("8")),
            (known(None, &run, Some("7"), Some("8"), failed), at("8")),
            (known(None, &run, None, Some("1"), done), at("1")),
            (known(None, &run, Some("8"), Some("8"), done), vec![]),
            (known(None, &run, Some("7"), None, done), vec![]),
            (
                known(None, &run, Some("7"), Some("8"), EntryOutcome::Unknown),
                vec![],
            ),
            (known(None, &earlier, Some("7"), Some("8"), done), vec![]),
            (known(None, &check, Some("8"), Some("8"), done), at("8")),
            (known(None, &check, Some("7"), Some("7"), failed), vec![]),
            (known(Some("8"), &run, Some("8"), Some("9"), done), at("9")),
            (
                known(Some("8"), &earlier, Some("8"), Some("10"), done),
                at("8"),
            ),
            (
                known(Some("8"), &earlier, Some("6"), Some("7"), done),
                vec![],
            ),
        ];
        for (got, expected) in rows {
            assert_eq!(got, expected);
        }
    }

    /// It reads what another plan left behind; of its own nothing has run.
    #[test]
    fn a_look_before_the_first_run_of_a_plan_makes_no_contract() {
        let mut ledger = Ledger::default();
        let verdict = Verdict {
            after: Some("8".to_owned()),
            ..Verdict::without_message(End::Succeeded, "", None)
        };
        let (look, after) = (
            ticket("AfterRollout", "Check"),
            Entry {
                outcome: EntryOutcome::Succeeded,
                ..Entry::default()
            },
        );
        note(&mut ledger, &look, &verdict, None, &after);
        assert_eq!(ledger.contracts, vec![]);
    }

    #[test]
    fn files_that_end_below_a_contract_are_told() {
        let ledger = Ledger {
            contracts: vec![contract("10")],
            ..Ledger::default()
        };
        let of = |table: &str, top: Option<&str>| {
            let entry = Entry {
                version_table: table.to_owned(),
                files_top: top.map(str::to_owned),
                ..Entry::default()
            };
            beyond(&ledger, &entry).is_some()
        };
        assert_eq!(
            [
                of("goose_db_version", Some("9")),
                of("goose_db_version", Some("10")),
                of("goose_db_version", None),
                of("schema_migrations", Some("9")),
            ],
            [true, false, false, false]
        );
    }
}
