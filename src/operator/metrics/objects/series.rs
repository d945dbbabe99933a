//! The series of the objects: filled anew from the facts when somebody asks.

use jiff::Timestamp;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::super::labels::{Named, Object, ObjectInfo, OfBackend};
use super::{BackendFacts, DatabaseFacts, Key, MigrationFacts, Objects, Standing};

/// The gauges that are filled from [`Objects`].
#[derive(Default)]
pub struct ObjectSeries {
    ready: Family<Object, Gauge>,
    info: Family<ObjectInfo, Gauge>,
    gate_closed: Family<Named, Gauge>,
    update_available: Family<Named, Gauge>,
    blocked: Family<OfBackend, Gauge>,
    pending_files: Family<OfBackend, Gauge>,
    last_success: Family<OfBackend, Gauge>,
    queue_length: Family<Named, Gauge>,
}

impl ObjectSeries {
    /// Empty, with a help text each.
    pub fn registered(registry: &mut Registry) -> Self {
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
            "migration_last_success_timestamp_seconds",
            "When a migration succeeded last; seconds since 1970",
            series.last_success.clone(),
        );
        registry.register(
            "database_queue_length",
            "Migrations that wait for the database",
            series.queue_length.clone(),
        );
        series
    }

    /// Makes the series anew from the facts.
    pub fn fill(&self, objects: &Objects, now: Timestamp) {
        self.clear();
        for (key, standing) in &objects.standings {
            self.fill_standing(key, standing);
        }
        for ((namespace, name), facts) in &objects.backends {
            self.fill_backend(&named(namespace, name), facts, now);
        }
        for ((namespace, name), facts) in &objects.databases {
            let _made = self.queue_length.get_or_create(&named(namespace, name));
            self.fill_successes(namespace, facts);
        }
        let in_question = objects.in_question();
        for (key, facts) in &objects.migrations {
            self.fill_migration(&key.0, facts, in_question.contains(key));
        }
    }

    fn fill_standing(&self, key: &Key, standing: &Standing) {
        let (kind, namespace, name) = key;
        let info = ObjectInfo {
            kind,
            namespace: namespace.clone(),
            name: name.clone(),
            r#type: standing.type_.to_owned(),
            reason: standing.reason.clone(),
        };
        let object = Object {
            kind,
            namespace: namespace.clone(),
            name: name.clone(),
        };
        self.info.get_or_create(&info).set(1);
        self.ready
            .get_or_create(&object)
            .set(i64::from(standing.ready));
    }

    fn fill_backend(&self, labels: &Named, facts: &BackendFacts, now: Timestamp) {
        let closed = facts
            .gate_closed_since
            .map_or(0, |since| (now.as_second() - since.as_second()).max(0));
        self.gate_closed.get_or_create(labels).set(closed);
        self.update_available
            .get_or_create(labels)
            .set(i64::from(facts.update_available));
    }

    /// A Backend may have several Databases: the last success on any of them counts.
    fn fill_successes(&self, namespace: &str, facts: &DatabaseFacts) {
        for (backend, at) in &facts.successes {
            let series = self
                .last_success
                .get_or_create_owned(&of_backend(namespace, backend));
            series.set(series.get().max(at.as_second()));
        }
    }

    /// Migrations of one Backend, and those that wait for one Database, are summed up. One that is overtaken is in question no more: it stays
    /// blocked for ever, and nobody need look at it.
    fn fill_migration(&self, namespace: &str, facts: &MigrationFacts, in_question: bool) {
        let labels = of_backend(namespace, &facts.backend);
        let (blocked, pending) = if in_question {
            (i64::from(facts.blocked), facts.pending_files)
        } else {
            (0, 0)
        };
        self.blocked.get_or_create(&labels).inc_by(blocked);
        self.pending_files.get_or_create(&labels).inc_by(pending);
        if facts.queued {
            self.queue_length
                .get_or_create(&named(namespace, &facts.database))
                .inc();
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
            last_success,
            queue_length,
        } = self;
        ready.clear();
        info.clear();
        gate_closed.clear();
        update_available.clear();
        blocked.clear();
        pending_files.clear();
        last_success.clear();
        queue_length.clear();
    }
}

fn of_backend(namespace: &str, backend: &str) -> OfBackend {
    OfBackend {
        namespace: namespace.to_owned(),
        backend: backend.to_owned(),
    }
}

fn named(namespace: &str, name: &str) -> Named {
    Named {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}
