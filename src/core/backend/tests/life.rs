//! The life of a Backend on a small server in memory.

use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::{ProptestConfig, Strategy, any};
use proptest::strategy::Just;
use proptest::{prop_oneof, proptest};
use serde_json::{Value, json};

use super::super::{decide, report};
use super::server::{Server, backend, now, spec_with_migration};
use crate::api::backend::{Backend, BackendStatus};
use crate::core::plan::{ObjectKind, Report, Step};
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

/// `speed.md` section 1: four children, one Migration, three statuses.
#[test]
fn a_first_release_with_a_migration_costs_five_objects_and_three_statuses() {
    let (mut server, mut backend) = (Server::default(), backend(&spec_with_migration("orders:1")));
    let first = settle(&mut server, &mut backend);
    let migration = first
        .iter()
        .find(|write| write.starts_with("create Migration orders-"))
        .cloned()
        .expect("a Migration");
    assert_eq!(
        first,
        [
            "apply ServiceAccount orders".to_owned(),
            "apply Service orders".to_owned(),
            migration,
            "status Migrating".to_owned()
        ]
    );
    assert!(
        !server
            .objects
            .contains_key(&(ObjectKind::Deployment, "orders".to_owned()))
    );

    server.finish_migrations("Succeeded");
    assert_eq!(look(&mut server, &mut backend), ["ReleaseOpened"]);
    assert_eq!(
        server.writes.split_off(0),
        [
            "create ControllerRevision orders-r1",
            "apply Deployment orders",
            "status RollingOut"
        ]
    );
    server.finish_rollout();
    assert_eq!(look(&mut server, &mut backend), ["ReleaseAvailable"]);
    assert_eq!(server.writes.split_off(0), ["status Ready"]);
    assert_eq!(settle(&mut server, &mut backend), Vec::<String>::new());
}

#[test]
fn a_closed_gate_keeps_the_last_release_while_replicas_go_on() {
    let (mut server, mut backend) = released(&spec_with_migration("orders:1"));
    let template =
        server.objects[&(ObjectKind::Deployment, "orders".to_owned())]["spec"]["template"].clone();
    let mut spec = spec_with_migration("orders:2");
    spec["replicas"] = json!(5);
    respec(&mut backend, &spec);
    settle(&mut server, &mut backend);
    server.finish_migrations("Failed");
    settle(&mut server, &mut backend);
    let deployment = &server.objects[&(ObjectKind::Deployment, "orders".to_owned())];
    assert_eq!(
        (
            &deployment["spec"]["template"],
            &deployment["spec"]["replicas"]
        ),
        (&template, &json!(5))
    );
    let status = backend.status.clone().expect("a status");
    assert_eq!(reason(&status), "MigrationFailed");
    assert_eq!(
        status.display.and_then(|display| display.image),
        Some("1->2".to_owned())
    );
    assert!(
        message(&backend).contains("release 1 keeps serving 2/5"),
        "{}",
        message(&backend)
    );
}

#[test]
fn an_operator_upgrade_restarts_no_pod_and_says_what_it_would_change() {
    let (mut server, mut backend) = released(&spec_with_migration("orders:1"));
    look_at(&mut server, &mut backend, now(), "newer");
    assert_eq!(server.writes, ["status Ready"]);
    let status = backend.status.clone().expect("a status");
    let update = status.conditions.last().expect("conditions");
    assert_eq!(
        (update.type_.as_str(), update.status.as_str()),
        ("UpdateAvailable", "True")
    );
    assert!(
        update.message.contains("metadata.annotations"),
        "{}",
        update.message
    );
}

#[test]
fn going_back_to_the_released_image_while_the_gate_is_closed_writes_no_child() {
    let (mut server, mut backend) = released(&spec_with_migration("orders:1"));
    respec(&mut backend, &spec_with_migration("orders:2"));
    settle(&mut server, &mut backend);
    server.writes.clear();
    respec(&mut backend, &spec_with_migration("orders:1"));
    assert_eq!(settle(&mut server, &mut backend), ["status Ready"]);
}

/// I-26: a crash between any two steps of the release.
#[test]
fn a_crash_between_two_writes_leads_to_the_same_end() {
    for limit in 0..4 {
        let (mut server, mut backend) =
            (Server::default(), backend(&spec_with_migration("orders:1")));
        settle(&mut server, &mut backend);
        server.finish_migrations("Succeeded");
        let seen = server.seen(&backend);
        let decision = decide(&seen, now());
        server.execute(&decision.plan.steps, limit);
        settle(&mut server, &mut backend);
        server.finish_rollout();
        settle(&mut server, &mut backend);
        let status = backend.status.clone().expect("a status");
        assert_eq!(
            (
                reason(&status),
                status.release.map(|release| release.revision)
            ),
            ("Ready".to_owned(), Some(1))
        );
        let revisions = server
            .objects
            .keys()
            .filter(|(kind, _)| *kind == ObjectKind::ControllerRevision)
            .count();
        assert_eq!(revisions, 1, "crash before step {limit}");
    }
}

