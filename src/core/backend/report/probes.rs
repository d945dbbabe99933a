//! Which probe keeps a pod from being ready: what it asks, by the pod itself, and what it is answered, by the kubelet's Events.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{
    Container, ContainerStateTerminated, ContainerStatus, HTTPGetAction, Pod, Probe,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::ResourceExt;

use super::super::build::APP;
use super::super::seen::Seen;
use super::messages::foreign;
use super::pods;
use super::trouble::{Trouble, TroubleKind};
use crate::core::probe_failure::{Answer, ProbeFailure, ProbeKind};

/// A probe fails this long before the status says so: an ordinary start takes less. A reconcile and a write later, the 15 s of I-47 hold.
const GRACE: SignedDuration = SignedDuration::from_secs(10);

/// A probe that fails.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Failing {
    pub trouble: Trouble,
    /// From this moment on, the status says so.
    pub told_from: Timestamp,
}

/// The failing probe of this release that the status says, the first by the name of its pod; before its time, the next one.
pub(super) fn failing(seen: &Seen, revision: i64, now: Timestamp) -> Option<Failing> {
    let mut pods: Vec<&Pod> = pods::of_release(seen, revision)
        .filter(|pod| !pods::is_ready(pod))
        .collect();
    pods.sort_by_key(|pod| pod.name_any());
    let failing = pods.into_iter().filter_map(|pod| of_pod(seen, pod));
    failing.min_by_key(|failing| failing.told_from.max(now))
}

fn of_pod(seen: &Seen, pod: &Pod) -> Option<Failing> {
    let status = pod.status.as_ref()?;
    let sidecars = status.init_container_statuses.iter().flatten();
    sidecars
        .chain(status.container_statuses.iter().flatten())
        .find_map(|status| of_container(seen, pod, status))
}

/// The probe that failed last in the container that runs now.
fn of_container(seen: &Seen, pod: &Pod, status: &ContainerStatus) -> Option<Failing> {
    if status.ready {
        return None;
    }
    let running = status.state.as_ref()?.running.as_ref()?;
    let started = running.started_at.as_ref()?.0;
    let container = container(pod, &status.name)?;
    let is_of_now = |failure: &&ProbeFailure| {
        let is_startup = failure.probe == ProbeKind::Startup;
        is_startup != status.started.unwrap_or(true)
            && failure.last >= started
            && is_of_this_outage(pod, container, failure)
    };
    let failures = || of(seen, pod, &status.name).filter(is_of_now);
    let last = failures().max_by_key(|failure| (failure.last, failure.probe))?;
    let same = failures().filter(|failure| failure.probe == last.probe);
    let began = same.map(|failure| failure.first).min()?.max(started);
    let cause = cause(container, last);
    let name = pod.name_any();
    let message = format!(
        "pod {name}: {cause}. Next: {}",
        next(seen, &name, container, last)
    );
    Some(Failing {
        trouble: Trouble {
            kind: TroubleKind::NotReady,
            subject: cause,
            message,
        },
        told_from: began + GRACE,
    })
}

/// Whether the failure belongs to what made the pod unready: a pod that was ready may have an Event of its start.
fn is_of_this_outage(pod: &Pod, container: &Container, failure: &ProbeFailure) -> bool {
    let conditions = pod
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let unready = conditions
        .filter(|condition| condition.type_ == "Ready" && condition.status == "False")
        .find_map(|condition| condition.last_transition_time.as_ref());
    let until_unready = probe(container, failure.probe).map_or(0, |probe| {
        let number = |of: Option<i32>, default| i64::from(of.unwrap_or(default));
        number(probe.period_seconds, 10) * number(probe.failure_threshold, 3)
            + number(probe.timeout_seconds, 1)
    });
    let until_unready = SignedDuration::from_secs(until_unready);
    unready.is_none_or(|unready| failure.last + until_unready >= unready.0)
}

/// The probe for whose failures the kubelet ended a container.
pub(super) fn killer(
    seen: &Seen,
    pod: &Pod,
    status: &ContainerStatus,
    ended: &ContainerStateTerminated,
) -> Option<String> {
    let started = ended.started_at.as_ref()?.0;
    let container = container(pod, &status.name)?;
    let failures = of(seen, pod, &status.name)
        .filter(|failure| failure.probe != ProbeKind::Readiness && failure.last >= started);
    let last = failures.max_by_key(|failure| (failure.last, failure.probe))?;
    Some(cause(container, last))
}

