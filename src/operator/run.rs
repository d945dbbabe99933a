//! The life of an operator: read everything, stand by, lead, and end in order.
//!
//! A standby keeps warm caches and writes nothing but its try for the Lease. A leader that loses the Lease ends at once; one that is asked
//! to end finishes its looks, and only then gives the Lease back.

use std::future::pending;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

use super::admin::{self, AdminError, Health};
use super::driver::{Tools, drive, words_of};
use super::kinds::backend::BackendKind;
use super::kinds::database::DatabaseKind;
use super::kinds::migration::MigrationKind;
use super::kinds::run::RunKind;
use super::leader::{self, LeaderConfig, Leadership};
use super::metrics::Metrics;
use super::options::RunOptions;
use super::queue::stopped;
use super::telemetry::{self, TelemetryError};
use crate::cluster::caches::Caches;
use crate::cluster::client::{self, ClientError, Clients};
use crate::cluster::events::Events;
use crate::cluster::jitter::random_byte;
use crate::cluster::observer::RequestObserver;
use crate::cluster::watch as watches;
use crate::cluster::writer::{WriteGate, Writer};
use crate::core::election::{Ended, Timings};
use crate::core::plan::ObjectKind;

#[cfg(test)]
mod tests;

/// Longest wait for running looks after the signal to end; a pod has 30 s in all.
const DRAINING: Duration = Duration::from_secs(5);

/// Longest wait for the Lease to be given back.
const RELEASING: Duration = Duration::from_secs(5);

/// Between two looks whether the caches are full.
const FILLING: Duration = Duration::from_millis(50);

/// After this many looks without full caches it is told what is missing, and again after as many more: 30 s.
const LOOKS_UNTIL_TOLD: u32 = 600;

