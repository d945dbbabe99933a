//! What `/metrics` tells. Names and labels of the machinery are those of controller-runtime, so the boards that people have fit;
//! names of our own start with `slipway_`. Counting only: nothing here decides, and no label holds what a user can choose but
//! namespace and name. What is told of an object ends with the object.

mod labels;
mod objects;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::api::common::{Phase, Tool};
use crate::api::database::EntryOutcome;
use labels::{
    ApiRequest, Build, Controller, HttpRequest, MigrationKind, MigrationRun, Name, Reconcile,
};
use objects::{ObjectSeries, Objects};

/// Value of the HTTP header `Content-Type` for what [`Metrics::encode`] gives.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

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

/// One attempt of a migration that is over and in the ledger.
#[derive(Clone, Debug)]
pub struct FinishedRun<'a> {
    pub namespace: &'a str,
    pub backend: &'a str,
    pub tool: Tool,
    pub phase: Phase,
    pub outcome: EntryOutcome,
    /// How long the tool ran, seconds; absent: it never started.
    pub tool_seconds: Option<f64>,
    /// How long the runner waited for the lock in the database, seconds; absent: it never asked.
    pub lock_wait_seconds: Option<f64>,
}

/// All series of this process. Cloning is cheap, and every clone counts into the same series.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Registry,
    machinery: Machinery,
    requests: Requests,
    runs: Runs,
    series: ObjectSeries,
    objects: Mutex<Objects>,
    lease: Name,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Queue and workers of the driver, by controller.
struct Machinery {
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

/// What went to the API server, and what did not.
#[derive(Default)]
struct Requests {
    http: Family<HttpRequest, Counter>,
    api: Family<ApiRequest, Counter>,
    withheld: Counter,
}

/// Attempts of migrations.
struct Runs {
    total: Family<MigrationRun, Counter>,
    seconds: Family<MigrationKind, Histogram, fn() -> Histogram>,
    lock_waits: Family<MigrationKind, Histogram, fn() -> Histogram>,
}

impl Metrics {
    /// Series of a Slipway of this version that takes part in the election for the Lease of this name.
    #[must_use]
    pub fn new(version: &str, lease_name: &str) -> Self {
        let mut registry = Registry::default();
        let machinery = Machinery::registered(&mut registry);
        let requests = Requests::registered(&mut registry);
        let runs = Runs::registered(&mut registry);
        let series = ObjectSeries::registered(&mut registry);
        register_build(&mut registry, version);
        let metrics = Self {
            inner: Arc::new(Inner {
                registry,
                machinery,
                requests,
                runs,
                series,
                objects: Mutex::default(),
                lease: Name::new(lease_name),
            }),
        };
        metrics.leader(false);
        metrics
    }

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

    fn is_leader(&self) -> bool {
        self.inner
            .machinery
            .leader
            .get_or_create(&self.inner.lease)
            .get()
            == 1
    }

    /// A request on an object is answered. `verb` as in a role (`create`, `patch`), `kind` as manifests write it.
    pub fn api_request(&self, verb: &'static str, kind: &'static str, outcome: &'static str) {
        self.inner
            .requests
            .api
            .get_or_create(&ApiRequest {
                verb,
                kind,
                outcome,
            })
            .inc();
    }

    /// An HTTP request is answered with this status; `<error>` when there was no answer, as in client-go.
    pub fn rest_client_request(&self, code: Option<u16>, method: &str) {
        let code = code.map_or_else(|| "<error>".to_owned(), |code| code.to_string());
        self.inner
            .requests
            .http
            .get_or_create(&HttpRequest {
                code,
                method: method.to_owned(),
            })
            .inc();
    }

    /// A write was not sent because leadership was in doubt.
    pub fn write_withheld(&self) {
        self.inner.requests.withheld.inc();
    }

    /// An attempt of a migration is over and recorded.
    pub fn migration_run(&self, run: &FinishedRun<'_>) {
        let runs = &self.inner.runs;
        runs.total.get_or_create(&MigrationRun::of(run)).inc();
        let kind = MigrationKind::of(run);
        if let Some(seconds) = run.tool_seconds {
            runs.seconds.get_or_create(&kind).observe(seconds);
        }
        if let Some(seconds) = run.lock_wait_seconds {
            runs.lock_waits.get_or_create(&kind).observe(seconds);
        }
        self.objects().remember_run(run);
    }

    /// All series as text, as they are at `now`.
    #[must_use]
    pub fn encode(&self, now: Timestamp) -> String {
        let objects = self.objects();
        self.inner.series.fill(&objects, now);
        let mut text = String::new();
        encode(&mut text, &self.inner.registry).expect("a String takes all that is written to it");
        text
    }

    /// What is known of the objects. A panic of another thread leaves numbers behind, not a broken invariant.
    fn objects(&self) -> std::sync::MutexGuard<'_, Objects> {
        self.inner
            .objects
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A look at an object: 1 ms to about 33 s.
fn seconds_of_a_look() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 16))
}

/// A migration: 0.1 s to about 1 h.
fn seconds_of_a_run() -> Histogram {
    Histogram::new(exponential_buckets(0.1, 2.0, 16))
}

