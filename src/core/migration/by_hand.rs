//! A Migration that a person wrote: no Backend plans it, so it is its own plan. Its plan key is fixed when it is first seen with all that makes
//! it, and stands in its status from then on; where its files or its database are others by then, nobody asks for it any more. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::ResourceExt;

use super::missing;
use super::planned::{MissingFiles, Planned, PlannedMigration, plan_key};
use super::seen::Seen;
use super::situation::Situation;
use crate::api::database::{Database, Entry};
use crate::api::migration::Migration;
use crate::core::config_map::ConfigMapDigest;

/// What it asks for as things are now: itself, with the key that follows from them. Nothing once it is being deleted.
#[must_use]
pub(super) fn planned(
    migration: &Migration,
    databases: &BTreeMap<String, Arc<Database>>,
    config_maps: &BTreeMap<String, Arc<ConfigMapDigest>>,
) -> Planned {
    let mut planned = Planned::default();
    let mut spec = migration.spec.clone();
    let Some(database) = databases.get(&spec.database) else {
        return planned;
    };
    if migration.metadata.deletion_timestamp.is_some() {
        return planned;
    }
    if let Some(name) = &spec.source.config_map {
        let Some(files) = config_maps.get(name) else {
            planned.missing_files.push(MissingFiles {
                entry: spec.name.clone(),
                phase: spec.phase,
                config_map: name.clone(),
                after: 0,
            });
            return planned;
        };
        spec.source.digest = Some(files.digest());
    }
    spec.plan_key = plan_key(&spec, &database.spec);
    planned.migrations.push(PlannedMigration {
        name: spec.name.clone(),
        object_name: migration.name_any(),
        spec,
    });
    planned
}

/// The key that its status gets now, as it has none; `None` where it has one, or nobody can say yet which.
#[must_use]
pub(super) fn new_key(seen: &Seen) -> Option<&String> {
    let planned = seen.planned.migrations.first();
    planned
        .filter(|_| seen.migration.is_by_hand() && seen.migration.plan_key().is_empty())
        .map(|planned| &planned.spec.plan_key)
}

/// What keeps it from having a key; and once it has one, from its turn. Until the key is kept nothing may run: after a crash another might be
/// worked out.
#[must_use]
pub(super) fn waits(seen: &Seen) -> Option<Situation> {
    if !seen.migration.is_by_hand() {
        return None;
    }
    if seen.live_backend().is_none() {
        return Some(missing::backend(seen));
    }
    new_key(seen).map(|_| Situation::Waiting {
        reason: "Planning",
        message: "its plan key is being fixed".to_owned(),
    })
}

/// Whether the plan was run as another Migration: then nothing ran for this one, however much it looks as if it did.
#[must_use]
pub(super) fn was_done_by_another(migration: &Migration, entry: &Entry) -> bool {
    migration.is_by_hand() && migration.uid().as_ref() != Some(&entry.migration_uid)
}

#[cfg(test)]
pub(super) mod tests;