/// Why an operator did not start.
#[derive(Debug, Error)]
pub enum RunError {
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Admin(#[from] AdminError),
    #[error("cannot listen to signals")]
    Signals(#[source] std::io::Error),
    #[cfg(feature = "faults")]
    #[error("SLIPWAY_FAULTS: {0}")]
    Faults(String),
}

impl WriteGate for Leadership {
    fn may_write(&self) -> bool {
        Self::may_write(self)
    }
}

impl RequestObserver for Metrics {
    fn answered(&self, verb: &'static str, kind: &'static str, outcome: &'static str) {
        self.api_request(verb, kind, outcome);
    }

    fn withheld(&self) {
        self.write_withheld();
    }

    fn sent(&self, method: &http::Method, code: Option<http::StatusCode>) {
        self.rest_client_request(code.map(|code| code.as_u16()), method.as_str());
    }
}

/// Runs until the process is asked to end (exit code 0) or must end (1).
pub async fn run(options: RunOptions) -> Result<ExitCode, RunError> {
    telemetry::start(options.log_format, &options.log_level)?;
    tell_panics();
    #[cfg(feature = "faults")]
    let faults = Arc::new(faults()?);
    let stop = stop_on_signals()?;
    let metrics = Metrics::new(env!("CARGO_PKG_VERSION"), &options.lease_name);
    let observer: Arc<dyn RequestObserver> = Arc::new(metrics.clone());
    let clients = client::connect(options.kubeconfig.as_deref(), &observer).await?;
    let leadership = Leadership::new();
    let caches = Caches::new(&options.watch_namespaces);
    let listener = admin::listen(options.admin_address).await?;
    let identity = identity(&options);
    let admin_address = listener.local_addr().unwrap_or(options.admin_address);
    info!(
        version = env!("CARGO_PKG_VERSION"),
        identity,
        admin = %admin_address,
        "Slipway starts"
    );

    let gate: Arc<dyn WriteGate> = Arc::new(leadership.clone());
    let (events, event_task) = Events::new(clients.work.clone(), Arc::clone(&gate), &identity);
    let mut tasks = watches::start(&caches, &clients.work, &options.watch_namespaces);
    tasks.spawn(event_task.run());
    tasks.spawn(count_objects(caches.clone(), metrics.clone()));
    let health = health(&caches, &leadership);
    let admin_metrics = metrics.clone();
    tasks.spawn(async move {
        if let Err(fault) = admin::serve(listener, health, admin_metrics).await {
            error!(error = %fault, "the admin server ended");
        }
    });

    let tools = Tools {
        writer: Writer::new(
            clients.work.clone(),
            gate,
            observer,
            #[cfg(feature = "faults")]
            Arc::clone(&faults),
        ),
        caches,
        events,
        metrics,
        #[cfg(feature = "faults")]
        settings: Arc::new(options.settings(&faults.builder_salt)),
        #[cfg(not(feature = "faults"))]
        settings: Arc::new(options.settings("")),
        term: Arc::from(""),
        #[cfg(feature = "faults")]
        faults,
    };
    let config = lease(&options, &clients, identity);
    Ok(Life {
        tools,
        leadership,
        tasks,
        stop,
    }
    .live(config)
    .await)
}

/// An operator with everything started but the leading.
struct Life {
    tools: Tools,
    leadership: Leadership,
    /// Tasks that never end; one that does ends the process.
    tasks: JoinSet<()>,
    stop: watch::Receiver<bool>,
}

impl Life {
    async fn live(mut self, config: LeaderConfig) -> ExitCode {
        tokio::select! {
            () = full(&self.tools.caches) => {}
            () = stopped(self.stop.clone()) => return ExitCode::SUCCESS,
            () = dead(&mut self.tasks) => return ExitCode::FAILURE,
        }
        info!(
            backends = self.tools.caches.backends.len(),
            "caches are full; standing by"
        );
        let (drained, all_drained) = oneshot::channel::<()>();
        let mut election = tokio::spawn(leader::run(
            config,
            self.leadership.clone(),
            stopped(self.stop.clone()),
            async {
                if all_drained.await.is_err() {
                    // The drivers did not stop: the Lease must run out by itself.
                    pending::<()>().await;
                }
            },
        ));
        tokio::select! {
            () = self.leadership.acquired() => {}
            () = stopped(self.stop.clone()) => {
                // No driver was started, so nothing has to end first, even if the Lease is won in this very moment.
                let _ = drained.send(());
                return released(election).await;
            }
            ended = &mut election => return lost(ended.ok().as_ref()),
            () = dead(&mut self.tasks) => return ExitCode::FAILURE,
        }
        let mut drivers = self.lead();
        tokio::select! {
            biased;
            () = self.leadership.lost() => return lost(election.await.ok().as_ref()),
            () = stopped(self.stop.clone()) => {}
            () = dead_unasked(&mut drivers, &self.stop) => return ExitCode::FAILURE,
            () = dead(&mut self.tasks) => return ExitCode::FAILURE,
        }
        info!("asked to end; finishing what is under way");
        let draining = async { while drivers.join_next().await.is_some() {} };
        tokio::select! {
            biased;
            () = self.leadership.lost() => return lost(election.await.ok().as_ref()),
            drained = timeout(DRAINING, draining) => if drained.is_err() {
                warn!("a look does not end; the Lease is left to run out");
                return ExitCode::FAILURE;
            },
        }
        // Nobody listens any more only if the election is over, which is told below.
        let _ = drained.send(());
        released(election).await
    }

    /// Starts the drivers, with all objects to be looked at.
    fn lead(&mut self) -> JoinSet<()> {
        let term = self.leadership.term().unwrap_or_default();
        self.tools.metrics.leader(true);
        self.tools.term = Arc::from(term);
        let mut drivers = JoinSet::new();
        drivers.spawn(drive::<BackendKind>(self.tools.clone(), self.stop.clone()));
        drivers.spawn(drive::<DatabaseKind>(self.tools.clone(), self.stop.clone()));
        drivers.spawn(drive::<MigrationKind>(
            self.tools.clone(),
            self.stop.clone(),
        ));
        drivers.spawn(drive::<RunKind>(self.tools.clone(), self.stop.clone()));
        drivers
    }
}

/// Waits for the first full list of every kind, and tells what it waits for.
async fn full(caches: &Caches) {
    let mut looks = 0_u32;
    while !caches.are_full() {
        sleep(FILLING).await;
        looks += 1;
        if looks.is_multiple_of(LOOKS_UNTIL_TOLD) {
            warn!(missing = caches.missing(), "not ready yet");
        }
    }
}

/// Waits for a driver that ends though nobody asked for it. The end of one that was asked may be seen here before the asking: a watch channel
/// wakes those who wait for it one after the other, so a driver can be gone before this task is told of the signal.
async fn dead_unasked(drivers: &mut JoinSet<()>, stop: &watch::Receiver<bool>) {
    while let Some(ended) = drivers.join_next().await {
        if let Err(fault) = &ended {
            return error!(error = %fault, "a driver died");
        }
        if !*stop.borrow() {
            return error!("a driver ended");
        }
    }
    pending::<()>().await;
}

/// Waits for a task that must not end.
async fn dead(tasks: &mut JoinSet<()>) {
    if let Some(Err(fault)) = tasks.join_next().await {
        error!(error = %fault, "a task of the operator died");
    } else {
        error!("a task of the operator ended");
    }
}

/// After this nothing is finished: another process may lead already.
fn lost(ended: Option<&Ended>) -> ExitCode {
    error!(?ended, "leadership is lost; ending at once");
    ExitCode::FAILURE
}

/// A panic is told where all else is told, and once.
fn tell_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let words = words_of(panic.payload());
        error!(place, panic = words, "panic");
    }));
}

