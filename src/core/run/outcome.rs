//! How a Job that has ended did end: by the runner's message where there is one, else by what Kubernetes is sure of. Waits for a message that
//! may still be on its way.

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use super::evidence::{self, SeenPod};
use super::lost;
use super::seen::Seen;
use super::start;
use super::ticket::Ticket;
use super::verdict::{End, Verdict};
use crate::api::common::Phase;
use crate::api::database::{Holder, RunMode};

/// A finished pod's message may reach the cache after its Job's condition; this long it is waited for, in seconds.
const MESSAGE_PATIENCE_SECONDS: i64 = 10;

/// The same while the cache of pods is behind that of Jobs, as when the API server was away. A watch that hangs is noticed after 150 s.
const PODS_PATIENCE_SECONDS: i64 = 180;

/// `None`: the message may still be on its way.
pub(super) fn verdict(
    seen: &Seen,
    holder: &Holder,
    ticket: &Ticket,
    pods: &[&SeenPod],
    now: Timestamp,
) -> Option<Verdict> {
    if is_adopted(holder) {
        return Some(adopted(&seen.job));
    }
    if let Some(message) = evidence::message(pods, ticket) {
        return Some(Verdict::from_message(&message));
    }
    if let Some(pod) = pods.iter().find(|seen| lost::is_lost(seen, now)) {
        return Some(node_lost(&pod.pod));
    }
    let ended = evidence::finished_at(&seen.job)
        .or_else(|| deleted_at(&seen.job))
        .unwrap_or(now);
    let behind = evidence::pods_are_behind(&seen.job, pods);
    let patience = if behind {
        PODS_PATIENCE_SECONDS
    } else {
        MESSAGE_PATIENCE_SECONDS
    };
    let fresh = now.as_second().saturating_sub(ended.as_second()) < patience;
    let told_all = pods.iter().any(|seen| seen.gone);
    if fresh && !told_all && (behind || evidence::main_ran(pods)) {
        return None;
    }
    if fresh && pods.is_empty() {
        return None;
    }
    Some(without_message(seen, ticket, pods, now))
}

/// Nothing is known of a program on a node that does not answer: a Check run waits for the lock in the database, which such a program holds.
fn node_lost(pod: &Pod) -> Verdict {
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
    let (node, name) = (node.unwrap_or("of no name"), pod.name_any());
    let message = if pod.metadata.deletion_timestamp.is_some() {
        format!("node {node} does not end pod {name}: it is lost or hangs")
    } else {
        format!("node {node} has not been heard of while it ran pod {name}: it is lost or hangs")
    };
    Verdict::without_message(End::Unknown, "NodeLost", Some(message))
}

/// What an adopted run says of itself is not trusted. But without the mark of the arm, as where somebody else unsuspended its Job, the runner
/// refuses to work.
fn adopted(job: &Job) -> Verdict {
    if evidence::is_armed(job) {
        let message = "the ledger was lost while this attempt ran".to_owned();
        return Verdict::without_message(End::Unknown, "OutcomeUnknown", Some(message));
    }
    let message = format!(
        "somebody started job {} by hand before it was its turn; its runner refused",
        job.name_any()
    );
    never_ran("NotArmed", Some(message))
}

/// Nothing was done, and no attempt is spent.
fn never_ran(reason: &str, message: Option<String>) -> Verdict {
    Verdict {
        spends_attempt: false,
        ..Verdict::without_message(End::Failed { retry_safe: true }, reason, message)
    }
}

/// Complete is proof by itself, as the runner ends with 0 only after reading the database back. A program that never ran did nothing.
fn without_message(seen: &Seen, ticket: &Ticket, pods: &[&SeenPod], now: Timestamp) -> Verdict {
    if evidence::is_complete(&seen.job) && !must_be_read(ticket) {
        return Verdict::without_message(End::Succeeded, "Succeeded", None);
    }
    if evidence::main_never_ran(pods) || start::never_had_a_pod(&seen.job, pods) {
        let trouble = start::recorded(&seen.job);
        let trouble = trouble.or_else(|| start::start_trouble(&seen.job, pods, now));
        let message = trouble.map(|trouble| {
            let what = trouble.what(&seen.job.name_any());
            format!(
                "{what} cannot start: {} {}",
                trouble.reason, trouble.message
            )
        });
        return never_ran("PodCannotStart", message);
    }
    Verdict::without_message(
        End::Unknown,
        "OutcomeUnknown",
        Some("the runner left no word of how it ended".to_owned()),
    )
}

/// What a migration after a rollout reached is what later images are held against: without the runner's word a Check run reads it.
fn must_be_read(ticket: &Ticket) -> bool {
    ticket.phase == Phase::AfterRollout
        && ticket.mode == RunMode::Run
        && !ticket.version_table.is_empty()
}

fn deleted_at(job: &Job) -> Option<Timestamp> {
    job.metadata.deletion_timestamp.as_ref().map(|time| time.0)
}

/// A holder that was taken from a Job, not made before it: what it says of itself is not trusted, a Check run reads the database.
pub(super) fn is_adopted(holder: &Holder) -> bool {
    holder.template_hash.is_empty()
}
