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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::event;
    use crate::api::migration::MigrationPhase::{
        self, AwaitingApproval, Blocked, Failed, Pending, Queued, RetryWait, Running, Skipped,
        Succeeded, Unknown, Verifying,
    };
    use crate::core::conditions::Standing;
    use crate::core::migration::Seen;
    use crate::core::migration::situation::Situation;
    use crate::core::plan::EventKind;

    const ALL: [MigrationPhase; 11] = [
        Pending,
        Queued,
        AwaitingApproval,
        Running,
        Verifying,
        RetryWait,
        Succeeded,
        Skipped,
        Failed,
        Blocked,
        Unknown,
    ];

    /// What a person is told of this change.
    fn told(old: Option<MigrationPhase>, new: MigrationPhase) -> Option<(EventKind, String)> {
        let migration = serde_json::from_value(json!({
            "apiVersion": "slipway.dev/v1alpha1", "kind": "Migration", "metadata": {"name": "orders-x", "namespace": "team-a"},
            "spec": {"backend": "orders", "name": "schema", "database": "orders-db", "tool": "Goose", "phase": "BeforeRollout",
                "source": {"image": "orders:1", "path": "/m"}, "planKey": "k"},
        }));
        let seen = Seen::alone(Arc::new(migration.expect("a Migration")));
        let standing = Standing::Working {
            reason: "Why".to_owned(),
            message: "words".to_owned(),
        };
        let event = event(&seen, &Situation::Superseded, (old, new), &standing)?;
        assert_eq!(
            (event.action.as_str(), event.note.as_str()),
            ("Why", "words")
        );
        Some((event.kind, event.reason))
    }

    /// `experience.md` 4: one for each transition that is worth one, none on a look that changes nothing.
    #[test]
    fn each_change_of_the_phase_is_told_by_where_it_leads() {
        for new in ALL {
            let expected = match new {
                Running => Some((EventKind::Normal, "MigrationStarted")),
                Succeeded => Some((EventKind::Normal, "MigrationSucceeded")),
                Skipped => Some((EventKind::Normal, "MigrationSkipped")),
                RetryWait => Some((EventKind::Warning, "MigrationRetrying")),
                AwaitingApproval => Some((EventKind::Warning, "ApprovalNeeded")),
                Failed => Some((EventKind::Warning, "MigrationFailed")),
                Blocked => Some((EventKind::Warning, "MigrationBlocked")),
                Pending | Queued | Verifying | Unknown => None,
            };
            let expected = expected.map(|(kind, reason)| (kind, reason.to_owned()));
            assert_eq!(told(None, new), expected, "{new:?}");
            assert_eq!(told(Some(new), new), None, "{new:?}");
            for old in ALL.into_iter().filter(|old| *old != new) {
                assert_eq!(told(Some(old), new), expected, "{old:?} {new:?}");
            }
        }
    }
}
