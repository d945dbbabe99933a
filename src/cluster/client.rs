//! Connections to the API server: one client for the work, another for the Lease alone.
//!
//! Neither repeats a request by itself: kube's hidden retry can take minutes inside one call, while the driver backs off in the open.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kube::client::ClientBuilder;
use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use thiserror::Error;
use tower::timeout::TimeoutLayer;

use super::observer::{Observed, RequestObserver};

/// Longest wait for the headers of an answer; watches stream on after them. kube itself would wait for ever on a dead connection.
const ANSWER: Duration = Duration::from_secs(15);

/// As [`ANSWER`], for the Lease: a renewal has two seconds' room for a second try before its deadline.
const LEASE_ANSWER: Duration = Duration::from_secs(5);

/// Longest silence on a connection that something is awaited on. A watch sends a bookmark about every 60 s, so this notices one that
/// hangs, while a quiet one stays open.
const SILENCE: Duration = Duration::from_secs(150);

/// Longest time to connect.
const CONNECT: Duration = Duration::from_secs(10);

/// The clients of one operator.
#[derive(Clone)]
pub struct Clients {
    /// For watches, reads, writes and events.
    pub work: Client,
    /// For the Lease alone, so that no queue of the work can delay a renewal.
    pub lease: Client,
    /// Namespace of the pod, or of the kubeconfig's context.
    pub namespace: String,
}

/// Why there is no client.
#[derive(Debug, Error)]
pub enum ClientError {
    #[error(
        "this is no pod with a service account; outside a cluster name a file: slipway run --kubeconfig FILE"
    )]
    NotInCluster(#[source] InClusterError),
    #[error("cannot use the kubeconfig {file} (--kubeconfig)")]
    Kubeconfig {
        file: String,
        #[source]
        source: Box<KubeconfigError>,
    },
    #[error("cannot set up the connection to the API server")]
    Setup(#[source] Box<kube::Error>),
}

/// Clients by a kubeconfig, or by the service account of the pod (no file). Sends nothing yet.
pub async fn connect(
    kubeconfig: Option<&Path>,
    observer: &Arc<dyn RequestObserver>,
) -> Result<Clients, ClientError> {
    // Refused where one is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut config = match kubeconfig {
        Some(file) => from_file(file).await?,
        None => Config::incluster().map_err(ClientError::NotInCluster)?,
    };
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT);
    config.headers.push((
        http::header::USER_AGENT,
        http::HeaderValue::from_static(concat!("slipway/", env!("CARGO_PKG_VERSION"))),
    ));
    let namespace = config.default_namespace.clone();
    let lease = build(config.clone(), LEASE_ANSWER, observer)?;
    config.read_timeout = Some(SILENCE);
    // A connection of the pool may have been silent for long when a request is sent on it.
    config.reset_reader_on_write = true;
    let work = build(config, ANSWER, observer)?;
    Ok(Clients {
        work,
        lease,
        namespace,
    })
}

async fn from_file(file: &Path) -> Result<Config, ClientError> {
    let fault = |source| ClientError::Kubeconfig {
        file: file.display().to_string(),
        source: Box::new(source),
    };
    let kubeconfig = Kubeconfig::read_from(file).map_err(fault)?;
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(fault)
}

fn build(
    config: Config,
    answer: Duration,
    observer: &Arc<dyn RequestObserver>,
) -> Result<Client, ClientError> {
    let builder =
        ClientBuilder::try_from(config).map_err(|error| ClientError::Setup(Box::new(error)))?;
    Ok(builder
        .with_layer(&TimeoutLayer::new(answer))
        .with_layer(&Observed(Arc::clone(observer)))
        .build())
}
