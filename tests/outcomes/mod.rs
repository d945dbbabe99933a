//! Every combination of what was seen of an attempt, for each tool on each engine: what follows. Walked here with the product's own judges
//! and written as a page that people read.

mod cases;
mod ends;
mod page;
mod seen;

use slipway::api::common::Tool;
use slipway::core::migration::judge::{Judgement, Left, Lock, ReadBack};
use slipway::core::migration::message::Outcome;
use slipway::core::migration::program::{Program, Proof};

use self::cases::{Case, programs, tools};
use self::ends::{MEANINGS, PROGRAM_ENDS};
use self::seen::{Seen, groups};

pub use self::page::page;

/// One combination with its outcome.
pub struct Combination {
    pub case: Case,
    pub seen: Seen,
    /// What its end is called.
    pub meaning: &'static str,
    pub judgement: Judgement,
}

/// All of them.
pub fn all() -> Vec<Combination> {
    let mut all = Vec::new();
    for seen in groups().into_iter().flat_map(|group| group.members) {
        for case in tools() {
            for meaning in &MEANINGS {
                for end in (meaning.ends)(case.engine) {
                    let judgement = case.judge(seen, &end, None);
                    all.push(Combination {
                        case,
                        seen,
                        meaning: meaning.name,
                        judgement,
                    });
                }
            }
        }
        for case in programs() {
            for (meaning, end, exit) in &PROGRAM_ENDS {
                let judgement = case.judge(seen, end, *exit);
                all.push(Combination {
                    case,
                    seen,
                    meaning,
                    judgement,
                });
            }
        }
    }
    all
}

/// migrations.md 4.4: every pair of evidence and tool has an outcome, and these hold for all of them.
#[test]
fn what_is_proven_has_succeeded_and_what_is_not_known_to_be_harmless_is_never_repeated() {
    for Combination {
        case,
        seen,
        meaning,
        judgement,
    } in all()
    {
        let told = format!("{case:?} {seen:?} {meaning}: {judgement:?}");
        let whole = !seen.orphan && seen.lock == Lock::Held;
        let proven = !seen.orphan
            && seen.read_back == ReadBack::AtTarget
            && case.proof() == Proof::TableAtTarget;
        let succeeded = judgement.outcome == Outcome::Succeeded;
        assert!(succeeded || !proven, "at the target and clean: {told}");
        let may_succeed =
            proven || (case.tool == Tool::Exec && whole && meaning == "it exits with 0");
        assert!(may_succeed || !succeeded, "without proof: {told}");
        if judgement.retry_safe {
            assert!(whole, "with evidence that is not whole: {told}");
            assert!(
                judgement.outcome == Outcome::Failed,
                "not a failure: {told}"
            );
            assert!(
                case.tool != Tool::Exec || case.is_idempotent(),
                "a program: {told}"
            );
            let ended_by_itself = meaning == "another code than 0";
            assert!(
                case.program.is_none_or(Program::sessions_are_seen) || ended_by_itself,
                "beside a session that nobody sees: {told}"
            );
            let inside = meaning.starts_with("inside") || meaning.contains("ended by");
            let harmless =
                case.left().is_some_and(Left::is_nothing) || case.is_idempotent() || !inside;
            assert!(harmless, "half of a file may be there: {told}");
        }
        let blocked = judgement.outcome == Outcome::Blocked;
        assert!(
            !(blocked && judgement.retry_safe),
            "a person is asked: {told}"
        );
        assert!(!judgement.reason.is_empty(), "{told}");
    }
}
