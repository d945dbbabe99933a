//! The outcome of a program of one's own (tool Exec) by its evidence (`migrations.md` 4.4, 4.6). Slipway does not know what such a program
//! does, so what is not proven is not repeated unless the user says that it may be. Pure.

use super::judge::{Cause, End, Evidence, Judgement, Lock, ReadBack};
use super::message::Outcome;

/// What proves that the program has done its work.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Proof {
    /// That it exits with 0: there is no table to read.
    ExitCode,
    /// That it exits with 0 and the table of the tool that it has built in is there and clean.
    CleanTable,
    /// That this table is clean and at the target, however the program ended.
    TableAtTarget,
}

/// The judgement. `exit`: the code with which the program ended by itself, if it did. The order of the guards: proof of success, then what
/// makes the evidence incomplete, then the program's own word.
#[must_use]
pub fn judge(evidence: &Evidence, exit: Option<i64>, proof: Proof, idempotent: bool) -> Judgement {
    let at_target = evidence.read_back == ReadBack::AtTarget;
    if evidence.orphan {
        return Judgement::new(Outcome::Unknown, "OutcomeUnknown", false);
    }
    if proof == Proof::TableAtTarget && at_target {
        return Judgement::new(Outcome::Succeeded, "Succeeded", false);
    }
    if evidence.lock == Lock::Lost {
        return Judgement::new(Outcome::Unknown, "LockLost", false);
    }
    if let ReadBack::Marked(reason) = evidence.read_back {
        return Judgement::new(Outcome::Blocked, reason, false);
    }
    if proof != Proof::ExitCode && evidence.read_back == ReadBack::Missing {
        return Judgement::new(Outcome::Unknown, "OutcomeUnknown", false);
    }
    match (&evidence.end, exit) {
        (End::Zero, _) if proof == Proof::ExitCode || at_target => {
            Judgement::new(Outcome::Succeeded, "Succeeded", false)
        }
        // It says that all is well and the table does not: to run it again would not change that.
        (End::Zero, _) => Judgement::new(Outcome::Blocked, "OutcomeUnknown", false),
        (End::Cut(Cause::Other), Some(_)) => {
            Judgement::new(Outcome::Failed, "ProgramFailed", idempotent)
        }
        (End::Cut(Cause::RunDeadline), _) if idempotent => {
            Judgement::new(Outcome::Failed, "DeadlineExceeded", true)
        }
        _ if idempotent => Judgement::new(Outcome::Failed, "OutcomeUnknown", true),
        _ => Judgement::new(Outcome::Blocked, "OutcomeUnknown", false),
    }
}

#[cfg(test)]
mod tests {
    use super::{Proof, judge};
    use crate::core::migration::judge::{Cause, End, Evidence, Lock, ReadBack};
    use crate::core::migration::message::Outcome;

    const PROOFS: [Proof; 3] = [Proof::ExitCode, Proof::CleanTable, Proof::TableAtTarget];

    /// How it may end: what the runner calls it, and the code.
    const ENDS: [(End, Option<i64>); 5] = [
        (End::Zero, Some(0)),
        (End::Cut(Cause::Other), Some(3)),
        (End::Cut(Cause::Other), None),
        (End::Cut(Cause::Stop), Some(143)),
        (End::Cut(Cause::RunDeadline), None),
    ];

    fn evidence(end: &End, read_back: ReadBack) -> Evidence {
        Evidence {
            lock: Lock::Held,
            orphan: false,
            read_back,
            end: end.clone(),
            transactional: false,
        }
    }

    fn all() -> Vec<(Evidence, Option<i64>, Proof)> {
        let mut all = Vec::new();
        for (end, exit) in &ENDS {
            for proof in PROOFS {
                for lock in [Lock::Held, Lock::Lost] {
                    for orphan in [false, true] {
                        for read_back in [
                            ReadBack::Missing,
                            ReadBack::AtTarget,
                            ReadBack::Below,
                            ReadBack::Marked("DatabaseDirty"),
                        ] {
                            let evidence = Evidence {
                                lock,
                                orphan,
                                ..evidence(end, read_back)
                            };
                            all.push((evidence, *exit, proof));
                        }
                    }
                }
            }
        }
        all
    }

    /// migrations.md case 50.
    #[test]
    fn each_end_of_a_program_has_its_outcome() {
        let of = |(end, exit): &(End, Option<i64>), proof, read_back| {
            [false, true].map(|idempotent| {
                let judgement = judge(&evidence(end, read_back), *exit, proof, idempotent);
                let retry = if judgement.retry_safe { " retry" } else { "" };
                format!("{:?} {}{retry}", judgement.outcome, judgement.reason)
            })
        };
        let ends = |proof, read_back| ENDS.each_ref().map(|end| of(end, proof, read_back));
        let same = |text: &str| [text.to_owned(), text.to_owned()];
        let pair = |no: &str, yes: &str| [no.to_owned(), yes.to_owned()];
        let unproven = [
            pair("Failed ProgramFailed", "Failed ProgramFailed retry"),
            pair("Blocked OutcomeUnknown", "Failed OutcomeUnknown retry"),
            pair("Blocked OutcomeUnknown", "Failed OutcomeUnknown retry"),
            pair("Blocked OutcomeUnknown", "Failed DeadlineExceeded retry"),
        ];
        let [failed, killed, stopped, late] = unproven;
        let after = |zero: &str| {
            [
                same(zero),
                failed.clone(),
                killed.clone(),
                stopped.clone(),
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

    /// migrations.md 4.4: never, unless idempotent.
    #[test]
    fn a_program_is_run_again_only_where_the_user_says_that_it_may_be() {
        for (evidence, exit, proof) in all() {
            let judgement = judge(&evidence, exit, proof, false);
            assert!(!judgement.retry_safe, "{evidence:?} {exit:?} {proof:?}");
        }
    }

    #[test]
    fn a_session_at_work_a_lost_lock_or_a_mark_is_never_success() {
        for (evidence, exit, proof) in all() {
            let proven = proof == Proof::TableAtTarget && evidence.read_back == ReadBack::AtTarget;
            let doubt = evidence.orphan
                || evidence.read_back == ReadBack::Marked("DatabaseDirty")
                || (evidence.lock == Lock::Lost && !proven);
            for idempotent in [false, true] {
                let outcome = judge(&evidence, exit, proof, idempotent).outcome;
                assert!(
                    !doubt || outcome != Outcome::Succeeded,
                    "{evidence:?} {exit:?} {proof:?}"
                );
            }
        }
    }
}
