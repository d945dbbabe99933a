//! Until when waiting is normal: the progress deadline, counted from what the status and the Deployment already say, so that no memory is
//! needed between two looks.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;

use super::super::decision::Considered;
use super::super::release;
use super::super::seen::Seen;
use super::trouble::TroubleKind;
use crate::core::conditions::{RECONCILING, STALLED};

/// From when a deadline counts.
#[derive(Clone, Copy)]
pub(super) enum Since<'a> {
    /// Since this reason is told.
    Reason(&'a str),
    /// Since the release went out, or the work on it began anew.
    Release,
    /// As `Release`, or since the Deployment last got on.
    Progress,
}

/// When waiting ends. What has been Stalled for this very generation and release stays so until it is mended.
pub(super) fn deadline(
    seen: &Seen,
    considered: &Considered,
    since: Since,
    now: Timestamp,
) -> Timestamp {
    let conditions = seen
        .backend
        .status
        .as_ref()
        .map(|status| status.conditions.as_slice())
        .unwrap_or_default();
    let is_current =
        |condition: &&Condition| condition.observed_generation == Some(seen.generation());
    let of = |type_: &str| {
        conditions
            .iter()
            .find(|condition| condition.type_ == type_ && condition.status == "True")
    };
    let same_reason = |condition: &&Condition| match since {
        Since::Reason(reason) => condition.reason == reason,
        Since::Release | Since::Progress => TroubleKind::has(&condition.reason),
    };
    let release = considered.release.as_ref();
    let shown = seen
        .backend
        .status
        .as_ref()
        .and_then(|status| status.release.as_ref());
    let same_release = shown.map(|shown| shown.revision) == release.map(|release| release.revision);
    if let Some(stalled) = of(STALLED)
        .filter(is_current)
        .filter(same_reason)
        .filter(|_| same_release)
    {
        return stalled.last_transition_time.0.min(now);
    }
    let began = match since {
        Since::Reason(reason) => of(RECONCILING).filter(|condition| condition.reason == reason),
        Since::Release | Since::Progress => of(RECONCILING),
    }
    .map_or(now, |condition| condition.last_transition_time.0);
    let opened = release
        .and_then(|release| opened(seen, release.revision))
        .filter(|_| !matches!(since, Since::Reason(_)));
    let progressed = progressed(seen).filter(|_| matches!(since, Since::Progress));
    let start = [Some(began), opened, progressed]
        .into_iter()
        .flatten()
        .max()
        .unwrap_or(began);
    from_now(considered, start)
}

/// One progress deadline after `start`.
pub(super) fn from_now(considered: &Considered, start: Timestamp) -> Timestamp {
    let seconds = i64::from(considered.backend.rollout.progress_deadline_seconds);
    Timestamp::from_second(start.as_second().saturating_add(seconds)).unwrap_or(start)
}

fn opened(seen: &Seen, revision: i64) -> Option<Timestamp> {
    let kept = release::own(seen)
        .into_iter()
        .find(|object| object.revision == revision)?;
    kept.creation_timestamp().map(|time| time.0)
}

/// When the Deployment controller last saw the rollout get on.
fn progressed(seen: &Seen) -> Option<Timestamp> {
    let status = seen.deployment.as_ref()?.status.as_ref()?;
    let progressing = status
        .conditions
        .as_ref()?
        .iter()
        .find(|condition| condition.type_ == "Progressing")?;
    progressing.last_update_time.as_ref().map(|time| time.0)
}