impl Machinery {
    fn registered(registry: &mut Registry) -> Self {
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

impl Requests {
    fn registered(registry: &mut Registry) -> Self {
        let requests = Self::default();
        registry.register(
            "rest_client_requests",
            "HTTP requests to the API server",
            requests.http.clone(),
        );
        registry.register(
            "slipway_api_requests",
            "Requests by verb and kind",
            requests.api.clone(),
        );
        registry.register(
            "slipway_writes_withheld",
            "Writes not sent because leadership was in doubt",
            requests.withheld.clone(),
        );
        requests
    }
}

impl Runs {
    fn registered(registry: &mut Registry) -> Self {
        let runs = Self {
            total: Family::default(),
            seconds: Family::new_with_constructor(seconds_of_a_run),
            lock_waits: Family::new_with_constructor(seconds_of_a_run),
        };
        registry.register(
            "slipway_migration_runs",
            "Attempts of migrations, by outcome",
            runs.total.clone(),
        );
        registry.register(
            "slipway_migration_duration_seconds",
            "Run time of the tool",
            runs.seconds.clone(),
        );
        registry.register(
            "slipway_migration_lock_wait_seconds",
            "Wait for the lock in the database",
            runs.lock_waits.clone(),
        );
        runs
    }
}

/// `slipway_build_info`. The image's build sets `SLIPWAY_REVISION`; a build by hand says `unknown`.
fn register_build(registry: &mut Registry, version: &str) {
    let builds = Family::<Build, Gauge>::default();
    registry.register("slipway_build_info", "1; what runs here", builds.clone());
    let revision = option_env!("SLIPWAY_REVISION")
        .unwrap_or("unknown")
        .to_owned();
    builds
        .get_or_create(&Build {
            version: version.to_owned(),
            revision,
        })
        .set(1);
}

#[cfg(test)]
mod tests {
    use super::{FinishedRun, Metrics, ReconcileResult};
    use crate::api::common::{Phase, Tool};
    use crate::api::database::EntryOutcome;
    use jiff::Timestamp;

    fn lines(metrics: &Metrics, containing: &str) -> Vec<String> {
        metrics
            .encode(Timestamp::UNIX_EPOCH)
            .lines()
            .filter(|line| !line.starts_with('#') && line.contains(containing))
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn boards_made_for_controller_runtime_find_their_series() {
        let metrics = Metrics::new("0.1.0", "slipway");
        metrics.reconcile("backend", ReconcileResult::Success, 0.0005);
        metrics.reconcile("backend", ReconcileResult::Panic, 0.0005);
        metrics.active_workers("backend", 1);
        metrics.max_concurrent_reconciles("backend", 32);
        metrics.queue_depth("backend", 3);
        metrics.queue_add("backend");
        metrics.queue_retry("backend");
        metrics.queue_wait("backend", 0.0005);
        metrics.leader(true);
        metrics.rest_client_request(Some(200), "GET");
        metrics.rest_client_request(None, "PATCH");
        let mut found = lines(&metrics, "");
        found.retain(|line| !line.contains("_bucket") && !line.contains("_sum"));
        found.sort();
        similar_asserts::assert_eq!(
            found,
            [
                r#"controller_runtime_active_workers{controller="backend"} 1"#,
                r#"controller_runtime_max_concurrent_reconciles{controller="backend"} 32"#,
                r#"controller_runtime_reconcile_errors_total{controller="backend"} 1"#,
                r#"controller_runtime_reconcile_time_seconds_count{controller="backend"} 2"#,
                r#"controller_runtime_reconcile_total{controller="backend",result="panic"} 1"#,
                r#"controller_runtime_reconcile_total{controller="backend",result="success"} 1"#,
                r#"leader_election_master_status{name="slipway"} 1"#,
                r#"rest_client_requests_total{code="200",method="GET"} 1"#,
                r#"rest_client_requests_total{code="<error>",method="PATCH"} 1"#,
                r#"slipway_build_info{version="0.1.0",revision="unknown"} 1"#,
                r"slipway_writes_withheld_total 0",
                r#"workqueue_adds_total{name="backend"} 1"#,
                r#"workqueue_depth{name="backend"} 3"#,
                r#"workqueue_queue_duration_seconds_count{name="backend"} 1"#,
                r#"workqueue_retries_total{name="backend"} 1"#,
                r#"workqueue_work_duration_seconds_count{name="backend"} 2"#,
            ]
            .map(str::to_owned)
            .to_vec()
        );
    }

    #[test]
    fn the_runs_of_a_backend_end_with_the_backend() {
        let metrics = Metrics::new("0.1.0", "slipway");
        metrics.migration_run(&FinishedRun {
            namespace: "team-a",
            backend: "orders",
            tool: Tool::Goose,
            phase: Phase::BeforeRollout,
            outcome: EntryOutcome::Failed,
            tool_seconds: Some(1.5),
            lock_wait_seconds: None,
        });
        assert_eq!(
            lines(&metrics, "slipway_migration_runs_total"),
            [
                r#"slipway_migration_runs_total{namespace="team-a",backend="orders",tool="Goose",phase="BeforeRollout",outcome="Failed"} 1"#
            ]
        );
        assert_eq!(
            lines(&metrics, "slipway_migration_duration_seconds_count"),
            [r#"slipway_migration_duration_seconds_count{tool="Goose",phase="BeforeRollout"} 1"#]
        );
        assert_eq!(
            lines(&metrics, "lock_wait_seconds_count"),
            Vec::<String>::new()
        );
        metrics.forget("Backend", "team-a", "orders");
        assert_eq!(
            lines(&metrics, "slipway_migration_runs_total"),
            Vec::<String>::new()
        );
    }
}
