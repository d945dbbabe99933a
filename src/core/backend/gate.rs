//! The gate: may a new release go out? Pure. While it is closed, the last release's template stays in force and everything else is still
//! reconciled.
//!
//! A migration is done when its Migration's status says so and the Database's ledger does too: the ledger changes by compare-and-swap only,
//! a status may be written by whoever has the right to.

use std::sync::Arc;

use kube::ResourceExt;

use super::contract::{self, UnsafeRollback};
use super::resolve::Missing;
use super::seen::Seen;
use crate::api::database::{Entry, EntryOutcome, Ledger};
use crate::api::migration::{Migration, MigrationPhase};
use crate::core::conditions::{READY, STALLED};
use crate::core::database::ledger;
use crate::core::meta::is_controlled_by;
use crate::core::migration::planned::PlannedMigration;

/// What the gate says of a new release.
#[derive(Clone, Debug, PartialEq)]
pub enum Gate {
    Open,
    Closed(Hold),
}

/// Why a new release waits.
#[derive(Clone, Debug, PartialEq)]
pub enum Hold {
    /// Something that the spec refers to is not there.
    Missing(Missing),
    /// `spec.rollout.paused`.
    Paused,
    /// A migration after an earlier release's rollout is armed, or how it ended is not known: it ends first.
    Contract { migration: String, database: String },
    /// Its files end below what a migration after a rollout made of the schema.
    Unsafe(UnsafeRollback),
    /// A migration of its plan is not done.
    Migration(HeldBy),
    /// The name of a migration of its plan is taken by an object of somebody else.
    Conflict { migration: String },
}

/// The migration that a release waits for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HeldBy {
    /// Name of the Migration.
    pub migration: String,
    /// Name of its Database.
    pub database: String,
    pub state: HeldState,
    /// The Migration's own reason and message; empty as long as it has none.
    pub reason: String,
    pub message: String,
    /// Whether the Migration does not exist yet.
    pub missing: bool,
}

/// How that migration stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HeldState {
    Working,
    /// Its status says that it is done, the Database's ledger does not.
    Unconfirmed,
    Retrying,
    /// A person must approve what is pending.
    Awaiting,
    Failed,
    Blocked,
}

/// Whether a new release may go out. `paused` is asked first: it holds the plan's migrations too. Then what migrations after a rollout did
/// or still do. Those before the rollout are asked in their declared order: the first that is not done decides.
#[must_use]
pub fn gate(seen: &Seen, paused: bool) -> Gate {
    if paused {
        return Gate::Closed(Hold::Paused);
    }
    contract::at_work(seen)
        .or_else(|| contract::unsafe_rollback(seen, &seen.planned.migrations).map(Hold::Unsafe))
        .or_else(|| first_hold(seen))
        .map_or(Gate::Open, Gate::Closed)
}

/// Whether every migration that the release waits for is Succeeded or Skipped.
#[must_use]
pub fn is_migrated(seen: &Seen) -> bool {
    first_hold(seen).is_none()
}

fn first_hold(seen: &Seen) -> Option<Hold> {
    let planned = seen.planned.migrations.iter();
    let mut waited_for = planned.filter(|plan| plan.is_before_rollout());
    waited_for.find_map(|plan| hold(seen, plan))
}

/// The Migration of a plan, whoever controls it.
pub(super) fn find<'a>(seen: &'a Seen, plan: &PlannedMigration) -> Option<&'a Arc<Migration>> {
    seen.migrations
        .iter()
        .find(|migration| migration.name_any() == plan.object_name)
}

/// Why a plan is not done; `None`: it is.
pub(super) fn hold(seen: &Seen, plan: &PlannedMigration) -> Option<Hold> {
    let Some(migration) = find(seen, plan) else {
        return Some(Hold::Migration(HeldBy {
            migration: plan.object_name.clone(),
            database: plan.spec.database.clone(),
            state: HeldState::Working,
            reason: String::new(),
            message: String::new(),
            missing: true,
        }));
    };
    if !is_controlled_by(migration.as_ref(), &seen.uid()) {
        return Some(Hold::Conflict {
            migration: plan.object_name.clone(),
        });
    }
    let phase = migration.status.as_ref().and_then(|status| status.phase);
    let is_shown_done =
        phase.is_some_and(MigrationPhase::is_done) && migration.plan_key() == plan.spec.plan_key;
    if is_shown_done && is_recorded_done(seen, plan) {
        return None;
    }
    let (reason, message) = ready_words(migration);
    Some(Hold::Migration(HeldBy {
        migration: plan.object_name.clone(),
        database: plan.spec.database.clone(),
        state: if is_shown_done {
            HeldState::Unconfirmed
        } else {
            state(migration, phase)
        },
        reason,
        message,
        missing: false,
    }))
}

/// Whether the ledger of the plan's Database says that it is done.
fn is_recorded_done(seen: &Seen, plan: &PlannedMigration) -> bool {
    recorded(seen, plan).is_some_and(|(_, entry)| {
        matches!(
            entry.outcome,
            EntryOutcome::Succeeded | EntryOutcome::Skipped
        )
    })
}

/// The ledger of a plan's Database, and what it says of the plan.
pub(super) fn recorded<'a>(
    seen: &'a Seen,
    plan: &PlannedMigration,
) -> Option<(&'a Ledger, &'a Entry)> {
    let status = seen.databases.get(&plan.spec.database)?.status.as_ref()?;
    let ledger = status.ledger.as_ref()?;
    Some((ledger, ledger::entry(ledger, &plan.spec.plan_key)?))
}

fn state(migration: &Migration, phase: Option<MigrationPhase>) -> HeldState {
    match phase {
        Some(MigrationPhase::Failed) => HeldState::Failed,
        Some(MigrationPhase::Blocked) => HeldState::Blocked,
        Some(MigrationPhase::RetryWait) => HeldState::Retrying,
        Some(MigrationPhase::AwaitingApproval) => HeldState::Awaiting,
        _ if is_stalled(migration) => HeldState::Blocked,
        _ => HeldState::Working,
    }
}

fn is_stalled(migration: &Migration) -> bool {
    let conditions = migration
        .status
        .iter()
        .flat_map(|status| &status.conditions);
    conditions
        .into_iter()
        .any(|condition| condition.type_ == STALLED && condition.status == "True")
}

fn ready_words(migration: &Migration) -> (String, String) {
    let ready = migration
        .status
        .iter()
        .flat_map(|status| &status.conditions)
        .find(|condition| condition.type_ == READY);
    ready
        .map(|condition| (condition.reason.clone(), condition.message.clone()))
        .unwrap_or_default()
}
