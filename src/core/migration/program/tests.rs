//! Every end of a program, and what nobody sees of it.

use super::{Program, Proof};
use crate::api::common::Engine;
use crate::core::migration::judge::tests::circumstances;
use crate::core::migration::judge::{Cause, End, Evidence, Judgement, Lock, ReadBack};
use crate::core::migration::message::Outcome;

const PROOFS: [Proof; 3] = [Proof::ExitCode, Proof::CleanTable, Proof::TableAtTarget];

/// How it may end: what the runner calls it, and the code.
const ENDS: [(End, Option<i64>); 6] = [
    (End::Zero, Some(0)),
    (End::Cut(Cause::Other), Some(3)),
    (End::Cut(Cause::Other), Some(137)),
    (End::Cut(Cause::Other), None),
    (End::Cut(Cause::Stop), Some(143)),
    (End::Cut(Cause::RunDeadline), None),
];

/// In a file that runs in one transaction.
fn evidence(end: &End, read_back: ReadBack) -> Evidence {
    Evidence {
        lock: Lock::Held,
        orphan: false,
        read_back,
        end: end.clone(),
        transactional: true,
    }
}

/// Whose sessions are seen, and which may not be repeated.
fn program(proof: Proof) -> Program {
    Program {
        engine: Engine::PostgreSQL,
        own_user: false,
        proof,
        marks_begun: false,
        idempotent: false,
    }
}

/// On MySQL, as the pods' user.
fn unseen(proof: Proof) -> Program {
    Program {
        engine: Engine::MySQL,
        ..program(proof)
    }
}

fn idempotent(program: Program) -> Program {
    Program {
        idempotent: true,
        ..program
    }
}

fn word(judgement: Judgement) -> String {
    let retry = if judgement.retry_safe { " retry" } else { "" };
    format!("{:?} {}{retry}", judgement.outcome, judgement.reason)
}

/// One that may not be repeated, and the same that may.
fn of(program: Program, (end, exit): &(End, Option<i64>), read_back: ReadBack) -> [String; 2] {
    let evidence = evidence(end, read_back);
    [program, idempotent(program)].map(|program| word(program.judge(&evidence, *exit)))
}

fn pair(no: &str, yes: &str) -> [String; 2] {
    [no.to_owned(), yes.to_owned()]
}

fn all() -> Vec<(Evidence, Option<i64>, Proof)> {
    let mut all = Vec::new();
    for (end, exit) in &ENDS {
        for proof in PROOFS {
            let found = circumstances(end, "DatabaseDirty", true).into_iter();
            all.extend(found.map(|evidence| (evidence, *exit, proof)));
        }
    }
    all
}

/// migrations.md case 50.
#[test]
fn each_end_of_a_program_has_its_outcome() {
    let ends = |proof, read_back| {
        ENDS.each_ref()
            .map(|end| of(program(proof), end, read_back))
    };
    let same = |text: &str| pair(text, text);
    let failed = pair("Failed ProgramFailed", "Failed ProgramFailed retry");
    let cut = pair("Blocked OutcomeUnknown", "Failed OutcomeUnknown retry");
    let late = pair("Blocked OutcomeUnknown", "Failed DeadlineExceeded retry");
    let after = |zero: &str| {
        [
            same(zero),
            failed.clone(),
            failed.clone(),
            cut.clone(),
            cut.clone(),
            late.clone(),
        ]
    };
    assert_eq!(
        ends(Proof::ExitCode, ReadBack::Missing),
        after("Succeeded Succeeded")
    );
    assert_eq!(
        ends(Proof::CleanTable, ReadBack::AtTarget),
        after("Succeeded Succeeded")
    );
    assert_eq!(
        ends(Proof::CleanTable, ReadBack::Below),
        after("Blocked OutcomeUnknown")
    );
    assert_eq!(
        ends(Proof::TableAtTarget, ReadBack::Below),
        after("Blocked OutcomeUnknown")
    );
    let proven = ENDS.each_ref().map(|_| same("Succeeded Succeeded"));
    assert_eq!(ends(Proof::TableAtTarget, ReadBack::AtTarget), proven);
}

