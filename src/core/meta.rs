//! Names, labels, annotations and owners that all objects of Slipway share.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Resource, ResourceExt};
use serde_json::{Value, json};

use super::hash;

/// Field manager of every apply, and the value of [`MANAGED_BY`].
pub const MANAGER: &str = "slipway";

/// On everything that Slipway owns; the watches filter by it.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// Label on a Backend's children and pods, value: the Backend's name. The one selector of Deployment and Service, for ever.
pub const BACKEND_LABEL: &str = "slipway.dev/backend";

/// Label on a Backend's pods, and annotation on its Deployment, value: the number of the release.
pub const RELEASE_LABEL: &str = "slipway.dev/release";

/// Label on migration Jobs and pods, value: uid of the Migration.
pub const MIGRATION_LABEL: &str = "slipway.dev/migration";

/// Label on migration Jobs, value: hash of the database's identity (engine, host, port, name).
pub const DATABASE_LABEL: &str = "slipway.dev/database-identity";

/// Label on migration Jobs, value: the plan key.
pub const PLAN_KEY_LABEL: &str = "slipway.dev/plan-key";

/// Annotation: hash of what we last sent of this object.
pub const HASH_ANNOTATION: &str = "slipway.dev/hash";

/// Annotation on a Job and its pod: set when it is armed. The runner refuses to work without it.
pub const ARMED_ANNOTATION: &str = "slipway.dev/armed";

/// Annotation on a Job that is not yet armed: the leader's term that touched it last. A change of it makes an older leader's arm fail (409).
pub const LEADER_ANNOTATION: &str = "slipway.dev/leader";

/// Annotation on a migration Job whose pod did not start in time: why, as JSON.
pub const START_TROUBLE_ANNOTATION: &str = "slipway.dev/start-trouble";

/// Annotation that a person sets on a Migration to try again; any new value.
pub const RETRY_ANNOTATION: &str = "slipway.dev/retry";

/// Annotation that a person sets on a Migration to let its pending files run; its value names them.
pub const APPROVE_ANNOTATION: &str = "slipway.dev/approve";

/// Annotation: `true` stops every write to the children of a Backend, for work by hand.
pub const PAUSED_ANNOTATION: &str = "slipway.dev/paused";

/// Finalizer on a migration Job until its outcome is in the ledger.
pub const OUTCOME_FINALIZER: &str = "slipway.dev/outcome";

/// Finalizer on a Database while a migration holds it: whoever deletes it then waits for the outcome.
pub const HELD_FINALIZER: &str = "slipway.dev/held";

/// What of the metadata a cache needs of an object of which little else is kept: its name, its identity, and whether it is being deleted.
#[must_use]
pub fn slim(metadata: ObjectMeta) -> ObjectMeta {
    ObjectMeta {
        name: metadata.name,
        namespace: metadata.namespace,
        uid: metadata.uid,
        resource_version: metadata.resource_version,
        deletion_timestamp: metadata.deletion_timestamp,
        ..ObjectMeta::default()
    }
}

/// The ownerReference of a controller: what has another one, or none, is foreign.
#[must_use]
pub fn controller_reference<K: Resource<DynamicType = ()>>(owner: &K) -> Value {
    json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "name": owner.name_any(),
        "uid": owner.uid().unwrap_or_default(),
        "controller": true,
        "blockOwnerDeletion": true,
    })
}

/// Whether `object` is controlled by the owner with this uid.
#[must_use]
pub fn is_controlled_by<K: Resource>(object: &K, owner_uid: &str) -> bool {
    object
        .owner_references()
        .iter()
        .any(|owner| owner.controller == Some(true) && owner.uid == owner_uid)
}

/// Whether this finalizer is on the object.
#[must_use]
pub fn has_finalizer<K: Resource>(object: &K, finalizer: &str) -> bool {
    object.finalizers().iter().any(|one| one == finalizer)
}

/// All finalizers of the object but this one: others have theirs, as a foreground deletion has.
#[must_use]
pub fn finalizers_without<'a, K: Resource>(object: &'a K, finalizer: &str) -> Vec<&'a str> {
    let all = object.finalizers().iter().map(String::as_str);
    all.filter(|one| *one != finalizer).collect()
}

/// The body with its own hash as one more annotation: what says, without comparing, that another body was sent last. A body without
/// `metadata.annotations` stays as it is.
#[must_use]
pub fn with_hash(mut body: Value) -> Value {
    let hash = hash::of_value(&body);
    let annotations = body.pointer_mut("/metadata/annotations");
    if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
        annotations.insert(HASH_ANNOTATION.to_owned(), Value::String(hash));
    }
    body
}

/// The hash that a body carries in its annotation [`HASH_ANNOTATION`]; empty where there is none.
#[must_use]
pub fn hash_of(body: &Value) -> String {
    body.get("metadata")
        .and_then(|metadata| metadata.get("annotations"))
        .and_then(|annotations| annotations.get(HASH_ANNOTATION))
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}