#[test]
fn a_rollback_by_hand_is_reverted() {
    let (mut server, mut backend) = released(&spec_with_migration("orders:1"));
    let old = server.objects[&(ObjectKind::Deployment, "orders".to_owned())].clone();
    respec(&mut backend, &spec_with_migration("orders:2"));
    settle(&mut server, &mut backend);
    server.finish_migrations("Succeeded");
    settle(&mut server, &mut backend);
    server.finish_rollout();
    settle(&mut server, &mut backend);
    let undo = json!({"spec": {"template": old["spec"]["template"]}, "metadata": {"annotations": old["metadata"]["annotations"]}});
    server.edit(ObjectKind::Deployment, "orders", &undo);
    server.writes.clear();
    assert_eq!(look(&mut server, &mut backend), ["ManualRollbackReverted"]);
    let image = &server.objects[&(ObjectKind::Deployment, "orders".to_owned())]["spec"]["template"]
        ["spec"]["containers"][0]["image"];
    assert_eq!(image, "orders:2");
}

#[test]
fn a_template_of_an_existing_deployment_changes_only_after_a_confirmation() {
    let (mut server, mut backend) =
        released(&json!({"image": "orders:1", "ports": [{"name": "http", "port": 8080}]}));
    respec(
        &mut backend,
        &json!({"image": "orders:2", "ports": [{"name": "http", "port": 8080}]}),
    );
    let decision = decide(&server.seen(&backend), now());
    assert!(
        matches!(
            decision.plan.steps.as_slice(),
            [Step::Confirm(_), Step::Create(_), Step::Apply(_)]
        ),
        "{:?}",
        decision.plan
    );
    settle(&mut server, &mut backend);
}

#[test]
fn a_service_port_changed_by_hand_comes_back() {
    let (mut server, mut backend) = released(&spec_with_migration("orders:1"));
    let edit = json!({"spec": {"ports": [{"name": "http", "port": 9999, "protocol": "TCP", "targetPort": "http"}]}});
    server.edit(ObjectKind::Service, "orders", &edit);
    assert_eq!(look(&mut server, &mut backend), ["DriftReverted"]);
    settle(&mut server, &mut backend);
    let ports = &server.objects[&(ObjectKind::Service, "orders".to_owned())]["spec"]["ports"];
    assert_eq!(
        ports,
        &json!([{"name": "http", "port": 8080, "protocol": "TCP", "targetPort": "http", "appProtocol": "http"}])
    );
}

#[test]
fn the_last_ten_releases_are_kept() {
    let (mut server, mut backend) = released(&spec_with_migration("orders:1"));
    for number in 2..=13 {
        respec(
            &mut backend,
            &spec_with_migration(&format!("orders:{number}")),
        );
        settle(&mut server, &mut backend);
        server.finish_migrations("Succeeded");
        settle(&mut server, &mut backend);
        server.finish_rollout();
        settle(&mut server, &mut backend);
    }
    let kept: Vec<i64> = {
        let revisions = server
            .objects
            .iter()
            .filter(|((kind, _), _)| *kind == ObjectKind::ControllerRevision);
        let mut kept: Vec<i64> = revisions
            .filter_map(|(_, body)| body["revision"].as_i64())
            .collect();
        kept.sort_unstable();
        kept
    };
    assert_eq!(kept, (4..=13).collect::<Vec<i64>>());
}

#[test]
fn paused_children_are_not_written_and_a_paused_release_waits() {
    let (mut server, mut backend) = released(&spec_with_migration("orders:1"));
    respec(&mut backend, &spec_with_migration("orders:2"));
    backend.metadata.annotations =
        Some([("slipway.dev/paused".to_owned(), "true".to_owned())].into());
    assert_eq!(settle(&mut server, &mut backend), ["status Paused"]);
    backend.metadata.annotations = None;
    let mut spec = spec_with_migration("orders:2");
    spec["rollout"] = json!({"paused": true});
    respec(&mut backend, &spec);
    assert_eq!(settle(&mut server, &mut backend), ["status Paused"]);
}

