//! A Backend's spec with all defaults in force, in types that cannot be wrong: whoever holds one need not check again.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::api::backend::BackendType;
use crate::api::ports::Protocol;
use crate::api::workload::{ImagePullPolicy, StrategyType};
use crate::core::database::endpoint::Endpoint;
use crate::core::quantity::Amount;

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolvedBackend {
    pub shape: BackendType,
    pub program: Program,
    pub environment: Vec<Variable>,
    pub environment_sources: Vec<EnvironmentFrom>,
    pub files: Vec<File>,
    pub restart_on_config_change: bool,
    pub ports: Vec<ResolvedPort>,
    pub probes: ResolvedProbes,
    pub resources: ResolvedResources,
    pub go: GoVariables,
    pub replicas: i32,
    pub shutdown: Seconds,
    pub security: ResolvedSecurity,
    pub account: Account,
    pub bindings: Vec<Binding>,
    pub rollout: ResolvedRollout,
}

/// What is started.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    pub image: Image,
    pub command: Vec<String>,
    pub args: Vec<String>,
    pub pull_policy: Option<ImagePullPolicy>,
    pub pull_secrets: Vec<String>,
}

/// An image reference, not empty and without blanks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Image(pub(super) String);

impl Image {
    /// As the user wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Image {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(short_image(&self.0))
    }
}

/// What people call an image by: its tag, or twelve digits of its digest; `latest` where it has neither.
#[must_use]
pub fn short_image(reference: &str) -> &str {
    if let Some((_, digest)) = reference.split_once('@') {
        let digits = digest.rsplit(':').next().unwrap_or(digest);
        return digits.get(..12).unwrap_or(digits);
    }
    let last = reference.rsplit('/').next().unwrap_or(reference);
    last.split_once(':').map_or("latest", |(_, tag)| tag)
}

/// One environment variable.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    pub name: String,
    pub value: VariableValue,
}

/// Where a variable's value comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum VariableValue {
    Plain(String),
    /// A `valueFrom` in Kubernetes' own shape.
    From(Value),
}

/// All keys of a ConfigMap or Secret as variables.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EnvironmentFrom {
    pub kind: SourceKind,
    pub name: String,
    pub prefix: Option<String>,
    pub optional: bool,
}

/// The two kinds that hold configuration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SourceKind {
    ConfigMap,
    Secret,
}

/// A volume and where it is mounted.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    pub mount_path: String,
    pub source: FileSource,
}

/// What a volume is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum FileSource {
    Keys {
        kind: SourceKind,
        name: String,
        keys: Vec<String>,
        optional: bool,
    },
    Empty {
        in_memory: bool,
        size_limit: Option<Amount>,
    },
    Claim {
        name: String,
        read_only: bool,
    },
}

/// A port that the program listens on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ResolvedPort {
    pub name: String,
    pub number: i32,
    pub protocol: Protocol,
    pub service_port: i32,
    pub headless: bool,
}

impl ResolvedPort {
    /// `TCP` or `UDP`.
    #[must_use]
    pub const fn transport(&self) -> &'static str {
        match self.protocol {
            Protocol::UDP => "UDP",
            Protocol::HTTP | Protocol::GRPC | Protocol::WebSocket | Protocol::TCP => "TCP",
        }
    }
}

/// The probes that are in force.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ResolvedProbes {
    pub startup: Option<ResolvedProbe>,
    pub readiness: Option<ResolvedProbe>,
    pub liveness: Option<ResolvedProbe>,
}

/// One probe.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ResolvedProbe {
    pub check: Check,
    pub period_seconds: i32,
    pub timeout_seconds: i32,
    pub failure_threshold: i32,
}

/// How a probe looks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Check {
    Get { path: String, port: i32 },
    Grpc { service: Option<String>, port: i32 },
    Connect { port: i32 },
    Run { command: Vec<String> },
}

/// Requests and limits by resource; each request is at most its limit.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolvedResources {
    pub requests: BTreeMap<String, Amount>,
    pub limits: BTreeMap<String, Amount>,
}

