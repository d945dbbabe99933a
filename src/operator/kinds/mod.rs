//! One thin file per kind: what it reads from the caches, which change wakes it. Nothing here decides; that is core's.

use jiff::Timestamp;
use serde_json::json;

use crate::cluster::cache::Undecodable;
use crate::core::conditions::{self, Standing};
use crate::core::plan::Report;

pub mod backend;
pub mod database;
pub mod migration;
pub mod run;

/// What an object that does not decode is told: only its own status, nothing is done for it. The old status is not readable either, so the
/// conditions carry the time of the object's creation: the same look gives the same status.
fn undecodable_report(root: &Undecodable, now: Timestamp) -> Report {
    let since = root
        .metadata
        .creation_timestamp
        .as_ref()
        .map_or(now, |time| time.0);
    let generation = root.metadata.generation.unwrap_or_default();
    let standing = Standing::Stalled {
        reason: "InvalidSpec".to_owned(),
        message: format!(
            "the object cannot be read: {}. Correct it and apply it again",
            root.error
        ),
    };
    let conditions = conditions::settle(&[], standing.drafts(), generation, since);
    Report {
        status: Some(json!({"observedGeneration": generation, "conditions": conditions})),
        events: Vec::new(),
    }
}
