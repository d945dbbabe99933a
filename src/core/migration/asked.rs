//! What is asked for now, seen from a Migration: by the Backend that owns it, or by who wrote it. Pure.

use kube::ResourceExt;

use super::planned::{MissingFiles, PlannedMigration};
use super::seen::Seen;
use crate::api::database::EntryOutcome;
use crate::api::migration::MigrationSpec;
use crate::core::database::ledger;

/// Whether this very plan is asked for now.
#[must_use]
pub fn is_wanted(seen: &Seen) -> bool {
    asked(seen).is_some()
}

/// The plan as it is asked for now: the same but for what the plan key leaves out.
#[must_use]
pub fn asked(seen: &Seen) -> Option<&MigrationSpec> {
    let spec = &own(seen)?.1.spec;
    (spec.plan_key == seen.migration.plan_key()).then_some(spec)
}

/// The ConfigMap that is not there, of its own entry or of one before it in its phase.
#[must_use]
pub fn missing_files(seen: &Seen) -> Option<&MissingFiles> {
    let spec = &seen.migration.spec;
    let place = own(seen).map(|(place, _)| place);
    let stops_it = |missing: &&MissingFiles| {
        missing.phase == spec.phase
            && place.map_or(missing.entry == spec.name, |place| missing.after <= place)
    };
    seen.planned.missing_files.iter().find(stops_it)
}

/// The first entry of its phase before it in its Backend that has not succeeded. One after the rollout comes after all those before it, as
/// there is no release without them.
#[must_use]
pub fn unfinished_predecessor(seen: &Seen) -> Option<String> {
    let (place, _) = own(seen)?;
    let earlier = seen.planned.migrations.iter().take(place);
    earlier
        .filter(|planned| planned.spec.phase == seen.migration.spec.phase)
        .find(|planned| !is_done(seen, &planned.spec.database, &planned.spec.plan_key))
        .map(|planned| planned.object_name.clone())
}

/// What is planned under its name, and how much comes before that.
fn own(seen: &Seen) -> Option<(usize, &PlannedMigration)> {
    let name = seen.migration.name_any();
    let mut planned = seen.planned.migrations.iter().enumerate();
    planned.find(|(_, planned)| planned.object_name == name)
}

fn is_done(seen: &Seen, database: &str, plan_key: &str) -> bool {
    seen.databases
        .get(database)
        .and_then(|database| ledger::entry(database.status.as_ref()?.ledger.as_ref()?, plan_key))
        .is_some_and(|entry| {
            matches!(
                entry.outcome,
                EntryOutcome::Succeeded | EntryOutcome::Skipped
            )
        })
}
