//! Looks, queues and leadership, by controller, under the names that controller-runtime gave them.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use super::Metrics;
use super::labels::{Controller, Name, Reconcile};

/// How one look at an object ended; controller-runtime's words, and `panic` for a builder that gave up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReconcileResult {
    Success,
    /// Done, and to be looked at again after a while although nothing may happen.
    RequeueAfter,
    Error,
    Panic,
}

impl ReconcileResult {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::RequeueAfter => "requeue_after",
            Self::Error => "error",
            Self::Panic => "panic",
        }
    }
}

/// Queue and workers of the driver, by controller.
pub(super) struct Machinery {
    reconciles: Family<Reconcile, Counter>,
    errors: Family<Controller, Counter>,
    seconds: Family<Controller, Histogram, fn() -> Histogram>,
    active: Family<Controller, Gauge>,
    most: Family<Controller, Gauge>,
    depth: Family<Name, Gauge>,
    adds: Family<Name, Counter>,
    retries: Family<Name, Counter>,
    waits: Family<Name, Histogram, fn() -> Histogram>,
    work: Family<Name, Histogram, fn() -> Histogram>,
    leader: Family<Name, Gauge>,
}

impl Metrics {
    /// One look at an object is over; it took this many seconds.
    pub fn reconcile(&self, controller: &'static str, result: ReconcileResult, seconds: f64) {
        let machinery = &self.inner.machinery;
        machinery
            .reconciles
            .get_or_create(&Reconcile {
                controller,
                result: result.as_str(),
            })
            .inc();
        if matches!(result, ReconcileResult::Error | ReconcileResult::Panic) {
            machinery
                .errors
                .get_or_create(&Controller { controller })
                .inc();
        }
        machinery
            .seconds
            .get_or_create(&Controller { controller })
            .observe(seconds);
        machinery
            .work
            .get_or_create(&Name::new(controller))
            .observe(seconds);
    }

    /// `delta` more (or fewer) objects are being looked at.
    pub fn active_workers(&self, controller: &'static str, delta: i64) {
        self.inner
            .machinery
            .active
            .get_or_create(&Controller { controller })
            .inc_by(delta);
    }

    /// How many objects may be looked at once.
    pub fn max_concurrent_reconciles(&self, controller: &'static str, most: i64) {
        self.inner
            .machinery
            .most
            .get_or_create(&Controller { controller })
            .set(most);
    }

    /// This many keys wait for a worker.
    pub fn queue_depth(&self, controller: &'static str, keys: i64) {
        self.inner
            .machinery
            .depth
            .get_or_create(&Name::new(controller))
            .set(keys);
    }

    /// A key was put into the queue.
    pub fn queue_add(&self, controller: &'static str) {
        self.inner
            .machinery
            .adds
            .get_or_create(&Name::new(controller))
            .inc();
    }

    /// A key was put back because its last look failed.
    pub fn queue_retry(&self, controller: &'static str) {
        self.inner
            .machinery
            .retries
            .get_or_create(&Name::new(controller))
            .inc();
    }

    /// A key waited this many seconds for a worker.
    pub fn queue_wait(&self, controller: &'static str, seconds: f64) {
        self.inner
            .machinery
            .waits
            .get_or_create(&Name::new(controller))
            .observe(seconds);
    }

    /// Whether this process holds the Lease.
    pub fn leader(&self, is_leader: bool) {
        self.inner
            .machinery
            .leader
            .get_or_create(&self.inner.lease)
            .set(i64::from(is_leader));
    }

    pub(super) fn is_leader(&self) -> bool {
        self.inner
            .machinery
            .leader
            .get_or_create(&self.inner.lease)
            .get()
            == 1
    }
}

/// A look at an object: 1 ms to about 33 s.
fn seconds_of_a_look() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 16))
}

impl Machinery {
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let machinery = Self {
            seconds: Family::new_with_constructor(seconds_of_a_look),
            waits: Family::new_with_constructor(seconds_of_a_look),
            work: Family::new_with_constructor(seconds_of_a_look),
            reconciles: Family::default(),
            errors: Family::default(),
            active: Family::default(),
            most: Family::default(),
            depth: Family::default(),
            adds: Family::default(),
            retries: Family::default(),
            leader: Family::default(),
        };
        let runtime = registry.sub_registry_with_prefix("controller_runtime");
        runtime.register(
            "reconcile",
            "Looks at an object, by how they ended",
            machinery.reconciles.clone(),
        );
        runtime.register(
            "reconcile_errors",
            "Looks at an object that failed",
            machinery.errors.clone(),
        );
        runtime.register(
            "reconcile_time_seconds",
            "Time of one look at an object",
            machinery.seconds.clone(),
        );
        runtime.register(
            "active_workers",
            "Objects that are being looked at",
            machinery.active.clone(),
        );
        runtime.register(
            "max_concurrent_reconciles",
            "Most objects looked at at once",
            machinery.most.clone(),
        );
        let queue = registry.sub_registry_with_prefix("workqueue");
        queue.register(
            "depth",
            "Keys that wait for a worker",
            machinery.depth.clone(),
        );
        queue.register("adds", "Keys put into the queue", machinery.adds.clone());
        queue.register(
            "retries",
            "Keys put back after a failure",
            machinery.retries.clone(),
        );
        queue.register(
            "queue_duration_seconds",
            "Wait of a key for a worker",
            machinery.waits.clone(),
        );
        queue.register(
            "work_duration_seconds",
            "Time of a worker on a key",
            machinery.work.clone(),
        );
        registry.register(
            "leader_election_master_status",
            "1 while this process leads",
            machinery.leader.clone(),
        );
        machinery
    }
}
