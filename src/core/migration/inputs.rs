//! What an attempt is made from, worked out from one look at its Migration. Pure.

use serde_json::Value;

use super::approval;
use super::asked;
use super::build::attempt::Attempt;
use super::build::job::job;
use super::planned;
use super::seen::Seen;
use super::situation;
use crate::api::common::Tool;
use crate::api::database::{Database, Ledger, RunMode, TakenForApplied};
use crate::api::migration::MigrationSpec;
use crate::core::database::ledger;
use crate::core::database::restored::may_have_forgotten;

/// The Job of this attempt, as this Slipway makes it; `None` where its Backend or its Database is gone.
#[must_use]
pub fn job_body(seen: &Seen, number: i64, mode: RunMode) -> Option<Value> {
    let ledger = seen.ledger();
    attempt(seen, &ledger, number, mode).map(|attempt| job(&attempt))
}

/// The input of all builders.
#[must_use]
pub fn attempt<'a>(
    seen: &'a Seen,
    ledger: &'a Ledger,
    number: i64,
    mode: RunMode,
) -> Option<Attempt<'a>> {
    let spec = asked::asked(seen).unwrap_or(&seen.migration.spec);
    let entry = seen.own_entry(ledger);
    let database = seen.database()?;
    Some(Attempt {
        migration: &seen.migration,
        spec,
        known: known(seen, ledger, spec),
        may_have_run: may_have_run(seen, ledger, spec, database),
        backend: seen.live_backend()?,
        database,
        settings: &seen.settings,
        term: &seen.term,
        number,
        mode,
        lists: approval::lists(seen, mode, entry),
        approved: (mode == RunMode::Run)
            .then(|| approval::bound(seen, entry))
            .flatten(),
    })
}

/// What the ledger knows of files that golang-migrate's table does not name. Not for a person who asks again: whoever has looked may want it
/// run all the same.
fn known<'a>(seen: &Seen, ledger: &'a Ledger, spec: &MigrationSpec) -> Option<&'a TakenForApplied> {
    let entry = seen.own_entry(ledger);
    let blind = spec.tool == Tool::GolangMigrate && !situation::asked_again(seen, entry);
    let table = planned::version_table(spec);
    blind.then(|| ledger::taken_for_applied(ledger, table))?
}

/// Whether a program of which nothing tells afterwards that it ran may have run before this ledger began. A person who asks again has looked,
/// but not by an annotation that is older than the ledger: a restore brings those back.
fn may_have_run(seen: &Seen, ledger: &Ledger, spec: &MigrationSpec, database: &Database) -> bool {
    let options = &spec.options;
    let proven = options.read_back.is_some() || options.idempotent == Some(true);
    let entry = seen.own_entry(ledger);
    let has_looked = entry.is_some() && situation::asked_again(seen, entry);
    let identity = planned::identity(&database.spec);
    spec.tool == Tool::Exec
        && !proven
        && !has_looked
        && may_have_forgotten(ledger, &identity, &spec.backend, &spec.name)
}

#[cfg(test)]
mod tests;
