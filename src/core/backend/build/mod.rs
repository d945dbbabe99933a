//! The Kubernetes objects of a Backend, one file each. Every builder is total: what could fail has failed in `resolve`. Bodies hold only what
//! we mean to own, spelled as the API server gives it back, so that comparing them with what is there finds real differences only.

mod container;
pub mod controller_revision;
pub mod deployment;
mod environment;
pub mod headless_service;
pub mod migration;
pub mod pod_template;
mod probe;
mod security;
pub mod service;
pub mod service_account;
mod volumes;

use serde_json::{Map, Value, json};

pub(super) use self::container::APP;
pub(super) use self::environment::SLIPWAY_VARIABLES;
use super::seen::Seen;
use crate::core::meta::{BACKEND_LABEL, MANAGED_BY, MANAGER, controller_reference, with_hash};
use crate::core::plan::ObjectKind;

/// Labels of every child.
fn labels(backend: &str) -> Value {
    json!({MANAGED_BY: MANAGER, BACKEND_LABEL: backend})
}

/// The one label that finds the pods, for ever: a Deployment's selector cannot change.
fn selector(backend: &str) -> Value {
    json!({BACKEND_LABEL: backend})
}

/// The selector as `status.selector` spells it.
#[must_use]
pub fn selector_text(backend: &str) -> String {
    format!("{BACKEND_LABEL}={backend}")
}

/// A child: metadata with labels, owner and hash, and the given rest of the body.
fn child(
    seen: &Seen,
    kind: ObjectKind,
    name: &str,
    annotations: Map<String, Value>,
    rest: Value,
) -> Value {
    let mut body = json!({
        "apiVersion": kind.api_version(),
        "kind": kind.kind(),
        "metadata": {
            "name": name,
            "namespace": seen.namespace(),
            "labels": labels(&seen.name()),
            "annotations": Value::Object(annotations),
            "ownerReferences": [controller_reference(seen.backend.as_ref())],
        },
    });
    if let (Some(members), Value::Object(rest)) = (body.as_object_mut(), rest) {
        members.extend(rest);
    }
    with_hash(body)
}

/// Puts `value` under `key` unless it is empty: the server leaves empty values out.
fn put(members: &mut Map<String, Value>, key: &str, value: Value) {
    let empty = match &value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(inner) => inner.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    if !empty {
        members.insert(key.to_owned(), value);
    }
}
