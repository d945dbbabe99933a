//! The verdict on a finished Job: what goes into the ledger. Made from evidence only: the runner's message where there is one, else what
//! Kubernetes is sure of. What is not known is Unknown, and a Check run reads the database.

use crate::api::database::{
    ListedFinding, MOST_LISTED, MOST_WARNINGS, PendingList, TakenForApplied,
};
use crate::core::migration::findings::Finding;
use crate::core::migration::message::{Message, Outcome, clean};
use crate::core::run::sqlstate;

/// How an attempt ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    Succeeded,
    Skipped,
    Failed {
        retry_safe: bool,
    },
    Blocked,
    Unknown,
    /// Nothing was run: files are pending and wait for an approval, or could not be listed.
    Listed,
}

/// Why a look at the database may fail now and not later; `OutcomeUnknown`: the one who looked was killed.
const PASSING: [&str; 8] = [
    "AuthenticationFailed",
    "DatabaseReadOnly",
    "DatabaseUnreachable",
    "LockLost",
    "LockTimeout",
    "NodeLost",
    "OutcomeUnknown",
    "PodCannotStart",
];

/// The runner's word for "what is pending is not what was approved; nothing was done".
pub const PLAN_CHANGED: &str = "PlanChanged";

/// The runner's word for "the ConfigMap holds other files than were planned; nothing was done".
pub const SOURCE_CHANGED: &str = "SourceChanged";

/// Longest word or sentence of a list in the ledger, bytes.
const LISTED_BYTES: usize = 200;

/// Longest warning in the ledger, bytes.
const WARNING_BYTES: usize = 300;

/// What the ledger is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verdict {
    pub end: End,
    pub reason: String,
    /// The cause as a person reads it; no next command, that follows from the state.
    pub message: Option<String>,
    /// A pod that could not start and a database that could not be reached cost no attempt.
    pub spends_attempt: bool,
    /// Whether there was no table in the database before.
    pub found_empty: bool,
    pub before: Option<String>,
    pub after: Option<String>,
    pub files_top: Option<String>,
    pub files_digest: Option<String>,
    pub file_count: Option<i64>,
    /// With a mark in the tool's own table: the version before the marked file.
    pub last_good: Option<String>,
    pub taken_for_applied: Option<TakenForApplied>,
    pub pending: Option<i64>,
    /// What is pending, where a runner has listed it.
    pub list: Option<PendingList>,
    /// Files that the attempt applied, by what its runner read back.
    pub applied: i64,
    /// How long the runner waited for the lock in the database, milliseconds.
    pub lock_milliseconds: Option<i64>,
    /// How long the tool ran, milliseconds.
    pub tool_milliseconds: Option<i64>,
    /// What a person should know besides.
    pub warnings: Vec<String>,
}

impl Verdict {
    /// A verdict that comes from no message.
    #[must_use]
    pub fn without_message(end: End, reason: &str, message: Option<String>) -> Self {
        Self {
            end,
            reason: reason.to_owned(),
            message,
            spends_attempt: true,
            found_empty: false,
            before: None,
            after: None,
            files_top: None,
            files_digest: None,
            file_count: None,
            last_good: None,
            taken_for_applied: None,
            pending: None,
            list: None,
            applied: 0,
            lock_milliseconds: None,
            tool_milliseconds: None,
            warnings: Vec::new(),
        }
    }

    /// What the runner found out.
    #[must_use]
    pub fn from_message(message: &Message) -> Self {
        Self {
            end: match message.outcome {
                _ if message.reason == PLAN_CHANGED => End::Listed,
                Outcome::Succeeded => End::Succeeded,
                Outcome::Skipped => End::Skipped,
                _ if message.reason == "DatabaseUnreachable" => End::Failed { retry_safe: true },
                Outcome::Failed => End::Failed {
                    retry_safe: message.retry_safe,
                },
                Outcome::Blocked => End::Blocked,
                Outcome::Unknown => End::Unknown,
            },
            reason: message.reason.clone(),
            message: cause(message),
            spends_attempt: message.reason != PLAN_CHANGED,
            found_empty: message.found_empty == Some(true),
            before: message.before.clone(),
            after: message.after.clone(),
            files_top: message.files_top.clone(),
            files_digest: message.files_digest.clone(),
            file_count: Some(message.file_count),
            last_good: message.last_good.clone(),
            taken_for_applied: message.taken_for_applied.clone(),
            pending: Some(message.pending_total.saturating_sub(message.applied).max(0)),
            list: list(message),
            applied: message.applied,
            lock_milliseconds: (message.lock_ms > 0).then_some(message.lock_ms),
            tool_milliseconds: message.started.then_some(message.tool_ms),
            warnings: message
                .warnings
                .iter()
                .take(MOST_WARNINGS)
                .map(|text| clean(text, WARNING_BYTES))
                .collect(),
        }
    }

    /// The same of a Check run, which only looks. What it found counts. That it could not look says nothing of the attempt before it:
    /// that stays unknown and is looked at again where another look may get further, else a person must look.
    #[must_use]
    pub fn of_check(self) -> Self {
        let found = match self.end {
            End::Succeeded | End::Skipped | End::Blocked => true,
            // The runner's word for "files are pending, and none of them can be half applied".
            End::Failed { retry_safe } => retry_safe && self.reason == "OutcomeUnknown",
            End::Unknown | End::Listed => false,
        };
        let (end, reason) = if found {
            (self.end, self.reason.clone())
        } else if PASSING.contains(&self.reason.as_str()) {
            (End::Unknown, self.reason.clone())
        } else {
            (End::Blocked, "OutcomeUnknown".to_owned())
        };
        Self {
            end,
            reason,
            spends_attempt: false,
            ..self
        }
    }

