//! Attempts of migrations, as they are recorded in the ledgers.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use super::Metrics;
use super::labels::{MigrationKind, MigrationRun};
use crate::api::common::{Phase, Tool};
use crate::api::database::EntryOutcome;

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

/// Attempts of migrations.
pub(super) struct Runs {
    pub(super) total: Family<MigrationRun, Counter>,
    seconds: Family<MigrationKind, Histogram, fn() -> Histogram>,
    lock_waits: Family<MigrationKind, Histogram, fn() -> Histogram>,
}

impl Metrics {
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
}

/// A migration: 0.1 s to about 1 h.
fn seconds_of_a_run() -> Histogram {
    Histogram::new(exponential_buckets(0.1, 2.0, 16))
}

impl Runs {
    pub(super) fn registered(registry: &mut Registry) -> Self {
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
