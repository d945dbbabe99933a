//! Looks at a Backend on the server in memory: one, or as many as it takes.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::super::{decide, report};
use super::server::{Server, backend, now};
use crate::api::backend::{Backend, BackendStatus};
use crate::core::plan::Report;
use crate::core::settings::Settings;

/// One look with all its steps; the reasons of the events.
pub(super) fn look(server: &mut Server, backend: &mut Backend) -> Vec<String> {
    look_at(server, backend, now(), "")
}

pub(super) fn look_at(
    server: &mut Server,
    backend: &mut Backend,
    now: Timestamp,
    salt: &str,
) -> Vec<String> {
    let mut seen = server.seen(backend);
    seen.settings = Arc::new(Settings {
        builder_salt: salt.to_owned(),
        ..Settings::default()
    });
    let decision = decide(&seen, now);
    assert_eq!(
        decision,
        decide(&seen, now),
        "the same input leads to the same plan"
    );
    let executed = server.execute(&decision.plan.steps, usize::MAX);
    let Report { status, events } = report(&seen, &decision, &executed, now);
    let status: BackendStatus =
        serde_json::from_value(status.expect("a status")).expect("a valid status");
    if backend.status.as_ref() != Some(&status) {
        server.writes.push(format!("status {}", reason(&status)));
    }
    assert_sound(&status);
    backend.status = Some(status);
    events.into_iter().map(|event| event.reason).collect()
}

pub(super) fn reason(status: &BackendStatus) -> String {
    status
        .conditions
        .first()
        .map(|condition| condition.reason.clone())
        .unwrap_or_default()
}

pub(super) fn message(backend: &Backend) -> String {
    let conditions = backend.status.iter().flat_map(|status| &status.conditions);
    conditions
        .into_iter()
        .next()
        .map(|condition| condition.message.clone())
        .unwrap_or_default()
}

/// All conditions, in order, each with the generation; one of the first three is True.
fn assert_sound(status: &BackendStatus) {
    let types: Vec<&str> = status
        .conditions
        .iter()
        .map(|condition| condition.type_.as_str())
        .collect();
    assert_eq!(
        types,
        [
            "Ready",
            "Reconciling",
            "Stalled",
            "Available",
            "Migrated",
            "UpdateAvailable"
        ]
    );
    let first_three = status
        .conditions
        .iter()
        .take(3)
        .filter(|condition| condition.status == "True");
    assert_eq!(first_three.count(), 1, "{status:?}");
    assert!(
        status
            .conditions
            .iter()
            .all(|condition| condition.observed_generation == status.observed_generation)
    );
    assert!(
        status
            .conditions
            .iter()
            .all(|condition| !condition.reason.is_empty())
    );
}

/// Until nothing is to be done; the writes.
pub(super) fn settle(server: &mut Server, backend: &mut Backend) -> Vec<String> {
    let before = server.writes.len();
    for _ in 0..20 {
        let count = server.writes.len();
        look(server, backend);
        if server.writes.len() == count {
            return server.writes.split_off(before);
        }
    }
    panic!("it never comes to rest: {:?}", server.writes);
}

pub(super) fn released(spec: &Value) -> (Server, Backend) {
    let (mut server, mut backend) = (Server::default(), backend(spec));
    settle(&mut server, &mut backend);
    server.finish_migrations("Succeeded");
    settle(&mut server, &mut backend);
    server.finish_rollout();
    settle(&mut server, &mut backend);
    server.writes.clear();
    (server, backend)
}

pub(super) fn respec(backend: &mut Backend, spec: &Value) {
    backend.spec = serde_json::from_value(spec.clone()).expect("a valid spec");
    backend.metadata.generation = backend.metadata.generation.map(|generation| generation + 1);
}
