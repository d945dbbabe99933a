//! Why the pod of a run does not start. Facts only, as [`super::evidence`].

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::evidence::{self, SeenPod, statuses};
use crate::core::meta;
use crate::core::plan::{ObjectKind, Step};

/// The Job controller makes a pod within a second or two; so long after the arm its absence is told, in seconds.
const POD_SECONDS: i64 = 10;

/// Why a run does not start: the kubelet's or the scheduler's own words, which never hold a secret's contents.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct StartTrouble {
    /// The pod that does not start; absent: the Job has none.
    pub pod: Option<String>,
    /// Kubernetes' word. Example: `ImagePullBackOff`.
    pub reason: String,
    pub message: String,
}

impl StartTrouble {
    /// What does not start. Example: `pod orders-k3f9x2m7qa-1-x7k2p`.
    #[must_use]
    pub fn what(&self, job: &str) -> String {
        match &self.pod {
            Some(pod) => format!("pod {pod}"),
            None => format!("job {job}"),
        }
    }
}

/// Why the run was given up; it stands on the Job, as the pod's own last word is another.
#[must_use]
pub fn recorded(job: &Job) -> Option<StartTrouble> {
    serde_json::from_str(job.annotations().get(meta::START_TROUBLE_ANNOTATION)?).ok()
}

/// Writes down why the run is given up, before its Job is deleted.
#[must_use]
pub fn record(job: &Job, pods: &[&SeenPod], now: Timestamp) -> Step {
    let late = || StartTrouble {
        pod: pods.first().map(|seen| seen.pod.name_any()),
        reason: "NotStarted".to_owned(),
        message: "it takes too long".to_owned(),
    };
    let trouble = start_trouble(job, pods, now).unwrap_or_else(late);
    let text = serde_json::to_string(&trouble).unwrap_or_default();
    let body = json!({"metadata": {"annotations": {meta::START_TROUBLE_ANNOTATION: text}}});
    Step::patch(ObjectKind::Job, job, body)
}

/// The first trouble that keeps the Job's pod from starting.
#[must_use]
pub fn start_trouble(job: &Job, pods: &[&SeenPod], now: Timestamp) -> Option<StartTrouble> {
    let missing = || (no_pod_in(job, pods, now)?.is_zero()).then(no_pod);
    pods.iter()
        .find_map(|seen| {
            waiting(&seen.pod)
                .or_else(|| unschedulable(&seen.pod))
                .or_else(|| init_failed(&seen.pod))
        })
        .or_else(missing)
}

/// How long until the absence of a pod is a trouble; `None` where there is one, or nobody waits for one.
#[must_use]
pub fn no_pod_in(job: &Job, pods: &[&SeenPod], now: Timestamp) -> Option<Duration> {
    let since = evidence::started_at(job).filter(|_| pods.is_empty())?;
    let waited = now.as_second().saturating_sub(since.as_second());
    let left = POD_SECONDS.saturating_sub(waited).max(0);
    u64::try_from(left).ok().map(Duration::from_secs)
}

/// Whether a Job that is being deleted never had a pod: the Job controller counts each that it makes, and makes none for a Job that is being
/// deleted. One whose counters are behind is told apart by the pod that the caches then show: whoever asks has waited for that.
#[must_use]
pub fn never_had_a_pod(job: &Job, pods: &[&SeenPod]) -> bool {
    let counted = job.status.as_ref().is_some_and(|status| {
        let counts = [
            status.active,
            status.failed,
            status.succeeded,
            status.terminating,
        ];
        counts.into_iter().flatten().any(|count| count > 0)
            || status
                .uncounted_terminated_pods
                .as_ref()
                .is_some_and(|pods| {
                    let lists = [&pods.failed, &pods.succeeded];
                    lists.into_iter().flatten().any(|list| !list.is_empty())
                })
    });
    job.metadata.deletion_timestamp.is_some() && pods.is_empty() && !counted
}

/// Why is told by events alone, which Slipway has no right to read.
fn no_pod() -> StartTrouble {
    StartTrouble {
        pod: None,
        reason: "NoPod".to_owned(),
        message:
            "a quota, a LimitRange, a missing ServiceAccount or an admission rule may refuse it"
                .to_owned(),
    }
}

fn waiting(pod: &Pod) -> Option<StartTrouble> {
    const HARMLESS: [&str; 2] = ["PodInitializing", "ContainerCreating"];
    statuses(pod).into_iter().find_map(|status| {
        let waiting = status.state.as_ref()?.waiting.as_ref()?;
        let reason = waiting.reason.clone()?;
        (!HARMLESS.contains(&reason.as_str())).then(|| StartTrouble {
            pod: Some(pod.name_any()),
            reason,
            message: waiting.message.clone().unwrap_or_default(),
        })
    })
}

fn unschedulable(pod: &Pod) -> Option<StartTrouble> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let condition = conditions
        .iter()
        .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False")?;
    Some(StartTrouble {
        pod: Some(pod.name_any()),
        reason: condition
            .reason
            .clone()
            .unwrap_or_else(|| "Unschedulable".to_owned()),
        message: condition.message.clone().unwrap_or_default(),
    })
}

fn init_failed(pod: &Pod) -> Option<StartTrouble> {
    let (name, ended) = evidence::failed_init_container(pod)?;
    Some(StartTrouble {
        pod: Some(pod.name_any()),
        reason: ended.reason.clone().unwrap_or_else(|| "Error".to_owned()),
        message: format!("init container {name} ended with code {}", ended.exit_code),
    })
}

#[cfg(test)]
mod tests;