/// I-3: another attempt would begin beside a session that nobody sees. A code of a shell tells of a killed program, too.
#[test]
fn a_program_whose_sessions_are_not_seen_is_run_again_only_after_its_own_end() {
    let [zero, failed, killed_below, killed, stopped, late] = ENDS
        .each_ref()
        .map(|end| of(unseen(Proof::ExitCode), end, ReadBack::Missing));
    let doubt = pair("Blocked OutcomeUnknown", "Blocked OutcomeUnknown");
    assert_eq!(zero, pair("Succeeded Succeeded", "Succeeded Succeeded"));
    assert_eq!(
        failed,
        pair("Failed ProgramFailed", "Failed ProgramFailed retry")
    );
    let unknown = [killed_below, killed, stopped, late];
    assert_eq!(unknown, unknown.each_ref().map(|_| doubt.clone()));
    for (evidence, exit, proof) in all() {
        let retried = idempotent(unseen(proof)).judge(&evidence, exit).retry_safe;
        assert!(
            !retried || exit == Some(3),
            "{evidence:?} {exit:?} {proof:?}"
        );
    }
}

/// I-3, after a runner that was killed and says nothing.
#[test]
fn a_check_run_has_a_program_run_again_only_where_its_sessions_are_seen() {
    let own_user = Program {
        own_user: true,
        ..unseen(Proof::ExitCode)
    };
    let programs = [
        program(Proof::ExitCode),
        own_user,
        unseen(Proof::ExitCode),
        unseen(Proof::TableAtTarget),
    ];
    let of = |program: Program| {
        [program, idempotent(program)].map(|program| word(program.still_pending()))
    };
    let seen = pair("Blocked OutcomeUnknown", "Failed OutcomeUnknown retry");
    let doubt = pair("Blocked OutcomeUnknown", "Blocked OutcomeUnknown");
    assert_eq!(programs.map(of), [seen.clone(), seen, doubt.clone(), doubt]);
}

/// migrations.md 4.4: as for the tool that it has built in, unless that one marks each file before it begins it.
#[test]
fn a_failed_program_that_may_have_left_half_of_a_file_is_left_to_a_person() {
    let failed = |program: Program, transactional| {
        let evidence = Evidence {
            transactional,
            ..evidence(&End::Cut(Cause::Other), ReadBack::Below)
        };
        [program, idempotent(program)].map(|program| word(program.judge(&evidence, Some(3))))
    };
    let whole = pair("Failed ProgramFailed", "Failed ProgramFailed retry");
    let half = pair("Blocked PartiallyApplied", "Failed ProgramFailed retry");
    let marking = Program {
        marks_begun: true,
        ..unseen(Proof::CleanTable)
    };
    let rows = [
        (program(Proof::ExitCode), false, &whole),
        (program(Proof::CleanTable), false, &whole),
        (program(Proof::TableAtTarget), true, &whole),
        (program(Proof::TableAtTarget), false, &half),
        (unseen(Proof::ExitCode), false, &whole),
        (unseen(Proof::CleanTable), false, &half),
        (marking, false, &whole),
        (unseen(Proof::TableAtTarget), true, &whole),
        (unseen(Proof::TableAtTarget), false, &half),
    ];
    for (program, transactional, expected) in rows {
        assert_eq!(
            failed(program, transactional),
            *expected,
            "{program:?} {transactional}"
        );
    }
}

/// migrations.md 4.4: never, unless idempotent.
#[test]
fn a_program_is_run_again_only_where_the_user_says_that_it_may_be() {
    for (evidence, exit, proof) in all() {
        for program in [program(proof), unseen(proof)] {
            let judgement = program.judge(&evidence, exit);
            assert!(!judgement.retry_safe, "{evidence:?} {exit:?} {program:?}");
        }
    }
}

#[test]
fn a_session_at_work_a_lost_lock_or_a_mark_is_never_success() {
    for (evidence, exit, proof) in all() {
        let proven = proof == Proof::TableAtTarget && evidence.read_back == ReadBack::AtTarget;
        let doubt = evidence.orphan
            || evidence.read_back == ReadBack::Marked("DatabaseDirty")
            || (evidence.lock == Lock::Lost && !proven);
        for program in [program(proof), unseen(proof)] {
            for program in [program, idempotent(program)] {
                let outcome = program.judge(&evidence, exit).outcome;
                assert!(
                    !doubt || outcome != Outcome::Succeeded,
                    "{evidence:?} {exit:?} {program:?}"
                );
            }
        }
    }
}
