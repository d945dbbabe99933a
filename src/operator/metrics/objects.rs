//! What the series tell of single objects. The facts are kept by object and turned into series when somebody asks, so a series can
//! never outlive its object, and a sum over objects is never stale. Reads statuses only.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::labels::{MigrationRun, Named, Object, ObjectInfo, OfBackend};
use super::{FinishedRun, Metrics};
use crate::api::backend::{Backend, BackendType};
use crate::api::database::Database;
use crate::api::migration::{Migration, MigrationPhase};
use crate::core::conditions::{READY, UPDATE_AVAILABLE};

/// Kind, namespace, name.
type Key = (&'static str, String, String);

/// Everything that is known of the objects.
#[derive(Default)]
pub(super) struct Objects {
    standings: BTreeMap<Key, Standing>,
    backends: BTreeMap<(String, String), BackendFacts>,
    migrations: BTreeMap<(String, String), MigrationFacts>,
    /// With each Database, the plans of its ledger and when the last attempt of each was recorded.
    databases: BTreeMap<(String, String), BTreeMap<String, Option<String>>>,
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
}

struct MigrationFacts {
    backend: String,
    database: String,
    blocked: bool,
    queued: bool,
    pending_files: i64,
}

impl Objects {
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
            database: migration.spec.database.clone(),
            blocked: status.phase == Some(MigrationPhase::Blocked),
            queued: status.phase == Some(MigrationPhase::Queued),
            pending_files: status.pending.unwrap_or_default(),
        };
        self.standing("Migration", &namespace, &name, "Goose", &status.conditions);
        self.objects().migrations.insert((namespace, name), facts);
    }

    /// What a Database's status says.
    pub fn database(&self, database: &Database) {
        let status = database.status.clone().unwrap_or_default();
        let type_ = database.spec.engine.word();
        let (namespace, name) = place(database);
        self.standing("Database", &namespace, &name, type_, &status.conditions);
        let entries = status.ledger.unwrap_or_default().entries;
        let recorded = entries
            .iter()
            .map(|entry| (entry.plan_key.clone(), entry.finished_at.clone()))
            .collect();
        let before = self
            .objects()
            .databases
            .insert((namespace.clone(), name), recorded);
        // What is there at the first sight was counted by an earlier process, and a standby leaves the counting to the leader.
        let Some(before) = before.filter(|_| self.is_leader()) else {
            return;
        };
        for entry in entries {
            let is_new = before.get(&entry.plan_key) != Some(&entry.finished_at);
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

/// The gauges that are filled from [`Objects`].
#[derive(Default)]
pub(super) struct ObjectSeries {
    ready: Family<Object, Gauge>,
    info: Family<ObjectInfo, Gauge>,
    gate_closed: Family<Named, Gauge>,
    update_available: Family<Named, Gauge>,
    blocked: Family<OfBackend, Gauge>,
    pending_files: Family<OfBackend, Gauge>,
    queue_length: Family<Named, Gauge>,
}

impl ObjectSeries {
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let series = Self::default();
        let registry = registry.sub_registry_with_prefix("slipway");
        registry.register(
            "resource_ready",
            "1 when the object is ready",
            series.ready.clone(),
        );
        registry.register(
            "resource_info",
            "1; type and reason of the object",
            series.info.clone(),
        );
        registry.register(
            "release_gate_closed_seconds",
            "How long a release has been waiting at the gate; 0 while none waits",
            series.gate_closed.clone(),
        );
        registry.register(
            "update_available",
            "1 when this Slipway would build another pod template",
            series.update_available.clone(),
        );
        registry.register(
            "migration_blocked",
            "Migrations that a person must look at",
            series.blocked.clone(),
        );
        registry.register(
            "migration_pending_files",
            "Files not yet applied",
            series.pending_files.clone(),
        );
        registry.register(
            "database_queue_length",
            "Migrations that wait for the database",
            series.queue_length.clone(),
        );
        series
    }

    /// Makes the series anew from the facts.
    pub(super) fn fill(&self, objects: &Objects, now: Timestamp) {
        self.clear();
        for ((kind, namespace, name), standing) in &objects.standings {
            let (kind, namespace, name) = (*kind, namespace.clone(), name.clone());
            let info = ObjectInfo {
                kind,
                namespace: namespace.clone(),
                name: name.clone(),
                r#type: standing.type_.to_owned(),
                reason: standing.reason.clone(),
            };
            self.info.get_or_create(&info).set(1);
            self.ready
                .get_or_create(&Object {
                    kind,
                    namespace,
                    name,
                })
                .set(i64::from(standing.ready));
        }
        for ((namespace, name), facts) in &objects.backends {
            let labels = Named {
                namespace: namespace.clone(),
                name: name.clone(),
            };
            let closed = facts
                .gate_closed_since
                .map_or(0, |since| (now.as_second() - since.as_second()).max(0));
            self.gate_closed.get_or_create(&labels).set(closed);
            self.update_available
                .get_or_create(&labels)
                .set(i64::from(facts.update_available));
        }
        for (namespace, name) in objects.databases.keys() {
            let _made = self.queue_length.get_or_create(&Named {
                namespace: namespace.clone(),
                name: name.clone(),
            });
        }
        for ((namespace, _), facts) in &objects.migrations {
            let labels = OfBackend {
                namespace: namespace.clone(),
                backend: facts.backend.clone(),
            };
            self.blocked
                .get_or_create(&labels)
                .inc_by(i64::from(facts.blocked));
            self.pending_files
                .get_or_create(&labels)
                .inc_by(facts.pending_files);
            if facts.queued {
                let database = Named {
                    namespace: namespace.clone(),
                    name: facts.database.clone(),
                };
                self.queue_length.get_or_create(&database).inc();
            }
        }
    }

    fn clear(&self) {
        let Self {
            ready,
            info,
            gate_closed,
            update_available,
            blocked,
            pending_files,
            queue_length,
        } = self;
        ready.clear();
        info.clear();
        gate_closed.clear();
        update_available.clear();
        blocked.clear();
        pending_files.clear();
        queue_length.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::Metrics;
    use crate::api::backend::Backend;
    use crate::api::migration::Migration;
    use jiff::Timestamp;
    use serde_json::json;

    fn held_backend() -> Backend {
        serde_json::from_value(json!({
            "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend",
            "metadata": {"name": "orders", "namespace": "team-a"},
            "spec": {"image": "orders:2"},
            "status": {
                "pending": {"image": "orders:2", "inputHash": "x"},
                "conditions": [
                    {"type": "Ready", "status": "False", "reason": "Migrating", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"},
                    {"type": "UpdateAvailable", "status": "True", "reason": "Newer", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}
                ]
            }
        }))
        .expect("a Backend")
    }

    fn migration(name: &str, phase: &str) -> Migration {
        serde_json::from_value(json!({
            "apiVersion": "slipway.dev/v1alpha1", "kind": "Migration",
            "metadata": {"name": name, "namespace": "team-a"},
            "spec": {"backend": "orders", "name": "schema", "database": "orders-db", "tool": "Goose", "phase": "BeforeRollout",
                "source": {"image": "orders:2", "path": "/migrations"}, "planKey": name},
            "status": {"phase": phase, "pending": 2}
        }))
        .expect("a Migration")
    }

    fn told(metrics: &Metrics) -> Vec<String> {
        let now: Timestamp = "2026-01-01T00:01:30Z".parse().expect("a time");
        let mut lines: Vec<String> = metrics
            .encode(now)
            .lines()
            .filter(|line| line.contains("team-a") && !line.starts_with('#'))
            .map(str::to_owned)
            .collect();
        lines.sort();
        lines
    }

    #[test]
    fn a_board_shows_how_long_a_release_has_waited_and_what_blocks_it() {
        let metrics = Metrics::new("0.1.0", "slipway");
        metrics.backend(&held_backend());
        metrics.migration(&migration("a", "Blocked"));
        metrics.migration(&migration("b", "Queued"));
        let labels = r#"namespace="team-a",name="orders""#;
        similar_asserts::assert_eq!(
            told(&metrics),
            [
                r#"slipway_database_queue_length{namespace="team-a",name="orders-db"} 1"#.to_owned(),
                r#"slipway_migration_blocked{namespace="team-a",backend="orders"} 1"#.to_owned(),
                r#"slipway_migration_pending_files{namespace="team-a",backend="orders"} 4"#.to_owned(),
                format!("slipway_release_gate_closed_seconds{{{labels}}} 90"),
                format!(r#"slipway_resource_info{{kind="Backend",{labels},type="Service",reason="Migrating"}} 1"#),
                r#"slipway_resource_info{kind="Migration",namespace="team-a",name="a",type="Goose",reason="Pending"} 1"#.to_owned(),
                r#"slipway_resource_info{kind="Migration",namespace="team-a",name="b",type="Goose",reason="Pending"} 1"#.to_owned(),
                format!(r#"slipway_resource_ready{{kind="Backend",{labels}}} 0"#),
                r#"slipway_resource_ready{kind="Migration",namespace="team-a",name="a"} 0"#.to_owned(),
                r#"slipway_resource_ready{kind="Migration",namespace="team-a",name="b"} 0"#.to_owned(),
                format!("slipway_update_available{{{labels}}} 1"),
            ]
        );
    }

    #[test]
    fn the_leader_counts_each_attempt_that_the_ledger_records() {
        let database = |finished: serde_json::Value| -> crate::api::database::Database {
            serde_json::from_value(json!({
                "apiVersion": "slipway.dev/v1alpha1", "kind": "Database",
                "metadata": {"name": "orders-db", "namespace": "team-a"},
                "spec": {"engine": "PostgreSQL", "host": "h", "name": "orders", "credentials": {"secret": "s"}},
                "status": {"ledger": {"entries": [{"planKey": "k", "backend": "orders", "tool": "Goose",
                    "phase": "BeforeRollout", "outcome": "Failed", "finishedAt": finished}]}}
            }))
            .expect("a Database")
        };
        let runs = |metrics: &Metrics| -> Vec<String> {
            let lines = told(metrics);
            lines
                .into_iter()
                .filter(|line| line.contains("_runs_total"))
                .collect()
        };
        let metrics = Metrics::new("0.1.0", "slipway");
        metrics.leader(true);
        metrics.database(&database(json!("2026-01-01T00:00:00Z")));
        assert_eq!(runs(&metrics), Vec::<String>::new());
        metrics.database(&database(json!("2026-01-01T00:01:00Z")));
        metrics.database(&database(json!("2026-01-01T00:01:00Z")));
        assert_eq!(
            runs(&metrics),
            [
                r#"slipway_migration_runs_total{namespace="team-a",backend="orders",tool="Goose",phase="BeforeRollout",outcome="Failed"} 1"#
            ]
        );
    }

    #[test]
    fn nothing_is_told_of_an_object_that_is_gone() {
        let metrics = Metrics::new("0.1.0", "slipway");
        metrics.backend(&held_backend());
        metrics.migration(&migration("a", "Blocked"));
        metrics.forget("Backend", "team-a", "orders");
        metrics.forget("Migration", "team-a", "a");
        assert_eq!(told(&metrics), Vec::<String>::new());
    }
}
