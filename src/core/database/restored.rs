//! What a ledger that may be younger than its database cannot know: a restore brings a Database back without its status. Pure.

use crate::api::common::Tool;
use crate::api::database::{Entry, EntryOutcome, Ledger};

/// Whether a program of this entry may have run in the database before this ledger began, as after a restore: neither was that database found
/// empty since, nor came a version table of the same Backend into being there, whatever became of that attempt, nor did an earlier plan of the
/// same entry succeed.
#[must_use]
pub fn may_have_forgotten(ledger: &Ledger, identity: &str, backend: &str, entry: &str) -> bool {
    let found_empty = ledger.found_empty.as_deref() == Some(identity);
    let shows_it = |known: &Entry| {
        let began = known.before.is_none() && known.after.is_some();
        let program = known.tool == Some(Tool::Exec)
            && known.outcome == EntryOutcome::Succeeded
            && known.entry == entry;
        began || program
    };
    let mut entries = ledger.entries.iter();
    let is_shown = entries.any(|known| {
        known.database_identity == identity && known.backend == backend && shows_it(known)
    });
    !found_empty && !is_shown
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::may_have_forgotten;
    use crate::api::common::Tool;
    use crate::api::database::Ledger;
    use crate::core::backoff;
    use crate::core::database::ledger::record;
    use crate::core::database::ledger::tests::{recorded, ticket};
    use crate::core::run::ticket::Ticket;
    use crate::core::run::verdict::{End, Verdict};

    /// migrations.md case 40.
    #[test]
    fn a_ledger_that_saw_no_empty_database_knows_of_each_program_by_its_own_success_alone() {
        let program = |entry: &str, identity: &str| Ticket {
            tool: Tool::Exec,
            entry: entry.to_owned(),
            database_identity: identity.to_owned(),
            ..ticket(&format!("{entry} on {identity}"), "", None)
        };
        let forgotten = |ledger: &Ledger| {
            [
                ("here", "orders", "seed"),
                ("here", "orders", "other"),
                ("here", "billing", "seed"),
                ("elsewhere", "orders", "seed"),
            ]
            .map(|(identity, backend, entry)| may_have_forgotten(ledger, identity, backend, entry))
        };
        let new = Ledger::default();
        assert_eq!(forgotten(&new), [true; 4]);
        let seed = program("seed", "here");
        let blocked = recorded(&new, &seed, End::Blocked, "OutcomeUnknown");
        assert_eq!(forgotten(&blocked), [true; 4]);
        let well = recorded(&blocked, &seed, End::Succeeded, "Succeeded");
        assert_eq!(forgotten(&well), [false, true, true, true]);

        let goose = Ticket {
            database_identity: "here".to_owned(),
            ..ticket("goose", "goose_db_version", None)
        };
        for end in [End::Succeeded, End::Blocked] {
            let found = |found_empty, before: Option<&str>| {
                let verdict = Verdict {
                    found_empty,
                    before: before.map(str::to_owned),
                    after: Some("2".to_owned()),
                    ..Verdict::without_message(end, "", None)
                };
                let now = Timestamp::UNIX_EPOCH;
                record(&new, &goose, "job", &verdict, backoff::MIGRATION, now)
            };
            assert_eq!(forgotten(&found(false, Some("1"))), [true; 4]);
            // A table of its own that comes into being says nothing of what another Backend's programs did.
            assert_eq!(forgotten(&found(false, None)), [false, false, true, true]);
            assert_eq!(forgotten(&found(true, None)), [false, false, false, true]);
        }
    }
}
