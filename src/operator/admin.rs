//! The admin server: `/livez`, `/readyz` and `/metrics`, for the kubelet, Prometheus and people. It answers from memory and changes nothing.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::Timestamp;
use thiserror::Error;
use tokio::net::TcpListener;

use super::metrics::{self, Metrics};

/// Tells whether something is so; if not, what is missing in a few words. Asked on every probe, so it must answer from memory.
pub type Probe = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// What must be so before this process counts as ready. Leading is no part of it: a standby with full caches is ready.
#[derive(Clone)]
pub struct Health {
    /// Every cache has had its first full list.
    pub caches_full: Probe,
    /// The API server serves our kinds.
    pub crds_served: Probe,
    /// The last request for the Lease was answered in time.
    pub lease_reachable: Probe,
}

impl fmt::Debug for Health {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Health").finish_non_exhaustive()
    }
}

/// Why there is no admin server.
#[derive(Debug, Error)]
pub enum AdminError {
    #[error(
        "cannot listen on {address} (--admin-address); another process may hold the port, `--admin-address 127.0.0.1:0` takes a free one"
    )]
    Listen {
        address: SocketAddr,
        source: std::io::Error,
    },
    #[error("the admin server ended")]
    Serve { source: std::io::Error },
}

/// Takes the port, so that a port in use is told at once. Port 0 takes a free one.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, AdminError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| AdminError::Listen { address, source })
}

/// Answers until the process ends.
pub async fn serve(
    listener: TcpListener,
    health: Health,
    metrics: Metrics,
) -> Result<(), AdminError> {
    axum::serve(listener, routes(health, metrics))
        .await
        .map_err(|source| AdminError::Serve { source })
}

fn routes(health: Health, metrics: Metrics) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz).with_state(health))
        .route("/metrics", get(series).with_state(metrics))
}

/// Alive is a process that answers; one that lost its caches or its lease ends by itself.
async fn livez() -> &'static str {
    "ok\n"
}

async fn readyz(State(health): State<Health>, uri: Uri) -> Response {
    let (ready, lines) = readiness(&health);
    let verbose = uri.query().is_some_and(|query| {
        query
            .split('&')
            .any(|part| part.split('=').next() == Some("verbose"))
    });
    match (ready, verbose) {
        (true, true) => format!("{lines}readyz check passed\n").into_response(),
        (true, false) => "ok\n".into_response(),
        (false, _) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{lines}readyz check failed\n"),
        )
            .into_response(),
    }
}

/// One line for each check, in the shape that the API server's own `/readyz?verbose` has.
fn readiness(health: &Health) -> (bool, String) {
    let Health {
        caches_full,
        crds_served,
        lease_reachable,
    } = health;
    let mut ready = true;
    let mut lines = String::new();
    for (name, probe) in [
        ("crds-served", crds_served),
        ("caches-full", caches_full),
        ("lease-reachable", lease_reachable),
    ] {
        match probe() {
            Ok(()) => lines.extend(["[+]", name, " ok\n"]),
            Err(missing) => {
                ready = false;
                lines.extend(["[-]", name, " failed: ", &missing, "\n"]);
            }
        }
    }
    (ready, lines)
}

async fn series(State(metrics): State<Metrics>) -> Response {
    (
        [(CONTENT_TYPE, metrics::CONTENT_TYPE)],
        metrics.encode(Timestamp::now()),
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::{Health, Probe, routes};
    use crate::operator::metrics::Metrics;
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use std::sync::Arc;
    use tower::ServiceExt;

    fn probe(answer: Result<(), &'static str>) -> Probe {
        Arc::new(move || answer.map_err(str::to_owned))
    }

    async fn answer(lease: Result<(), &'static str>, path: &str) -> (u16, String) {
        let health = Health {
            caches_full: probe(Ok(())),
            crds_served: probe(Ok(())),
            lease_reachable: probe(lease),
        };
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let response = routes(health, Metrics::new("0.1.0", "slipway"))
            .oneshot(request)
            .await
            .expect("an answer");
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1 << 20)
            .await
            .expect("a body");
        (status, String::from_utf8(body.to_vec()).expect("text"))
    }

    #[tokio::test]
    async fn a_process_that_answers_is_alive_even_if_it_is_not_ready() {
        assert_eq!(
            answer(Err("no answer for 12 s"), "/livez").await,
            (200, "ok\n".to_owned())
        );
    }

    #[tokio::test]
    async fn readiness_names_what_is_missing() {
        assert_eq!(answer(Ok(()), "/readyz").await, (200, "ok\n".to_owned()));
        assert_eq!(
            answer(Ok(()), "/readyz?verbose").await,
            (200, "[+]crds-served ok\n[+]caches-full ok\n[+]lease-reachable ok\nreadyz check passed\n".to_owned())
        );
        let missing = "[+]crds-served ok\n[+]caches-full ok\n[-]lease-reachable failed: no answer for 12 s\nreadyz check failed\n";
        assert_eq!(
            answer(Err("no answer for 12 s"), "/readyz").await,
            (503, missing.to_owned())
        );
    }

    #[tokio::test]
    async fn metrics_are_served_as_open_metrics() {
        let (status, text) = answer(Ok(()), "/metrics").await;
        assert_eq!(
            (
                status,
                text.contains("slipway_build_info{version=\"0.1.0\""),
                text.ends_with("# EOF\n")
            ),
            (200, true, true)
        );
    }
}
