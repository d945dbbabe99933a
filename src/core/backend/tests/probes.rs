//! I-47 for probes: what a failing probe asked and was answered stands in the status while pods roll, and at the deadline.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::super::{decide, report};
use super::looks::{look_at, message, reason, respec};
use super::server::{Server, backend, now};
use crate::api::backend::{Backend, BackendStatus, Waiting};
use crate::core::plan::{Executed, ObjectKind};

/// A pod of release 1 whose container runs since `started`, in seconds after 08:00, and has these probes.
struct Probed {
    name: &'static str,
    probes: Value,
    started: i64,
}

fn after(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

fn path(path: &str) -> Value {
    json!({"httpGet": {"path": path, "port": 8080, "scheme": "HTTP"}, "periodSeconds": 5, "timeoutSeconds": 2, "failureThreshold": 3})
}

impl Probed {
    fn new(name: &'static str, probes: Value) -> Self {
        Self {
            name,
            probes,
            started: 1,
        }
    }

    fn ready() -> Self {
        Self::new("orders-1-x", json!({"readinessProbe": path("/healthz")}))
    }

    fn put(&self, server: &mut Server, state: &Value) {
        let mut container = self.probes.clone();
        container["name"] = json!("app");
        let mut status = json!({"name": "app", "image": "orders:1", "imageID": "", "ready": false, "restartCount": 0, "started": true});
        status["state"] = json!({"running": {"startedAt": after(self.started).to_string()}});
        for (key, value) in state.as_object().expect("an object") {
            status[key] = value.clone();
        }
        let is_ready = status["ready"] == true;
        let pod = json!({
            "metadata": {
                "name": self.name, "namespace": "team-a", "uid": self.name,
                "labels": {"slipway.dev/backend": "orders", "slipway.dev/release": "1"},
            },
            "spec": {"containers": [container]},
            "status": {
                "conditions": [{
                    "type": "Ready", "status": if is_ready { "True" } else { "False" },
                    "lastTransitionTime": after(0).to_string(),
                }],
                "containerStatuses": [status],
            },
        });
        let key = (ObjectKind::Pod, self.name.to_owned());
        server.objects.insert(key, pod);
    }

    /// An Event of the kubelet about it.
    fn fails(&self, server: &mut Server, text: &str, first: i64, last: i64) {
        let key = (ObjectKind::Event, format!("{}.{text}", self.name));
        let event = json!({
            "metadata": {"name": key.1, "namespace": "team-a"},
            "involvedObject": {"kind": "Pod", "name": self.name, "uid": self.name, "fieldPath": "spec.containers{app}"},
            "reason": "Unhealthy", "message": text,
            "firstTimestamp": after(first).to_string(), "lastTimestamp": after(last).to_string(),
        });
        server.objects.insert(key, event);
    }
}

const NOT_FOUND: &str = "Readiness probe failed: HTTP probe failed with statuscode: 404";
const REFUSED: &str = "Readiness probe failed: Get \"http://10.0.0.5:8080/healthz\": dial tcp 10.0.0.5:8080: connect: connection refused";

/// A first release of one pod that has gone out at 08:00.
fn rolling() -> (Server, Backend) {
    let spec =
        json!({"image": "orders:1", "replicas": 1, "ports": [{"name": "http", "port": 8080}]});
    let (mut server, mut backend) = (Server::default(), backend(&spec));
    look_at(&mut server, &mut backend, now(), "");
    server.count_pods(1, 0, ("True", "ReplicaSetUpdated", now()));
    look_at(&mut server, &mut backend, after(1), "");
    (server, backend)
}

fn told(backend: &Backend) -> (String, String) {
    let reason = backend.status.as_ref().map(reason).unwrap_or_default();
    (reason, message(backend))
}

fn told_after(server: &mut Server, backend: &mut Backend, seconds: i64) -> (String, String) {
    look_at(server, backend, after(seconds), "");
    told(backend)
}

/// The cause in a message that tells a probe of the one pod.
fn cause(backend: &Backend) -> Option<String> {
    let message = message(backend);
    let (_, rest) = message.split_once("pod orders-1-x: ")?;
    rest.split_once("; release")
        .map(|(cause, _)| cause.to_owned())
}

fn wake(server: &Server, backend: &Backend, seconds: i64) -> Option<u64> {
    let decision = decide(&server.seen(backend), after(seconds));
    decision.plan.wake.map(|wake| wake.as_secs())
}

#[test]
fn a_failing_probe_is_told_soon_and_stalls_the_rollout_at_its_deadline() {
    let (mut server, mut backend) = rolling();
    let pod = Probed::ready();
    pod.put(&mut server, &json!({}));
    pod.fails(&mut server, NOT_FOUND, 2, 2);
    let starting = told_after(&mut server, &mut backend, 2);
    let progress = "release 1 (1): 0 of 1 pods ready, deadline 08:10 UTC";
    assert_eq!(starting, ("RollingOut".to_owned(), progress.to_owned()));
    assert_eq!(wake(&server, &backend, 2), Some(11));

    pod.fails(&mut server, NOT_FOUND, 2, 12);
    let cause = "pod orders-1-x: readiness probe GET :8080/healthz answers 404";
    let next = "Next: kubectl logs orders-1-x -c app -n team-a";
    let failing = format!("{cause}; {progress}. {next}");
    let failing = ("RollingOut".to_owned(), failing);
    assert_eq!(told_after(&mut server, &mut backend, 13), failing);
    let waiting = Waiting {
        what: "release 1".to_owned(),
        since: now().to_string(),
        pods: Some(1),
        ready: Some(0),
    };
    let status = |backend: &Backend| backend.status.clone().expect("a status");
    assert_eq!(status(&backend).waiting, Some(waiting));

    pod.fails(&mut server, NOT_FOUND, 2, 500);
    let before = status(&backend);
    look_at(&mut server, &mut backend, after(500), "");
    assert_eq!(
        status(&backend),
        before,
        "a repeated failure writes nothing"
    );
    let stalled = format!("{cause}; {progress} passed. {next}");
    let stalled = ("NotReady".to_owned(), stalled);
    assert_eq!(told_after(&mut server, &mut backend, 601), stalled);
}

#[test]
fn a_probe_that_fails_only_while_the_program_starts_writes_no_status() {
    let (mut server, mut backend) = rolling();
    let pod = Probed::ready();
    pod.put(&mut server, &json!({}));
    pod.fails(&mut server, REFUSED, 2, 7);
    let writes = server.writes.len();
    look_at(&mut server, &mut backend, after(7), "");
    pod.put(&mut server, &json!({"ready": true}));
    server.count_pods(1, 1, ("True", "NewReplicaSetAvailable", after(9)));
    look_at(&mut server, &mut backend, after(9), "");
    assert_eq!(server.writes.split_off(writes), ["status Ready"]);
}

#[test]
fn another_answer_is_told_at_once_and_another_pod_with_the_same_one_is_not() {
    let (mut server, mut backend) = rolling();
    let pod = Probed::ready();
    pod.put(&mut server, &json!({}));
    pod.fails(&mut server, REFUSED, 2, 12);
    look_at(&mut server, &mut backend, after(13), "");
    let words = "readiness probe GET :8080/healthz";
    assert_eq!(
        cause(&backend),
        Some(format!("{words} fails: connection refused"))
    );
    pod.fails(&mut server, NOT_FOUND, 17, 17);
    look_at(&mut server, &mut backend, after(17), "");
    assert_eq!(cause(&backend), Some(format!("{words} answers 404")));
    let before = backend.status.clone();
    pod.put(&mut server, &json!({"ready": true}));
    let other = Probed::new("orders-1-y", json!({"readinessProbe": path("/healthz")}));
    other.put(&mut server, &json!({}));
    other.fails(&mut server, NOT_FOUND, 2, 18);
    look_at(&mut server, &mut backend, after(18), "");
    assert_eq!(backend.status, before);
}

/// The pod says what a probe asks. The message names a command and never its output, which may be a secret.
#[test]
fn every_kind_of_probe_is_told_with_what_was_asked_and_answered() {
    let grpc = json!({"grpc": {"port": 9090, "service": "orders.v1"}, "timeoutSeconds": 2});
    let tcp = json!({"tcpSocket": {"port": 5432}});
    let command = json!({"exec": {"command": ["/bin/check", "--password=canary"]}});
    for (probe, text, words) in [
        (
            &grpc,
            "Readiness probe failed: service unhealthy (responded with \"NOT_SERVING\")",
            "readiness probe gRPC :9090 orders.v1 answers NOT_SERVING",
        ),
        (
            &grpc,
            "Readiness probe failed: timeout: failed to connect service \"10.0.0.5:9090\" within 2s: context deadline exceeded",
            "readiness probe gRPC :9090 orders.v1 fails: no answer within 2 s",
        ),
        (
            &tcp,
            "Readiness probe failed: dial tcp 10.0.0.5:5432: connect: connection refused",
            "readiness probe TCP :5432 fails: connection refused",
        ),
        (
            &command,
            "Readiness probe failed: canary: connection refused",
            "readiness probe command /bin/check fails",
        ),
    ] {
        let (mut server, mut backend) = rolling();
        let pod = Probed::new("orders-1-x", json!({"readinessProbe": probe}));
        pod.put(&mut server, &json!({}));
        pod.fails(&mut server, text, 2, 12);
        look_at(&mut server, &mut backend, after(13), "");
        assert_eq!(cause(&backend).as_deref(), Some(words));
        let shown = serde_json::to_string(&backend.status).expect("a status is JSON");
        assert!(!shown.contains("canary"), "{shown}");
    }
}

#[test]
fn a_startup_probe_that_fails_is_told_before_the_program_has_started() {
    let (mut server, mut backend) = rolling();
    let probes = json!({"startupProbe": path("/started"), "readinessProbe": path("/healthz")});
    let pod = Probed::new("orders-1-x", probes);
    pod.put(&mut server, &json!({"started": false}));
    pod.fails(
        &mut server,
        "Startup probe failed: HTTP probe failed with statuscode: 500",
        2,
        12,
    );
    look_at(&mut server, &mut backend, after(13), "");
    let words = "startup probe GET :8080/started answers 500";
    assert_eq!(cause(&backend).as_deref(), Some(words));
}

/// The program did not crash: the kubelet ended it.
#[test]
fn a_container_that_its_liveness_probe_ends_is_told_with_the_probe() {
    let (mut server, mut backend) = rolling();
    let pod = Probed::new("orders-1-x", json!({"livenessProbe": path("/livez")}));
    let ended = json!({
        "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {
            "exitCode": 0, "reason": "Completed",
            "startedAt": after(5).to_string(), "finishedAt": after(30).to_string(),
        }},
    });
    pod.put(&mut server, &ended);
    let unhealthy = "Liveness probe failed: HTTP probe failed with statuscode: 500";
    pod.fails(&mut server, unhealthy, 10, 20);
    let expected = (
        "CrashLooping".to_owned(),
        "pod orders-1-x: container app was ended, 3 restarts: liveness probe GET :8080/livez answers 500; \
         release 1 (1): 0 of 1 pods ready, deadline 08:10 UTC. Next: kubectl logs orders-1-x -c app --previous -n team-a"
            .to_owned(),
    );
    assert_eq!(told_after(&mut server, &mut backend, 31), expected);
}

