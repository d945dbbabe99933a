//! A Backend's status: made from what came back and what is there, never from what was wished. Every message says which object or field, what
//! is wrong and what to type next.

mod assessment;
mod deadline;
mod display;
mod events;
mod held;
mod messages;
mod migrated;
mod pods;
mod probes;
mod progress;
mod rest;
mod rollback;
mod rollout;
mod standing;
mod stopped;
mod trouble;
mod unresolved;

use jiff::Timestamp;
use kube::ResourceExt;
use serde_json::Value;
use std::time::Duration;

use self::assessment::Assessment;
use super::build;
use super::contract;
use super::decision::{Considered, Decision, Outlook, Purpose};
use super::deployed::counts;
use super::problems;
use super::release;
use super::seen::Seen;
use crate::api::backend::{BackendStatus, PendingRelease, Release};
use crate::core::conditions::{self, AVAILABLE, Draft, Truth, UPDATE_AVAILABLE};
use crate::core::plan::{Executed, ObjectKind, Report, Step, Stop};

/// The status that follows, and the events of the transitions.
#[must_use]
pub fn report(seen: &Seen, decision: &Decision, executed: &Executed, now: Timestamp) -> Report {
    if decision.outlook == Outlook::Deleting || is_passing(executed.stop.as_ref()) {
        return Report {
            status: None,
            events: events::of_steps(seen, decision, executed),
        };
    }
    let old = seen.backend.status.clone().unwrap_or_default();
    let assessment = standing::assess(seen, decision, executed, now);
    let full = status(seen, decision, executed, &assessment, now);
    let mut events = events::of_steps(seen, decision, executed);
    events.extend(events::of_standing(&old, &full, &assessment.standing));
    let rests = rest::is_resting(&old, &full, &assessment, now);
    Report {
        status: serde_json::to_value(if rests { old } else { full }).ok(),
        events,
    }
}

/// When to look again although nothing happens: at a deadline, when a probe has failed for long enough, or at the end of a rest.
#[must_use]
pub(super) fn wake(seen: &Seen, decision: &Decision, now: Timestamp) -> Option<Duration> {
    if decision.outlook == Outlook::Deleting {
        return None;
    }
    let executed = Executed::default();
    let assessment = standing::assess(seen, decision, &executed, now);
    let old = seen.backend.status.clone().unwrap_or_default();
    let full = status(seen, decision, &executed, &assessment, now);
    let rest = rest::is_resting(&old, &full, &assessment, now).then(|| rest::left(&old, now));
    let deadline = assessment.until.map(|until| {
        let seconds = until
            .as_second()
            .saturating_sub(now.as_second())
            .saturating_add(1)
            .max(1);
        Duration::from_secs(seconds.try_into().unwrap_or(1))
    });
    rest.into_iter().chain(deadline).min()
}

/// A stop after which the object is looked at again at once or cannot be written to: its status would be made of what is out of date.
const fn is_passing(stop: Option<&Stop>) -> bool {
    matches!(
        stop,
        Some(
            Stop::ReadAgain { .. }
                | Stop::Unavailable { .. }
                | Stop::NotLeader
                | Stop::NamespaceTerminating { .. }
        )
    )
}

fn status(
    seen: &Seen,
    decision: &Decision,
    executed: &Executed,
    assessment: &Assessment,
    now: Timestamp,
) -> BackendStatus {
    let old = seen.backend.status.clone().unwrap_or_default();
    let considered = match &decision.outlook {
        Outlook::Considered(considered) => Some(considered.as_ref()),
        _ => None,
    };
    let mut drafts = assessment.standing.drafts();
    drafts.push(available(seen));
    drafts.push(migrated::migrated(seen, considered, &assessment.standing));
    drafts.push(update_available(seen, considered));
    let release = released(seen, decision, executed, now);
    let pending = considered.and_then(|considered| pending(seen, considered));
    let schema = considered.map_or_else(|| old.schema.clone(), |_| migrated::schema(seen));
    let soak = considered
        .filter(|_| !writes_deployment(decision))
        .and_then(|considered| contract::soak(seen, considered, now));
    let counts = counts(seen);
    let generation = seen.generation();
    let mut status = BackendStatus {
        observed_generation: Some(generation),
        conditions: conditions::settle(&old.conditions, drafts, generation, now),
        effective: considered.map_or(old.effective, |considered| {
            Some(display::effective(&considered.backend))
        }),
        release,
        pending,
        soak,
        waiting: assessment.waiting.clone(),
        replicas: Some(counts.replicas.unwrap_or(0)),
        ready_replicas: Some(counts.ready_replicas.unwrap_or(0)),
        selector: Some(build::selector_text(&seen.name())),
        schema,
        problems: considered
            .map(|considered| problems::problems(seen, &considered.backend))
            .unwrap_or_default(),
        display: None,
    };
    status.display = Some(display::display(seen, considered, &status));
    status
}

