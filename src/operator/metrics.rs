//! What `/metrics` tells. Names and labels of the machinery are those of controller-runtime, so the boards that people have fit;
//! names of our own start with `slipway_`. Counting only: nothing here decides, and no label holds what a user can choose but
//! namespace and name. What is told of an object ends with the object.

mod labels;
mod machinery;
mod objects;
mod requests;
mod runs;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use labels::{Build, Name};
use machinery::Machinery;
use objects::{ObjectSeries, Objects};
use requests::Requests;
use runs::Runs;

pub use machinery::ReconcileResult;
pub use runs::FinishedRun;

/// Value of the HTTP header `Content-Type` for what [`Metrics::encode`] gives.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

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
