//! The series of the objects: filled anew from the facts when somebody asks.

use jiff::Timestamp;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::super::labels::{Named, Object, ObjectInfo, OfBackend};
use super::{BackendFacts, Key, MigrationFacts, Objects, Standing};

/// The gauges that are filled from [`Objects`].
#[derive(Default)]
pub struct ObjectSeries {
    ready: Family<Object, Gauge>,
    info: Family<ObjectInfo, Gauge>,
    gate_closed: Family<Named, Gauge>,
    update_available: Family<Named, Gauge>,
    blocked: Family<OfBackend, Gauge>,
    pending_files: Family<OfBackend, Gauge>,
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
        for (namespace, name) in objects.databases.keys() {
            let _made = self.queue_length.get_or_create(&named(namespace, name));
        }
        for ((namespace, _), facts) in &objects.migrations {
            self.fill_migration(namespace, facts);
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

    /// Migrations of one Backend, and those that wait for one Database, are summed up.
    fn fill_migration(&self, namespace: &str, facts: &MigrationFacts) {
        let labels = OfBackend {
            namespace: namespace.to_owned(),
            backend: facts.backend.clone(),
        };
        self.blocked
            .get_or_create(&labels)
            .inc_by(i64::from(facts.blocked));
        self.pending_files
            .get_or_create(&labels)
            .inc_by(facts.pending_files);
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

fn named(namespace: &str, name: &str) -> Named {
    Named {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}
