//! Evidence: what Kubernetes shows of a migration Job and its pods. Facts only, no judgement.
//!
//! Of a Job only the conditions Complete and Failed count, and both are set only once its pod is gone or finished (KEP-3939). A Job that
//! is being deleted, or was suspended again, never gets a condition: there, the absence of an unfinished pod is the end.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod};
use kube::ResourceExt;

use crate::core::meta;
use crate::core::migration::message::{FORMAT, MESSAGE_LIMIT, Message};
use crate::core::run::lost;
use crate::core::run::ticket::Ticket;

/// Name of the container that runs the tool.
pub const MAIN_CONTAINER: &str = "migrate";

/// Label that the Job controller puts on its pods (Kubernetes 1.27 and later): the Job's name.
pub const JOB_NAME_LABEL: &str = "batch.kubernetes.io/job-name";

/// The same: the Job's uid.
const JOB_UID_LABEL: &str = "batch.kubernetes.io/controller-uid";

/// A pod as it was seen last.
#[derive(Clone, Debug, PartialEq)]
pub struct SeenPod {
    pub pod: Arc<Pod>,
    /// Whether the object is gone; `pod` is then its last version.
    pub gone: bool,
}

impl SeenPod {
    /// Whether it is there and its containers have not ended for good.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        !self.gone && !is_finished(&self.pod)
    }
}

/// How far a Job is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum JobState {
    /// Suspended, and never armed: nothing runs or ran. The only state in which it may be armed or swept.
    Inert,
    /// At work, or may be at work.
    Active,
    /// Its program has ended, or never ran and never will.
    Finished,
}

/// The pods of a Job among those of its namespace.
#[must_use]
pub fn pods_of<'a>(job: &Job, pods: &'a [SeenPod]) -> Vec<&'a SeenPod> {
    let (name, uid) = (job.name_any(), job.uid().unwrap_or_default());
    pods.iter()
        .filter(|seen| {
            seen.pod
                .labels()
                .get(JOB_NAME_LABEL)
                .is_some_and(|label| *label == name)
        })
        .filter(|seen| is_of(&seen.pod, &uid))
        .collect()
}

/// Whether a pod of the Job with this uid is still at work, or about to be. The Job itself may be gone.
#[must_use]
pub fn has_unfinished_pod<'a>(job_uid: &str, pods: impl IntoIterator<Item = &'a Pod>) -> bool {
    pods.into_iter()
        .any(|pod| is_of(pod, job_uid) && !is_finished(pod))
}

/// Its owner tells; a Job that was deleted with `--cascade=orphan` leaves its pod without one, and there the label stays.
fn is_of(pod: &Pod, job_uid: &str) -> bool {
    let has_no_owner = pod.owner_references().is_empty();
    meta::is_controlled_by(pod, job_uid)
        || has_no_owner
            && pod
                .labels()
                .get(JOB_UID_LABEL)
                .is_some_and(|label| label == job_uid)
}

/// How far the Job is.
#[must_use]
pub fn state(job: &Job, pods: &[&SeenPod], now: Timestamp) -> JobState {
    let stopped = is_stopped(job);
    let suspended = is_suspended(job) && !stopped;
    let ended = has_ended(job);
    let gets_no_condition = stopped || job.metadata.deletion_timestamp.is_some();
    let mut unfinished = pods.iter().filter(|seen| seen.is_unfinished()).peekable();
    let unfinished_pod = unfinished.peek().is_some();
    let only_lost_pods = unfinished_pod && unfinished.all(|seen| lost::is_lost(seen, now));
    match (ended, suspended, gets_no_condition) {
        (true, _, _) => JobState::Finished,
        (false, true, _) if !unfinished_pod => JobState::Inert,
        (false, false, true) if !unfinished_pod => JobState::Finished,
        _ if only_lost_pods => JobState::Finished,
        _ => JobState::Active,
    }
}

fn has_ended(job: &Job) -> bool {
    has_condition(job, "Complete") || has_condition(job, "Failed")
}

/// Whether the cache of pods is behind that of Jobs, or may be: a Job gets its condition only after its pods have ended, and it keeps them;
/// one that was armed had a pod a moment later, also if it is being deleted and so never gets a condition.
#[must_use]
pub fn pods_are_behind(job: &Job, pods: &[&SeenPod]) -> bool {
    pods.is_empty() || has_ended(job) && pods.iter().any(|seen| seen.is_unfinished())
}

/// Whether a Job that was armed is suspended again, as a user or a queueing system may do: its pod is ended, and it gets no condition. What its
/// program did is found out as after any other end.
#[must_use]
pub fn is_stopped(job: &Job) -> bool {
    is_suspended(job) && is_armed(job) && !has_ended(job)
}

/// Whether it was armed, by the mark without which the runner refuses to work.
#[must_use]
pub fn is_armed(job: &Job) -> bool {
    job.spec
        .as_ref()
        .and_then(|spec| spec.template.metadata.as_ref()?.annotations.as_ref())
        .is_some_and(|annotations| annotations.contains_key(meta::ARMED_ANNOTATION))
}

/// Whether the Job is suspended.
#[must_use]
pub fn is_suspended(job: &Job) -> bool {
    job.spec
        .as_ref()
        .and_then(|spec| spec.suspend)
        .unwrap_or(false)
}

/// Whether the Job is Complete: the runner ended with 0, which it does only after it has read the database back.
#[must_use]
pub fn is_complete(job: &Job) -> bool {
    has_condition(job, "Complete")
}