/// What Go's runtime is told.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct GoVariables {
    pub memory_limit_bytes: Option<i64>,
    pub max_procs: Option<i64>,
}

/// Times of a pod's end, in seconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Seconds {
    /// Before SIGTERM, so that no request meets a closed socket.
    pub drain: i32,
    /// After SIGTERM.
    pub grace: i32,
}

/// Who the program runs as.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ResolvedSecurity {
    pub user: Option<i64>,
    pub group: Option<i64>,
    pub fs_group: Option<i64>,
    pub writable_root: bool,
}

/// The ServiceAccount of the pods.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Account {
    /// Slipway's own, under the Backend's name, without rights and without a token.
    Own,
    /// The user's; its token is mounted.
    Named(String),
}

/// A Database that the program uses, as the spec says it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Binding {
    pub database: String,
    pub prefix: String,
    /// New names of variables, by `host`, `port`, `database`, `user`, `password`, `sslMode`, `sslRootCert`, `appName`.
    pub names: BTreeMap<String, String>,
    pub max_open: i32,
    pub max_idle: i32,
    /// Absent: by the engine.
    pub max_lifetime_seconds: Option<i32>,
}

/// Variables of a Database: the key that may rename them (empty: none), and the name that they have otherwise.
const DATABASE_VARIABLES: [(&str, &str); 17] = [
    ("host", "PGHOST"),
    ("port", "PGPORT"),
    ("database", "PGDATABASE"),
    ("user", "PGUSER"),
    ("password", "PGPASSWORD"),
    ("sslMode", "PGSSLMODE"),
    ("sslRootCert", "PGSSLROOTCERT"),
    ("appName", "PGAPPNAME"),
    ("host", "MYSQL_HOST"),
    ("port", "MYSQL_PORT"),
    ("database", "MYSQL_DATABASE"),
    ("user", "MYSQL_USER"),
    ("password", "MYSQL_PASSWORD"),
    ("sslRootCert", "MYSQL_SSL_CA"),
    ("", "DB_MAX_OPEN_CONNS"),
    ("", "DB_MAX_IDLE_CONNS"),
    ("", "DB_CONN_MAX_LIFETIME"),
];

impl Binding {
    /// The name of a variable: as renamed, else the usual one behind the prefix.
    #[must_use]
    pub fn named(&self, key: &str, usual: &str) -> String {
        self.names
            .get(key)
            .cloned()
            .unwrap_or_else(|| format!("{}{usual}", self.prefix))
    }

    /// The names of all variables of this Database, of whichever engine it is.
    #[must_use]
    pub fn variable_names(&self) -> Vec<String> {
        DATABASE_VARIABLES
            .iter()
            .map(|(key, usual)| self.named(key, usual))
            .collect()
    }
}

/// How a new release replaces the old one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ResolvedRollout {
    pub strategy: ResolvedStrategy,
    pub progress_deadline_seconds: i32,
    pub min_ready_seconds: i32,
    pub paused: bool,
}

/// The Deployment's strategy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ResolvedStrategy {
    RollingUpdate {
        max_surge: Share,
        max_unavailable: Share,
    },
    Recreate,
}

impl ResolvedStrategy {
    /// As users write it.
    #[must_use]
    pub const fn type_(&self) -> StrategyType {
        match self {
            Self::RollingUpdate { .. } => StrategyType::RollingUpdate,
            Self::Recreate => StrategyType::Recreate,
        }
    }
}

/// A number of pods, or a percentage of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Share {
    Pods(i32),
    Percent(i32),
}

impl Share {
    /// As Kubernetes writes it.
    #[must_use]
    pub fn to_value(self) -> Value {
        match self {
            Self::Pods(count) => Value::from(count),
            Self::Percent(percent) => Value::from(format!("{percent}%")),
        }
    }
}

/// A spec together with what it refers to: enough to build the pod template.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    /// In the order of `spec.databases`.
    pub databases: Vec<Endpoint>,
    /// Hash of the keys of ConfigMaps that the pods use; absent: none, or `restartOnConfigChange: false`.
    pub config_hash: Option<String>,
}
