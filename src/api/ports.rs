//! Ports and probes of a Backend.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::patterns::{ARGUMENT, GRPC_SERVICE, PORT_NAME, REQUEST_PATH};

/// What is spoken on a port. Chooses the probe, `appProtocol` and the times for draining.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Protocol {
    HTTP,
    GRPC,
    WebSocket,
    TCP,
    UDP,
}

/// A port that the program listens on.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Port {
    /// Name of the port: lower case, digits, dashes, a letter in it, at most 15 characters. Unique. Example: `http`.
    #[schemars(length(min = 1, max = 15), regex(pattern = PORT_NAME))]
    pub name: String,
    /// Number that the program listens on, 1 to 65535. The first port's number is in the variable `PORT`. Example: `8080`.
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
    /// What is spoken there: `HTTP`, `GRPC`, `WebSocket`, `TCP` or `UDP`. Chooses the readiness check, the times for stopping, and what meshes and
    /// gateways are told. Default `HTTP`. Example: `GRPC`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// Number of the Service's port, 1 to 65535. Default: the same as `port`. Example: `80`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub service_port: Option<i32>,
    /// Whether the port is also offered by a headless Service `<name>-headless`, whose name resolves to all pods: for gRPC clients that balance
    /// by themselves. Default `false`. Example: `true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headless: Option<bool>,
}

/// The three probes.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Probes {
    /// Until it succeeds, the others do not run. Default: none; with `liveness`, the same check every 2 seconds, 60 times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub startup: Option<Probe>,
    /// While it fails, the pod gets no requests. Default by the first port's protocol: a TCP connect, for GRPC the health check, for UDP none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readiness: Option<Probe>,
    /// When it fails, the program is started again. Default: none, as one that looks at the database turns its outage into a restart storm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub liveness: Option<Probe>,
}

/// One probe: at most one of `path`, `service`, `tcp`, `command`.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("[has(self.path), has(self.service), has(self.tcp) && self.tcp, has(self.command) && self.command.size() > 0].filter(x, x).size() <= 1",
        "spec.probes: a probe has at most one of path, service, tcp, command; keep one"),
    validation = Rule::new("(has(self.timeoutSeconds) ? self.timeoutSeconds : 2) <= (has(self.periodSeconds) ? self.periodSeconds : 5)")
        .message("spec.probes: timeoutSeconds (2 when absent) is above periodSeconds (5 when absent); lower timeoutSeconds or raise periodSeconds")
        .field_path(".timeoutSeconds"),
    validation = ("!(has(self.port) && has(self.command) && self.command.size() > 0)",
        "spec.probes: a probe by command takes no port; remove port")
)]
pub struct Probe {
    /// Path of an HTTP GET; 200 to 399 is success. No default. Example: `/readyz`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024), regex(pattern = REQUEST_PATH))]
    pub path: Option<String>,
    /// Service to ask for by the gRPC health check; empty for the whole server. No default. Example: `orders.v1.Orders`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253), regex(pattern = GRPC_SERVICE))]
    pub service: Option<String>,
    /// Whether to check only that a TCP connection opens. Default `false`. Example: `true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<bool>,
    /// Program and arguments to run in the container; exit code 0 is success. No shell. No default. Example: `[/app, health]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        inner(length(max = 4096), regex(pattern = ARGUMENT)),
        extend("x-kubernetes-list-type" = "atomic")
    )]
    pub command: Vec<String>,
    /// Name of a port from `spec.ports`. Default: the first. Example: `http`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 15), regex(pattern = PORT_NAME))]
    pub port: Option<String>,
    /// Seconds between two checks, 1 to 3600. Default 5. Example: `10`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3600))]
    pub period_seconds: Option<i32>,
    /// Seconds after which a check counts as failed, 1 to 3600 and at most `periodSeconds`. Default 2. Example: `3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3600))]
    pub timeout_seconds: Option<i32>,
    /// Failed checks in a row that count, 1 to 1000. Default 3. Example: `5`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub failure_threshold: Option<i32>,
    /// Whether to switch this probe off, also where it is there by default. Default `false`. Example: `true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
}
