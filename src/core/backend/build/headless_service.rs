//! The headless Service: DNS answers with the pods themselves, for clients that balance on their own (gRPC).

use serde_json::{Map, Value, json};

use super::super::resolved::ResolvedBackend;
use super::super::seen::Seen;
use super::{child, selector, service};
use crate::core::plan::ObjectKind;

/// Name of a Backend's headless Service.
#[must_use]
pub fn name_of(backend: &str) -> String {
    format!("{backend}-headless")
}

/// With the ports that ask for it, under the numbers that the pods listen on: there is no address in between that could translate.
#[must_use]
pub fn headless_service(seen: &Seen, backend: &ResolvedBackend) -> Option<Value> {
    let ports: Vec<Value> = backend
        .ports
        .iter()
        .filter(|port| port.headless)
        .map(|port| service::entry(port, port.number))
        .collect();
    if ports.is_empty() {
        return None;
    }
    let rest = json!({"spec": {"type": "ClusterIP", "clusterIP": "None", "selector": selector(&seen.name()), "ports": ports}});
    Some(child(
        seen,
        ObjectKind::Service,
        &name_of(&seen.name()),
        Map::new(),
        rest,
    ))
}
