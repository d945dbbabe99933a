//! What each child needs: nothing, an apply, or to be mended first. A child that is as we sent it last is not written.

use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde_json::{Value, json};

use super::seen::Seen;
use crate::core::compare;
use crate::core::meta::{self, HASH_ANNOTATION, is_controlled_by};
use crate::core::plan::{Apply, ObjectKey, ObjectKind, Patch, Precondition, Step};

/// A live child, as far as comparing goes.
#[derive(Clone, Debug)]
pub(super) struct Live {
    uid: String,
    resource_version: String,
    body: Value,
}

impl Live {
    /// Of a cached object.
    pub(super) fn of<K: Resource + Serialize>(object: &K) -> Self {
        Self {
            uid: object.uid().unwrap_or_default(),
            resource_version: object.resource_version().unwrap_or_default(),
            body: serde_json::to_value(object).unwrap_or(Value::Null),
        }
    }
}

/// Why a child is written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Cause {
    /// It is not there.
    Missing,
    /// We want it otherwise than we sent it last.
    Wanted,
    /// Somebody changed fields of ours; their paths.
    Drift(Vec<String>),
}

/// How sure the apply must be of what it changes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Care {
    /// The same object, at any version.
    SameObject,
    /// The very version that was compared: a late write must not bring an old template back.
    SameVersion,
}

/// The step that a child needs, and why; `None` when it is in place.
pub(super) fn step(
    kind: ObjectKind,
    wanted: Value,
    live: Option<&Live>,
    care: Care,
) -> Option<(Step, Cause)> {
    let key = key_of_body(kind, &wanted);
    let Some(live) = live else {
        return Some((
            Step::Apply(Apply {
                key,
                body: wanted,
                precondition: Precondition::Absent,
            }),
            Cause::Missing,
        ));
    };
    let differences = compare::differences(&wanted, &live.body);
    let sent_last = meta::hash_of(&live.body) == meta::hash_of(&wanted);
    if sent_last && differences.is_empty() {
        return None;
    }
    if sent_last && compare::apply_is_refused(&wanted, &live.body) {
        return Some((mend(key, &wanted, live), Cause::Drift(differences)));
    }
    let precondition = match care {
        Care::SameObject => Precondition::Uid(live.uid.clone()),
        Care::SameVersion => Precondition::Exactly {
            uid: live.uid.clone(),
            resource_version: live.resource_version.clone(),
        },
    };
    let cause = if sent_last {
        Cause::Drift(differences)
    } else {
        Cause::Wanted
    };
    Some((
        Step::Apply(Apply {
            key,
            body: wanted,
            precondition,
        }),
        cause,
    ))
}

/// Puts ours in the place of what the server would refuse beside it, and takes our hash off, so that the next look applies.
fn mend(key: ObjectKey, wanted: &Value, live: &Live) -> Step {
    let mut body = compare::merge_patch(&live.body, &compare::mended(wanted, &live.body));
    if let Some(members) = body.as_object_mut() {
        let metadata = members.entry("metadata").or_insert_with(|| json!({}));
        if let Some(metadata) = metadata.as_object_mut() {
            let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
            if let Some(annotations) = annotations.as_object_mut() {
                annotations.insert(HASH_ANNOTATION.to_owned(), Value::Null);
            }
        }
    }
    Step::Patch(Patch {
        key,
        uid: live.uid.clone(),
        resource_version: live.resource_version.clone(),
        body,
    })
}

/// Key of an object from its body.
pub(super) fn key_of_body(kind: ObjectKind, body: &Value) -> ObjectKey {
    let text = |field: &str| {
        let metadata = body
            .get("metadata")
            .and_then(|metadata| metadata.get(field));
        metadata
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    ObjectKey {
        kind,
        namespace: text("namespace"),
        name: text("name"),
    }
}

/// Whose a live object is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Whose {
    Ours,
    /// Of a deleted Backend of the same name: the garbage collector will take it.
    Leftover,
    Foreign,
}

/// Whose an object under a child's name is.
pub(super) fn whose<K: Resource>(seen: &Seen, object: &K) -> Whose {
    if is_controlled_by(object, &seen.uid()) {
        return Whose::Ours;
    }
    let name = seen.name();
    let of_predecessor = object.owner_references().iter().any(|owner| {
        owner.controller == Some(true) && owner.kind == "Backend" && owner.name == name
    });
    if of_predecessor {
        Whose::Leftover
    } else {
        Whose::Foreign
    }
}
