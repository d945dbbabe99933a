//! The loop against an API server that keeps one Lease, over real HTTP. Times are a fifth of the real ones.

use std::convert::Infallible;
use std::future::{pending, ready};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use futures::stream::{self, StreamExt};
use k8s_openapi::api::coordination::v1::Lease;
use serde_json::json;
use similar_asserts::assert_eq;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{LeaderConfig, Leadership, run};
use crate::core::election::{Ended, Loss, Timings};

const TIMINGS: Timings = Timings {
    lease: Duration::from_secs(3),
    renew_deadline: Duration::from_secs(2),
    retry: Duration::from_millis(100),
    request: Duration::from_secs(1),
};

/// Long enough on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

/// An API server that knows one Lease.
#[derive(Default)]
struct Server {
    lease: Option<Lease>,
    version: u32,
    /// Verbs of the requests answered.
    log: Vec<&'static str>,
    watchers: Vec<UnboundedSender<Result<Bytes, Infallible>>>,
    /// Answers everything with 503.
    down: bool,
    /// Answers watches with 503.
    without_watch: bool,
}

type Shared = Arc<Mutex<Server>>;

fn with<T>(server: &Shared, look: impl FnOnce(&mut Server) -> T) -> T {
    look(
        &mut server
            .lock()
            .expect("no test panics while it holds the server"),
    )
}

impl Server {
    fn tell(&mut self, kind: &str, lease: &Lease) {
        let line = Bytes::from(format!("{}\n", json!({"type": kind, "object": lease})));
        self.watchers
            .retain(|watcher| watcher.unbounded_send(Ok(line.clone())).is_ok());
    }

    fn store(&mut self, mut lease: Lease) -> Response {
        self.version += 1;
        lease.metadata.resource_version = Some(self.version.to_string());
        lease.metadata.uid = Some("uid".to_owned());
        let kind = if self.lease.is_some() {
            "MODIFIED"
        } else {
            "ADDED"
        };
        self.lease = Some(lease.clone());
        self.tell(kind, &lease);
        found(&lease)
    }

    fn watch(&mut self) -> Response {
        let (sender, events) = unbounded();
        let first = self
            .lease
            .iter()
            .map(|lease| Bytes::from(format!("{}\n", json!({"type": "ADDED", "object": lease}))));
        let first: Vec<Result<Bytes, Infallible>> = first.map(Ok).collect();
        self.watchers.push(sender);
        Body::from_stream(stream::iter(first).chain(events)).into_response()
    }
}

fn status(code: StatusCode, reason: &str) -> Response {
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": reason, "code": code.as_u16()});
    (code, body.to_string()).into_response()
}

fn found(lease: &Lease) -> Response {
    json!(lease).to_string().into_response()
}

fn sent(body: &Bytes) -> Lease {
    serde_json::from_slice(body).expect("the election sends a Lease")
}