/// When the Job got its last condition.
#[must_use]
pub fn finished_at(job: &Job) -> Option<Timestamp> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    conditions
        .iter()
        .filter_map(|condition| condition.last_transition_time.as_ref())
        .map(|time| time.0)
        .max()
}

/// When the Job was started last; unsuspending sets it anew.
#[must_use]
pub fn started_at(job: &Job) -> Option<Timestamp> {
    job.status.as_ref()?.start_time.as_ref().map(|time| time.0)
}

/// Whether the runner itself was started in any of the pods, as far as is told.
#[must_use]
pub fn main_ran(pods: &[&SeenPod]) -> bool {
    pods.iter()
        .filter_map(|seen| main_status(&seen.pod))
        .any(was_started)
}

/// Whether it is sure that the runner was started in none of the pods: the kubelet said so when the pod ended, or no kubelet ever had it. A pod
/// that was removed by force tells nothing: its program may have been started since the last word.
#[must_use]
pub fn main_never_ran(pods: &[&SeenPod]) -> bool {
    let never_had_a_node = |pod: &Pod| {
        let spec = pod.spec.as_ref();
        spec.is_none_or(|spec| spec.node_name.is_none())
    };
    let is_told = |pod: &Pod| {
        let state = main_status(pod).and_then(|status| status.state.as_ref());
        let ended = is_finished(pod) && state.is_none_or(|state| state.terminated.is_some());
        ended || failed_init_container(pod).is_some() || was_ended_uninitialised(pod)
    };
    let is_sure = |seen: &&SeenPod| never_had_a_node(&seen.pod) || is_told(&seen.pod);
    !pods.is_empty() && !main_ran(pods) && pods.iter().all(is_sure)
}

/// The first init container that has failed, and how: of a pod that is never restarted, no main container is started then.
pub(super) fn failed_init_container(pod: &Pod) -> Option<(&str, &ContainerStateTerminated)> {
    let statuses = pod.status.as_ref()?.init_container_statuses.as_ref()?;
    statuses.iter().find_map(|status| {
        let ended = status.state.as_ref()?.terminated.as_ref()?;
        (ended.exit_code != 0).then_some((status.name.as_str(), ended))
    })
}

/// Whether the kubelet has ended the pod while an init container still waited, as for its image. That its sandbox is down is the kubelet's last
/// word; whoever else calls a pod Failed, as the garbage collector does with those of a node that is gone, leaves the sandbox up in the status.
fn was_ended_uninitialised(pod: &Pod) -> bool {
    let conditions = || {
        let status = pod.status.as_ref();
        status
            .into_iter()
            .flat_map(|status| status.conditions.iter().flatten())
    };
    let is_false = |type_: &str| {
        conditions().any(|condition| condition.type_ == type_ && condition.status == "False")
    };
    is_finished(pod) && is_false("Initialized") && is_false("PodReadyToStartContainers")
}

/// At the end of a pod the kubelet gives to a container that it cannot find the code 137 and no start, whether it never ran or is lost; one
/// that was made has an id, and one that was seen at work a count or a last state.
fn was_started(status: &ContainerStatus) -> bool {
    let state = status.state.as_ref();
    let has_trace = status.restart_count > 0
        || status
            .container_id
            .as_ref()
            .is_some_and(|id| !id.is_empty());
    let ended = state.and_then(|state| state.terminated.as_ref());
    let last = status.last_state.as_ref();
    state.is_some_and(|state| state.running.is_some())
        || last.is_some_and(|last| last.terminated.is_some())
        || ended
            .is_some_and(|ended| ended.started_at.is_some() || ended.exit_code != 137 || has_trace)
}

/// The message that fits this attempt: uid of the Job by way of the pod's owner, plan key and number by what it says. A message of an
/// init container counts too: it says that the files could not be read. The kubelet cuts a message at its limit, so a longer one is none of its.
#[must_use]
pub fn message(pods: &[&SeenPod], ticket: &Ticket) -> Option<Message> {
    pods.iter()
        .flat_map(|seen| statuses(&seen.pod))
        .filter_map(|status| status.state.as_ref()?.terminated.as_ref()?.message.clone())
        .filter(|text| text.len() <= MESSAGE_LIMIT)
        .filter_map(|text| serde_json::from_str::<Message>(&text).ok())
        .find(|message| {
            message.v == FORMAT
                && message.plan_key == ticket.plan_key
                && message.attempt == ticket.attempt
        })
}

pub(super) fn statuses(pod: &Pod) -> Vec<&ContainerStatus> {
    let Some(status) = pod.status.as_ref() else {
        return Vec::new();
    };
    let main = status.container_statuses.iter().flatten();
    let init = status.init_container_statuses.iter().flatten();
    main.chain(init).collect()
}

pub(super) fn main_status(pod: &Pod) -> Option<&ContainerStatus> {
    pod.status
        .as_ref()?
        .container_statuses
        .as_ref()?
        .iter()
        .find(|status| status.name == MAIN_CONTAINER)
}

fn is_finished(pod: &Pod) -> bool {
    matches!(
        pod.status
            .as_ref()
            .and_then(|status| status.phase.as_deref()),
        Some("Succeeded" | "Failed")
    )
}

fn has_condition(job: &Job, type_: &str) -> bool {
    job.status
        .as_ref()
        .and_then(|status| status.conditions.as_ref())
        .is_some_and(|conditions| {
            conditions
                .iter()
                .any(|condition| condition.type_ == type_ && condition.status == "True")
        })
}

#[cfg(test)]
mod tests;
