//! What the series tell of single objects. The facts are kept by object and turned into series when somebody asks, so a series can
//! never outlive its object, and a sum over objects is never stale. Reads statuses only.

mod series;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;

use super::labels::MigrationRun;
use super::{FinishedRun, Metrics};
use crate::api::backend::{Backend, BackendType};
use crate::api::database::{Database, Entry, EntryOutcome};
use crate::api::migration::{Migration, MigrationPhase};
use crate::core::conditions::{MIGRATED, READY, UPDATE_AVAILABLE};

pub(super) use series::ObjectSeries;

/// Namespace and name.
type Place = (String, String);

/// Kind, namespace, name.
type Key = (&'static str, String, String);

/// Everything that is known of the objects.
#[derive(Default)]
pub(super) struct Objects {
    standings: BTreeMap<Key, Standing>,
    backends: BTreeMap<(String, String), BackendFacts>,
    migrations: BTreeMap<(String, String), MigrationFacts>,
    databases: BTreeMap<(String, String), DatabaseFacts>,
    /// The series of runs that a Backend has, to end with it.
    runs: BTreeMap<(String, String), Vec<MigrationRun>>,
}

struct Standing {
    type_: &'static str,
    reason: String,
    ready: bool,
}

struct BackendFacts {
    /// Since when a release waits at the gate.
    gate_closed_since: Option<Timestamp>,
    update_available: bool,
    /// Whether its newest plan is done: what is left of older ones needs nobody.
    migrated: bool,
}

#[derive(Default)]
struct DatabaseFacts {
    /// The plans of its ledger, and when the last attempt of each was recorded.
    recorded: BTreeMap<String, Option<String>>,
    /// When a migration of each Backend succeeded last.
    successes: BTreeMap<String, Timestamp>,
}

struct MigrationFacts {
    backend: String,
    /// Name of the entry in the Backend's spec.
    entry: String,
    /// When it was made; seconds.
    made: i64,
    database: String,
    /// Whether a person wrote it: no plan of the Backend's overtakes it.
    by_hand: bool,
    blocked: bool,
    queued: bool,
    pending_files: i64,
}

impl DatabaseFacts {
    fn of(entries: &[Entry]) -> Self {
        let mut facts = Self::default();
        for entry in entries {
            let plan = (entry.plan_key.clone(), entry.finished_at.clone());
            facts.recorded.extend([plan]);
            let finished = entry.finished_at.as_ref();
            let finished = finished.and_then(|at| at.parse::<Timestamp>().ok());
            if let (EntryOutcome::Succeeded, Some(finished)) = (entry.outcome, finished) {
                let last = facts.successes.entry(entry.backend.clone()).or_default();
                *last = finished.max(*last);
            }
        }
        facts
    }
}

impl Objects {
    /// The newest Migration of each entry of each Backend, of those whose newest plan is not done, and of what people wrote by hand: what a person
    /// may have to look at.
    fn in_question(&self) -> BTreeSet<&Place> {
        let mut newest: BTreeMap<[&str; 3], (i64, &Place)> = BTreeMap::new();
        for (key, facts) in &self.migrations {
            let backend = (key.0.clone(), facts.backend.clone());
            let is_done = self
                .backends
                .get(&backend)
                .is_some_and(|facts| facts.migrated);
            if is_done && !facts.by_hand {
                continue;
            }
            let of = [key.0.as_str(), facts.backend.as_str(), facts.entry.as_str()];
            let last = newest.entry(of).or_insert((facts.made, key));
            *last = (facts.made, key).max(*last);
        }
        newest.into_values().map(|(_, key)| key).collect()
    }

    pub(super) fn remember_run(&mut self, run: &FinishedRun<'_>) {
        let series = self
            .runs
            .entry((run.namespace.to_owned(), run.backend.to_owned()))
            .or_default();
        let labels = MigrationRun::of(run);
        if !series.contains(&labels) {
            series.push(labels);
        }
    }
}

impl Metrics {
    /// What a Backend's status says.
    pub fn backend(&self, backend: &Backend) {
        let status = backend.status.clone().unwrap_or_default();
        let type_ = match backend.spec.type_.unwrap_or(BackendType::Service) {
            BackendType::Service => "Service",
            BackendType::Worker => "Worker",
        };
        let (namespace, name) = place(backend);
        let facts = BackendFacts {
            // The status tells no time of its own for the gate; a release that waits is why the Backend is not ready.
            gate_closed_since: status
                .pending
                .as_ref()
                .and(unready_since(&status.conditions)),
            update_available: is_true(&status.conditions, UPDATE_AVAILABLE),
            migrated: is_true(&status.conditions, MIGRATED),
        };
        self.standing("Backend", &namespace, &name, type_, &status.conditions);
        self.objects().backends.insert((namespace, name), facts);
    }

    /// What a Migration's status says.
    pub fn migration(&self, migration: &Migration) {
        let status = migration.status.clone().unwrap_or_default();
        let (namespace, name) = place(migration);
        let facts = MigrationFacts {
            backend: migration.spec.backend.clone(),
            entry: migration.spec.name.clone(),
            made: made(migration),
            database: migration.spec.database.clone(),
            by_hand: migration.is_by_hand(),
            blocked: status.phase == Some(MigrationPhase::Blocked),
            queued: status.phase == Some(MigrationPhase::Queued),
            pending_files: status.pending.unwrap_or_default(),
        };
        let type_ = migration.spec.tool.word();
        self.standing("Migration", &namespace, &name, type_, &status.conditions);
        self.objects().migrations.insert((namespace, name), facts);
    }

    /// What a Database's status says.
    pub fn database(&self, database: &Database) {
        let status = database.status.clone().unwrap_or_default();
        let type_ = database.spec.engine.word();
        let (namespace, name) = place(database);
        self.standing("Database", &namespace, &name, type_, &status.conditions);
        let entries = status.ledger.unwrap_or_default().entries;
        let before = self
            .objects()
            .databases
            .insert((namespace.clone(), name), DatabaseFacts::of(&entries));
        // What is there at the first sight was counted by an earlier process, and a standby leaves the counting to the leader.
        let Some(before) = before.filter(|_| self.is_leader()) else {
            return;
        };
        for entry in entries {
            let is_new = before.recorded.get(&entry.plan_key) != Some(&entry.finished_at);
            if let (true, true, Some(tool), Some(phase)) =
                (is_new, entry.finished_at.is_some(), entry.tool, entry.phase)
            {
                self.migration_run(&FinishedRun {
                    namespace: &namespace,
                    backend: &entry.backend,
                    tool,
                    phase,
                    outcome: entry.outcome,
                    tool_seconds: entry.tool_milliseconds.map(seconds),
                    lock_wait_seconds: entry.lock_milliseconds.map(seconds),
                });
            }
        }
    }

    /// Whether an object is ready, and the reason of its condition Ready.
    pub fn resource(
        &self,
        kind: &'static str,
        namespace: &str,
        name: &str,
        type_: &'static str,
        reason: &str,
        ready: bool,
    ) {
        let standing = Standing {
            type_,
            reason: reason.to_owned(),
            ready,
        };
        self.objects()
            .standings
            .insert((kind, namespace.to_owned(), name.to_owned()), standing);
    }

    /// The object is gone, and with it all that was told of it.
    pub fn forget(&self, kind: &'static str, namespace: &str, name: &str) {
        let place = (namespace.to_owned(), name.to_owned());
        let mut objects = self.objects();
        objects
            .standings
            .remove(&(kind, place.0.clone(), place.1.clone()));
        match kind {
            "Backend" => {
                objects.backends.remove(&place);
                for labels in objects.runs.remove(&place).unwrap_or_default() {
                    self.inner.runs.total.remove(&labels);
                }
            }
            "Migration" => {
                objects.migrations.remove(&place);
            }
            "Database" => {
                objects.databases.remove(&place);
            }
            _ => {}
        }
    }

    fn standing(
        &self,
        kind: &'static str,
        namespace: &str,
        name: &str,
        type_: &'static str,
        conditions: &[Condition],
    ) {
        let ready = conditions.iter().find(|condition| condition.type_ == READY);
        let reason = ready.map_or("Pending", |condition| condition.reason.as_str());
        self.resource(
            kind,
            namespace,
            name,
            type_,
            reason,
            is_true(conditions, READY),
        );
    }
}

fn seconds(milliseconds: i64) -> f64 {
    Duration::from_millis(u64::try_from(milliseconds).unwrap_or_default()).as_secs_f64()
}

fn made<K: ResourceExt>(object: &K) -> i64 {
    let made = object.meta().creation_timestamp.as_ref();
    made.map_or(0, |time| time.0.as_second())
}

fn place<K: ResourceExt>(object: &K) -> (String, String) {
    (object.namespace().unwrap_or_default(), object.name_any())
}

fn is_true(conditions: &[Condition], type_: &str) -> bool {
    conditions
        .iter()
        .any(|condition| condition.type_ == type_ && condition.status == "True")
}

fn unready_since(conditions: &[Condition]) -> Option<Timestamp> {
    conditions
        .iter()
        .find(|condition| condition.type_ == READY && condition.status != "True")
        .map(|condition| condition.last_transition_time.0)
}