/// Whether the plan writes the Deployment, so that what is known of it is out of date.
fn writes_deployment(decision: &Decision) -> bool {
    decision.plan.steps.iter().any(|step| match step {
        Step::Apply(apply) => apply.key.kind == ObjectKind::Deployment,
        Step::Patch(patch) => patch.key.kind == ObjectKind::Deployment,
        _ => false,
    })
}

fn available(seen: &Seen) -> Draft {
    let counts = counts(seen);
    let serves = counts.available_replicas.unwrap_or(0);
    let wanted = seen
        .deployment
        .as_ref()
        .and_then(|deployment| deployment.spec.as_ref()?.replicas);
    let enough = counts
        .conditions
        .iter()
        .flatten()
        .any(|condition| condition.type_ == "Available" && condition.status == "True");
    let (status, reason, message) = match wanted {
        None => (
            Truth::False,
            "NoRelease",
            "no release is out yet".to_owned(),
        ),
        Some(0) => (
            Truth::True,
            "ScaledToZero",
            "no pods are asked for".to_owned(),
        ),
        Some(wanted) if enough => (
            Truth::True,
            "PodsServe",
            format!("enough of {wanted} pods serve"),
        ),
        Some(wanted) if serves > 0 => (
            Truth::False,
            "TooFewPods",
            format!("too few of {wanted} pods serve"),
        ),
        Some(wanted) => (
            Truth::False,
            "NoPods",
            format!("none of {wanted} pods serves"),
        ),
    };
    Draft {
        type_: AVAILABLE,
        status,
        reason: reason.to_owned(),
        message,
    }
}

fn update_available(seen: &Seen, considered: Option<&Considered>) -> Draft {
    let changes = considered
        .map(|considered| considered.update.as_slice())
        .unwrap_or_default();
    let (status, reason, message) = if changes.is_empty() {
        (
            Truth::False,
            "UpToDate",
            "this Slipway builds what is out".to_owned(),
        )
    } else {
        (
            Truth::True,
            "NewerTemplate",
            messages::update(&seen.settings.slipway_version, changes),
        )
    };
    Draft {
        type_: UPDATE_AVAILABLE,
        status,
        reason: reason.to_owned(),
        message,
    }
}

/// The release that the Deployment has: by the answer where it was just written, else as it is there. The number of one that is neither
/// shown nor kept stays: nothing else tells that an older one is not the last.
fn released(
    seen: &Seen,
    decision: &Decision,
    executed: &Executed,
    now: Timestamp,
) -> Option<Release> {
    let old = seen
        .backend
        .status
        .as_ref()
        .and_then(|status| status.release.clone());
    let done = decision.purposes.iter().take(executed.answers.len());
    let written = done
        .clone()
        .any(|purpose| matches!(purpose, Purpose::Release | Purpose::UndoRollback { .. }));
    let kept = match (&decision.outlook, written) {
        (Outlook::Considered(considered), true) => considered.release.clone(),
        _ => release::in_deployment(seen).and_then(|number| release::numbered(seen, number)),
    };
    let Some(kept) = kept else {
        let is_kept = |old: &Release| release::numbered(seen, old.revision).is_some();
        return old.filter(|old| seen.deployment.is_some() || !is_kept(old));
    };
    let same = old.filter(|old| old.revision == kept.revision && old.input_hash == kept.input_hash);
    Some(same.unwrap_or_else(|| {
        Release {
            revision: kept.revision,
            image: kept.image,
            input_hash: kept.input_hash,
            since: since(seen, kept.revision, decision, executed)
                .unwrap_or_else(|| conditions::to_seconds(now).to_string()),
        }
    }))
}

/// When the release's ControllerRevision was made, by its own clock.
fn since(seen: &Seen, revision: i64, decision: &Decision, executed: &Executed) -> Option<String> {
    let kept = release::own(seen)
        .into_iter()
        .find(|object| object.revision == revision);
    let answered = decision
        .plan
        .steps
        .iter()
        .zip(&executed.answers)
        .find_map(|(step, answer)| match step {
            Step::Create(create) if create.key.kind == ObjectKind::ControllerRevision => answer
                .pointer("/metadata/creationTimestamp")
                .and_then(Value::as_str)
                .map(str::to_owned),
            _ => None,
        });
    kept.and_then(|object| object.creation_timestamp())
        .map(|time| time.0.to_string())
        .or(answered)
}

fn pending(seen: &Seen, considered: &Considered) -> Option<PendingRelease> {
    let input_hash = considered.wanted.clone()?;
    let held = considered.hold.is_some() || considered.withheld;
    let differs = considered
        .release
        .as_ref()
        .is_none_or(|release| release.input_hash != input_hash);
    (held && differs).then(|| PendingRelease {
        image: seen.backend.spec.image.clone(),
        input_hash,
    })
}
