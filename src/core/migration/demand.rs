//! How strict the demand for an approval is that a Migration has to meet, and what makes it. Pure.
//!
//! A Backend's demand is for its own plans, a Database's for all that runs there. What waits keeps the demand under which its wait began: the
//! ledger remembers it, so that neither an edit of the Backend nor another object with the same plan lifts it.

use std::sync::Arc;

use kube::ResourceExt;

use super::address;
use super::asked;
use super::planned;
use super::seen::Seen;
use crate::api::common::Tool;
use crate::api::database::{Database, Demand, Entry, Ledger};
use crate::api::migration::{Approval, MigrationSpec};
use crate::core::database::{demands, ledger};
use crate::core::hash;

/// The strictest demand, and what makes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Demanded {
    pub approval: Approval,
    pub by: By,
}

/// What makes a demand.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum By {
    /// The Migration itself, or its entry in its Backend.
    Itself,
    /// `spec.approval` of the Database of this name.
    Database(String),
    /// An entry of the Backend of this name. It counts for hand-written Migrations on the same database.
    Backend(String),
    /// The Migration of this name has the same plan.
    Migration(String),
    /// The ledger remembers it: this Migration waits with the same plan, the same files or the same version table, and may be gone.
    Ledger { database: String, migration: String },
}

/// The strictest of all demands that concern this Migration.
#[must_use]
pub fn demanded(seen: &Seen, entry: Option<&Entry>) -> Demanded {
    let all = [
        own(seen),
        of_databases(seen),
        of_same_plans(seen),
        remembered(seen),
        of_backends(seen),
        of_the_list(entry),
    ];
    let none = Demanded {
        approval: Approval::None,
        by: By::Itself,
    };
    // Of equals the first tells.
    let stricter = |one: Demanded, other: Demanded| {
        if other.approval > one.approval {
            other
        } else {
            one
        }
    };
    all.into_iter().flatten().fold(none, stricter)
}

/// The ledger that remembers what this Migration waits for; `None` where it does already.
#[must_use]
pub fn remember(seen: &Seen) -> Option<Ledger> {
    let ledger = seen.ledger();
    let spec = spec(seen);
    let backend = seen.live_backend().filter(|_| !seen.migration.is_by_hand());
    let demand = Demand {
        plan_key: seen.migration.plan_key().to_owned(),
        migration: seen.migration.name_any(),
        backend_uid: backend
            .and_then(|backend| backend.uid())
            .unwrap_or_default(),
        version_table: planned::version_table(spec).to_owned(),
        files: files(spec),
        approval: demanded(seen, seen.own_entry(&ledger)).approval,
    };
    demands::with(&ledger, &demand)
}

/// As it was made, and as its entry says by now.
fn own(seen: &Seen) -> Vec<Demanded> {
    let asked = asked::asked(seen).and_then(|spec| spec.options.approval);
    [seen.migration.spec.options.approval, asked]
        .into_iter()
        .flatten()
        .map(|approval| Demanded {
            approval,
            by: By::Itself,
        })
        .collect()
}

/// A list is made only where an approval is demanded: until the ledger remembers how strictly, the list itself shows that it was.
fn of_the_list(entry: Option<&Entry>) -> Vec<Demanded> {
    let listed = entry.and_then(|entry| entry.listed.as_ref());
    let demanded = listed.map(|_| Demanded {
        approval: Approval::OnDestructive,
        by: By::Itself,
    });
    demanded.into_iter().collect()
}

/// Its Database, and all that have an address in common with it.
fn of_databases(seen: &Seen) -> Vec<Demanded> {
    let of = |database: &Arc<Database>| {
        Some(Demanded {
            approval: database.spec.approval?,
            by: By::Database(database.name_any()),
        })
    };
    same_databases(seen).filter_map(of).collect()
}

