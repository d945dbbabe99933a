//! I-48: a deadline, once told, moves only because something got better.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::{Just, ProptestConfig, Strategy, prop_assert, prop_oneof, proptest};
use serde_json::{Value, json};

use super::looks::{look_at, message, reason};
use super::server::{Server, backend, now};
use crate::api::backend::Backend;
use crate::core::plan::ObjectKind;

/// Pods that the spec asks for.
const WANTED: i32 = 3;

/// A Worker of three pods with a variable from a ConfigMap.
fn spec() -> Value {
    json!({
        "type": "Worker", "image": "orders:1", "replicas": WANTED,
        "env": [{"name": "MODE", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "mode"}}}],
    })
}

fn settings() -> Value {
    json!({"metadata": {"name": "settings", "namespace": "team-a"}, "data": {"mode": "quick"}})
}

fn after(minutes: i64) -> Timestamp {
    now() + SignedDuration::from_mins(minutes)
}

/// A rollout that began at 08:00 and has the default deadline of ten minutes.
fn rolling() -> (Server, Backend) {
    let (mut server, mut backend) = (Server::default(), backend(&spec()));
    server.put_config_map(&settings());
    look_at(&mut server, &mut backend, now(), "");
    server.count_pods(WANTED, 0, ("True", "ReplicaSetUpdated", now()));
    let written = now() + SignedDuration::from_secs(30);
    look_at(&mut server, &mut backend, written, "");
    (server, backend)
}

fn told(backend: &Backend) -> (String, String) {
    let reason = backend.status.as_ref().map(reason).unwrap_or_default();
    (reason, message(backend))
}

/// The condition `Progressing` is updated when it becomes False, which is no progress.
#[test]
fn a_rollout_that_stands_still_stalls_at_the_deadline_it_was_given_first() {
    let (mut server, mut backend) = rolling();
    look_at(&mut server, &mut backend, after(1), "");
    let words = "release 1 (1): 0 of 3 pods ready, deadline";
    let first = ("RollingOut".to_owned(), format!("{words} 08:10 UTC"));
    assert_eq!(told(&backend), first);
    server.count_pods(WANTED, 0, ("False", "ProgressDeadlineExceeded", after(10)));
    look_at(&mut server, &mut backend, after(10), "");
    let second = (
        "NotReady".to_owned(),
        format!("{words} 08:10 UTC passed. Next: kubectl describe deployment orders -n team-a"),
    );
    assert_eq!(told(&backend), second);
    look_at(&mut server, &mut backend, after(30), "");
    assert_eq!(told(&backend), second);
}

/// More pods than ever before are progress; the same number again is none.
#[test]
fn a_pod_that_becomes_ready_again_and_again_moves_the_deadline_once() {
    let (mut server, mut backend) = rolling();
    let mut deadlines = Vec::new();
    for minute in 1..10 {
        server.count_pods(
            WANTED,
            i32::from(minute % 2 == 0),
            ("True", "ReplicaSetUpdated", after(minute)),
        );
        look_at(&mut server, &mut backend, after(minute), "");
        deadlines.extend(deadline(&backend));
    }
    deadlines.dedup();
    assert_eq!(deadlines, ["08:10", "08:12"]);
}

/// Another hand that changes the Deployment all the time gives the rollout no more time.
#[test]
fn a_drift_that_is_put_back_moves_no_deadline() {
    let (mut server, mut backend) = rolling();
    server.writes.clear();
    server.edit(
        ObjectKind::Deployment,
        "orders",
        &json!({"spec": {"replicas": 1}}),
    );
    look_at(&mut server, &mut backend, after(9), "");
    let applied = "apply Deployment orders".to_owned();
    assert!(server.writes.contains(&applied), "{:?}", server.writes);
    assert_eq!(deadline(&backend).as_deref(), Some("08:10"));
}

/// What waited long for something else waits as long as all others for an object that is missing.
#[test]
fn a_missing_object_is_waited_for_from_the_moment_it_is_missed() {
    let (mut server, mut backend) = rolling();
    look_at(&mut server, &mut backend, after(1), "");
    server.remove(ObjectKind::ConfigMap, "settings");
    for minute in [8, 9, 17] {
        look_at(&mut server, &mut backend, after(minute), "");
        assert_eq!(
            (told(&backend).0.as_str(), deadline(&backend).as_deref()),
            ("ConfigMapMissing", Some("08:18"))
        );
    }
    assert!(is_stalled(&backend, "False"));
    look_at(&mut server, &mut backend, after(18), "");
    assert!(is_stalled(&backend, "True"), "{:?}", told(&backend));
}

/// `08:10` of a message.
fn deadline(backend: &Backend) -> Option<String> {
    let message = message(backend);
    let (_, rest) = message.split_once("deadline ")?;
    rest.split_once(" UTC").map(|(time, _)| time.to_owned())
}

