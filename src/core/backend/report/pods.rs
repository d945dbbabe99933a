//! What keeps the new pods from serving, in the pod's own words, with the next command. The worst of all pods is told; of equals the first by
//! name, so that the message does not jump.

use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Pod};
use kube::ResourceExt;

use super::super::build::APP;
use super::super::resolved::{Account, FileSource, ResolvedBackend, SourceKind};
use super::super::seen::Seen;
use super::messages::foreign;
use super::probes;
use super::trouble::{Trouble, TroubleKind};
use super::unresolved::configuration;
use crate::core::meta::RELEASE_LABEL;

/// The worst trouble of the pods of this release, or of making them.
pub(super) fn trouble(seen: &Seen, backend: &ResolvedBackend, revision: i64) -> Option<Trouble> {
    let mut pods: Vec<&Pod> = of_release(seen, revision).collect();
    pods.sort_by_key(|pod| pod.name_any());
    let of_pods = pods
        .into_iter()
        .filter_map(|pod| of_pod(seen, backend, pod));
    of_pods
        .chain(of_making(seen, backend))
        .min_by_key(|trouble| trouble.kind)
}

/// A pod of this release that runs and is not ready: what is left when there is no plainer trouble.
pub(super) fn not_ready(seen: &Seen, backend: &ResolvedBackend, revision: i64) -> Option<Trouble> {
    let mut pods: Vec<&Pod> = of_release(seen, revision)
        .filter(|pod| !is_ready(pod))
        .collect();
    pods.sort_by_key(|pod| pod.name_any());
    let name = pods.first()?.name_any();
    let started = pods
        .first()?
        .status
        .iter()
        .flat_map(|status| status.container_statuses.iter().flatten())
        .any(is_running);
    let namespace = seen.namespace();
    let message = if started && backend.probes.readiness.is_some() {
        format!(
            "pod {name} runs but its readiness probe does not succeed. Next: kubectl logs {name} -c {APP} -n {namespace}"
        )
    } else if started {
        format!(
            "pod {name} runs but is not ready. Next: kubectl describe pod {name} -n {namespace}"
        )
    } else {
        format!(
            "pod {name} does not start{}. Next: kubectl describe pod {name} -n {namespace}",
            volumes(backend)
        )
    };
    Some(Trouble {
        kind: TroubleKind::NotReady,
        subject: name,
        message,
    })
}

/// Volumes of missing objects are told in events only, so the likely names are given.
fn volumes(backend: &ResolvedBackend) -> String {
    let names: Vec<&str> = backend
        .files
        .iter()
        .filter_map(|file| match &file.source {
            FileSource::Keys {
                kind: SourceKind::Secret,
                name,
                optional: false,
                ..
            }
            | FileSource::Claim { name, .. } => Some(name),
            _ => None,
        })
        .map(String::as_str)
        .collect();
    if names.is_empty() {
        String::new()
    } else {
        format!("; spec.files needs {}", names.join(", "))
    }
}

/// The pods of a release that are not being deleted.
pub(super) fn of_release(seen: &Seen, revision: i64) -> impl Iterator<Item = &Pod> {
    let revision = revision.to_string();
    seen.pods
        .iter()
        .map(AsRef::as_ref)
        .filter(move |pod: &&Pod| {
            pod.metadata.deletion_timestamp.is_none()
                && pod.labels().get(RELEASE_LABEL) == Some(&revision)
        })
}

/// Whether it is Ready.
pub(super) fn is_ready(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    conditions
        .into_iter()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

fn is_running(container: &ContainerStatus) -> bool {
    container
        .state
        .as_ref()
        .is_some_and(|state| state.running.is_some())
}

fn of_pod(seen: &Seen, backend: &ResolvedBackend, pod: &Pod) -> Option<Trouble> {
    if is_ready(pod) {
        return None;
    }
    let status = pod.status.as_ref()?;
    let containers = status
        .init_container_statuses
        .iter()
        .flatten()
        .chain(status.container_statuses.iter().flatten());
    let of_containers =
        containers.filter_map(|container| of_container(seen, backend, pod, container));
    of_containers
        .min_by_key(|trouble| trouble.kind)
        .or_else(|| unschedulable(seen, pod))
}

fn unschedulable(seen: &Seen, pod: &Pod) -> Option<Trouble> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let condition = conditions.iter().find(|condition| {
        condition.type_ == "PodScheduled"
            && condition.status == "False"
            && condition.reason.as_deref() == Some("Unschedulable")
    })?;
    let name = pod.name_any();
    let why = foreign(condition.message.as_deref().unwrap_or("no node fits"));
    let message = format!(
        "pod {name} finds no node: {}. Next: kubectl describe pod {name} -n {}",
        why.trim_end_matches('.'),
        seen.namespace()
    );
    Some(Trouble {
        kind: TroubleKind::Unschedulable,
        subject: name,
        message,
    })
}