#[test]
fn pod_trouble_is_told_at_once_and_stalls_at_the_deadline() {
    let (mut server, mut backend) = (
        Server::default(),
        backend(&json!({"type": "Worker", "image": "orders:1"})),
    );
    look(&mut server, &mut backend);
    let status = json!({"containerStatuses": [{
        "name": "app", "image": "orders:1", "imageID": "", "ready": false, "restartCount": 5, "started": false,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"exitCode": 2, "reason": "Error"}},
    }]});
    server.put_pod("orders-1-x", 1, &status);
    look(&mut server, &mut backend);
    assert_eq!(
        message(&backend),
        "pod orders-1-x: container app exits 2, 5 restarts; release 1 (1): 0 of 1 pods ready, deadline 08:10 UTC. Next: kubectl logs orders-1-x -c app --previous -n team-a"
    );
    let later = Timestamp::from_second(now().as_second() + 600).expect("a valid moment");
    assert_eq!(
        look_at(&mut server, &mut backend, later, ""),
        ["RolloutStalled"]
    );
    let conditions = backend.status.clone().expect("a status").conditions;
    let stalled = conditions.get(2).expect("Stalled");
    assert_eq!(
        (stalled.status.as_str(), stalled.reason.as_str()),
        ("True", "CrashLooping")
    );
    let much_later = Timestamp::from_second(now().as_second() + 9000).expect("a valid moment");
    let before = backend.status.clone();
    look_at(&mut server, &mut backend, much_later, "");
    assert_eq!(backend.status, before);
}

#[test]
fn a_missing_database_is_waited_for_and_named() {
    let mut spec = spec_with_migration("orders:1");
    spec["databases"] = json!([{"name": "nowhere"}]);
    let (mut server, mut backend) = (Server::default(), backend(&spec));
    let writes = settle(&mut server, &mut backend);
    assert_eq!(
        writes,
        [
            "apply ServiceAccount orders",
            "apply Service orders",
            "status DatabaseNotFound"
        ]
    );
    let later = Timestamp::from_second(now().as_second() + 600).expect("a valid moment");
    look_at(&mut server, &mut backend, later, "");
    assert_eq!(
        backend
            .status
            .clone()
            .expect("a status")
            .conditions
            .get(2)
            .map(|stalled| stalled.status.clone()),
        Some("True".to_owned())
    );
}

/// The garbage collector takes the children of a Backend that is gone; the caches may show that before they show why.
#[test]
fn a_child_that_was_there_is_made_again_only_after_a_confirmation() {
    let (mut server, mut backend) =
        released(&json!({"image": "orders:1", "ports": [{"name": "http", "port": 8080}]}));
    server
        .objects
        .remove(&(ObjectKind::Service, "orders".to_owned()));
    let decision = decide(&server.seen(&backend), now());
    assert!(
        matches!(
            decision.plan.steps.as_slice(),
            [Step::Confirm(_), Step::Apply(_)]
        ),
        "{:?}",
        decision.plan
    );
    assert_eq!(settle(&mut server, &mut backend), ["apply Service orders"]);
}

#[test]
fn a_deleted_controller_revision_comes_back_without_a_restart() {
    let (mut server, mut backend) = released(&spec_with_migration("orders:1"));
    let template =
        server.objects[&(ObjectKind::Deployment, "orders".to_owned())]["spec"]["template"].clone();
    server
        .objects
        .remove(&(ObjectKind::ControllerRevision, "orders-r1".to_owned()));
    assert_eq!(
        settle(&mut server, &mut backend),
        ["create ControllerRevision orders-r1"]
    );
    assert_eq!(
        server.objects[&(ObjectKind::Deployment, "orders".to_owned())]["spec"]["template"],
        template
    );
}

fn specs() -> impl Strategy<Value = Value> {
    let port = prop_oneof![
        Just(json!([{"name": "http", "port": 8080}])),
        Just(json!([{"name": "grpc", "port": 90, "protocol": "GRPC", "headless": true}])),
        Just(
            json!([{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"}])
        ),
    ];
    (port, 0..4, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(ports, replicas, migrates, account, recreate)| {
            let mut spec = if migrates {
                spec_with_migration("orders:1")
            } else {
                json!({"image": "orders:1"})
            };
            spec["ports"] = ports;
            spec["replicas"] = json!(replicas);
            if account {
                spec["serviceAccountName"] = json!("own");
            }
            if recreate {
                spec["rollout"] = json!({"strategy": {"type": "Recreate"}});
            }
            spec
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Execute and decide again: nothing to do. From any spec to any other.
    #[test]
    fn every_spec_comes_to_rest_and_ready(first in specs(), second in specs()) {
        let (mut server, mut backend) = released(&first);
        respec(&mut backend, &second);
        settle(&mut server, &mut backend);
        server.finish_migrations("Succeeded");
        settle(&mut server, &mut backend);
        server.finish_rollout();
        settle(&mut server, &mut backend);
        let status = backend.status.clone().expect("a status");
        assert!(["Ready", "ScaledToZero"].contains(&reason(&status).as_str()), "{status:?}");
    }
}
