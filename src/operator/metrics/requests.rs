//! What went to the API server, and what did not.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::Metrics;
use super::labels::{ApiRequest, HttpRequest};

/// What went to the API server, and what did not.
#[derive(Default)]
pub(super) struct Requests {
    http: Family<HttpRequest, Counter>,
    api: Family<ApiRequest, Counter>,
    withheld: Counter,
}

impl Metrics {
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
}

impl Requests {
    pub(super) fn registered(registry: &mut Registry) -> Self {
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