async fn released(election: JoinHandle<Ended>) -> ExitCode {
    match timeout(RELEASING, election).await {
        Ok(Ok(Ended::Released)) => {
            info!("ended in order");
            ExitCode::SUCCESS
        }
        ended => {
            warn!(?ended, "ended without giving the Lease back");
            ExitCode::FAILURE
        }
    }
}

fn stop_on_signals() -> Result<watch::Receiver<bool>, RunError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(RunError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(RunError::Signals)?;
    let (sender, stop) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        sender.send_replace(true);
        // Kept, so that nobody takes the sender's end for another signal.
        pending::<()>().await;
    });
    Ok(stop)
}

fn health(caches: &Caches, leadership: &Leadership) -> Health {
    let (full, served, leadership) = (caches.clone(), caches.clone(), leadership.clone());
    Health {
        caches_full: Arc::new(move || {
            if full.are_full() {
                Ok(())
            } else {
                Err(format!("still reading: {}", full.missing()))
            }
        }),
        crds_served: Arc::new(move || {
            let unserved = served.unserved();
            if unserved.is_empty() {
                Ok(())
            } else {
                Err(format!("CRDs are missing: {}", unserved.join(", ")))
            }
        }),
        lease_reachable: Arc::new(move || {
            if leadership.is_lease_reachable() {
                Ok(())
            } else {
                Err("no news of the Lease".to_owned())
            }
        }),
    }
}

fn lease(options: &RunOptions, clients: &Clients, identity: String) -> LeaderConfig {
    LeaderConfig {
        client: clients.lease.clone(),
        namespace: options
            .lease_namespace
            .clone()
            .unwrap_or_else(|| clients.namespace.clone()),
        name: options.lease_name.clone(),
        identity,
        timings: Timings::default(),
    }
}

/// Unique among all processes, those of this pod before a restart included: `HOST_CHANCE`, where the host is the pod's name in a cluster.
fn identity(options: &RunOptions) -> String {
    options.identity.clone().unwrap_or_else(|| {
        let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "slipway".to_owned());
        let chance = [random_byte(), random_byte(), random_byte(), random_byte()];
        format!("{host}_{:08x}", u32::from_be_bytes(chance))
    })
}

/// Keeps the series of each object current, and ends them with the object.
async fn count_objects(caches: Caches, metrics: Metrics) {
    let mut changes = caches.listen();
    while let Some(change) = changes.recv().await {
        let (namespace, name) = (&change.key.namespace, &change.key.name);
        if let Some(backend) = caches
            .backends
            .get(namespace, name)
            .filter(|_| change.is(ObjectKind::Backend))
        {
            metrics.backend(&backend);
        } else if let Some(migration) = caches
            .migrations
            .get(namespace, name)
            .filter(|_| change.is(ObjectKind::Migration))
        {
            metrics.migration(&migration);
        } else if let Some(database) = caches
            .databases
            .get(namespace, name)
            .filter(|_| change.is(ObjectKind::Database))
        {
            metrics.database(&database);
        } else {
            metrics.forget(change.key.kind.kind(), namespace, name);
        }
    }
}

#[cfg(feature = "faults")]
fn faults() -> Result<crate::cluster::faults::Faults, RunError> {
    let text = std::env::var("SLIPWAY_FAULTS").unwrap_or_default();
    crate::cluster::faults::Faults::parse(&text).map_err(RunError::Faults)
}
