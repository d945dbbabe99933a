//! Until when something is waited for: one progress deadline after the moment in `status.waiting`. That moment stays, whatever fails meanwhile and
//! in whichever order, until something got better than ever before (I-48).

use jiff::Timestamp;

use super::super::decision::Considered;
use super::super::deployed::counts;
use super::super::release::Release;
use super::super::seen::Seen;
use super::progress::reached;
use crate::api::backend::Waiting;
use crate::core::conditions::to_seconds;

/// What is waited for, and until when.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Deadline {
    pub waiting: Waiting,
    pub until: Timestamp,
}

impl Deadline {
    /// Of the pods of a release: since it went out, since it was last all there, or since more of its pods were there or ready than ever before.
    pub(super) fn of_release(
        seen: &Seen,
        considered: &Considered,
        release: &Release,
        now: Timestamp,
    ) -> Self {
        let counted = is_counted(seen).then(|| reached(seen, release));
        let begun = Waiting {
            what: format!("release {}", release.revision),
            since: to_seconds(now).to_string(),
            pods: counted.map(|counted| counted.pods),
            ready: counted.map(|counted| counted.ready),
        };
        let waiting = match kept(seen, considered, &begun.what, now) {
            None => begun,
            Some(kept) => further(seen, kept, begun),
        };
        Self::after(waiting, considered, now)
    }

    /// Of the objects that the spec names: since the first of them was missed.
    pub(super) fn of_objects(seen: &Seen, considered: &Considered, now: Timestamp) -> Self {
        let begun = Waiting {
            what: "objects".to_owned(),
            since: to_seconds(now).to_string(),
            ..Waiting::default()
        };
        let waiting = kept(seen, considered, &begun.what, now).unwrap_or(begun);
        Self::after(waiting, considered, now)
    }

    fn after(waiting: Waiting, considered: &Considered, now: Timestamp) -> Self {
        let until = until(&waiting, considered).unwrap_or(now);
        Self { waiting, until }
    }

    /// Whether it is over.
    pub(super) fn has_passed(&self, now: Timestamp) -> bool {
        self.until <= now
    }
}

/// The same waiting with the counts of now; times of whole seconds compare as texts. Whether more pods are ready is known from the pods themselves, and when from nowhere but the clock; that
/// there are more is known from the Deployment, with the time.
fn further(seen: &Seen, kept: Waiting, now: Waiting) -> Waiting {
    let is_more = |now: Option<i32>, kept: Option<i32>| kept.is_some() && now > kept;
    let since = if is_more(now.ready, kept.ready) {
        now.since
    } else if is_more(now.pods, kept.pods) {
        progressed(seen)
            .map_or(now.since, |time| to_seconds(time).to_string())
            .max(kept.since)
    } else {
        kept.since
    };
    Waiting {
        since,
        pods: now.pods.max(kept.pods),
        ready: now.ready.max(kept.ready),
        what: kept.what,
    }
}

/// When the Deployment controller last saw the rollout get on. A condition that became False has a new time, too.
fn progressed(seen: &Seen) -> Option<Timestamp> {
    let status = seen.deployment.as_ref()?.status.as_ref()?;
    let progressing = status
        .conditions
        .as_ref()?
        .iter()
        .find(|condition| condition.type_ == "Progressing" && condition.status == "True")?;
    progressing.last_update_time.as_ref().map(|time| time.0)
}

/// What the status says of the same waiting. A new spec begins it anew once its deadline has passed.
fn kept(seen: &Seen, considered: &Considered, what: &str, now: Timestamp) -> Option<Waiting> {
    let status = seen.backend.status.as_ref()?;
    let kept = status.waiting.clone().filter(|kept| kept.what == what)?;
    let is_of_this_spec = status.observed_generation == Some(seen.generation());
    let until = until(&kept, considered)?;
    (is_of_this_spec || until > now).then_some(kept)
}

fn until(waiting: &Waiting, considered: &Considered) -> Option<Timestamp> {
    let since: Timestamp = waiting.since.parse().ok()?;
    let seconds = i64::from(considered.backend.rollout.progress_deadline_seconds);
    Timestamp::from_second(since.as_second().saturating_add(seconds)).ok()
}

/// Whether the counts of the Deployment are of the template that it has: before its controller has seen a new one, they are those of the old.
fn is_counted(seen: &Seen) -> bool {
    let generation = seen
        .deployment
        .as_ref()
        .and_then(|deployment| deployment.metadata.generation);
    counts(seen).observed_generation >= generation
}