fn is_stalled(backend: &Backend, status: &str) -> bool {
    let conditions = backend.status.iter().flat_map(|status| &status.conditions);
    conditions
        .into_iter()
        .any(|condition| condition.type_ == "Stalled" && condition.status == status)
}

/// What may happen between two reconciles while the spec stays.
#[derive(Clone, Debug)]
enum Happening {
    Pods {
        pods: i32,
        ready: i32,
    },
    /// The Deployment controller gives the rollout up.
    GivenUp,
    Crash,
    Recovery,
    Drift,
    ConfigMapGone,
    ConfigMapBack,
    Nothing,
}

fn happenings() -> impl Strategy<Value = Vec<(i64, Happening)>> {
    let happening = prop_oneof![
        4 => (0..=WANTED, 0..=WANTED).prop_map(|(pods, ready)| Happening::Pods { pods, ready: ready.min(pods) }),
        1 => Just(Happening::GivenUp),
        1 => Just(Happening::Crash),
        1 => Just(Happening::Recovery),
        1 => Just(Happening::Drift),
        1 => Just(Happening::ConfigMapGone),
        1 => Just(Happening::ConfigMapBack),
        2 => Just(Happening::Nothing),
    ];
    proptest::collection::vec((1_i64..6, happening), 1..40)
}

/// The world of a walk, and what counts as better.
struct Walk {
    server: Server,
    backend: Backend,
    /// The most pods and ready pods since the Backend was last Ready.
    best: (i32, i32),
    counts: (i32, i32),
}

impl Walk {
    /// Lets it happen; whether it is better than all before.
    fn let_happen(&mut self, happening: &Happening, now: Timestamp) -> bool {
        let server = &mut self.server;
        match happening {
            Happening::Pods { pods, ready } => {
                server.count_pods(*pods, *ready, ("True", "ReplicaSetUpdated", now));
                self.counts = (*pods, *ready);
            }
            Happening::GivenUp => {
                let (pods, ready) = self.counts;
                server.count_pods(pods, ready, ("False", "ProgressDeadlineExceeded", now));
            }
            Happening::Crash => server.put_pod("orders-1-x", 1, &crashed()),
            Happening::Recovery => server.remove(ObjectKind::Pod, "orders-1-x"),
            Happening::Drift => {
                server.edit(
                    ObjectKind::Deployment,
                    "orders",
                    &json!({"spec": {"replicas": 1}}),
                );
            }
            Happening::ConfigMapGone => server.remove(ObjectKind::ConfigMap, "settings"),
            Happening::ConfigMapBack => {
                let was_gone = server.put_config_map(&settings());
                return was_gone;
            }
            Happening::Nothing => {}
        }
        let (pods, ready) = self.counts;
        let is_better = pods > self.best.0 || ready > self.best.1;
        self.best = (self.best.0.max(pods), self.best.1.max(ready));
        is_better
    }

    /// The Deployment controller sees what was put back.
    fn observe(&mut self, happening: &Happening, now: Timestamp) {
        if matches!(happening, Happening::Drift) {
            let (pods, ready) = self.counts;
            self.server
                .count_pods(pods, ready, ("True", "ReplicaSetUpdated", now));
        }
    }
}

fn crashed() -> Value {
    json!({"containerStatuses": [{
        "name": "app", "image": "orders:1", "imageID": "", "ready": false, "restartCount": 5, "started": false,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"exitCode": 2, "reason": "Error"}},
    }]})
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// With the spec fixed, whatever pods, Deployment, other hands and ConfigMaps do.
    #[test]
    fn a_told_deadline_moves_only_when_something_got_better(walk in happenings()) {
        let (server, backend) = rolling();
        let mut world = Walk { server, backend, best: (WANTED, 0), counts: (WANTED, 0) };
        let mut time = now();
        let mut last = (String::new(), None);
        let mut better = true;
        for (minutes, happening) in walk {
            time += SignedDuration::from_mins(minutes);
            // A gain between two status writes stands in the second one.
            better |= world.let_happen(&happening, time);
            look_at(&mut world.server, &mut world.backend, time, "");
            world.observe(&happening, time);
            let told = (matter(&world.backend), deadline(&world.backend));
            if told.0 != last.0 {
                // Another matter: an object began to be missed, or came back, or all pods were there.
                // After a write to the Deployment its pods are not counted yet.
                let is_counted = !matches!(happening, Happening::Drift);
                world.best = if is_counted { world.counts } else { (0, 0) };
                better = false;
            } else if told.1 != last.1 {
                let message = message(&world.backend);
                prop_assert!(better, "{last:?} became {told:?} by {happening:?}: {message}");
                better = false;
            }
            last = told;
        }
    }
}

/// What the Backend waits for.
fn matter(backend: &Backend) -> String {
    match told(backend).0.as_str() {
        matter @ ("Ready" | "ConfigMapMissing") => matter.to_owned(),
        _ => "Rollout".to_owned(),
    }
}