fn of<'a>(
    seen: &'a Seen,
    pod: &'a Pod,
    container: &'a str,
) -> impl Iterator<Item = &'a ProbeFailure> {
    let failures = seen.probe_failures.iter().map(AsRef::as_ref);
    failures.filter(move |failure: &&ProbeFailure| {
        pod.metadata.uid.as_ref() == Some(&failure.pod_uid) && failure.container == container
    })
}

fn container<'a>(pod: &'a Pod, name: &str) -> Option<&'a Container> {
    let spec = pod.spec.as_ref()?;
    let sidecars = spec.init_containers.iter().flatten();
    let mut all = spec.containers.iter().chain(sidecars);
    all.find(|container| container.name == name)
}

const fn probe(container: &Container, kind: ProbeKind) -> Option<&Probe> {
    match kind {
        ProbeKind::Startup => container.startup_probe.as_ref(),
        ProbeKind::Liveness => container.liveness_probe.as_ref(),
        ProbeKind::Readiness => container.readiness_probe.as_ref(),
    }
}

/// `readiness probe GET :8080/readyz answers 404`.
fn cause(container: &Container, failure: &ProbeFailure) -> String {
    let kind = match failure.probe {
        ProbeKind::Startup => "startup",
        ProbeKind::Liveness => "liveness",
        ProbeKind::Readiness => "readiness",
    };
    let whose = if container.name == APP {
        String::new()
    } else {
        format!("container {}: ", container.name)
    };
    let probe = probe(container, failure.probe);
    let asked = probe.map_or_else(String::new, asked);
    let answered = match failure.answer {
        // What a command printed may look like one of the kubelet's own sentences.
        _ if probe.is_some_and(|probe| probe.exec.is_some()) => "fails".to_owned(),
        Answer::Status(code) => format!("answers {code}"),
        Answer::Health(state) => format!("answers {state}"),
        Answer::NoHealthProtocol => "fails: the program has no grpc.health.v1".to_owned(),
        Answer::NoHttp => "fails: the answer is not HTTP".to_owned(),
        Answer::Refused => "fails: connection refused".to_owned(),
        Answer::TimedOut => {
            let limit = probe.and_then(|probe| probe.timeout_seconds).unwrap_or(1);
            format!("fails: no answer within {limit} s")
        }
        Answer::Closed => "fails: the connection is closed before an answer".to_owned(),
        Answer::Unreachable => "fails: the pod cannot be reached".to_owned(),
        Answer::Unclear => "fails".to_owned(),
    };
    format!("{whose}{kind} probe{asked} {answered}")
}

/// What is asked, with a blank in front.
fn asked(probe: &Probe) -> String {
    if let Some(HTTPGetAction { path, port, .. }) = &probe.http_get {
        let path = foreign(path.as_deref().unwrap_or("/"));
        return format!(" GET :{}{path}", number(port));
    }
    if let Some(grpc) = &probe.grpc {
        let service = grpc.service.as_deref().filter(|name| !name.is_empty());
        let service = service.map_or_else(String::new, |name| format!(" {}", foreign(name)));
        return format!(" gRPC :{}{service}", grpc.port);
    }
    if let Some(tcp) = &probe.tcp_socket {
        return format!(" TCP :{}", number(&tcp.port));
    }
    let command = probe.exec.as_ref().and_then(|exec| exec.command.as_ref());
    let program = command.and_then(|words| words.first());
    program.map_or_else(String::new, |program| {
        format!(" command {}", foreign(program))
    })
}

fn number(port: &IntOrString) -> String {
    match port {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(name) => foreign(name),
    }
}

/// Where the rest stands: the program's log, or the Event where only that has the output of the command.
fn next(seen: &Seen, pod: &str, container: &Container, failure: &ProbeFailure) -> String {
    let namespace = seen.namespace();
    let is_command = probe(container, failure.probe).is_some_and(|probe| probe.exec.is_some());
    if is_command || failure.answer == Answer::Unclear {
        format!("kubectl describe pod {pod} -n {namespace}")
    } else {
        format!("kubectl logs {pod} -c {} -n {namespace}", container.name)
    }
}
