//! The conditions that all kinds share, and the one rule how they change: all are there from the first visit, in order, each with
//! its observedGeneration; lastTransitionTime moves only with status.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// Type of a condition, of every kind: what the spec asks for is there and works. Their order in a status is that of this list.
pub const READY: &str = "Ready";

/// Of every kind: it is being worked on, or waits for something that may come by itself.
pub const RECONCILING: &str = "Reconciling";

/// Of every kind: a person must act.
pub const STALLED: &str = "Stalled";

/// Of a Backend: enough pods serve, of the new release or of the last one.
pub const AVAILABLE: &str = "Available";

/// Of a Backend: every migration of the newest plan is done.
pub const MIGRATED: &str = "Migrated";

/// Of a Backend: this Slipway would build another pod template than the one that is out.
pub const UPDATE_AVAILABLE: &str = "UpdateAvailable";

/// One condition before it has a time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Draft {
    pub type_: &'static str,
    pub status: Truth,
    pub reason: String,
    pub message: String,
}

/// A condition's status.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Truth {
    True,
    False,
    Unknown,
}

impl Truth {
    /// As the API writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// What an object is at, in kstatus' three words: the three conditions that every kind has follow from it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Standing {
    /// Ready=True.
    Ready { reason: String, message: String },
    /// Works or waits by itself: Reconciling=True.
    Working { reason: String, message: String },
    /// Needs a person: Stalled=True.
    Stalled { reason: String, message: String },
}

impl Standing {
    /// The word in the column STATUS.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Ready { reason, .. }
            | Self::Working { reason, .. }
            | Self::Stalled { reason, .. } => reason,
        }
    }

    /// What a user reads.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::Ready { message, .. }
            | Self::Working { message, .. }
            | Self::Stalled { message, .. } => message,
        }
    }

    /// Ready, Reconciling, Stalled: never two of them True.
    #[must_use]
    pub fn drafts(&self) -> Vec<Draft> {
        let (ready, reconciling, stalled) = match self {
            Self::Ready { .. } => (Truth::True, Truth::False, Truth::False),
            Self::Working { .. } => (Truth::False, Truth::True, Truth::False),
            Self::Stalled { .. } => (Truth::False, Truth::False, Truth::True),
        };
        [
            (READY, ready),
            (RECONCILING, reconciling),
            (STALLED, stalled),
        ]
        .into_iter()
        .map(|(type_, status)| Draft {
            type_,
            status,
            reason: self.reason().to_owned(),
            message: self.message().to_owned(),
        })
        .collect()
    }
}

/// The conditions to write: drafts with generation, and with the old time where the status has not moved.
#[must_use]
pub fn settle(
    old: &[Condition],
    drafts: Vec<Draft>,
    generation: i64,
    now: Timestamp,
) -> Vec<Condition> {
    drafts
        .into_iter()
        .map(|draft| {
            let since = old
                .iter()
                .find(|condition| {
                    condition.type_ == draft.type_ && condition.status == draft.status.as_str()
                })
                .map_or_else(
                    || Time(to_seconds(now)),
                    |condition| condition.last_transition_time.clone(),
                );
            Condition {
                type_: draft.type_.to_owned(),
                status: draft.status.as_str().to_owned(),
                reason: draft.reason,
                message: draft.message,
                observed_generation: Some(generation),
                last_transition_time: since,
            }
        })
        .collect()
}

/// The API keeps whole seconds: what it would cut must not look like a change.
#[must_use]
pub fn to_seconds(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}
