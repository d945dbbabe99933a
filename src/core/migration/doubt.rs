//! An attempt of which nobody knows how it ended, seen from its own plan and from the next one on the same version table: who reads the database,
//! and that no tool is started before. A part of a file may be there, of which nothing tells. Pure.

use kube::ResourceExt;

use super::asked;
use super::planned;
use super::seen::Seen;
use crate::api::common::Phase;
use crate::api::database::{Entry, EntryOutcome};
use crate::api::migration::Migration;
use crate::core::database::ledger;

/// Whether how it ended must be read from the database, whoever asks for it still: after a rollout it decides which images may go out, before one
/// on what the next plan begins. Where its files were those of a ConfigMap, which may hold others by now, or it has no table, another must judge.
pub(super) fn must_be_read(seen: &Seen, entry: Option<&Entry>) -> bool {
    let is_of_use = decides_on_images(&seen.migration) || can_be_judged(&seen.migration);
    is_of_use && seen.live_backend().is_some() && is_unknown(entry) && !lacks_files(seen)
}

/// Whether releases wait to know how it ended, and no look at the database will ever tell: its files were changed, or they are gone and nobody
/// asks for them. What is missing and asked for is waited for, and another Migration of the same plan that holds the database may be looking.
pub(super) fn is_beyond_reading(seen: &Seen, entry: Option<&Entry>) -> bool {
    let ledger = seen.ledger();
    let holder = ledger.holder.as_ref();
    let is_at_work = holder.is_some_and(|holder| holder.plan_key == seen.migration.plan_key());
    decides_on_images(&seen.migration)
        && seen.live_backend().is_some()
        && seen.migration.metadata.deletion_timestamp.is_none()
        && is_unknown(entry)
        && lacks_files(seen)
        && asked::missing_files(seen).is_none()
        && !is_at_work
}

/// Whether releases wait to know how it ended, and only files that are missing can tell.
pub(super) fn waits_for_files(seen: &Seen) -> bool {
    let ledger = seen.ledger();
    decides_on_images(&seen.migration)
        && is_unknown(seen.own_entry(&ledger))
        && lacks_files(seen)
        && asked::missing_files(seen).is_some()
}

/// Whether the files that it ran were those of a ConfigMap and are not at hand. What a person wrote has no digest to compare them by, so it must
/// be as it was when its key was fixed; of what a Backend planned the runner compares the digest.
fn lacks_files(seen: &Seen) -> bool {
    let is_compared = !seen.migration.is_by_hand() && seen.has_config_map;
    let takes_files = seen.migration.spec.source.config_map.is_some();
    takes_files && !asked::is_wanted(seen) && !is_compared
}

/// Whether the database must be read before a tool is started: how an attempt ended is not known, of this plan or of another on its table.
pub(super) fn must_read(seen: &Seen, entry: Option<&Entry>) -> bool {
    let spec = &seen.migration.spec;
    let table = planned::version_table(spec);
    is_unknown(entry) || ledger::is_in_doubt(&seen.ledger(), table, seen.migration.plan_key())
}

/// The Migration that will read, with its own files, how its own attempt ended on this table. One that has looked in vain is not waited for any
/// more: its image may be gone. Nor is one whose Backend is gone: it never looks.
pub(super) fn reader(seen: &Seen) -> Option<String> {
    let spec = &seen.migration.spec;
    let table = planned::version_table(spec);
    let ledger = seen.ledger();
    let unread = |plan_key: &str| {
        ledger::entry(&ledger, plan_key).is_some_and(|entry| {
            is_unknown(Some(entry))
                && entry.version_table == table
                && entry.next_attempt_after.is_none()
        })
    };
    // Whoever has an end of its own to find out waits for nobody: two such would wait for each other.
    let own_key = seen.migration.plan_key();
    let looks_itself = is_unknown(ledger::entry(&ledger, own_key));
    let in_doubt = !looks_itself && ledger::is_in_doubt(&ledger, table, own_key);
    let mut others = seen.siblings.iter().filter(|_| in_doubt);
    others
        .find(|other| {
            other.spec.database == spec.database
                && other.plan_key() != own_key
                && other.metadata.deletion_timestamp.is_none()
                && seen.live_backend_of(other).is_some()
                && can_be_judged(other)
                && unread(other.plan_key())
        })
        .map(|other| other.name_any())
}

fn decides_on_images(migration: &Migration) -> bool {
    migration.spec.phase == Phase::AfterRollout
}

fn can_be_judged(migration: &Migration) -> bool {
    let spec = &migration.spec;
    spec.source.config_map.is_none() && !planned::version_table(spec).is_empty()
}

fn is_unknown(entry: Option<&Entry>) -> bool {
    entry.is_some_and(|entry| entry.outcome == EntryOutcome::Unknown)
}

#[cfg(test)]
mod tests;
