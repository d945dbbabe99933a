//! The Backend: what an application team writes.

// On the module, as the derive of the schema copies the struct without its attributes.
#![expect(
    clippy::struct_field_names,
    reason = "the names of Pool are those of Go's database/sql"
)]

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::backend_rules as rules;
pub use super::backend_status::{
    BackendDisplay, BackendStatus, Effective, MOST_PROBLEMS, PendingRelease, Problem, Release,
    SchemaVersions, Soak, Waiting,
};
use super::common::{NameReference, Phase, Tool};
use super::migration::MigrationOptions;
use super::migration_rules;
use super::patterns::{
    ABSOLUTE_PATH, ARGUMENT, FILE_VERSION, IMAGE, LABEL, OBJECT_NAME, VARIABLE_PREFIX,
};
use super::ports::{Port, Probes};
use super::schema;
use super::workload::{
    EnvironmentSource, EnvironmentVariable, FileMount, Go, ImagePullPolicy, Resources, Rollout,
    Security, Shutdown,
};

/// The shape of the program.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum BackendType {
    Service,
    Worker,
}

/// A backend program, the database it needs and how it is released.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "slipway.dev",
    version = "v1alpha1",
    kind = "Backend",
    doc = "A backend program, the databases it needs and how it is released. A new release goes out only when its migrations are done.",
    namespaced,
    shortname = "slb",
    category = "slipway",
    status = "BackendStatus",
    derive = "PartialEq",
    validation = rules::name(),
    selectable = ".spec.image",
    selectable = ".spec.type",
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn(name = "TYPE", type_ = "string", json_path = ".status.display.type"),
    printcolumn(name = "READY", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "STATUS", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "IMAGE", type_ = "string", json_path = ".status.display.image"),
    printcolumn(name = "REPLICAS", type_ = "string", json_path = ".status.display.replicas"),
    printcolumn(name = "SCHEMA", type_ = "string", json_path = ".status.display.schema"),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "RELEASE", type_ = "string", json_path = ".status.display.release", priority = 1),
    printcolumn(name = "DATABASE", type_ = "string", json_path = ".status.display.database", priority = 1),
    printcolumn(
        name = "MESSAGE",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = rules::type_is_immutable(),
    validation = rules::a_service_has_a_port(),
    validation = rules::ports_differ(),
    validation = rules::service_ports_differ(),
    validation = rules::probe_has_a_port("startup"),
    validation = rules::probe_has_a_port("readiness"),
    validation = rules::probe_has_a_port("liveness"),
    validation = rules::probe_port_is_known("startup"),
    validation = rules::probe_port_is_known("readiness"),
    validation = rules::probe_port_is_known("liveness"),
    validation = rules::probe_speaks_no_udp("startup"),
    validation = rules::probe_speaks_no_udp("readiness"),
    validation = rules::probe_speaks_no_udp("liveness"),
    validation = rules::threads_need_a_limit(),
    validation = rules::drain_needs_ports(),
    validation = rules::first_database_has_no_prefix(),
    validation = rules::further_databases_have_a_prefix(),
    validation = rules::database_prefixes_differ(),
    validation = rules::migrations_need_databases(),
    validation = rules::migration_names_a_known_database(),
    validation = rules::migration_keeps_its_database()
)]
pub struct BackendSpec {
    /// Shape of the program: `Service` listens on ports; `Worker` need not. Immutable. Default `Service`. Example: `Worker`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<BackendType>,
    /// Image of the program; migration files come from it too, unless a migration names another. A digest or a tag that never moves is
    /// best: a moved tag runs code that was not migrated for. Required. Example: `registry.example/orders:1.4.0`.
    #[schemars(length(min = 1, max = 512), regex(pattern = IMAGE))]
    pub image: String,
    /// Program to start, in place of the image's ENTRYPOINT. No shell. Default: the image's own. Example: `[/app]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        inner(length(min = 1, max = 32768), regex(pattern = ARGUMENT)),
        extend("x-kubernetes-list-type" = "atomic")
    )]
    pub command: Vec<String>,
    /// Arguments, in place of the image's CMD; `$(NAME)` is replaced by a variable. Default: the image's own. Example: `[serve, --verbose]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        inner(length(max = 32768), regex(pattern = ARGUMENT)),
        extend("x-kubernetes-list-type" = "atomic")
    )]
    pub args: Vec<String>,
    /// When the node pulls the image: `Always`, `IfNotPresent` or `Never`. Default: `Always` for the tag `latest` or none, else
    /// `IfNotPresent`. Example: `Always`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_pull_policy: Option<ImagePullPolicy>,
    /// Secrets with logins for the registry; migration pods use them too. Default: none. Example: `[{name: registry-login}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub image_pull_secrets: Vec<NameReference>,
    /// Environment variables, after those of Slipway, so that `$(PGHOST)` resolves. Default: none. Example: `[{name: LOG_LEVEL, value: debug}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub env: Vec<EnvironmentVariable>,
    /// ConfigMaps and Secrets whose keys all become variables. `env` and Slipway's own variables win over them. Default: none.
    /// Example: `[{configMap: orders-config}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "atomic"))]
    pub env_from: Vec<EnvironmentSource>,
    /// Files and writable folders, by `mountPath`. Default: a writable `/tmp`. Example: `[{mountPath: /etc/orders, configMap: {name: orders-config}}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["mountPath"]))]
    pub files: Vec<FileMount>,
    /// Whether a change of a ConfigMap that `env`, `envFrom` or `files` name restarts the pods. Default `true`. Example: `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_on_config_change: Option<bool>,
    /// Ports that the program listens on; a `Service` needs one. The first is probed. Default: none. Example: `[{name: http, port: 8080}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub ports: Vec<Port>,
    /// How Kubernetes asks whether the program works. Default: see each probe. Example: `{readiness: {path: /readyz}}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probes: Option<Probes>,
    /// CPU and memory of each pod. Default: requests cpu `100m` and memory `128Mi`, limit memory `512Mi`. Example: `{limits: {memory: 1Gi}}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Settings of the Go runtime. Default: `GOMEMLIMIT` at 90 % of the memory limit. Example: `{maxProcs: Limit}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub go: Option<Go>,
    /// Number of pods, 0 to 10000. Default: `Service` 2, `Worker` 1. Example: `3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = schema::MOST_REPLICAS))]
    pub replicas: Option<i32>,
    /// Times for stopping a pod. Default: by the ports' protocols, the longest wins. Example: `{graceSeconds: 300}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shutdown: Option<Shutdown>,
    /// Identity and write access of the program. Default: user and group 65532, read-only image, no capabilities. Example: `{runAsUser: 1000}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security: Option<Security>,
    /// ServiceAccount to run as, for a program that talks to the Kubernetes API; its token is mounted then. Default: one of the Backend's name,
    /// without rights and without a token. Example: `cleaner`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = OBJECT_NAME))]
    pub service_account_name: Option<String>,
    /// Databases that the program uses, at most 4. The first gives `PGHOST`, `PGPORT`, `PGDATABASE`, `PGUSER`, `PGPASSWORD` and more, for MySQL
    /// `MYSQL_HOST` and so on; a further one needs an `envPrefix`. Default: none. Example: `[{name: orders-db}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub databases: Vec<DatabaseBinding>,
    /// Migrations that must be done before a release goes out, in this order; need `databases`. Default: none.
    /// Example: `[{name: schema, tool: Goose, source: {path: /migrations}}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub migrations: Vec<BackendMigration>,
    /// How a release goes out. Default: rolling, with a deadline of 600 seconds. Example: `{paused: true}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
}

