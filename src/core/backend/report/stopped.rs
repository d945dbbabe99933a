//! What stopped the plan, or keeps it from being begun: refusals of the API server, and names that other objects have.

use super::super::children::Whose;
use super::super::resolve::MOVE_IT;
use super::super::seen::Seen;
use super::assessment::{Assessment, stalled, working};
use super::messages::foreign;
use crate::core::plan::{ObjectKey, Stop};

/// What to do about a stop; `None`: it passes by itself.
pub(super) fn stopped(seen: &Seen, stop: &Stop) -> Option<Assessment> {
    match stop {
        Stop::NameConflict { key } => Some(taken(seen, key, Whose::Foreign)),
        Stop::Forbidden { key, verb, message } => {
            let kind = key.kind.plural();
            let namespace = seen.namespace();
            let text = format!(
                "Slipway may not {verb} {kind} in namespace {namespace}: {}. Next: give the operator's ServiceAccount that right again, as config/rbac has it",
                foreign(message)
            );
            Some(Assessment::about(&key.name, stalled("Forbidden", text)))
        }
        Stop::QuotaExceeded { key, message } => {
            let text = format!(
                "{} is refused: {}. Next: kubectl describe quota -n {}",
                named(key),
                foreign(message),
                seen.namespace()
            );
            Some(Assessment::about(&key.name, working("QuotaExceeded", text)))
        }
        Stop::Refused { key, message } => {
            let text = format!(
                "the API server refuses {}: {}. Next: change the field of the Backend that it names",
                named(key),
                foreign(message)
            );
            Some(Assessment::about(&key.name, stalled("InvalidSpec", text)))
        }
        Stop::TooLarge { key, too_large } => {
            let text = format!(
                "{} would be {too_large}; nothing of it was sent. Next: {}",
                named(key),
                MOVE_IT
            );
            Some(Assessment::about(&key.name, stalled("InvalidSpec", text)))
        }
        Stop::ReadAgain { .. }
        | Stop::NamespaceTerminating { .. }
        | Stop::Unavailable { .. }
        | Stop::NotLeader => None,
    }
}

/// A child's name is that of an object of somebody else, or of a deleted Backend.
pub(super) fn taken(seen: &Seen, key: &ObjectKey, whose: Whose) -> Assessment {
    let object = named(key);
    let standing = if whose == Whose::Leftover {
        let text = format!(
            "{object} of a deleted Backend of this name is still there; waits until it is gone"
        );
        working("Pending", text)
    } else {
        let namespace = seen.namespace();
        let text = format!(
            "{object} is not Slipway's and stays untouched. Next: rename the Backend; or, if nobody needs it: kubectl delete {object} -n {namespace}"
        );
        stalled("NameConflict", text)
    };
    Assessment::about(&key.name, standing)
}

fn named(key: &ObjectKey) -> String {
    format!("{} {}", key.kind.kind().to_lowercase(), key.name)
}
