//! The outcome of an attempt by its evidence (`migrations.md` 4.4). Exit codes are hints; what the tool's own table says decides. Pure.
//! `outcomes.md` beside this file shows each combination's outcome; `tests/generated.rs` makes it.

use crate::api::common::Engine;
use crate::core::migration::message::Outcome;
use crate::core::migration::mysql_error;

/// What was seen of an attempt whose tool was started.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Evidence {
    pub lock: Lock,
    /// Whether a session of the tool is still at work in the database.
    pub orphan: bool,
    pub read_back: ReadBack,
    pub end: End,
    /// Whether the file at which the tool stopped runs in one transaction, so that what did not end left nothing behind.
    pub transactional: bool,
}

/// The runner's lock in the database over the whole run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lock {
    Held,
    /// It was lost and not to be had again at once: the tool was killed.
    Lost,
}

/// What the tool's table says afterwards.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReadBack {
    /// It could not be read.
    Missing,
    AtTarget,
    Below,
    /// It says itself that a file ended badly: a failed row, a dirty mark. The word is the reason.
    Marked(&'static str),
}

/// How the tool ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum End {
    /// It says all is well.
    Zero,
    /// The database refused a statement with this SQLSTATE or number of MySQL's, or a session in the middle of a file.
    Sql(String),
    /// The database let no session in, with this SQLSTATE or number of MySQL's, and no file was begun.
    Refused(String),
    /// It could not read or parse its files: nothing of the file in question ran.
    Files,
    /// It could not connect at all, without a SQLSTATE.
    Unreachable,
    /// Its own lock in the database was not to be had; it had begun nothing.
    Locked,
    /// It was killed, cut off, or ended in a way that it does not explain.
    Cut(Cause),
}

/// What a file left behind that did not reach its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Left {
    /// It runs in one transaction.
    RolledBack,
    /// The table proves that it was not begun.
    NotBegun,
    /// It does not run in one transaction, or ends that transaction by itself.
    Half,
    /// The table marks it as begun and not ended.
    Dirty,
}

impl Left {
    /// The same on this engine: where a change of the schema ends a transaction, no file runs in one.
    #[must_use]
    pub const fn on(self, engine: Engine) -> Self {
        match self {
            Self::RolledBack if !rolls_back_schema(engine) => Self::Half,
            left => left,
        }
    }

    /// Whether the file can be run again.
    #[must_use]
    pub const fn is_nothing(self) -> bool {
        matches!(self, Self::RolledBack | Self::NotBegun)
    }
}

/// Whether a migration's change of the schema can be part of a transaction.
#[must_use]
pub const fn rolls_back_schema(engine: Engine) -> bool {
    matches!(engine, Engine::PostgreSQL)
}

/// Who ended it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cause {
    /// The runner, past the run deadline.
    RunDeadline,
    /// The pod was told to stop.
    Stop,
    /// Nobody we know of.
    Other,
}

/// The outcome.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Judgement {
    pub outcome: Outcome,
    pub reason: &'static str,
    pub retry_safe: bool,
}

impl Judgement {
    /// `retry_safe`: another attempt can do no harm, so Slipway makes it by itself.
    #[must_use]
    pub const fn new(outcome: Outcome, reason: &'static str, retry_safe: bool) -> Self {
        Self {
            outcome,
            reason,
            retry_safe,
        }
    }
}

