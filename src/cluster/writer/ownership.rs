//! Whether an object that is met in the way is ours: by the uid of its owner, never by its name.

use serde_json::{Value, json};

use super::Root;
use super::request::text;
use crate::core::compare;
use crate::core::meta::{HASH_ANNOTATION, MIGRATION_LABEL};
use crate::core::plan::{ObjectKey, ObjectKind, Stop};

/// Whether an object that a POST met is the one that the POST wanted: owned by whom the body names, else by the root.
pub(super) fn adopt(
    key: &ObjectKey,
    existing: Value,
    wanted: &Value,
    hash: &str,
    root: &Root,
) -> Result<Value, Stop> {
    let ours = if key.kind == ObjectKind::Job {
        // A migration Job has no owner until its outcome is recorded; its label says whose it is.
        let label = format!("/metadata/labels/{}", MIGRATION_LABEL.replace('/', "~1"));
        text(&existing, &label) == text(wanted, &label)
            && !text(wanted, &label).is_empty()
            && (controllers(&existing).next().is_none() || is_controlled_by(&existing, &root.uid))
    } else {
        let owner = controllers(wanted).next();
        is_controlled_by(
            &existing,
            owner.map_or(&root.uid, |owner| text(owner, "/uid")),
        )
    };
    let annotation = format!(
        "/metadata/annotations/{}",
        HASH_ANNOTATION.replace('/', "~1")
    );
    match (ours, text(&existing, &annotation) == hash) {
        (true, true) => Ok(existing),
        (true, false) => Err(Stop::ReadAgain { key: key.clone() }),
        (false, _) => Err(Stop::NameConflict { key: key.clone() }),
    }
}

fn controllers(object: &Value) -> impl Iterator<Item = &Value> {
    let owners = object
        .pointer("/metadata/ownerReferences")
        .and_then(Value::as_array);
    owners
        .into_iter()
        .flatten()
        .filter(|owner| owner.get("controller") == Some(&Value::Bool(true)))
}

pub(super) fn is_controlled_by(object: &Value, uid: &str) -> bool {
    controllers(object).any(|owner| text(owner, "/uid") == uid)
}

/// The merge patch that puts the labels of `wanted` on an object that lacks one: the watches find what is ours by them.
pub(super) fn missing_labels(existing: &Value, wanted: &Value) -> Option<Value> {
    let labels = wanted.pointer("/metadata/labels")?;
    let wanted = json!({"metadata": {"labels": labels}});
    let is_missing = !compare::differences(&wanted, existing).is_empty();
    is_missing.then_some(wanted)
}
