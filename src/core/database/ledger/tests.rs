//! What one outcome makes of the ledger.

use jiff::Timestamp;
use serde_json::json;

use super::{block, entry, is_in_doubt, record, taken_for_applied};
use crate::api::database::{EntryOutcome, Ledger, TakenForApplied};
use crate::core::backoff;
use crate::core::run::ticket::Ticket;
use crate::core::run::verdict::{End, Verdict};

pub(in crate::core::database) fn ticket(
    plan_key: &str,
    version_table: &str,
    attempts: Option<i64>,
) -> Ticket {
    serde_json::from_value(json!({
        "migration": "orders-1", "migrationUid": "uid", "backend": "orders", "database": "db", "databaseIdentity": "id",
        "planKey": plan_key, "attempt": 1, "mode": "Run", "tool": "Goose", "phase": "BeforeRollout",
        "versionTable": version_table, "secret": "s", "attempts": attempts,
    }))
    .expect("a ticket")
}

pub(in crate::core::database) fn recorded(
    ledger: &Ledger,
    ticket: &Ticket,
    end: End,
    reason: &str,
) -> Ledger {
    let verdict = Verdict::without_message(end, reason, None);
    record(
        ledger,
        ticket,
        "job",
        &verdict,
        backoff::MIGRATION,
        Timestamp::UNIX_EPOCH,
    )
}

#[test]
fn a_plan_gets_as_many_attempts_as_its_entry_says_else_five() {
    let failed = End::Failed { retry_safe: true };
    let outcomes = |attempts| {
        let ticket = ticket("plan", "t", attempts);
        let mut ledger = Ledger::default();
        let mut outcomes = Vec::new();
        while !outcomes.contains(&EntryOutcome::Failed) {
            ledger = recorded(&ledger, &ticket, failed, "SqlError");
            outcomes.extend(entry(&ledger, "plan").map(|entry| entry.outcome));
        }
        outcomes.len()
    };
    assert_eq!([None, Some(1), Some(10)].map(outcomes), [5, 1, 10]);
}

/// Two version tables in one database: what is in doubt about one says nothing of the other, and what goes well with one frees it alone.
#[test]
fn marks_are_kept_by_version_table() {
    let (first, second) = (
        ticket("first", "goose_db_version", None),
        ticket("second", "audit.goose_db_version", None),
    );
    let one = recorded(&Ledger::default(), &first, End::Blocked, "PartiallyApplied");
    let marked = |ledger: &Ledger| {
        ["goose_db_version", "audit.goose_db_version"].map(|table| block(ledger, table).is_some())
    };
    assert_eq!(marked(&one), [true, false]);
    let well = recorded(&one, &second, End::Succeeded, "Succeeded");
    assert_eq!(marked(&well), [true, false]);
    let both = recorded(&well, &second, End::Blocked, "OutcomeUnknown");
    assert_eq!(marked(&both), [true, true]);
    let freed = recorded(&both, &first, End::Succeeded, "Succeeded");
    assert_eq!(marked(&freed), [false, true]);
}

/// migrations.md case 6: what golang-migrate's version takes for applied is that of the last good run on the table, whoever's it was.
#[test]
fn the_last_good_run_on_a_table_says_which_files_ran() {
    let taken = |version| TakenForApplied {
        version,
        files: version,
        digest: String::new(),
    };
    let run = |ledger: &Ledger, plan: &str, table: &str, end, version: i64| {
        let verdict = Verdict {
            taken_for_applied: Some(taken(version)),
            ..Verdict::without_message(end, "", None)
        };
        let now = Timestamp::from_second(version).expect("a time");
        record(
            ledger,
            &ticket(plan, table, None),
            "job",
            &verdict,
            backoff::MIGRATION,
            now,
        )
    };
    let ledger = run(&Ledger::default(), "one", "t", End::Succeeded, 1);
    let ledger = run(&ledger, "two", "t", End::Succeeded, 2);
    let ledger = run(&ledger, "three", "t", End::Blocked, 3);
    let ledger = run(&ledger, "four", "other", End::Succeeded, 4);
    assert_eq!(
        ["t", "other", "none"].map(|table| taken_for_applied(&ledger, table).cloned()),
        [Some(taken(2)), Some(taken(4)), None]
    );
}

/// migrations.md 4.5: an audited repair is a program of one's own.
#[test]
fn a_program_without_a_version_table_marks_nothing_and_frees_nothing() {
    let repair = ticket("repair", "", None);
    let blocked = recorded(&Ledger::default(), &repair, End::Blocked, "OutcomeUnknown");
    assert_eq!(blocked.blocks, []);
    let goose = ticket("goose", "goose_db_version", None);
    let marked = recorded(&blocked, &goose, End::Blocked, "PartiallyApplied");
    let repaired = recorded(&marked, &repair, End::Succeeded, "Succeeded");
    assert_eq!(repaired.blocks, marked.blocks);
}

/// What a killed attempt of a plan that nobody asks for any more left behind is there all the same.
#[test]
fn a_version_table_is_in_doubt_from_an_unknown_end_until_somebody_has_read_it() {
    let then = |ledger: &Ledger, plan: &str, end, second: i64| {
        let verdict = Verdict::without_message(end, "", None);
        let now = Timestamp::from_second(second).expect("a time");
        let ticket = ticket(plan, "t", None);
        record(ledger, &ticket, "job", &verdict, backoff::MIGRATION, now)
    };
    let in_doubt = |ledger: &Ledger| ["next", "killed"].map(|plan| is_in_doubt(ledger, "t", plan));
    let before = then(&Ledger::default(), "first", End::Succeeded, 1);
    assert_eq!(in_doubt(&before), [false, false]);
    let killed = then(&before, "killed", End::Unknown, 2);
    assert_eq!(in_doubt(&killed), [true, false]);
    let listed = then(&killed, "next", End::Listed, 3);
    assert_eq!(in_doubt(&listed), [true, false]);
    let lost = then(&listed, "next", End::Unknown, 4);
    assert_eq!(in_doubt(&lost), [true, true]);
    let read = then(&lost, "next", End::Failed { retry_safe: true }, 5);
    assert_eq!(in_doubt(&read), [false, false]);
    assert!(!is_in_doubt(&killed, "other", "next") && !is_in_doubt(&killed, "", "next"));
}

/// migrations.md 4.1, 4.4: a database that is away costs no attempt for an hour, and not a pod every few seconds either.
#[test]
fn the_waits_for_a_database_that_is_away_grow() {
    let away = End::Failed { retry_safe: true };
    let plan = ticket("plan", "t", None);
    let mut ledger = Ledger::default();
    let mut waits: Vec<i64> = Vec::new();
    let mut now = 0;
    while now < 3600 {
        let verdict = Verdict::without_message(away, "DatabaseUnreachable", None);
        let time = Timestamp::from_second(now).expect("a time");
        ledger = record(&ledger, &plan, "job", &verdict, backoff::MIGRATION, time);
        let entry = entry(&ledger, "plan").expect("recorded");
        assert_eq!(
            (entry.outcome, entry.attempts),
            (EntryOutcome::RetryWait, 0)
        );
        let next: Timestamp = entry
            .next_attempt_after
            .as_deref()
            .and_then(|time| time.parse().ok())
            .expect("a time");
        waits.push(next.as_second() - now);
        now = next.as_second();
    }
    assert!(waits.first().is_some_and(|first| *first <= 10), "{waits:?}");
    assert!(waits.len() < 30, "{} tries: {waits:?}", waits.len());
}