/// The pod was ready for an hour; the Event of its start is no cause, and that of now is.
#[test]
fn a_serving_pod_whose_probe_fails_later_is_told_with_the_answer_of_now() {
    let (mut server, mut backend) = rolling();
    let pod = Probed::ready();
    pod.put(&mut server, &json!({"ready": true}));
    pod.fails(&mut server, REFUSED, 2, 2);
    server.count_pods(1, 1, ("True", "NewReplicaSetAvailable", after(9)));
    look_at(&mut server, &mut backend, after(9), "");
    assert_eq!(told(&backend).0, "Ready");

    pod.put(&mut server, &json!({}));
    let key = (ObjectKind::Pod, "orders-1-x".to_owned());
    let lost = json!([{"type": "Ready", "status": "False", "lastTransitionTime": after(3600).to_string()}]);
    server.objects.get_mut(&key).expect("the pod")["status"]["conditions"] = lost;
    server.count_pods(1, 0, ("True", "NewReplicaSetAvailable", after(9)));
    look_at(&mut server, &mut backend, after(3600), "");
    assert_eq!(cause(&backend), None, "{}", message(&backend));
    pod.fails(&mut server, NOT_FOUND, 3588, 3600);
    look_at(&mut server, &mut backend, after(3601), "");
    let words = "readiness probe GET :8080/healthz answers 404";
    assert_eq!(cause(&backend).as_deref(), Some(words));
    assert_eq!(told(&backend).0, "RollingOut");
}

