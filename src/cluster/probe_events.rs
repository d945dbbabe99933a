//! The watch of the Events by which the kubelet tells that a probe failed. It is open only while a pod of a Backend is not ready: at rest nothing is
//! asked. The API server keeps no cache of Events and sends no bookmarks for them, so a quiet watch would look like a broken one.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::runtime::watcher::{Config, Event};
use kube::{Client, ResourceExt};
use tokio::select;
use tokio::time::sleep;

use super::cache::Listing;
use super::caches::Caches;
use super::watch::{Handling, PAGE, api, follow};
use crate::core::meta::BACKEND_LABEL;
use crate::core::probe_failure::{ProbeFailure, SELECTOR};

/// Between two checks whether the watch is needed. A probe fails for 10 s before the status says so.
const NEEDED: Duration = Duration::from_secs(1);

/// How long one watch request lasts, in seconds: shorter than the silence after which a connection counts as dead (`client`).
const OPEN: u32 = 120;

/// Between two checks whether an open watch is still needed. The pods of a rollout come one after the other.
const UNNEEDED: Duration = Duration::from_secs(10);

/// Opens the watch when it is needed, closes it when not, and then forgets what it told. Without the right to it all else goes on.
pub(super) async fn follow_while_needed(caches: Caches, client: Client, scope: Option<String>) {
    let config = Config::default()
        .page_size(PAGE)
        .fields(SELECTOR)
        .timeout(OPEN);
    let handling = Handling {
        keeps: Some(is_of_backend),
        ..Handling::default()
    };
    let is_needed = || caches.pods.any(scope.as_deref(), is_unready);
    loop {
        while !is_needed() {
            sleep(NEEDED).await;
        }
        let api = api::<ProbeFailure>(client.clone(), scope.as_deref());
        let cache = &caches.probe_failures;
        select! {
            () = follow(api, config.clone(), scope.clone(), cache, &caches, &handling) => {}
            () = async {
                while is_needed() {
                    sleep(UNNEEDED).await;
                }
            } => {}
        }
        clear(&caches, scope.clone());
    }
}

/// As if a list had shown no Event.
fn clear(caches: &Caches, scope: Option<String>) {
    let mut listing = Listing::new(scope);
    for event in [Event::Init, Event::InitDone] {
        let changes = caches.probe_failures.absorb(&mut listing, event);
        caches.tell(changes.into_iter().map(|(change, _)| change));
    }
}

/// Whether a probe may keep this pod of a Backend from being ready. A pod that has ended, by an eviction for example, never becomes ready.
fn is_unready(pod: &Pod) -> bool {
    let status = pod.status.as_ref();
    let phase = status.and_then(|status| status.phase.as_deref());
    let has_ended = matches!(phase, Some("Succeeded" | "Failed"));
    let mut conditions = status
        .into_iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let is_ready =
        conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True");
    pod.labels().contains_key(BACKEND_LABEL)
        && pod.metadata.deletion_timestamp.is_none()
        && !has_ended
        && !is_ready
}

/// An Event names its pod, and only the pod has the labels.
fn is_of_backend(caches: &Caches, failure: &ProbeFailure) -> bool {
    let namespace = failure.metadata.namespace.as_deref().unwrap_or_default();
    let pod = caches.pods.get(namespace, &failure.pod);
    pod.is_some_and(|pod| {
        pod.metadata.uid.as_ref() == Some(&failure.pod_uid)
            && pod.labels().contains_key(BACKEND_LABEL)
    })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use kube::core::DeserializeGuard;
    use kube::runtime::watcher::Event;
    use serde_json::{Value, json};

    use super::{is_of_backend, is_unready};
    use crate::cluster::cache::Listing;
    use crate::cluster::caches::Caches;
    use crate::core::probe_failure::ProbeFailure;

    fn pod(label: &str, ready: &str, phase: &str) -> Value {
        json!({
            "metadata": {"name": "x", "namespace": "team-a", "uid": "u", "labels": {label: "orders"}},
            "status": {"phase": phase, "conditions": [{"type": "Ready", "status": ready}]},
        })
    }

    #[test]
    fn only_a_backends_pod_that_may_become_ready_needs_the_watch() {
        let backend = "slipway.dev/backend";
        for (pod, needed) in [
            (pod(backend, "False", "Running"), true),
            (json!({"metadata": {"labels": {backend: "orders"}}}), true),
            (pod(backend, "True", "Running"), false),
            (pod(backend, "False", "Failed"), false),
            (pod("slipway.dev/migration", "False", "Running"), false),
        ] {
            let decoded: Pod = serde_json::from_value(pod.clone()).expect("a pod");
            assert_eq!(is_unready(&decoded), needed, "{pod}");
        }
    }

    /// Events of all pods of a cluster come by this watch; few of them are ours.
    #[test]
    fn an_event_is_kept_only_for_a_pod_of_a_backend_that_is_there() {
        let caches = Caches::new(&[]);
        let known: DeserializeGuard<Pod> =
            serde_json::from_value(pod("slipway.dev/backend", "False", "Running")).expect("a pod");
        caches
            .pods
            .absorb(&mut Listing::new(None), Event::Apply(known));
        let of = |namespace: &str, name: &str, uid: &str| -> ProbeFailure {
            serde_json::from_value(json!({
                "metadata": {"name": "e", "namespace": namespace},
                "involvedObject": {"kind": "Pod", "name": name, "uid": uid},
                "message": "Readiness probe failed: EOF", "firstTimestamp": "2027-01-15T08:00:02Z",
            }))
            .expect("an Event")
        };
        let kept = [
            of("team-a", "x", "u"),
            of("team-a", "x", "older"),
            of("team-a", "y", "u"),
            of("team-b", "x", "u"),
        ]
        .map(|failure| is_of_backend(&caches, &failure));
        assert_eq!(kept, [true, false, false, false]);
    }
}