/// Other Migrations of the very same plan, as they were made.
fn of_same_plans(seen: &Seen) -> Vec<Demanded> {
    let key = seen.migration.plan_key();
    let same = seen
        .siblings
        .iter()
        .filter(|other| !key.is_empty() && other.plan_key() == key);
    same.filter_map(|other| {
        Some(Demanded {
            approval: other.spec.options.approval?,
            by: By::Migration(other.name_any()),
        })
    })
    .collect()
}

/// What the ledgers remember: of this plan, and of the same files on the same version table. For a Migration that does not belong to the Backend
/// of the plan that waits, the same files or the same table suffice.
fn remembered(seen: &Seen) -> Vec<Demanded> {
    let key = seen.migration.plan_key();
    let backend = seen.live_backend().filter(|_| !seen.migration.is_by_hand());
    let backend = backend
        .and_then(|backend| backend.uid())
        .unwrap_or_default();
    let spec = spec(seen);
    let (table, files) = (planned::version_table(spec), files(spec));
    let concerns = |demand: &Demand| {
        let is_hand_written = backend.is_empty();
        let is_stranger = is_hand_written || demand.backend_uid != backend;
        let same_table = demands::is_same_table(table, &demand.version_table);
        let same_files = demand.files == files && (same_table || is_stranger);
        // What a hand-written Migration waits for on a table does not hold up the plans of Backends there.
        let by_table = same_table && (is_hand_written || !demand.backend_uid.is_empty());
        demand.plan_key == key || same_files || by_table && is_stranger
    };
    let mut found = Vec::new();
    for database in same_databases(seen) {
        let ledger = ledger::of(database);
        let concerned = ledger.demands.iter().filter(|demand| concerns(demand));
        found.extend(concerned.map(|demand| {
            let by = By::Ledger {
                database: database.name_any(),
                migration: demand.migration.clone(),
            };
            (demand.plan_key == key, demand.approval, by)
        }));
    }
    // What it remembers of this very plan tells less than what it remembers of another.
    found.sort_by_key(|(is_own, ..)| *is_own);
    let found = found.into_iter();
    found
        .map(|(_, approval, by)| Demanded { approval, by })
        .collect()
}

/// For a hand-written Migration: the entries of all Backends on the same database, whichever Backend it names.
fn of_backends(seen: &Seen) -> Vec<Demanded> {
    if !seen.migration.is_by_hand() {
        return Vec::new();
    }
    let is_same = |name: &str| same_databases(seen).any(|database| database.name_any() == name);
    let mut found = Vec::new();
    for backend in &seen.backends {
        let entries = backend.spec.migrations.iter();
        let on_it =
            entries.filter(|entry| planned::database_of(backend, entry).is_some_and(is_same));
        found.extend(on_it.filter_map(|entry| {
            Some(Demanded {
                approval: entry.options.approval?,
                by: By::Backend(backend.name_any()),
            })
        }));
    }
    found
}

fn same_databases(seen: &Seen) -> impl Iterator<Item = &Arc<Database>> {
    let own = seen.database();
    let is_same = move |other: &&Arc<Database>| {
        own.is_some_and(|own| address::is_same(&own.spec, &other.spec))
    };
    seen.databases.values().filter(is_same)
}

/// As it is asked for, with the hash of its files; else as it was written.
fn spec(seen: &Seen) -> &MigrationSpec {
    asked::asked(seen).unwrap_or(&seen.migration.spec)
}

/// Hash of what it runs: the contents of a ConfigMap, or image and folder; and of a program its command.
fn files(spec: &MigrationSpec) -> String {
    let source = &spec.source;
    let mut parts = match (&source.digest, spec.tool) {
        (Some(digest), Tool::Goose | Tool::GolangMigrate | Tool::Flyway) => vec![digest.as_str()],
        _ => vec![
            source.image.as_str(),
            source.path.as_deref().unwrap_or_default(),
            source.digest.as_deref().unwrap_or_default(),
        ],
    };
    parts.extend(spec.options.command.iter().map(String::as_str));
    hash::of_parts(parts)
}

#[cfg(test)]
mod tests;
