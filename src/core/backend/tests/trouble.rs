//! A Backend that does not get on: paused, with pods in trouble, with something missing.

use jiff::Timestamp;
use serde_json::json;

use super::looks::{look, look_at, message, released, respec, settle};
use super::server::{Server, backend, now, spec_with_migration};

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
