//! How an attempt ends before its tool was started: a value that each step may return instead of its result.

use crate::core::migration::judge::{self, Judgement};
use crate::core::migration::message::{MessageError, Outcome};
use crate::core::migration::sql_error;

use super::engines::EngineError;

/// The judgement and what to say of it.
#[derive(Clone, Debug)]
pub struct Ending {
    pub judgement: Judgement,
    /// Boxed, as each step's result would grow by it.
    pub error: Option<Box<MessageError>>,
}

impl Ending {
    /// All is well.
    pub fn done(outcome: Outcome, reason: &'static str) -> Self {
        Self {
            judgement: Judgement::new(outcome, reason, false),
            error: None,
        }
    }

    /// Nothing was changed, and another attempt may find it otherwise.
    pub fn later(reason: &'static str, class: &str, text: &str) -> Self {
        Self {
            judgement: Judgement::new(Outcome::Failed, reason, true),
            error: Some(Box::new(MessageError::plain(class, text))),
        }
    }

    /// Nothing was changed, and another attempt of the same plan would meet the same.
    pub fn failed(reason: &'static str, error: MessageError) -> Self {
        Self {
            judgement: Judgement::new(Outcome::Failed, reason, false),
            error: Some(Box::new(error)),
        }
    }

    /// A person must act.
    pub fn blocked(reason: &'static str, error: MessageError) -> Self {
        Self {
            judgement: Judgement::new(Outcome::Blocked, reason, false),
            error: Some(Box::new(error)),
        }
    }

    /// In a Check run a failure to look says nothing of what the run before it did: that stays unknown. What a look found, reason
    /// `OutcomeUnknown`, is the answer itself.
    #[must_use]
    pub fn of_check(self) -> Self {
        let Judgement {
            outcome, reason, ..
        } = self.judgement;
        if outcome == Outcome::Failed && reason != "OutcomeUnknown" {
            let judgement = Judgement::new(Outcome::Unknown, reason, false);
            return Self { judgement, ..self };
        }
        self
    }
}

impl From<EngineError> for Ending {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Refused { code, primary } => Self {
                judgement: judge::before_start(&code),
                error: Some(Box::new(MessageError {
                    text: sql_error::text(&code, &primary),
                    object: sql_error::object(&code, &primary),
                    code: Some(code),
                    ..MessageError::plain("Connection", "")
                })),
            },
            EngineError::Pooled => Self::blocked(
                "PooledEndpoint",
                MessageError::plain(
                    "Connection",
                    "the endpoint is a pooler that changes sessions between statements; name the server itself",
                ),
            ),
            EngineError::Balanced => Self::blocked(
                "PooledEndpoint",
                MessageError::plain(
                    "Connection",
                    "two connections to the endpoint led to two servers of a cluster, each with locks of its own; name one of them",
                ),
            ),
            EngineError::NoLocks(text) => {
                Self::failed("SqlError", MessageError::plain("Connection", text))
            }
            EngineError::Untrusted(text) => Self::later("DatabaseUnreachable", "Certificate", text),
            EngineError::ReadOnly => Self::later(
                "DatabaseReadOnly",
                "Connection",
                "the server is a standby or read-only",
            ),
            EngineError::Unreachable(text) => {
                Self::later("DatabaseUnreachable", "Connection", &text)
            }
        }
    }
}