/// The judgement; the order of the guards: proof of success, then what makes the evidence incomplete, then the tool's own words.
#[must_use]
pub fn judge(evidence: &Evidence) -> Judgement {
    if evidence.orphan {
        return Judgement::new(Outcome::Unknown, "OutcomeUnknown", false);
    }
    if evidence.read_back == ReadBack::AtTarget {
        return Judgement::new(Outcome::Succeeded, "Succeeded", false);
    }
    if evidence.lock == Lock::Lost {
        return Judgement::new(Outcome::Unknown, "LockLost", false);
    }
    if evidence.read_back == ReadBack::Missing {
        return Judgement::new(Outcome::Unknown, "OutcomeUnknown", false);
    }
    if let ReadBack::Marked(reason) = evidence.read_back {
        return Judgement::new(Outcome::Blocked, reason, false);
    }
    match &evidence.end {
        End::Zero => Judgement::new(Outcome::Blocked, "OutcomeUnknown", false),
        End::Files => Judgement::new(Outcome::Failed, "InvalidSource", false),
        End::Unreachable => Judgement::new(Outcome::Failed, "DatabaseUnreachable", true),
        End::Locked => Judgement::new(Outcome::Failed, "LockTimeout", true),
        End::Sql(code) => judge_sql(code, evidence.transactional),
        End::Refused(code) => before_start(code),
        End::Cut(cause) => judge_cut(*cause, evidence.transactional),
    }
}

fn judge_sql(code: &str, transactional: bool) -> Judgement {
    if !transactional {
        return Judgement::new(Outcome::Blocked, "PartiallyApplied", false);
    }
    let reason = if is_cut_off(code) || code.starts_with("25006") {
        connection_reason(code)
    } else {
        "SqlError"
    };
    Judgement::new(Outcome::Failed, reason, is_passing(code))
}

fn judge_cut(cause: Cause, transactional: bool) -> Judgement {
    let reason = match cause {
        Cause::RunDeadline => "DeadlineExceeded",
        Cause::Stop | Cause::Other => "OutcomeUnknown",
    };
    if transactional {
        Judgement::new(Outcome::Failed, reason, true)
    } else {
        Judgement::new(Outcome::Blocked, "OutcomeUnknown", false)
    }
}

/// The judgement of a Check run that finds files pending after an attempt of which nobody is left to tell: another one is safe if the first
/// of them left nothing behind.
#[must_use]
pub const fn still_pending(left: Option<Left>) -> Judgement {
    let left_nothing = match left {
        Some(left) => left.is_nothing(),
        None => false,
    };
    if left_nothing {
        Judgement::new(Outcome::Failed, "OutcomeUnknown", true)
    } else {
        Judgement::new(Outcome::Blocked, "OutcomeUnknown", false)
    }
}

/// The judgement on a database that refused a statement of the runner's own, or a connection, before the tool was started.
#[must_use]
pub fn before_start(code: &str) -> Judgement {
    let passes = mysql_error::connection_reason(code).is_some();
    if passes || is_refused_connection(code) || is_passing(code) {
        Judgement::new(Outcome::Failed, connection_reason(code), true)
    } else {
        Judgement::new(Outcome::Failed, "SqlError", false)
    }
}

/// The reason for a connection that was refused or broken with this SQLSTATE.
fn connection_reason(code: &str) -> &'static str {
    if let Some(reason) = mysql_error::connection_reason(code) {
        return reason;
    }
    match code {
        "25006" => "DatabaseReadOnly",
        _ if code.starts_with("28") => "AuthenticationFailed",
        _ => "DatabaseUnreachable",
    }
}

/// Codes with which a server refuses a session before any statement of it. A statement can fail with each of them, too: `DROP DATABASE` with
/// 3D000, one that calls another server with 08001; so they prove nothing where a file was begun.
#[must_use]
pub fn is_refused_connection(code: &str) -> bool {
    code.starts_with("28") || matches!(code, "3D000" | "53300" | "57P03" | "08001" | "08004")
}

/// Codes with which a server ends a session, or lets none in for a while.
fn is_cut_off(code: &str) -> bool {
    code.starts_with("08") || matches!(code, "57P01" | "57P02" | "57P03" | "57P05")
}

/// Whether another attempt may meet another world: locks, deadlocks, serialization, a session cut off, a server short of something.
fn is_passing(code: &str) -> bool {
    is_cut_off(code)
        || code.starts_with("53")
        || matches!(code, "55P03" | "40P01" | "40001" | "25006")
}

#[cfg(test)]
pub(super) mod tests;
