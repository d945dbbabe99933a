//! The container `app`: the program.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::resolved::{Bound, ResolvedBackend};
use super::super::seen::Seen;
use super::{environment, probe, put, security, volumes};
use crate::api::workload::ImagePullPolicy;
use crate::core::quantity::Amount;

/// Name of the program's container.
pub(in crate::core::backend) const APP: &str = "app";

/// The container with all that the spec says of it.
pub(super) fn app(seen: &Seen, backend: &ResolvedBackend, bound: &Bound) -> Value {
    let mut container = Map::new();
    put(&mut container, "name", json!(APP));
    put(
        &mut container,
        "image",
        json!(backend.program.image.as_str()),
    );
    put(
        &mut container,
        "imagePullPolicy",
        backend
            .program
            .pull_policy
            .map_or(Value::Null, |policy| json!(pull_policy(policy))),
    );
    put(&mut container, "command", json!(backend.program.command));
    put(&mut container, "args", json!(backend.program.args));
    put(
        &mut container,
        "env",
        environment::variables(seen, backend, bound),
    );
    put(
        &mut container,
        "envFrom",
        environment::sources(&backend.environment_sources),
    );
    put(&mut container, "ports", ports(backend));
    put(&mut container, "resources", resources(backend));
    put(
        &mut container,
        "startupProbe",
        probe::probe(backend.probes.startup.as_ref()),
    );
    put(
        &mut container,
        "readinessProbe",
        probe::probe(backend.probes.readiness.as_ref()),
    );
    put(
        &mut container,
        "livenessProbe",
        probe::probe(backend.probes.liveness.as_ref()),
    );
    put(
        &mut container,
        "lifecycle",
        lifecycle(backend.shutdown.drain),
    );
    put(
        &mut container,
        "securityContext",
        security::container(backend.security),
    );
    put(
        &mut container,
        "volumeMounts",
        volumes::mounts(backend, bound),
    );
    Value::Object(container)
}

const fn pull_policy(policy: ImagePullPolicy) -> &'static str {
    match policy {
        ImagePullPolicy::Always => "Always",
        ImagePullPolicy::IfNotPresent => "IfNotPresent",
        ImagePullPolicy::Never => "Never",
    }
}

fn ports(backend: &ResolvedBackend) -> Value {
    let ports: Vec<Value> = backend
        .ports
        .iter()
        .map(|port| json!({"name": port.name, "containerPort": port.number, "protocol": port.transport()}))
        .collect();
    json!(ports)
}

fn resources(backend: &ResolvedBackend) -> Value {
    let mut resources = Map::new();
    put(
        &mut resources,
        "requests",
        amounts(&backend.resources.requests),
    );
    put(&mut resources, "limits", amounts(&backend.resources.limits));
    Value::Object(resources)
}

fn amounts(amounts: &BTreeMap<String, Amount>) -> Value {
    amounts
        .iter()
        .map(|(resource, amount)| (resource.clone(), json!(amount.canonical())))
        .collect()
}

/// The kubelet's own sleep before SIGTERM: it needs no shell in the image.
fn lifecycle(drain_seconds: i32) -> Value {
    if drain_seconds > 0 {
        json!({"preStop": {"sleep": {"seconds": drain_seconds}}})
    } else {
        Value::Null
    }
}