/// A pod of the same name that is gone, and a container that was started again.
#[test]
fn a_failure_of_an_earlier_pod_or_container_is_not_told() {
    let (mut server, mut backend) = rolling();
    let pod = Probed {
        started: 30,
        ..Probed::ready()
    };
    pod.put(&mut server, &json!({}));
    pod.fails(&mut server, NOT_FOUND, 2, 29);
    look_at(&mut server, &mut backend, after(60), "");
    assert_eq!(cause(&backend), None);
    let key = (ObjectKind::Event, format!("orders-1-x.{NOT_FOUND}"));
    pod.fails(&mut server, NOT_FOUND, 2, 59);
    server.objects.get_mut(&key).expect("the Event")["involvedObject"]["uid"] = json!("another");
    look_at(&mut server, &mut backend, after(90), "");
    assert_eq!(cause(&backend), None);
}

/// The spec says for what is waited; what nothing was learned of is waited for as long as before.
#[test]
fn a_stop_keeps_the_deadline_and_a_new_spec_after_it_begins_another() {
    let (mut server, mut backend) = rolling();
    let seen = server.seen(&backend);
    let decision = decide(&seen, after(60));
    let key = crate::core::plan::ObjectKey::of(ObjectKind::Service, seen.backend.as_ref());
    let stop = crate::core::plan::Stop::Forbidden {
        key,
        verb: "patch",
        message: "no".to_owned(),
    };
    let executed = Executed {
        answers: Vec::new(),
        stop: Some(stop),
    };
    let status = report(&seen, &decision, &executed, after(60)).status;
    let status: BackendStatus =
        serde_json::from_value(status.expect("a status")).expect("a valid status");
    assert_eq!(
        (reason(&status).as_str(), &status.waiting),
        (
            "Forbidden",
            &backend.status.clone().expect("a status").waiting
        )
    );
    backend.status = Some(status);
    let progress = "release 1 (1): 0 of 1 pods ready, deadline 08:10 UTC";
    let again = told_after(&mut server, &mut backend, 120);
    assert_eq!(again, ("RollingOut".to_owned(), progress.to_owned()));
    let stalled = told_after(&mut server, &mut backend, 601);
    assert_eq!(stalled.0, "NotReady");
    let spec = serde_json::to_value(&backend.spec).expect("a spec is JSON");
    respec(&mut backend, &spec);
    let anew = told_after(&mut server, &mut backend, 660);
    let progress = "release 1 (1): 0 of 1 pods ready, deadline 08:21 UTC";
    assert_eq!(anew, ("RollingOut".to_owned(), progress.to_owned()));
}
