//! The Service: all ports under one cluster address.

use serde_json::{Map, Value, json};

use super::super::resolved::{ResolvedBackend, ResolvedPort};
use super::super::seen::Seen;
use super::{child, put, selector};
use crate::api::ports::Protocol;
use crate::core::plan::ObjectKind;

/// Under the Backend's name. Ports point to the pods' by name: while a release waits at the gate, old pods keep their own numbers.
#[must_use]
pub fn service(seen: &Seen, backend: &ResolvedBackend) -> Value {
    let ports: Vec<Value> = backend
        .ports
        .iter()
        .map(|port| entry(port, port.service_port))
        .collect();
    let rest =
        json!({"spec": {"type": "ClusterIP", "selector": selector(&seen.name()), "ports": ports}});
    child(seen, ObjectKind::Service, &seen.name(), Map::new(), rest)
}

/// A port of a Service, with the application protocol that proxies and gateways go by.
pub(super) fn entry(port: &ResolvedPort, number: i32) -> Value {
    let mut members = Map::new();
    put(&mut members, "name", json!(port.name));
    put(&mut members, "port", json!(number));
    put(&mut members, "protocol", json!(port.transport()));
    put(&mut members, "targetPort", json!(port.name));
    put(
        &mut members,
        "appProtocol",
        application_protocol(port.protocol).map_or(Value::Null, Value::from),
    );
    Value::Object(members)
}

/// KEP-3726's standard names; `http` is IANA's.
const fn application_protocol(protocol: Protocol) -> Option<&'static str> {
    match protocol {
        Protocol::HTTP => Some("http"),
        Protocol::GRPC => Some("kubernetes.io/h2c"),
        Protocol::WebSocket => Some("kubernetes.io/ws"),
        Protocol::TCP | Protocol::UDP => None,
    }
}
