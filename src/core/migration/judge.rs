//! The outcome of an attempt by its evidence (`migrations.md` 4.4). Exit codes are hints; what the tool's own table says decides. Pure.

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
    /// The database refused a statement, or the connection, with this SQLSTATE or number of MySQL's.
    Sql(String),
    /// The database let no session in, with this number of MySQL's, and no file was begun. (An SQLSTATE says so by itself.)
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
    if is_refused_connection(code) {
        return Judgement::new(Outcome::Failed, connection_reason(code), true);
    }
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

/// Codes with which a server refuses a session before any statement of it.
fn is_refused_connection(code: &str) -> bool {
    code.starts_with("28") || matches!(code, "3D000" | "53300" | "57P03" | "08001" | "08004")
}

/// Codes with which a server ends a session.
fn is_cut_off(code: &str) -> bool {
    code.starts_with("08") || matches!(code, "57P01" | "57P02" | "57P05")
}

/// Whether another attempt may meet another world: locks, deadlocks, serialization, a session cut off, a server short of something.
fn is_passing(code: &str) -> bool {
    is_cut_off(code)
        || code.starts_with("53")
        || matches!(code, "55P03" | "40P01" | "40001" | "25006")
}

#[cfg(test)]
mod tests {
    use super::{Cause, End, Evidence, Judgement, Lock, ReadBack, judge};
    use crate::core::migration::message::Outcome;

    fn all() -> Vec<Evidence> {
        let mut all = Vec::new();
        let sql = [
            "23505", "42601", "55P03", "40P01", "40001", "57P01", "53300", "28P01", "25006",
            "57014", "P0001", "1205", "1213", "1062", "1045", "1040",
        ];
        let refused = ["1045", "1040", "1049", "1290"].map(|code| End::Refused(code.to_owned()));
        let ends = sql
            .iter()
            .map(|code| End::Sql((*code).to_owned()))
            .chain([End::Zero, End::Files, End::Unreachable, End::Locked])
            .chain(refused)
            .chain([Cause::RunDeadline, Cause::Stop, Cause::Other].map(End::Cut));
        for end in ends {
            for lock in [Lock::Held, Lock::Lost] {
                for orphan in [false, true] {
                    for read_back in [
                        ReadBack::Missing,
                        ReadBack::AtTarget,
                        ReadBack::Below,
                        ReadBack::Marked("FailedMigrationRow"),
                    ] {
                        for transactional in [false, true] {
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
    fn a_retry_is_safe_only_with_whole_evidence_and_after_a_roll_back_or_before_the_first_statement()
     {
        for evidence in all()
            .into_iter()
            .filter(|evidence| judge(evidence).retry_safe)
        {
            let nothing_ran = match &evidence.end {
                End::Unreachable | End::Locked | End::Refused(_) => true,
                End::Sql(code) => code == "28P01" || code == "53300",
                _ => false,
            };
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
                of(sql("28P01"), false),
                Judgement::new(Outcome::Failed, "AuthenticationFailed", true),
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
}