fn of_container(
    seen: &Seen,
    backend: &ResolvedBackend,
    pod: &Pod,
    container: &ContainerStatus,
) -> Option<Trouble> {
    let name = pod.name_any();
    let waiting = container
        .state
        .as_ref()
        .and_then(|state| state.waiting.as_ref());
    let reason = waiting
        .and_then(|waiting| waiting.reason.as_deref())
        .unwrap_or_default();
    let text = foreign(
        waiting
            .and_then(|waiting| waiting.message.as_deref())
            .unwrap_or_default(),
    );
    let (kind, message) = match reason {
        "ImagePullBackOff"
        | "ErrImagePull"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "ImageInspectError"
        | "RegistryUnavailable" => (
            TroubleKind::ImagePullFailed,
            image_pull(seen, &name, container, &text),
        ),
        "CreateContainerConfigError" => configuration(seen, backend, &name, &text),
        _ => crashed(seen, pod, container)?,
    };
    Some(Trouble {
        kind,
        subject: name,
        message,
    })
}

fn image_pull(seen: &Seen, pod: &str, container: &ContainerStatus, text: &str) -> String {
    let image = if container.name == APP {
        &seen.backend.spec.image
    } else {
        &container.image
    };
    let why = if text.is_empty() {
        String::new()
    } else {
        format!(": {}", text.trim_end_matches('.'))
    };
    format!(
        "pod {pod} cannot pull image {image} (spec.image, spec.imagePullSecrets){why}. Next: kubectl describe pod {pod} -n {}",
        seen.namespace()
    )
}

/// A container that has ended badly and is not ready: how, and how often.
fn crashed(seen: &Seen, pod: &Pod, container: &ContainerStatus) -> Option<(TroubleKind, String)> {
    if container.ready {
        return None;
    }
    let of = pod;
    let pod = pod.name_any();
    let ended = |state: Option<&ContainerState>| state.and_then(|state| state.terminated.clone());
    let last = ended(container.state.as_ref()).or_else(|| ended(container.last_state.as_ref()))?;
    let (name, restarts) = (&container.name, container.restart_count);
    let namespace = seen.namespace();
    if last.reason.as_deref() == Some("OOMKilled") {
        let message = format!(
            "pod {pod}: container {name} was killed for memory, {restarts} restarts. Next: raise spec.resources.limits.memory; or: kubectl logs {pod} -c {name} --previous -n {namespace}"
        );
        return Some((TroubleKind::OutOfMemory, message));
    }
    let cannot_start = matches!(
        last.reason.as_deref(),
        Some("StartError" | "ContainerCannotRun")
    );
    if cannot_start {
        let why = foreign(
            last.message
                .as_deref()
                .unwrap_or("the program is not there"),
        );
        let message = format!(
            "pod {pod}: container {name} cannot start: {why}. Next: kubectl describe pod {pod} -n {namespace}"
        );
        return Some((TroubleKind::CrashLooping, message));
    }
    let ended = probes::killer(seen, of, container, &last).map_or_else(
        || format!("exits {}, {restarts} restarts", last.exit_code),
        |probe| format!("was ended, {restarts} restarts: {probe}"),
    );
    let message = format!(
        "pod {pod}: container {name} {ended}. Next: kubectl logs {pod} -c {name} --previous -n {namespace}"
    );
    Some((TroubleKind::CrashLooping, message))
}

/// Pods that are refused before they exist: the Deployment says why.
fn of_making(seen: &Seen, backend: &ResolvedBackend) -> Option<Trouble> {
    let status = seen.deployment.as_ref()?.status.as_ref()?;
    let refused = status
        .conditions
        .as_ref()?
        .iter()
        .find(|condition| condition.type_ == "ReplicaFailure" && condition.status == "True")?;
    let why = foreign(refused.message.as_deref().unwrap_or("refused"));
    let (name, namespace) = (seen.name(), seen.namespace());
    let (kind, message) = if why.contains("exceeded quota") {
        (
            TroubleKind::QuotaExceeded,
            format!(
                "deployment {name}: pods are refused: {why}. Next: kubectl describe quota -n {namespace}"
            ),
        )
    } else if let (Account::Named(account), true) =
        (&backend.account, why.contains("serviceaccount"))
    {
        let next = format!("Next: kubectl get serviceaccount {account} -n {namespace}");
        (
            TroubleKind::Forbidden,
            format!(
                "serviceaccount {account} not found (named by spec.serviceAccountName). {next}"
            ),
        )
    } else {
        (
            TroubleKind::Forbidden,
            format!(
                "deployment {name}: pods are refused: {why}. Next: kubectl describe deployment {name} -n {namespace}"
            ),
        )
    };
    Some(Trouble {
        kind,
        subject: name,
        message,
    })
}