    /// The same of a Check run that lists what is pending, when nothing of the plan is known to have run. What keeps it from looking may
    /// pass, and then it looks again; nothing was run in any case.
    #[must_use]
    pub fn of_list(self) -> Self {
        let (end, reason) = match self.end {
            End::Succeeded | End::Skipped => (self.end, self.reason.clone()),
            _ if self.list.is_some() => (End::Listed, "AwaitingApproval".to_owned()),
            End::Blocked => (End::Blocked, self.reason.clone()),
            _ if PASSING.contains(&self.reason.as_str()) || self.reason == SOURCE_CHANGED => {
                (End::Listed, self.reason.clone())
            }
            _ => (End::Failed { retry_safe: false }, self.reason.clone()),
        };
        Self {
            end,
            reason,
            spends_attempt: false,
            ..self
        }
    }

    /// Whether the database itself shows nothing of the trouble, so that no later look can clear the mark.
    #[must_use]
    pub fn only_the_ledger_knows(&self) -> bool {
        matches!(self.reason.as_str(), "PartiallyApplied" | "OutcomeUnknown")
    }
}

/// What the runner listed, bounded for the ledger.
fn list(message: &Message) -> Option<PendingList> {
    let finding = |finding: &Finding| ListedFinding {
        file: clean(&finding.file, LISTED_BYTES),
        line: finding.line,
        code: clean(&finding.code, LISTED_BYTES),
        why: clean(&finding.why, LISTED_BYTES),
    };
    let files = message.pending_files.iter().take(MOST_LISTED);
    Some(PendingList {
        digest: message.pending_digest.clone()?,
        files: files.map(|name| clean(name, LISTED_BYTES)).collect(),
        total: message.pending_total,
        findings: message
            .findings
            .iter()
            .take(MOST_LISTED)
            .map(finding)
            .collect(),
        findings_total: message.findings_total,
    })
}

/// `00008_unique_email.sql:3 SQLSTATE 23505 unique_violation on users_email_key`: never the server's free text, which may quote a row.
fn cause(message: &Message) -> Option<String> {
    let error = message.error.as_ref()?;
    let mut parts = Vec::new();
    if let Some(file) = &error.file {
        parts.push(
            error
                .line
                .map_or_else(|| file.clone(), |line| format!("{file}:{line}")),
        );
    }
    if let Some(code) = &error.code {
        parts.push(sqlstate::described(code));
    }
    if let Some(object) = &error.object {
        parts.push(format!("on {object}"));
    }
    if error.code.is_none() && !error.text.is_empty() {
        parts.push(error.text.clone());
    }
    (!parts.is_empty()).then(|| parts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::{End, Message, SOURCE_CHANGED, Verdict};

    /// A message comes from a pod, so nothing of it is without bounds.
    #[test]
    fn what_a_runner_warned_of_reaches_the_ledger_within_bounds() {
        let message = Message {
            warnings: vec![
                "é".repeat(400),
                "b\n".to_owned(),
                "c".to_owned(),
                "d".to_owned(),
            ],
            ..Message::default()
        };
        assert_eq!(
            Verdict::from_message(&message).warnings,
            ["é".repeat(150), "b".to_owned(), "c".to_owned()]
        );
    }

    /// migrations.md 4.1: only what was read of the database makes an unknown attempt known.
    #[test]
    fn a_check_run_that_could_not_look_leaves_the_attempt_unknown() {
        let of = |end, reason: &str| {
            let verdict = Verdict::without_message(end, reason, None).of_check();
            (verdict.end, verdict.reason, verdict.spends_attempt)
        };
        let failed = |retry_safe| End::Failed { retry_safe };
        let kept = |end, reason: &str| (end, reason.to_owned(), false);
        let rows = [
            (
                of(failed(true), "PodCannotStart"),
                kept(End::Unknown, "PodCannotStart"),
            ),
            (
                of(failed(true), "DatabaseUnreachable"),
                kept(End::Unknown, "DatabaseUnreachable"),
            ),
            (
                of(End::Unknown, "OutcomeUnknown"),
                kept(End::Unknown, "OutcomeUnknown"),
            ),
            (of(End::Unknown, "NodeLost"), kept(End::Unknown, "NodeLost")),
            (
                of(failed(true), "OutcomeUnknown"),
                kept(failed(true), "OutcomeUnknown"),
            ),
            (
                of(End::Succeeded, "NoPendingMigrations"),
                kept(End::Succeeded, "NoPendingMigrations"),
            ),
            (
                of(End::Blocked, "OutOfOrder"),
                kept(End::Blocked, "OutOfOrder"),
            ),
            (
                of(failed(false), "SqlError"),
                kept(End::Blocked, "OutcomeUnknown"),
            ),
            (
                of(End::Unknown, "NoMigrationFiles"),
                kept(End::Blocked, "OutcomeUnknown"),
            ),
            // The files by which the attempt could be judged are no more.
            (
                of(End::Unknown, SOURCE_CHANGED),
                kept(End::Blocked, "OutcomeUnknown"),
            ),
        ];
        for (got, wanted) in rows {
            assert_eq!(got, wanted);
        }
    }

    /// migrations.md case 43: the ConfigMap may be put back, and if not it is another plan that is listed.
    #[test]
    fn a_list_for_an_approval_is_made_again_where_the_files_were_not_the_planned_ones() {
        let of = |reason: &str| {
            let failed = End::Failed { retry_safe: true };
            Verdict::without_message(failed, reason, None).of_list().end
        };
        assert_eq!(
            [of(SOURCE_CHANGED), of("InvalidSource")],
            [End::Listed, End::Failed { retry_safe: false }]
        );
    }
}
