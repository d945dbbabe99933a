//! Migrations after the rollout, seen from the Backend: when the release in force has run undisturbed, whether one of them is at work, and
//! whether files end below what one of them made of the schema. Pure.
//!
//! Such a migration takes away what only older code needs, so it starts when no pod of an older release is left, not even one that ends, and
//! a soak is over. Once it has applied a file, code whose files end below that is not released any more.

use jiff::Timestamp;
use kube::ResourceExt;

use super::decision::Considered;
use super::deployed::is_rolled_out;
use super::gate::{self, Hold};
use super::seen::Seen;
use crate::api::backend::Soak;
use crate::api::common::Phase;
use crate::api::database::{EntryOutcome, Ledger};
use crate::api::migration::{Migration, MigrationPhase};
use crate::core::conditions;
use crate::core::database::contracts;
use crate::core::database::ledger;
use crate::core::meta::{RELEASE_LABEL, is_controlled_by};
use crate::core::migration::planned::PlannedMigration;

/// Files that end below what a migration after a rollout made of the schema.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnsafeRollback {
    /// Name of the Database.
    pub database: String,
    /// Last version among the files of the release that is asked for.
    pub files_top: String,
    /// Version that the files must reach.
    pub version: String,
    /// Name of the Migration that reached it; empty where the ledger has forgotten it.
    pub by: String,
}

/// The migrations of the plan that run after the rollout, in their declared order.
pub(super) fn entries(seen: &Seen) -> impl Iterator<Item = &PlannedMigration> {
    let planned = seen.planned.migrations.iter();
    planned.filter(|plan| !plan.is_before_rollout())
}

/// The first of them that is not done, and why.
pub(super) fn first_open(seen: &Seen) -> Option<(&PlannedMigration, Hold)> {
    entries(seen).find_map(|plan| Some((plan, gate::hold(seen, plan)?)))
}

/// A migration after a rollout of this Backend that holds a Database, or whose end is not known and will be read from the database.
pub(super) fn at_work(seen: &Seen) -> Option<Hold> {
    seen.databases.iter().find_map(|(database, object)| {
        let ledger = object.status.as_ref()?.ledger.as_ref()?;
        let migration = holding(seen, ledger).or_else(|| unknown(seen, ledger))?;
        Some(Hold::Contract {
            migration,
            database: database.clone(),
        })
    })
}

fn holding(seen: &Seen, ledger: &Ledger) -> Option<String> {
    let holder = ledger.holder.as_ref()?;
    (holder.phase == Some(Phase::AfterRollout) && holder.backend == seen.name())
        .then(|| holder.migration.clone())
}

/// Nobody would look where its Migration is gone, so that one is not waited for.
fn unknown(seen: &Seen, ledger: &Ledger) -> Option<String> {
    let mut unknown = ledger.entries.iter().filter(|entry| {
        entry.outcome == EntryOutcome::Unknown
            && entry.phase == Some(Phase::AfterRollout)
            && entry.backend == seen.name()
    });
    unknown
        .find(|entry| {
            let mut migrations = seen.migrations.iter();
            migrations.any(|migration| {
                migration.plan_key() == entry.plan_key && runs_for(seen, migration)
            })
        })
        .map(|entry| entry.migration.clone())
}

/// Whether this Backend owns it, or a person wrote it for this Backend.
fn runs_for(seen: &Seen, migration: &Migration) -> bool {
    is_controlled_by(migration, &seen.uid())
        || migration.is_by_hand() && migration.spec.backend == seen.name()
}

/// Whether a plan's files end below a contract, by what the ledger says of both. Of a plan that the ledger does not know nothing is known
/// yet; a release waits for those before the rollout anyway.
pub(super) fn unsafe_rollback<'a>(
    seen: &Seen,
    planned: impl IntoIterator<Item = &'a PlannedMigration>,
) -> Option<UnsafeRollback> {
    planned.into_iter().find_map(|plan| {
        let (ledger, entry) = gate::recorded(seen, plan)?;
        let contract = contracts::beyond(ledger, entry)?;
        let by = ledger::entry(ledger, &contract.plan_key);
        Some(UnsafeRollback {
            database: plan.spec.database.clone(),
            files_top: entry.files_top.clone().unwrap_or_default(),
            version: contract.version.clone(),
            by: by.map_or_else(String::new, |entry| entry.migration.clone()),
        })
    })
}

/// Since when the release in force runs undisturbed, while a migration waits for that.
pub(super) fn soak(seen: &Seen, considered: &Considered, now: Timestamp) -> Option<Soak> {
    let release = considered.release.as_ref()?.revision;
    if first_open(seen).is_none() && !is_one_by_hand_open(seen) {
        return None;
    }
    if considered.hold.is_some()
        || considered.withheld
        || !is_rolled_out(seen, considered)
        || has_older_pods(seen, release)
    {
        return None;
    }
    let known = seen
        .backend
        .status
        .as_ref()
        .and_then(|status| status.soak.clone());
    Some(
        known
            .filter(|soak| soak.release == release)
            .unwrap_or_else(|| Soak {
                release,
                since: conditions::to_seconds(now).to_string(),
            }),
    )
}

/// Whether a person wrote a migration after the rollout that is not done.
fn is_one_by_hand_open(seen: &Seen) -> bool {
    let is_open = |migration: &Migration| {
        let phase = migration.status.as_ref().and_then(|status| status.phase);
        migration.is_by_hand()
            && migration.spec.phase == Phase::AfterRollout
            && !phase.is_some_and(MigrationPhase::is_done)
    };
    let mut migrations = seen.migrations.iter();
    migrations.any(|migration| runs_for(seen, migration) && is_open(migration))
}

/// Whether a pod of another release may still run its program. One that has ended, as after an eviction, may lie about for long.
fn has_older_pods(seen: &Seen, release: i64) -> bool {
    let release = release.to_string();
    seen.pods.iter().any(|pod| {
        let phase = pod
            .status
            .as_ref()
            .and_then(|status| status.phase.as_deref());
        pod.labels().get(RELEASE_LABEL) != Some(&release)
            && !matches!(phase, Some("Succeeded" | "Failed"))
    })
}
