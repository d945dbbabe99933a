//! What a person is told of a Migration as it goes from one phase to the next.

use crate::api::migration::MigrationPhase;
use crate::core::conditions::Standing;
use crate::core::migration::approval;
use crate::core::migration::approval_text;
use crate::core::migration::seen::Seen;
use crate::core::migration::situation::Situation;
use crate::core::plan::{Event, EventKind};

/// The event of a change of the phase, where it is worth one.
pub(super) fn event(
    seen: &Seen,
    situation: &Situation,
    (old, new): (Option<MigrationPhase>, MigrationPhase),
    standing: &Standing,
) -> Option<Event> {
    if old == Some(new) {
        return None;
    }
    if old == Some(MigrationPhase::AwaitingApproval) && new == MigrationPhase::Queued {
        return approval_granted(seen);
    }
    let (kind, reason) = match new {
        MigrationPhase::Running => (EventKind::Normal, "MigrationStarted"),
        MigrationPhase::Succeeded => (EventKind::Normal, "MigrationSucceeded"),
        MigrationPhase::Skipped => (EventKind::Normal, "MigrationSkipped"),
        MigrationPhase::RetryWait => (EventKind::Warning, "MigrationRetrying"),
        MigrationPhase::AwaitingApproval => (EventKind::Warning, "ApprovalNeeded"),
        MigrationPhase::Failed => (EventKind::Warning, "MigrationFailed"),
        MigrationPhase::Blocked => (EventKind::Warning, "MigrationBlocked"),
        MigrationPhase::Pending
        | MigrationPhase::Queued
        | MigrationPhase::Verifying
        | MigrationPhase::Unknown => return None,
    };
    Some(Event {
        kind,
        reason: reason.to_owned(),
        action: standing.reason().to_owned(),
        note: match situation {
            Situation::AwaitingApproval(awaiting) => approval_text::needed(seen, awaiting),
            _ => standing.message().to_owned(),
        },
    })
}

/// Nothing where the Backend asks for no approval any more.
fn approval_granted(seen: &Seen) -> Option<Event> {
    let ledger = seen.ledger();
    let entry = seen.own_entry(&ledger);
    let digest = approval::bound(seen, entry).filter(|digest| seen.approval() == Some(digest))?;
    Some(Event {
        kind: EventKind::Normal,
        reason: "ApprovalGranted".to_owned(),
        action: "AwaitingApproval".to_owned(),
        note: format!("what is pending was approved: {digest}"),
    })
}
