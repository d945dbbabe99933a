//! When a pod's node is taken for lost.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::{is_lost, lost_in};
use crate::core::run::evidence::{MAIN_CONTAINER, SeenPod};

/// When it was deleted, or its node was given up.
const THEN: &str = "2026-01-01T00:00:00Z";

/// A day later.
const LATE: &str = "2026-01-02T00:00:00Z";

/// A pod whose program runs, as its kubelet told it last, with these changes to its metadata and status.
fn pod(deletion: &Value, status: &Value) -> SeenPod {
    let mut pod = json!({
        "metadata": {"name": "orders-1-x", "deletionTimestamp": deletion},
        "spec": {"containers": [], "nodeName": "far", "terminationGracePeriodSeconds": 300},
        "status": {
            "phase": "Running",
            "conditions": conditions("True", None, "True"),
            "containerStatuses": main(&json!({"running": {"startedAt": THEN}})),
        },
    });
    for (key, value) in status.as_object().expect("a map") {
        pod["status"][key] = value.clone();
    }
    let pod: Pod = serde_json::from_value(pod).expect("a Pod");
    SeenPod {
        pod: Arc::new(pod),
        gone: false,
    }
}

fn conditions(ready: &str, reason: Option<&str>, containers_ready: &str) -> Value {
    json!([
        {"type": "PodScheduled", "status": "True"},
        {"type": "Ready", "status": ready, "reason": reason, "lastTransitionTime": THEN},
        {"type": "ContainersReady", "status": containers_ready, "reason": reason, "lastTransitionTime": THEN},
    ])
}

fn main(state: &Value) -> Value {
    json!([{"name": MAIN_CONTAINER, "image": "", "imageID": "", "ready": true, "restartCount": 0, "state": state}])
}

/// As the node lifecycle controller leaves it.
fn silent(deletion: &Value) -> SeenPod {
    let marked = conditions("False", None, "True");
    pod(deletion, &json!({"conditions": marked}))
}

fn at(time: &str) -> Timestamp {
    time.parse().expect("a time")
}

fn seen(seen: &SeenPod, now: &str) -> (bool, Option<Duration>) {
    (is_lost(seen, at(now)), lost_in(&[seen], at(now)))
}

/// Whether it is lost, and in how many seconds the look is woken.
const fn told(lost: bool, wake: u64) -> (bool, Option<Duration>) {
    (lost, Some(Duration::from_secs(wake)))
}

/// F-35: the Job gets no condition while its node is away, so the pod's own deadline is the end.
#[test]
fn a_pod_that_outlives_its_grace_by_a_minute_is_lost() {
    let dying = pod(&json!(THEN), &json!({}));
    let looks = [
        seen(&dying, "2026-01-01T00:00:59Z"),
        seen(&dying, "2026-01-01T00:01:00Z"),
    ];
    assert_eq!(looks, [told(false, 1), told(true, 1)]);
}

/// migrations.md 4.1: of a node that is silent longer than the grace nothing is known.
#[test]
fn a_running_pod_whose_node_is_silent_for_its_grace_and_a_minute_is_lost() {
    let silent = silent(&Value::Null);
    let looks = [
        seen(&silent, THEN),
        seen(&silent, "2026-01-01T00:05:59Z"),
        seen(&silent, "2026-01-01T00:06:00Z"),
    ];
    let expected = [told(false, 360), told(false, 1), told(true, 1)];
    assert_eq!(looks, expected);
}

#[test]
fn a_pod_that_was_deleted_on_a_silent_node_is_lost_as_soon_as_either_says_so() {
    let deleted_late = silent(&json!("2026-01-01T00:10:00Z"));
    let deleted_early = silent(&json!("2025-12-31T23:59:00Z"));
    let looks = [
        seen(&deleted_late, "2026-01-01T00:05:00Z"),
        seen(&deleted_early, "2026-01-01T00:00:00Z"),
    ];
    assert_eq!(looks, [told(false, 60), told(true, 1)]);
}

#[test]
fn of_several_pods_the_first_that_is_lost_wakes_the_look() {
    let (silent, dying) = (
        silent(&Value::Null),
        pod(&json!("2026-01-01T00:01:00Z"), &json!({})),
    );
    let wake = lost_in(&[&silent, &dying], at(THEN));
    assert_eq!(wake, Some(Duration::from_mins(2)));
}

/// What a kubelet says by itself of a pod that is not ready: each has a reason, and none tells that its containers are all ready.
#[test]
fn nothing_that_a_kubelet_says_of_its_own_pods_makes_them_lost() {
    let of = |ready: Value| seen(&pod(&Value::Null, &json!({"conditions": ready})), LATE);
    let marked = || conditions("False", None, "True");
    let with_main = |state: Value| {
        let status = json!({"conditions": marked(), "containerStatuses": main(&state)});
        seen(&pod(&Value::Null, &status), LATE)
    };
    let looks = [
        // At work, and back after a silence.
        of(conditions("True", None, "True")),
        // A container is not ready, as before the program runs or beside a sidecar that is not.
        of(conditions("False", Some("ContainersNotReady"), "False")),
        // A readiness gate that somebody gave to the pod.
        of(conditions("False", Some("ReadinessGatesNotReady"), "True")),
        // It has ended, and its phase is on its way.
        of(conditions("False", Some("PodCompleted"), "False")),
        // Nor is it the node's silence where not all was ready before it.
        of(conditions("False", None, "False")),
        // Nothing is told yet.
        of(json!([])),
        // Marked, but the program is not known to run.
        with_main(json!({"waiting": {"reason": "PodInitializing"}})),
        with_main(json!({"terminated": {"exitCode": 0}})),
        // Marked, and ended at last.
        seen(
            &pod(
                &json!(THEN),
                &json!({"phase": "Failed", "conditions": marked()}),
            ),
            LATE,
        ),
    ];
    assert_eq!(looks, [(false, None); 9]);
}

#[test]
fn a_pod_that_is_gone_is_not_lost() {
    let gone = SeenPod {
        gone: true,
        ..silent(&json!(THEN))
    };
    assert_eq!(seen(&gone, LATE), (false, None));
}
