//! Rules of the judgement; each combination's outcome stands in `../outcomes.md`.

use super::{Cause, End, Evidence, Judgement, Lock, ReadBack, judge};
use crate::core::migration::message::Outcome;

fn all() -> Vec<Evidence> {
    let mut all = Vec::new();
    let sql = [
        "23505", "42601", "55P03", "40P01", "40001", "57P01", "53300", "28P01", "25006", "57014",
        "P0001", "3D000", "57P03", "08001", "1205", "1213", "1062", "1045", "1040",
    ];
    let refused = [
        "1045", "1040", "1049", "1290", "28P01", "53300", "57P03", "3D000",
    ];
    let refused = refused.map(|code| End::Refused(code.to_owned()));
    let ends = sql
        .iter()
        .map(|code| End::Sql((*code).to_owned()))
        .chain([End::Zero, End::Files, End::Unreachable, End::Locked])
        .chain(refused)
        .chain([Cause::RunDeadline, Cause::Stop, Cause::Other].map(End::Cut));
    for end in ends {
        for transactional in [false, true] {
            all.extend(circumstances(&end, "FailedMigrationRow", transactional));
        }
    }
    all
}

/// All that may be found after a tool that ended so. `mark`: the reason that its table may give.
pub(in crate::core::migration) fn circumstances(
    end: &End,
    mark: &'static str,
    transactional: bool,
) -> Vec<Evidence> {
    let mut all = Vec::new();
    for lock in [Lock::Held, Lock::Lost] {
        for orphan in [false, true] {
            for read_back in [
                ReadBack::Missing,
                ReadBack::AtTarget,
                ReadBack::Below,
                ReadBack::Marked(mark),
            ] {
                all.push(Evidence {
                    lock,
                    orphan,
                    read_back,
                    end: end.clone(),
                    transactional,
                });
            }
        }
    }
    all
}

/// F-37, I-8: exit 0 is no proof, exit 1 no refutation.
#[test]
fn success_is_exactly_what_the_table_proves_once_nobody_is_at_work() {
    for evidence in all() {
        let proven = evidence.read_back == ReadBack::AtTarget && !evidence.orphan;
        assert_eq!(
            judge(&evidence).outcome == Outcome::Succeeded,
            proven,
            "{evidence:?}"
        );
    }
}

/// migrations.md 4.4: what is not transactional is retried only when nothing of it can have run.
#[test]
fn a_retry_is_safe_only_with_whole_evidence_and_after_a_roll_back_or_before_the_first_statement() {
    for evidence in all()
        .into_iter()
        .filter(|evidence| judge(evidence).retry_safe)
    {
        let nothing_ran = matches!(
            evidence.end,
            End::Unreachable | End::Locked | End::Refused(_)
        );
        assert!(
            evidence.lock == Lock::Held
                && !evidence.orphan
                && evidence.read_back == ReadBack::Below,
            "{evidence:?}"
        );
        assert!(evidence.transactional || nothing_ran, "{evidence:?}");
    }
}

#[test]
fn each_row_of_the_table_of_retries_is_judged_as_written() {
    let of = |end: End, transactional| {
        judge(&Evidence {
            lock: Lock::Held,
            orphan: false,
            read_back: ReadBack::Below,
            end,
            transactional,
        })
    };
    let sql = |code: &str| End::Sql(code.to_owned());
    let expected = [
        (
            of(sql("55P03"), true),
            Judgement::new(Outcome::Failed, "SqlError", true),
        ),
        (
            of(sql("40P01"), false),
            Judgement::new(Outcome::Blocked, "PartiallyApplied", false),
        ),
        (
            of(sql("23505"), true),
            Judgement::new(Outcome::Failed, "SqlError", false),
        ),
        (
            of(sql("23505"), false),
            Judgement::new(Outcome::Blocked, "PartiallyApplied", false),
        ),
        (
            of(sql("57P01"), true),
            Judgement::new(Outcome::Failed, "DatabaseUnreachable", true),
        ),
        (
            of(End::Refused("28P01".to_owned()), false),
            Judgement::new(Outcome::Failed, "AuthenticationFailed", true),
        ),
        // A statement may fail with the codes of a refused session: part of the file is there then.
        (
            of(sql("3D000"), false),
            Judgement::new(Outcome::Blocked, "PartiallyApplied", false),
        ),
        (
            of(sql("57P03"), false),
            Judgement::new(Outcome::Blocked, "PartiallyApplied", false),
        ),
        (
            of(sql("57P03"), true),
            Judgement::new(Outcome::Failed, "DatabaseUnreachable", true),
        ),
        (
            of(End::Cut(Cause::RunDeadline), true),
            Judgement::new(Outcome::Failed, "DeadlineExceeded", true),
        ),
        (
            of(End::Cut(Cause::Other), false),
            Judgement::new(Outcome::Blocked, "OutcomeUnknown", false),
        ),
        (
            of(End::Zero, true),
            Judgement::new(Outcome::Blocked, "OutcomeUnknown", false),
        ),
        (
            of(End::Files, true),
            Judgement::new(Outcome::Failed, "InvalidSource", false),
        ),
        // MySQL: a number inside a file is never retried, also one that speaks of the connection; one before any file is.
        (
            of(sql("1205"), false),
            Judgement::new(Outcome::Blocked, "PartiallyApplied", false),
        ),
        (
            of(sql("1045"), false),
            Judgement::new(Outcome::Blocked, "PartiallyApplied", false),
        ),
        (
            of(End::Refused("1040".to_owned()), false),
            Judgement::new(Outcome::Failed, "DatabaseUnreachable", true),
        ),
        (
            of(End::Refused("1290".to_owned()), false),
            Judgement::new(Outcome::Failed, "DatabaseReadOnly", true),
        ),
    ];
    for (got, wanted) in expected {
        assert_eq!(got, wanted);
    }
}

/// migrations.md 4.5: however the tool ended, what its own table holds against it is for a person.
#[test]
fn a_mark_in_the_tools_own_table_blocks_by_its_own_reason() {
    let marked = |evidence: &Evidence| {
        evidence.read_back == ReadBack::Marked("FailedMigrationRow")
            && evidence.lock == Lock::Held
            && !evidence.orphan
    };
    for evidence in all().into_iter().filter(marked) {
        assert_eq!(
            judge(&evidence),
            Judgement::new(Outcome::Blocked, "FailedMigrationRow", false)
        );
    }
}

#[test]
fn a_lost_lock_or_a_session_at_work_is_never_more_than_unknown_without_proof() {
    for evidence in all() {
        let judgement = judge(&evidence);
        if evidence.orphan {
            assert_eq!(
                judgement,
                Judgement::new(Outcome::Unknown, "OutcomeUnknown", false)
            );
        } else if evidence.lock == Lock::Lost && evidence.read_back != ReadBack::AtTarget {
            assert_eq!(
                judgement,
                Judgement::new(Outcome::Unknown, "LockLost", false)
            );
        }
    }
}
