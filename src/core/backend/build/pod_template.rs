//! The pod template: what a release is. Everything in it reaches the pods, so every change of it is a restart.

use serde_json::{Map, Value, json};

use super::super::resolved::{Account, Bound, ResolvedBackend};
use super::super::seen::Seen;
use super::{container, labels, put, security, selector, volumes};
use crate::core::meta::RELEASE_LABEL;

/// Annotation: hash of the ConfigMap keys that the pods use. A change of it is what restarts them.
const CONFIG_ANNOTATION: &str = "slipway.dev/config-hash";

/// Annotation that only a builder with a salt sets (feature `faults`): plays a newer Slipway that builds otherwise.
const SALT_ANNOTATION: &str = "slipway.dev/builder-salt";

/// The template of release number `revision`.
#[must_use]
pub fn pod_template(seen: &Seen, backend: &ResolvedBackend, bound: &Bound, revision: i64) -> Value {
    let mut metadata = Map::new();
    let mut pod_labels = labels(&seen.name());
    if let Some(members) = pod_labels.as_object_mut() {
        members.insert(RELEASE_LABEL.to_owned(), json!(revision.to_string()));
    }
    put(&mut metadata, "labels", pod_labels);
    put(&mut metadata, "annotations", annotations(seen, bound));
    json!({"metadata": metadata, "spec": spec(seen, backend, bound)})
}

fn annotations(seen: &Seen, bound: &Bound) -> Value {
    let mut annotations = Map::new();
    put(
        &mut annotations,
        CONFIG_ANNOTATION,
        bound
            .config_hash
            .as_deref()
            .map_or(Value::Null, Value::from),
    );
    put(
        &mut annotations,
        SALT_ANNOTATION,
        json!(seen.settings.builder_salt),
    );
    Value::Object(annotations)
}

fn spec(seen: &Seen, backend: &ResolvedBackend, bound: &Bound) -> Value {
    let mut spec = Map::new();
    let pull_secrets: Vec<Value> = backend
        .program
        .pull_secrets
        .iter()
        .map(|name| json!({"name": name}))
        .collect();
    put(
        &mut spec,
        "containers",
        json!([container::app(seen, backend, bound)]),
    );
    put(&mut spec, "volumes", volumes::volumes(backend, bound));
    put(
        &mut spec,
        "serviceAccountName",
        json!(account_name(seen, &backend.account)),
    );
    put(
        &mut spec,
        "automountServiceAccountToken",
        json!(matches!(backend.account, Account::Named(_))),
    );
    // A Service called `redis` would put REDIS_PORT=tcp://... into the pod.
    put(&mut spec, "enableServiceLinks", json!(false));
    put(&mut spec, "imagePullSecrets", json!(pull_secrets));
    put(
        &mut spec,
        "securityContext",
        security::pod(&backend.security, &backend.ports),
    );
    put(
        &mut spec,
        "terminationGracePeriodSeconds",
        json!(
            backend
                .shutdown
                .drain
                .saturating_add(backend.shutdown.grace)
        ),
    );
    put(&mut spec, "topologySpreadConstraints", spread(&seen.name()));
    Value::Object(spec)
}

fn account_name(seen: &Seen, account: &Account) -> String {
    match account {
        Account::Own => seen.name(),
        Account::Named(name) => name.clone(),
    }
}

/// Over zones and hosts, as far as there is room. `matchLabelKeys` counts the pods of one template only: old pods of a rollout would
/// push the new ones together.
fn spread(backend: &str) -> Value {
    let constraints = ["topology.kubernetes.io/zone", "kubernetes.io/hostname"].map(|topology| {
        json!({
            "topologyKey": topology,
            "maxSkew": 1,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": selector(backend)},
            "matchLabelKeys": ["pod-template-hash"],
        })
    });
    json!(constraints)
}