/// A Database that the program uses.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.env) || self.env.all(k, k in ['host', 'port', 'database', 'user', 'password', 'sslMode', 'sslRootCert', 'appName'])")
        .message("spec.databases: env renames host, port, database, user, password, sslMode, sslRootCert, appName; correct the key")
        .field_path(".env"),
    validation = Rule::new("!has(self.env) || self.env.all(k, !self.env[k].startsWith('SLIPWAY_'))")
        .message("spec.databases: names that begin with SLIPWAY_ are Slipway's own; choose another name in env")
        .field_path(".env"),
    validation = Rule::new("!has(self.envPrefix) || !self.envPrefix.startsWith('SLIPWAY_')")
        .message("spec.databases: names that begin with SLIPWAY_ are Slipway's own; choose another envPrefix")
        .field_path(".envPrefix")
)]
pub struct DatabaseBinding {
    /// Name of the Database, in the Backend's namespace. Unique. Example: `orders-db`.
    #[schemars(length(min = 1, max = 253), regex(pattern = OBJECT_NAME))]
    pub name: String,
    /// Put in front of the variables of this database; for every database but the first. No default. Example: `AUDIT_` gives `AUDIT_PGHOST`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = VARIABLE_PREFIX))]
    pub env_prefix: Option<String>,
    /// Connection pool of one pod, told to the program as `DB_MAX_OPEN_CONNS`, `DB_MAX_IDLE_CONNS`, `DB_CONN_MAX_LIFETIME`. Default: see each
    /// field. Example: `{maxOpen: 12}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<Pool>,
    /// Other names for the variables, for a program that has its own: by `host`, `port`, `database`, `user`, `password`, `sslMode`, `sslRootCert`,
    /// `appName`. Default: `PGHOST` and so on, for MySQL `MYSQL_HOST` and so on. Example: `{host: DB_HOST, password: DB_PASSWORD}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::variable_names")]
    pub env: BTreeMap<String, String>,
}

