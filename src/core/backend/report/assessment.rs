//! How a Backend stands and what that is about: the value that the questions of `standing` answer with.

use jiff::Timestamp;

use super::super::seen::Seen;
use crate::api::backend::Waiting;
use crate::core::conditions::Standing;

/// How it stands, what the message is about, and when that changes by itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Assessment {
    pub standing: Standing,
    /// What the message is about: the name of an object, or a probe with its answer; empty: the Backend itself.
    pub subject: String,
    /// When that changes by itself: at the deadline, or when a failing probe has failed for long enough to be told.
    pub until: Option<Timestamp>,
    /// What is waited for with a deadline.
    pub waiting: Option<Waiting>,
}

impl Assessment {
    /// Of the Backend itself.
    pub(super) const fn plain(standing: Standing) -> Self {
        Self {
            standing,
            subject: String::new(),
            until: None,
            waiting: None,
        }
    }

    /// Of another object, by its name.
    pub(super) fn about(subject: &str, standing: Standing) -> Self {
        Self {
            standing,
            subject: subject.to_owned(),
            until: None,
            waiting: None,
        }
    }

    /// The same, to be looked at again then.
    pub(super) fn until(self, until: Timestamp) -> Self {
        Self {
            until: Some(until),
            ..self
        }
    }

    /// The same; this is waited for.
    pub(super) fn waiting_for(self, waiting: Waiting) -> Self {
        Self {
            waiting: Some(waiting),
            ..self
        }
    }

    /// The same; what was waited for is waited for still, as nothing was learned of it. A new spec may ask for something else.
    pub(super) fn waiting_still(self, seen: &Seen) -> Self {
        let status = seen.backend.status.as_ref();
        let same_spec =
            status.filter(|status| status.observed_generation == Some(seen.generation()));
        Self {
            waiting: same_spec.and_then(|status| status.waiting.clone()),
            ..self
        }
    }
}

/// It gets on, or waits for something that may come by itself.
pub(super) fn working(reason: &str, message: String) -> Standing {
    Standing::Working {
        reason: reason.to_owned(),
        message,
    }
}

/// A person must act.
pub(super) fn stalled(reason: &str, message: String) -> Standing {
    Standing::Stalled {
        reason: reason.to_owned(),
        message,
    }
}
