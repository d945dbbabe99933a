//! How a Backend stands and what that is about: the value that the questions of `standing` answer with.

use jiff::Timestamp;

use crate::core::conditions::Standing;

/// How it stands, what the message is about, and when that changes by itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Assessment {
    pub standing: Standing,
    /// Name of the object that the message is about; empty: the Backend itself.
    pub subject: String,
    /// When waiting turns into Stalled.
    pub until: Option<Timestamp>,
}

impl Assessment {
    /// Of the Backend itself.
    pub(super) const fn plain(standing: Standing) -> Self {
        Self {
            standing,
            subject: String::new(),
            until: None,
        }
    }

    /// Of another object, by its name.
    pub(super) fn about(subject: &str, standing: Standing) -> Self {
        Self {
            standing,
            subject: subject.to_owned(),
            until: None,
        }
    }

    /// The same, to be looked at again then.
    pub(super) fn until(self, until: Timestamp) -> Self {
        Self {
            until: Some(until),
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
