//! One object in a cache. What a tenant writes has a bound here: an object that is larger than any that Slipway works with is kept without its
//! content, so that a few hundred of them do not fill the memory of the operator.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::DeserializeGuard;
use serde::Serialize;
use tracing::warn;

use crate::core::meta::{BACKEND_LABEL, MANAGED_BY, MIGRATION_LABEL};
use crate::core::migration::message::clean;
use crate::core::plan::ObjectKind;
use crate::core::size::{self, TooLarge};

/// `kubectl apply` repeats the whole object in it. Slipway never reads it.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Longest word of the decoder that is kept, bytes: it quotes the value that it cannot read.
const LONGEST_ERROR: usize = 1000;

/// An object as it came: decoded, or only its metadata and what is wrong with the rest.
pub(super) type Item<K> = Result<Arc<K>, Arc<Undecodable>>;

/// An object of which only this is kept. Its JSON is not what its kind asks for, as it was stored under an older schema, or it is too large.
#[derive(Clone, Debug, PartialEq)]
pub struct Undecodable {
    /// What of the metadata names the object and tells whom it concerns.
    pub metadata: ObjectMeta,
    /// What the decoder says. Example: `invalid type: string "three", expected i32`.
    pub error: String,
}

/// Takes in an object without what is never read of it.
pub(super) fn item_of<K>(kind: ObjectKind, object: DeserializeGuard<K>) -> Item<K>
where
    K: Resource<DynamicType = ()> + Serialize,
{
    match object.0 {
        Ok(mut object) => {
            strip(object.meta_mut());
            match size::check(&object, size::largest_kept(kind)) {
                Ok(()) => Ok(Arc::new(object)),
                Err(too_large) => Err(Arc::new(without_content(kind, object.meta(), &too_large))),
            }
        }
        Err(invalid) => Err(Arc::new(Undecodable {
            metadata: essential(&invalid.metadata),
            error: clean(&invalid.error, LONGEST_ERROR),
        })),
    }
}

pub(super) fn metadata_of<K: Resource>(item: &Item<K>) -> &ObjectMeta {
    item.as_ref()
        .map_or_else(|undecodable| &undecodable.metadata, |object| object.meta())
}

fn strip(metadata: &mut ObjectMeta) {
    metadata.managed_fields = None;
    if let Some(annotations) = &mut metadata.annotations {
        annotations.remove(LAST_APPLIED);
    }
}

/// Of a kind with a status of Slipway's the driver tells it there; of any other only the log does.
fn without_content(kind: ObjectKind, metadata: &ObjectMeta, too_large: &TooLarge) -> Undecodable {
    let metadata = essential(metadata);
    let has_status = matches!(
        kind,
        ObjectKind::Backend | ObjectKind::Database | ObjectKind::Migration
    );
    if !has_status {
        let (namespace, name) = (metadata.namespace.as_deref(), metadata.name.as_deref());
        warn!(kind = kind.kind(), namespace, name, size = %too_large, "an object is too large; its content is not kept");
    }
    Undecodable {
        error: format!("{too_large}; move long values into a ConfigMap or Secret"),
        metadata,
    }
}

/// Its labels and annotations can be as large as the object.
fn essential(metadata: &ObjectMeta) -> ObjectMeta {
    let labels = metadata.labels.clone().map(|mut labels| {
        labels.retain(|name, _| {
            [BACKEND_LABEL, MANAGED_BY, MIGRATION_LABEL].contains(&name.as_str())
        });
        labels
    });
    ObjectMeta {
        name: metadata.name.clone(),
        namespace: metadata.namespace.clone(),
        uid: metadata.uid.clone(),
        resource_version: metadata.resource_version.clone(),
        generation: metadata.generation,
        creation_timestamp: metadata.creation_timestamp.clone(),
        deletion_timestamp: metadata.deletion_timestamp.clone(),
        owner_references: metadata.owner_references.clone(),
        labels,
        ..ObjectMeta::default()
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::core::DeserializeGuard;
    use serde_json::{Value, json};
    use similar_asserts::assert_eq;

    use super::item_of;
    use crate::core::config_map::ConfigMapDigest;
    use crate::core::plan::ObjectKind;

    fn guarded(annotations: &Value, keys: usize) -> Value {
        let data: serde_json::Map<String, Value> = (0..keys)
            .map(|number| (format!("key-{number}"), json!("")))
            .collect();
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {
                "namespace": "shop", "name": "flags", "uid": "u", "resourceVersion": "7", "annotations": annotations,
                "labels": {"a": "b"}, "managedFields": [{"manager": "kubectl"}],
            },
            "data": data,
        })
    }

    #[test]
    fn what_is_never_read_of_an_object_is_not_kept() {
        let annotations =
            json!({"kubectl.kubernetes.io/last-applied-configuration": "{}", "own": "yes"});
        let object: DeserializeGuard<ConfigMap> =
            serde_json::from_value(guarded(&annotations, 1)).expect("a ConfigMap");
        let kept = item_of(ObjectKind::ConfigMap, object).expect("it is small");
        let kept = serde_json::to_value(&kept.metadata).expect("metadata is JSON");
        assert_eq!(
            kept,
            json!({
                "namespace": "shop", "name": "flags", "uid": "u", "resourceVersion": "7", "annotations": {"own": "yes"}, "labels": {"a": "b"},
            })
        );
    }

    /// A ConfigMap of 1 MB has room for 90,000 keys, each of which costs more memory than it has letters.
    #[test]
    fn an_object_that_is_too_large_is_kept_without_its_content() {
        let object: DeserializeGuard<ConfigMapDigest> =
            serde_json::from_value(guarded(&json!({"own": "x".repeat(1000)}), 20_000))
                .expect("a ConfigMap");
        let kept = item_of(ObjectKind::ConfigMap, object).expect_err("it is too large");
        let metadata = serde_json::to_value(&kept.metadata).expect("metadata is JSON");
        assert_eq!(
            metadata,
            json!({"namespace": "shop", "name": "flags", "uid": "u", "resourceVersion": "7"})
        );
        assert!(
            kept.error
                .contains("most of them in keys, and Slipway takes at most 262144"),
            "{}",
            kept.error
        );
    }

    /// The decoder quotes the value that it cannot read.
    #[test]
    fn the_error_of_an_object_that_does_not_decode_has_a_bound() {
        let mut object = guarded(&json!({}), 0);
        object["immutable"] = "x".repeat(100_000).into();
        let object: DeserializeGuard<ConfigMap> = serde_json::from_value(object).expect("metadata");
        let kept = item_of(ObjectKind::ConfigMap, object).expect_err("it does not decode");
        assert!(kept.error.len() <= super::LONGEST_ERROR);
    }
}
