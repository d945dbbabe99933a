//! The fault proxy: plain HTTP/1.1 on this machine in front of the API server. It passes on what comes, credentials too, lets rules do harm to
//! the calls they are for, and keeps a list of what it saw.
//!
//! A call that changes something is sent by a task of its own, so that it reaches the API server also when its caller is dead by then: that is
//! how the late write of a deposed leader is made.

pub mod call;
mod forward;
pub mod rules;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::session::Cluster;
use call::Call;
use rules::{Fault, Match, RuleHandle, Rules};

/// A running proxy. It ends when the value is dropped.
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

/// A request that came by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub time: Timestamp,
    pub call: Call,
    pub user_agent: String,
    /// The status that the caller got; `None` while there is none, and for a connection that broke.
    pub code: Option<u16>,
}

/// How open watches end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchEnd {
    /// An event says `410 Gone`: what the watch stood on is compacted away, list again.
    Gone,
    /// The connection ends in the middle.
    Cut,
}

struct Shared {
    /// The API server's address, without a slash at its end.
    server: String,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    rules: Arc<Rules>,
    seen: Mutex<Vec<Seen>>,
    /// Whether the API server seems to be down.
    down: watch::Sender<bool>,
    /// The last order to end watches, with its number.
    break_watches: watch::Sender<(u64, Match, WatchEnd)>,
}

impl FaultProxy {
    /// Starts a proxy in front of the cluster's API server.
    pub async fn start(cluster: &Cluster) -> Result<Self> {
        Self::in_front_of(&cluster.server().await?, &cluster.authority().await?).await
    }

    /// Starts a proxy in front of a server with a certificate of this authority (PEM).
    pub async fn in_front_of(server: &str, authority: &[u8]) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("listen on a free port")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            server: server.trim_end_matches('/').to_owned(),
            client: Client::builder(TokioExecutor::new()).build(connector(authority)?),
            rules: Arc::default(),
            seen: Mutex::default(),
            down: watch::Sender::new(false),
            break_watches: watch::Sender::new((0, Match::any(), WatchEnd::Cut)),
        });
        let server = tokio::spawn(serve(listener, address, Arc::clone(&shared)));
        Ok(Self {
            address,
            shared,
            server,
        })
    }

    /// The server's address for a kubeconfig.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Puts a rule in force until its handle is released, removed or dropped. The oldest rule that fits wins.
    #[must_use = "a rule ends with its handle"]
    pub fn add(&self, matching: Match, fault: Fault) -> RuleHandle {
        self.shared.rules.add(matching, fault)
    }

    /// Makes the API server seem down: open connections break, new ones are refused.
    pub fn go_down(&self) {
        self.shared.down.send_replace(true);
    }

    /// Lets the API server be there again, at the same address.
    pub fn come_up(&self) {
        self.shared.down.send_replace(false);
    }

    /// Ends the open watches that fit.
    pub fn break_watches(&self, matching: Match, end: WatchEnd) {
        self.shared
            .break_watches
            .send_modify(|order| *order = (order.0 + 1, matching, end));
    }

    /// All requests so far, in the order of their coming.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.lock_seen().clone()
    }

    /// Forgets the requests so far.
    pub fn forget_seen(&self) {
        self.shared.lock_seen().clear();
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        // Connections end with the state they hear from; the listener ends here.
        self.shared.down.send_replace(true);
        self.server.abort();
    }
}

impl Shared {
    fn lock_seen(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a request; the index is for [`Shared::note_code`].
    fn note(&self, call: &Call, user_agent: &str) -> (Timestamp, usize) {
        let time = Timestamp::now();
        let mut seen = self.lock_seen();
        seen.push(Seen {
            time,
            call: call.clone(),
            user_agent: user_agent.to_owned(),
            code: None,
        });
        (time, seen.len() - 1)
    }

    /// Notes the answer, unless the list was forgotten meanwhile.
    fn note_code(&self, (time, index): (Timestamp, usize), code: u16) {
        if let Some(seen) = self
            .lock_seen()
            .get_mut(index)
            .filter(|seen| seen.time == time)
        {
            seen.code = Some(code);
        }
    }
}

fn connector(authority: &[u8]) -> Result<HttpsConnector<HttpConnector>> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority) {
        roots.add(certificate.context("read the authority")?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .build())
}

/// Takes connections while the server is up; while it is down, nobody listens.
async fn serve(listener: TcpListener, address: SocketAddr, shared: Arc<Shared>) {
    let mut down = shared.down.subscribe();
    let mut listener = Some(listener);
    loop {
        if *down.borrow_and_update() {
            listener = None;
            if down.changed().await.is_err() {
                return;
            }
            continue;
        }
        let rebound = match listener.take() {
            Some(open) => Some(open),
            None => TcpListener::bind(address).await.ok(),
        };
        let Some(open) = rebound else {
            // The last connections of the port are going; it is free in a moment.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        tokio::select! {
            connection = open.accept() => {
                if let Ok((stream, _)) = connection {
                    tokio::spawn(serve_connection(stream, Arc::clone(&shared)));
                }
                listener = Some(open);
            }
            _ = down.changed() => listener = Some(open),
        }
    }
}

async fn serve_connection(stream: TcpStream, shared: Arc<Shared>) {
    let mut down = shared.down.subscribe();
    let service = service_fn(|request| forward::answer(Arc::clone(&shared), request));
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // An error is a connection that broke, by a fault or by the caller's end.
        _ = connection => {}
        _ = down.wait_for(|down| *down) => {}
    }
}
