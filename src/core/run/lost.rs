//! Lost: whether the node under a pod is lost, as far as the pod tells; Slipway has no right to read Nodes. Pure.
//!
//! A pod that is taken for lost is not known to be dead. All that follows is a Check run, and that waits for the lock in the database, which a
//! program that lives holds. So a node that comes back later harms nothing: what its program did was read, or is done once in its turn.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, PodCondition};

use super::evidence::{self, SeenPod};

/// So long after all that Kubernetes grants is a pod taken for lost; seconds. Room for clocks that differ, and for a node that is just back.
const MARGIN_SECONDS: i64 = 60;

/// Kubernetes' default of `terminationGracePeriodSeconds`.
const DEFAULT_GRACE_SECONDS: i64 = 30;

/// Whether a pod's node is lost or hangs.
pub(super) fn is_lost(seen: &SeenPod, now: Timestamp) -> bool {
    left_until_lost(seen, now).is_some_and(|left| left <= 0)
}

/// How long until the first pod counts as lost, where one is on its way there.
pub(super) fn lost_in(pods: &[&SeenPod], now: Timestamp) -> Option<Duration> {
    pods.iter()
        .filter_map(|seen| left_until_lost(seen, now))
        .filter_map(|left| u64::try_from(left.max(1)).ok())
        .min()
        .map(Duration::from_secs)
}

fn left_until_lost(seen: &SeenPod, now: Timestamp) -> Option<i64> {
    if !seen.is_unfinished() {
        return None;
    }
    let ends = [end_of_deletion(&seen.pod), end_of_silence(&seen.pod)];
    let end = ends.into_iter().flatten().min()?;
    let lost_at = end.as_second().saturating_add(MARGIN_SECONDS);
    Some(lost_at.saturating_sub(now.as_second()))
}

/// When a pod that is being deleted should be dead: `deletionTimestamp` is the end of its grace, when the kubelet sends SIGKILL; a node that
/// answers shows the end within seconds. A lost node's pods are deleted by the taint `node.kubernetes.io/unreachable` five minutes after it was
/// given up, but not where most nodes of a zone are lost with it, nor where the pod tolerates the taint.
fn end_of_deletion(pod: &Pod) -> Option<Timestamp> {
    pod.metadata.deletion_timestamp.as_ref().map(|time| time.0)
}

/// When a running pod whose node is silent had as much time to be heard of again as a deletion would have left it.
fn end_of_silence(pod: &Pod) -> Option<Timestamp> {
    let grace = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.termination_grace_period_seconds)
        .unwrap_or(DEFAULT_GRACE_SECONDS);
    silent_since(pod)?
        .checked_add(jiff::SignedDuration::from_secs(grace))
        .ok()
}

/// Since when a node is silent while it runs the pod's program. The node lifecycle controller (`MarkPodsNotReady`) turns Ready of its pods to
/// False and leaves all else as it was, 50 s after the node's last word. No kubelet says Ready False without a reason, nor of containers that are
/// all ready; one that hears of it puts it right within 10 s (`syncPeriod` of its status manager). Before the program runs not all containers
/// are ready: there the start deadline decides.
fn silent_since(pod: &Pod) -> Option<Timestamp> {
    let is_running = evidence::main_status(pod)
        .and_then(|status| status.state.as_ref())
        .is_some_and(|state| state.running.is_some());
    let ready = condition(pod, "Ready")?;
    let has_reason = ready
        .reason
        .as_ref()
        .is_some_and(|reason| !reason.is_empty());
    let is_marked = ready.status == "False" && !has_reason;
    let were_ready = condition(pod, "ContainersReady")?.status == "True";
    (is_running && is_marked && were_ready)
        .then(|| ready.last_transition_time.as_ref().map(|time| time.0))
        .flatten()
}

fn condition<'a>(pod: &'a Pod, type_: &str) -> Option<&'a PodCondition> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|condition| condition.type_ == type_)
}

#[cfg(test)]
mod tests;
