//! Events: one per transition, none where nothing has changed. Each cause has its own action, so that none is folded into another.

use super::super::children::Cause;
use super::super::decision::{Decision, Outlook, Purpose};
use super::super::resolved::short_image;
use super::super::seen::Seen;
use super::trouble::TroubleKind;
use crate::api::backend::BackendStatus;
use crate::core::conditions::{READY, STALLED, Standing};
use crate::core::plan::{Event, EventKind, Executed};

/// Of what was done.
pub(super) fn of_steps(seen: &Seen, decision: &Decision, executed: &Executed) -> Vec<Event> {
    let release = match &decision.outlook {
        Outlook::Considered(considered) => considered.release.as_ref(),
        _ => None,
    };
    let mut events = Vec::new();
    for purpose in decision.purposes.iter().take(executed.answers.len()) {
        match (purpose, release) {
            (Purpose::Release, Some(release)) => events.push(event(
                EventKind::Normal,
                "ReleaseOpened",
                "OpenRelease",
                format!("release {} goes out: image {}", release.revision, short_image(&release.image)),
            )),
            (Purpose::UndoRollback { to }, Some(release)) => events.push(event(
                EventKind::Warning,
                "ManualRollbackReverted",
                "UndoRollback",
                format!(
                    "deployment {} was taken back to release {to} by hand; release {} is put back. To go back, put the older image into spec.image",
                    seen.name(),
                    release.revision
                ),
            )),
            (Purpose::Child { key, cause: Cause::Drift(paths) }, _) => events.push(event(
                EventKind::Warning,
                "DriftReverted",
                &format!("Revert{}", key.kind.kind()),
                format!("{} {}: changed by hand and put back: {}", key.kind.kind(), key.name, first(paths)),
            )),
            _ => {}
        }
    }
    events
}

/// Of how the Backend stands now and stood before.
pub(super) fn of_standing(
    old: &BackendStatus,
    new: &BackendStatus,
    standing: &Standing,
) -> Option<Event> {
    let was = |type_: &str, reason: Option<&str>| {
        old.conditions.iter().any(|condition| {
            condition.type_ == type_
                && condition.status == "True"
                && reason.is_none_or(|reason| condition.reason == reason)
        })
    };
    match standing {
        Standing::Ready { message, .. } if !was(READY, None) && new.release.is_some() => {
            Some(event(
                EventKind::Normal,
                "ReleaseAvailable",
                "Available",
                message.clone(),
            ))
        }
        Standing::Stalled { reason, message }
            if TroubleKind::has(reason) && !was(STALLED, Some(reason)) =>
        {
            Some(event(
                EventKind::Warning,
                "RolloutStalled",
                &format!("Stall{reason}"),
                message.clone(),
            ))
        }
        Standing::Stalled { reason, message }
            if reason == "NameConflict" && !was(STALLED, Some(reason)) =>
        {
            Some(event(
                EventKind::Warning,
                "NameConflict",
                "NameConflict",
                message.clone(),
            ))
        }
        _ => None,
    }
}

fn first(paths: &[String]) -> String {
    let shown: Vec<&str> = paths.iter().take(3).map(String::as_str).collect();
    let more = paths.len().saturating_sub(shown.len());
    if more > 0 {
        format!("{} and {more} more", shown.join(", "))
    } else {
        shown.join(", ")
    }
}

fn event(kind: EventKind, reason: &str, action: &str, note: String) -> Event {
    Event {
        kind,
        reason: reason.to_owned(),
        action: action.to_owned(),
        note,
    }
}
