//! Starts an operator: telemetry, client, caches, admin server, events, and then its life.

use std::future::pending;
use std::process::ExitCode;
use std::sync::Arc;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::{error, info};

use super::admin::{self, AdminError, Health};
use super::driver::{Tools, words_of};
use super::leader::{LeaderConfig, Leadership};
use super::life::Life;
use super::metrics::Metrics;
use super::options::RunOptions;
use super::telemetry::{self, TelemetryError};
use crate::cluster::caches::Caches;
use crate::cluster::client::{self, ClientError, Clients};
use crate::cluster::events::Events;
use crate::cluster::jitter::random_byte;
use crate::cluster::observer::RequestObserver;
use crate::cluster::watch as watches;
use crate::cluster::writer::{WriteGate, Writer};
use crate::core::election::Timings;
use crate::core::plan::ObjectKind;

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
    tasks.spawn(serve_admin(listener, health, metrics.clone()));

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

async fn serve_admin(listener: TcpListener, health: Health, metrics: Metrics) {
    if let Err(fault) = admin::serve(listener, health, metrics).await {
        error!(error = %fault, "the admin server ended");
    }
}

/// A panic is told where all else is told, and once.
fn tell_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let words = words_of(panic.payload());
        error!(place, panic = words, "panic");
    }));
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
