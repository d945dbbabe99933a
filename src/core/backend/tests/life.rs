//! The life of a Backend on a small server in memory: from one release to the next.

use proptest::prelude::{ProptestConfig, Strategy, any};
use proptest::strategy::Just;
use proptest::{prop_oneof, proptest};
use serde_json::{Value, json};

use super::super::decide;
use super::looks::{look, look_at, message, reason, released, respec, settle};
use super::server::{Server, backend, now, spec_with_migration};
use crate::core::plan::ObjectKind;

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
