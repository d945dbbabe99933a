//! How far the schema is: the condition Migrated, the versions, and what migrations after the rollout make of a release that is out. Neither
//! their soak nor their run holds Ready; only one that has failed does, and files that end below what one of them did.

use kube::ResourceExt;

use super::super::contract;
use super::super::decision::Considered;
use super::super::gate::{self, HeldBy, HeldState, Hold};
use super::super::seen::Seen;
use super::assessment::{Assessment, stalled};
use super::held::conflict;
use super::messages;
use super::progress::serving;
use super::rollback;
use crate::api::backend::SchemaVersions;
use crate::core::conditions::{Draft, MIGRATED, Standing, Truth};
use crate::core::migration::planned::{PlannedMigration, version_table};

/// Whether every migration of the newest plan is done.
pub(super) fn migrated(seen: &Seen, considered: Option<&Considered>, standing: &Standing) -> Draft {
    let draft = |status, reason: &str, message: &str| Draft {
        type_: MIGRATED,
        status,
        reason: reason.to_owned(),
        message: message.to_owned(),
    };
    if considered.is_none_or(|considered| considered.missing().is_some()) {
        return draft(
            Truth::Unknown,
            standing.reason(),
            "the newest plan is not known yet",
        );
    }
    if seen.planned.migrations.is_empty() {
        return draft(Truth::True, "NoMigrations", "the spec asks for none");
    }
    if !gate::is_migrated(seen) {
        return draft(
            Truth::False,
            standing.reason(),
            "a migration of the newest plan is not done",
        );
    }
    match contract::first_open(seen) {
        None => draft(
            Truth::True,
            "Migrated",
            "every migration of the newest plan is done",
        ),
        Some((plan, _)) => {
            let reason = match standing {
                Standing::Ready { .. } => "ContractPending",
                Standing::Working { .. } | Standing::Stalled { .. } => standing.reason(),
            };
            draft(Truth::False, reason, &pending(seen, plan))
        }
    }
}

/// Which migration after the rollout is not done. How far it is stands in its own status, or each of its steps would be written twice.
fn pending(seen: &Seen, plan: &PlannedMigration) -> String {
    let name = &plan.object_name;
    format!(
        "migration {name} (AfterRollout) waits for its soak or is at work. Next: kubectl get slm/{name} -n {} -o wide",
        seen.namespace()
    )
}

/// What is wrong with the migrations after the rollout of a release that is out; `None`: they wait, work, or are done.
pub(super) fn trouble(seen: &Seen) -> Option<Assessment> {
    if let Some(found) = contract::unsafe_rollback(seen, contract::entries(seen)) {
        return Some(rollback::released_below(seen, &found));
    }
    match contract::first_open(seen)? {
        (_, Hold::Migration(held)) => failed(seen, &held),
        (_, Hold::Conflict { migration }) => Some(conflict(seen, &migration)),
        _ => None,
    }
}

fn failed(seen: &Seen, held: &HeldBy) -> Option<Assessment> {
    let reason = match held.state {
        HeldState::Failed => "MigrationFailed",
        HeldState::Blocked => "MigrationBlocked",
        HeldState::Working | HeldState::Unconfirmed | HeldState::Retrying | HeldState::Awaiting => {
            return None;
        }
    };
    let message = messages::with_serving(&held.migration, &held.message, &serving(seen));
    Some(Assessment::about(&held.migration, stalled(reason, message)))
}

/// Versions of the first migration's schema: what its database has, by the Migration that read it last, and what the plan wants. Later
/// entries with the same version table take the same schema further.
pub(super) fn schema(seen: &Seen) -> Option<SchemaVersions> {
    let planned = &seen.planned.migrations;
    let first = planned.first()?;
    let is_same = |plan: &&PlannedMigration| {
        plan.spec.database == first.spec.database
            && version_table(&plan.spec) == version_table(&first.spec)
    };
    let mut same = planned.iter().filter(is_same);
    let plan = same
        .rfind(|plan| plan.is_before_rollout() || gate::hold(seen, plan).is_none())
        .unwrap_or(first);
    let status = gate::find(seen, plan).and_then(|migration| migration.status.as_ref());
    let mut same: Vec<_> = seen
        .migrations
        .iter()
        .filter(|migration| migration.spec.name == plan.name)
        .collect();
    same.sort_by_key(|migration| migration.creation_timestamp().map(|time| time.0));
    let known = same
        .into_iter()
        .rev()
        .find_map(|migration| migration.status.as_ref()?.current.clone());
    let versions = SchemaVersions {
        current: status.and_then(|status| status.current.clone()).or(known),
        target: status
            .and_then(|status| status.target.clone())
            .or_else(|| plan.spec.target.clone()),
    };
    (versions != SchemaVersions::default()).then_some(versions)
}
