//! The conditions that all kinds share, and the one rule how they change: all are there from the first visit, in order, each with
//! its observedGeneration; lastTransitionTime moves only with status.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use serde_json::{Value, json};

use super::size::{LONGEST_MESSAGE, TooLarge, cut_at};

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
                message: bounded(draft.message),
                observed_generation: Some(generation),
                last_transition_time: since,
            }
        })
        .collect()
}

/// What stands in place of a status that is too large to be sent, as a merge patch: the conditions of all kinds say so, and the rest of the status
/// stays. `old` is the status that is there. `None`: it says so already.
#[must_use]
pub fn instead_of(
    status: &Value,
    too_large: &TooLarge,
    old: Option<&Value>,
    now: Timestamp,
) -> Option<Value> {
    let there = |field: &str| old.and_then(|old| old.get(field)).cloned();
    let before: Vec<Condition> = there("conditions")
        .and_then(|conditions| serde_json::from_value(conditions).ok())
        .unwrap_or_default();
    let generation = status
        .get("observedGeneration")
        .and_then(Value::as_i64)
        .unwrap_or_default();
    let standing = Standing::Stalled {
        reason: "InvalidSpec".to_owned(),
        message: format!(
            "the status would be {too_large}; it is not written. Next: make the spec smaller"
        ),
    };
    let mut conditions = settle(&before, standing.drafts(), generation, now);
    let is_other =
        |condition: &Condition| ![READY, RECONCILING, STALLED].contains(&condition.type_.as_str());
    conditions.extend(before.into_iter().filter(is_other));
    let conditions = json!(conditions);
    let is_there = there("conditions").as_ref() == Some(&conditions)
        && there("observedGeneration") == Some(generation.into());
    (!is_there).then(|| json!({"observedGeneration": generation, "conditions": conditions}))
}

/// A message without an end is cut: what it is made of comes from specs, pods and the API server.
fn bounded(mut message: String) -> String {
    if message.len() > LONGEST_MESSAGE {
        message.truncate(cut_at(&message, LONGEST_MESSAGE - "...".len()).len());
        message.push_str("...");
    }
    message
}

/// The API keeps whole seconds: what it would cut must not look like a change.
#[must_use]
pub fn to_seconds(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::{Value, json};
    use similar_asserts::assert_eq;

    use super::{Draft, READY, Truth, instead_of, settle};
    use crate::core::size::{self, LARGEST, LONGEST_MESSAGE, TooLarge};

    /// I-45.
    #[test]
    fn a_message_without_an_end_is_cut_between_characters() {
        let draft = Draft {
            type_: READY,
            status: Truth::False,
            reason: "InvalidSpec".to_owned(),
            message: "é".repeat(LONGEST_MESSAGE),
        };
        let settled = settle(&[], vec![draft], 1, Timestamp::UNIX_EPOCH);
        let message = settled.first().map(|condition| condition.message.clone());
        let message = message.expect("one condition");
        assert!(message.len() <= LONGEST_MESSAGE && message.ends_with("é..."));
    }

    /// I-45: the rest of the status that is there stays, as a release number and a plan key must.
    #[test]
    fn a_status_that_is_too_large_is_told_once_by_a_small_one() {
        let status = json!({"observedGeneration": 3, "problems": "x".repeat(LARGEST)});
        let too_large = size::check(&status, LARGEST).expect_err("it is too large");
        let now = Timestamp::UNIX_EPOCH;
        let condition = |type_: &str,
                         status: &str,
                         reason: &str,
                         message: &str,
                         generation: i64| {
            json!({
                "type": type_, "status": status, "reason": reason, "message": message, "observedGeneration": generation,
                "lastTransitionTime": "1970-01-01T00:00:00Z",
            })
        };
        let available = condition("Available", "True", "PodsServe", "enough", 2);
        let old = json!({"conditions": [available], "release": {"revision": 7}});
        let told = instead_of(&status, &too_large, Some(&old), now).expect("it is news");
        let message = "the status would be 65574 bytes of JSON, most of them in problems, and Slipway takes at most 65536; it is not written. Next: make the spec smaller";
        let of = |type_: &str, status: &str| condition(type_, status, "InvalidSpec", message, 3);
        assert_eq!(
            told,
            json!({
                "observedGeneration": 3,
                "conditions": [of("Ready", "False"), of("Reconciling", "False"), of("Stalled", "True"), available],
            })
        );
        let later = Timestamp::from_second(60).expect("a moment");
        let again =
            |too_large: &TooLarge, old: &Value| instead_of(&status, too_large, Some(old), later);
        assert_eq!(again(&too_large, &told), None);
    }
}