/// The connection pool of one pod.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.maxIdle) || self.maxIdle <= (has(self.maxOpen) ? self.maxOpen : 10)")
    .message("spec.databases: pool.maxIdle is above maxOpen (10 when absent); lower maxIdle or raise maxOpen")
    .field_path(".maxIdle")
)]
pub struct Pool {
    /// Most connections that one pod opens, 1 to 10000. Default 10. Example: `12`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10000))]
    pub max_open: Option<i32>,
    /// Connections that one pod keeps open while idle, 0 to `maxOpen`. Default: as many as `maxOpen`. Example: `4`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10000))]
    pub max_idle: Option<i32>,
    /// Seconds after which a connection is replaced, 1 to 86400. Default 1800, for MySQL 240. Example: `240`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86400))]
    pub max_lifetime_seconds: Option<i32>,
}

/// A migration that a release needs.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = migration_rules::environment_leaves_the_connection_alone("spec.migrations"),
    validation = migration_rules::environment_leaves_the_encoding_alone("spec.migrations"),
    validation = migration_rules::only_two_tools_run_out_of_order("spec.migrations"),
    validation = migration_rules::a_program_has_no_tool_path("spec.migrations"),
    validation = migration_rules::only_a_late_migration_soaks("spec.migrations"),
    validation = migration_rules::only_flyways_versions_have_dots("spec.migrations"),
    validation = migration_rules::a_program_has_a_command("spec.migrations"),
    validation = migration_rules::only_a_program_is_read_back("spec.migrations"),
    validation = migration_rules::only_what_is_read_back_has_a_version_table("spec.migrations"),
    validation = migration_rules::a_target_is_that_of_files("spec.migrations"),
    validation = migration_rules::a_tool_has_files("spec.migrations")
)]
pub struct BackendMigration {
    /// Name of the entry: lower case, digits, dashes. Unique. Example: `schema`.
    #[schemars(length(min = 1, max = 63), regex(pattern = LABEL))]
    pub name: String,
    /// Name of the Database to change, one of `databases`. Cannot be changed later. Default: the first of `databases`. Example: `orders-db`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = OBJECT_NAME))]
    pub database: Option<String>,
    /// Tool that understands the files, `Goose`, `GolangMigrate` or `Flyway`, or `Exec` for a program of one's own. Required. Example: `Goose`.
    pub tool: Tool,
    /// Where the files are. Required but for `Exec`; no default. Example: `{path: /migrations}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<BackendMigrationSource>,
    /// Version to stop at, in quotes; higher files wait. One number, for Flyway also several with dots. Default: the highest file.
    /// Example: `"7"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 50), regex(pattern = FILE_VERSION))]
    pub target: Option<String>,
    /// When it runs, seen from the release: `BeforeRollout`, the release waits for it; or `AfterRollout`, once no pod of an older release is
    /// left, for what takes away what only older code needs. Default `BeforeRollout`. Example: `AfterRollout`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// How long all pods of the release must have been available, with no older pod left, before it starts; a break begins anew. Only with
    /// `phase: AfterRollout`. Seconds, 0 to 86400. Default 600. Example: `3600`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 86400))]
    pub soak_seconds: Option<i32>,
    #[serde(flatten)]
    pub options: MigrationOptions,
}

/// Where the migration files are.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.path) || !self.path.matches('/[.][.]?(/|$)')")
        .message("spec.migrations: source.path must not contain . or .. as a folder; write the path out")
        .field_path(".path"),
    validation = migration_rules::files_come_from_one_place("spec.migrations")
)]
pub struct BackendMigrationSource {
    /// Folder in the image: absolute, without a slash at its end. A program of `Exec` finds its files under `/slipway-files`. No default;
    /// not with `configMap`. Example: `/migrations`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 256), regex(pattern = ABSOLUTE_PATH))]
    pub path: Option<String>,
    /// Name of a ConfigMap whose keys are the files, instead of `path`; Kubernetes takes at most 1 MiB. Another content is another plan, which
    /// runs before the next release; a missing ConfigMap is waited for. No default. Example: `orders-sql`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = OBJECT_NAME))]
    pub config_map: Option<String>,
    /// Image that holds the files of `path`, the program of `Exec`, or the tool where the platform gives no image of it. Default: the Backend's
    /// own, so that code and schema come from one build. Example: `registry.example/orders-sql:9`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512), regex(pattern = IMAGE))]
    pub image: Option<String>,
}
