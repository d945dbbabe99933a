//! The rest between two status writes of a Backend that works: a rollout of many pods would otherwise write its status at every pod.

use std::time::Duration;

use jiff::Timestamp;

use super::assessment::Assessment;
use crate::api::backend::BackendStatus;
use crate::core::conditions::{READY, RECONCILING, STALLED, Standing};

/// While a Backend works, counts and messages alone are written at most this often. Seconds.
const REST_SECONDS: i64 = 30;

/// How long after the end of a rest a look still counts as the one that writes, in seconds.
const WINDOW_SECONDS: i64 = 3;

/// Whether only counts or wording have changed since the status was written, too short a time ago.
pub(super) fn is_resting(
    old: &BackendStatus,
    full: &BackendStatus,
    assessment: &Assessment,
    now: Timestamp,
) -> bool {
    if matches!(assessment.standing, Standing::Ready { .. })
        || old == full
        || skeleton(old) != skeleton(full)
    {
        return false;
    }
    let same_subject = old.conditions.first().is_some_and(|ready| {
        assessment.subject.is_empty() || ready.message.contains(&assessment.subject)
    });
    same_subject && position(old, now).is_some_and(|seconds| seconds >= WINDOW_SECONDS)
}

/// How long the present rest still lasts.
pub(super) fn left(old: &BackendStatus, now: Timestamp) -> Duration {
    let passed = position(old, now).unwrap_or(0);
    Duration::from_secs((REST_SECONDS - passed).try_into().unwrap_or(1))
}

/// Seconds since the last rest ended; rests follow each other from the moment at which the present work began. The first rest has no window.
fn position(old: &BackendStatus, now: Timestamp) -> Option<i64> {
    let began = old.conditions.iter().find(|condition| {
        [RECONCILING, STALLED].contains(&condition.type_.as_str()) && condition.status == "True"
    })?;
    let passed = now
        .as_second()
        .saturating_sub(began.last_transition_time.0.as_second())
        .max(0);
    if passed < REST_SECONDS {
        Some(passed.max(WINDOW_SECONDS))
    } else {
        Some(passed % REST_SECONDS)
    }
}

/// A status without counts and wording. Why a condition beside Ready, Reconciling and Stalled is False is wording, too.
fn skeleton(status: &BackendStatus) -> BackendStatus {
    let mut skeleton = status.clone();
    skeleton.replicas = None;
    skeleton.ready_replicas = None;
    skeleton.waiting = None;
    skeleton.schema = None;
    for condition in &mut skeleton.conditions {
        condition.message.clear();
        if ![READY, RECONCILING, STALLED].contains(&condition.type_.as_str()) {
            condition.reason.clear();
        }
    }
    if let Some(display) = &mut skeleton.display {
        display.replicas = None;
        display.schema = None;
    }
    skeleton
}
