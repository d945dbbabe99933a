//! The outcome of a program of one's own (tool Exec) by its evidence (`migrations.md` 4.4, 4.6). Slipway does not know what such a program
//! does, so what is not proven is not repeated unless the user says that it may be. Pure.

use super::judge::{Cause, End, Evidence, Judgement, Lock, ReadBack, rolls_back_schema};
use super::message::Outcome;
use crate::api::common::Engine;
use crate::api::database::DatabaseSpec;
use crate::core::database::endpoint::Endpoint;

/// What a person must know of an attempt of unknown end whose sessions are not seen.
pub const UNSEEN: &str = "a session of it may still be at work in the database, which Slipway sees only where migrations have a user of their own \
                          (spec.migrationCredentials of the Database)";

/// Codes with which a shell says that a signal ended what it ran: 128 and the signal's number.
const ENDED_BY_SIGNAL: std::ops::RangeInclusive<i64> = 129..=192;

/// Whether migrations have a user whom pods do not have. The same user behind two Secrets or two keys is not seen: Slipway reads no Secret.
#[must_use]
pub fn has_own_user(spec: &DatabaseSpec) -> bool {
    let (pods, own) = (Endpoint::of_pods(spec), Endpoint::of_migrations(spec));
    (pods.secret, pods.user_key) != (own.secret, own.user_key)
}

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

/// What is known of a program before it is started.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Program {
    pub engine: Engine,
    /// Whether its user in the database is for migrations alone.
    pub own_user: bool,
    pub proof: Proof,
    /// Whether the tool that it has built in marks a file in its table before it begins it, so that a clean table proves that none was begun.
    pub marks_begun: bool,
    /// Whether the user says that it may be run again.
    pub idempotent: bool,
}

impl Program {
    /// Whether the sessions that it leaves behind can be told from those of pods: on PostgreSQL by their name, on MySQL, where a program sets no
    /// mark, by their user alone.
    #[must_use]
    pub const fn sessions_are_seen(self) -> bool {
        self.own_user || matches!(self.engine, Engine::PostgreSQL)
    }

    /// The judgement. `exit`: the code with which the program ended by itself, if it did. The order of the guards: proof of success, then what
    /// makes the evidence incomplete, then the program's own word.
    #[must_use]
    pub fn judge(self, evidence: &Evidence, exit: Option<i64>) -> Judgement {
        let at_target = evidence.read_back == ReadBack::AtTarget;
        if evidence.orphan {
            return Judgement::new(Outcome::Unknown, "OutcomeUnknown", false);
        }
        if self.proof == Proof::TableAtTarget && at_target {
            return Judgement::new(Outcome::Succeeded, "Succeeded", false);
        }
        if evidence.lock == Lock::Lost {
            return Judgement::new(Outcome::Unknown, "LockLost", false);
        }
        if let ReadBack::Marked(reason) = evidence.read_back {
            return Judgement::new(Outcome::Blocked, reason, false);
        }
        if self.proof != Proof::ExitCode && evidence.read_back == ReadBack::Missing {
            return Judgement::new(Outcome::Unknown, "OutcomeUnknown", false);
        }
        match &evidence.end {
            End::Zero if self.proof == Proof::ExitCode || at_target => {
                Judgement::new(Outcome::Succeeded, "Succeeded", false)
            }
            // It says that all is well and the table does not: to run it again would not change that.
            End::Zero => Judgement::new(Outcome::Blocked, "OutcomeUnknown", false),
            End::Cut(Cause::Other) if self.ended_by_itself(exit) => self.failed(evidence),
            End::Cut(Cause::RunDeadline) if self.may_be_repeated() => {
                Judgement::new(Outcome::Failed, "DeadlineExceeded", true)
            }
            _ => self.still_pending(),
        }
    }

    /// The judgement on an attempt of unknown end: of one that was killed or cut off, and of one that a Check run finds not done.
    #[must_use]
    pub const fn still_pending(self) -> Judgement {
        if self.may_be_repeated() {
            Judgement::new(Outcome::Failed, "OutcomeUnknown", true)
        } else {
            Judgement::new(Outcome::Blocked, "OutcomeUnknown", false)
        }
    }

    /// The judgement on one that says that it failed.
    fn failed(self, evidence: &Evidence) -> Judgement {
        if !self.idempotent && self.may_have_left_half(evidence) {
            return Judgement::new(Outcome::Blocked, "PartiallyApplied", false);
        }
        Judgement::new(Outcome::Failed, "ProgramFailed", self.idempotent)
    }

    /// Whether another attempt is safe whatever became of this one: it must not begin beside a session of it.
    const fn may_be_repeated(self) -> bool {
        self.idempotent && self.sessions_are_seen()
    }

    /// Whether it came to its own end, and so waited for the answers to its statements. Where a session that it left is not seen, a shell that
    /// tells of a killed program has not.
    fn ended_by_itself(self, exit: Option<i64>) -> bool {
        exit.is_some_and(|code| self.sessions_are_seen() || !ENDED_BY_SIGNAL.contains(&code))
    }

    /// Whether half of a file may be in a schema whose version table does not show it. Without a table there are no files.
    fn may_have_left_half(self, evidence: &Evidence) -> bool {
        match self.proof {
            Proof::ExitCode => false,
            Proof::CleanTable => !self.marks_begun && !rolls_back_schema(self.engine),
            Proof::TableAtTarget => !evidence.transactional,
        }
    }
}

#[cfg(test)]
mod tests;