async fn list(State(server): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let asks = |parameter| query.split('&').any(|given| given == parameter);
    if !asks("watch=true") || !asks("fieldSelector=metadata.name%3Dslipway") {
        return status(StatusCode::FORBIDDEN, "Forbidden");
    }
    with(&server, |server| {
        if server.down || server.without_watch {
            return status(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable");
        }
        server.log.push("watch");
        server.watch()
    })
}

async fn read(State(server): State<Shared>) -> Response {
    with(&server, |server| {
        server.log.push("get");
        match (&server.lease, server.down) {
            (_, true) => status(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable"),
            (Some(lease), false) => found(lease),
            (None, false) => status(StatusCode::NOT_FOUND, "NotFound"),
        }
    })
}

async fn create(State(server): State<Shared>, body: Bytes) -> Response {
    let lease = sent(&body);
    with(&server, |server| {
        server.log.push("create");
        match (&server.lease, server.down) {
            (_, true) => status(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable"),
            (Some(_), false) => status(StatusCode::CONFLICT, "AlreadyExists"),
            (None, false) => server.store(lease),
        }
    })
}

async fn replace(State(server): State<Shared>, body: Bytes) -> Response {
    let lease = sent(&body);
    with(&server, |server| {
        server.log.push("update");
        let known = server
            .lease
            .as_ref()
            .map(|known| (&known.metadata.uid, &known.metadata.resource_version));
        if server.down {
            status(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable")
        } else if known == Some((&lease.metadata.uid, &lease.metadata.resource_version)) {
            server.store(lease)
        } else {
            status(StatusCode::CONFLICT, "Conflict")
        }
    })
}

/// A running server, and the address to reach it.
async fn serve(server: Shared) -> String {
    let router = Router::new()
        .route(
            "/apis/coordination.k8s.io/v1/namespaces/slipway/leases",
            get(list).post(create),
        )
        .route(
            "/apis/coordination.k8s.io/v1/namespaces/slipway/leases/slipway",
            get(read).put(replace),
        )
        .with_state(server);
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port on this machine");
    let address = listener
        .local_addr()
        .expect("a bound socket has an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// One replica.
struct Replica {
    leadership: Leadership,
    stop: Option<oneshot::Sender<()>>,
    drained: Option<oneshot::Sender<()>>,
    running: JoinHandle<Ended>,
}

fn replica(url: &str, identity: &str) -> Replica {
    let client = kube::Client::try_from(kube::Config::new(url.parse().expect("an address")))
        .expect("a plain client");
    let config = LeaderConfig {
        client,
        namespace: "slipway".to_owned(),
        name: "slipway".to_owned(),
        identity: identity.to_owned(),
        timings: TIMINGS,
    };
    let leadership = Leadership::new();
    let (stop, stopped) = oneshot::channel();
    let (drained, all_drained) = oneshot::channel();
    let handle = leadership.clone();
    let running = tokio::spawn(async move {
        run(
            config,
            handle,
            async {
                drop(stopped.await);
            },
            async {
                drop(all_drained.await);
            },
        )
        .await
    });
    Replica {
        leadership,
        stop: Some(stop),
        drained: Some(drained),
        running,
    }
}

async fn leads(replica: &Replica) {
    timeout(LIMIT, replica.leadership.acquired())
        .await
        .expect("it must come to lead");
}

async fn ended(replica: Replica) -> Ended {
    timeout(LIMIT, replica.running)
        .await
        .expect("it must end")
        .expect("it must not panic")
}

/// Waits until the server has answered so many updates.
async fn updates(server: &Shared, wanted: usize) {
    let counted = async {
        while with(server, |server| {
            server.log.iter().filter(|verb| **verb == "update").count()
        }) < wanted
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LIMIT, counted).await.expect("renewals must go on");
}

/// F-14, I-35.
#[tokio::test]
async fn a_leader_that_is_told_to_end_hands_over_once_its_writers_have_stopped() {
    let server = Shared::default();
    let url = serve(server.clone()).await;
    let mut first = replica(&url, "first");
    leads(&first).await;
    assert_eq!(first.leadership.term(), Some("first/0".to_owned()));
    let second = replica(&url, "second");
    first.stop.take();
    updates(&server, 3).await;
    assert_eq!(
        (first.leadership.may_write(), second.leadership.may_write()),
        (true, false),
        "its writers are still at work"
    );

    first.drained.take();
    leads(&second).await;
    assert_eq!(second.leadership.term(), Some("second/1".to_owned()));
    assert_eq!(first.leadership.may_write(), false);
    assert_eq!(ended(first).await, Ended::Released);
}

#[tokio::test]
async fn a_standby_at_rest_sends_nothing() {
    let server = Shared::default();
    let url = serve(server.clone()).await;
    let first = replica(&url, "first");
    leads(&first).await;
    let second = replica(&url, "second");
    let two_watch = async {
        while with(&server, |server| server.watchers.len()) < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LIMIT, two_watch).await.expect("both must watch");
    updates(&server, 5).await;
    with(&server, |server| server.log.clear());
    updates(&server, 10).await;
    let others: Vec<&str> = with(&server, |server| {
        server
            .log
            .iter()
            .copied()
            .filter(|verb| *verb != "update")
            .collect()
    });
    assert_eq!(others, Vec::<&str>::new());
    assert_eq!(second.leadership.may_write(), false);
}

/// F-13.
#[tokio::test]
async fn a_leader_that_cannot_renew_stops_writing_and_ends() {
    let server = Shared::default();
    let url = serve(server.clone()).await;
    let first = replica(&url, "first");
    leads(&first).await;
    with(&server, |server| server.down = true);
    timeout(LIMIT, first.leadership.lost())
        .await
        .expect("it must notice");
    assert_eq!(
        (first.leadership.may_write(), first.leadership.term()),
        (false, None)
    );
    assert_eq!(ended(first).await, Ended::Lost(Loss::DeadlinePassed));
}

#[tokio::test]
async fn without_a_watch_a_standby_still_takes_over() {
    let server = Shared::default();
    with(&server, |server| server.without_watch = true);
    let url = serve(server.clone()).await;
    let first = replica(&url, "first");
    leads(&first).await;
    let second = replica(&url, "second");
    first.running.abort();
    leads(&second).await;
    assert_eq!(second.leadership.term(), Some("second/1".to_owned()));
}

/// F-12.
#[tokio::test]
async fn a_deleted_lease_is_made_again_by_its_leader() {
    let server = Shared::default();
    let url = serve(server.clone()).await;
    let first = replica(&url, "first");
    leads(&first).await;
    let second = replica(&url, "second");
    updates(&server, 2).await;
    with(&server, |server| {
        server.version += 1;
        let deleted = server.lease.take().map(|mut lease| {
            lease.metadata.resource_version = Some(server.version.to_string());
            lease
        });
        if let Some(lease) = deleted {
            server.tell("DELETED", &lease);
        }
        server.log.clear();
    });
    updates(&server, 3).await;
    assert_eq!(first.leadership.term(), Some("first/0".to_owned()));
    assert_eq!(
        (first.leadership.may_write(), second.leadership.may_write()),
        (true, false)
    );
}

/// A process that never led has nothing to give back.
#[tokio::test]
async fn a_standby_that_is_told_to_end_ends_without_a_write() {
    let server = Shared::default();
    let url = serve(server.clone()).await;
    let first = replica(&url, "first");
    leads(&first).await;
    let client = kube::Client::try_from(kube::Config::new(url.parse().expect("an address")))
        .expect("a plain client");
    let config = LeaderConfig {
        client,
        namespace: "slipway".to_owned(),
        name: "slipway".to_owned(),
        identity: "second".to_owned(),
        timings: TIMINGS,
    };
    let leadership = Leadership::new();
    let end = timeout(LIMIT, run(config, leadership.clone(), ready(()), pending()))
        .await
        .expect("it must end");
    assert_eq!((end, leadership.term()), (Ended::Released, None));
}
