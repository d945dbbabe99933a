//! The Database: where it is and which Secret opens it.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{Conditions, Engine};
pub use super::ledger::{
    Answered, Block, BlockEvidence, Contract, Demand, Entry, EntryOutcome, Holder, Ledger,
    ListedFinding, MOST_ANSWERED, MOST_LISTED, MOST_RECORDS, MOST_WARNINGS, PendingList, RunMode,
    TakenForApplied,
};
use super::migration_options::Approval;
use super::patterns::{DATABASE_NAME, KEY, OBJECT_NAME};
use super::{database_rules as rules, schema};

/// A database that Backends use.
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "slipway.dev",
    version = "v1alpha1",
    kind = "Database",
    doc = "A database that Backends use: where it is, which Secret opens it, and the ledger of the migrations that ran on it.",
    namespaced,
    shortname = "sldb",
    category = "slipway",
    status = "DatabaseStatus",
    derive = "PartialEq",
    validation = rules::stays_while_bound(),
    printcolumn(name = "ENGINE", type_ = "string", json_path = ".spec.engine"),
    printcolumn(name = "READY", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "STATUS", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "BACKENDS", type_ = "integer", json_path = ".status.backends"),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "HOST", type_ = "string", json_path = ".spec.host", priority = 1),
    printcolumn(name = "HELD BY", type_ = "string", json_path = ".status.ledger.holder.migration", priority = 1),
    printcolumn(
        name = "MESSAGE",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = rules::host_holds_no_credentials(),
    validation = rules::host_is_a_name_or_an_address(),
    validation = rules::direct_is_said_as_host_is(),
    validation = rules::an_authority_is_asked_for_with_verify_full()
)]
pub struct DatabaseSpec {
    /// Kind of database server: `PostgreSQL`, or `MySQL`, which is MariaDB as well. Cannot be changed while Backends are bound. Required. Example: `PostgreSQL`.
    pub engine: Engine,
    /// Host name or IP address of the server: no scheme, no port, no user. Cannot be changed while Backends are bound. Required.
    /// Example: `orders-db.acme.test`.
    #[schemars(length(min = 1, max = 253))]
    pub host: String,
    /// Port of the server, 1 to 65535. Default 5432, for `MySQL` 3306. Example: `6432`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<i32>,
    /// Name of the database on the server, at most 63 characters. Cannot be changed while Backends are bound. Required. Example: `orders`.
    #[schemars(length(min = 1, max = 63), regex(pattern = DATABASE_NAME))]
    pub name: String,
    /// Secret that holds user and password, for the pods and, without `migrationCredentials`, for migrations. Required. Example: `{secret: orders-db-app}`.
    pub credentials: Credentials,
    /// Where migrations reach the server itself, if `host` is a pooler: a migration's lock needs a session that stays. On a cluster of servers
    /// this names one that is written to; where several are (Galera, group replication with several primaries), each has locks of its own, so it
    /// must be one of them and no balancer. Pods never see it. Default: `host` and `port`. Example: `{host: orders-db-0.acme.test}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direct: Option<DirectEndpoint>,
    /// Secret that holds the user and password of migrations, who may change the schema. Pods never see it. Default: `credentials`.
    /// Example: `{secret: orders-db-owner}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migration_credentials: Option<Credentials>,
    /// Encryption of connections. Default: `{mode: Prefer}`. Example: `{mode: Require}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Whether a person must approve what is pending before it runs on this database, whichever Backend or hand-written Migration asks for it:
    /// `None`; `OnDestructive`, if a file loses data, blocks a table that exists, or cannot be read; `Always`. The stricter of this and
    /// `approval` of the migration counts. To lower it, or to delete this Database, takes the verb `approve`. Default `None`.
    /// Example: `OnDestructive`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
}

/// The server behind a pooler.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DirectEndpoint {
    /// Host name or IP address of the server itself: no scheme, no port, no user. Required. Example: `orders-db-0.acme.test`.
    #[schemars(length(min = 1, max = 253))]
    pub host: String,
    /// Port of the server itself, 1 to 65535. Default 5432, for `MySQL` 3306. Example: `5433`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<i32>,
}

/// The Secret that holds user and password.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// Name of the Secret, in the Database's namespace. Slipway never reads it: Kubernetes hands it to the pods. Example: `orders-db-app`.
    #[schemars(length(min = 1, max = 253), regex(pattern = OBJECT_NAME))]
    pub secret: String,
    /// Names of its keys. Default: those of the type `kubernetes.io/basic-auth`. Example: `{username: user}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<CredentialKeys>,
}

/// The keys in the Secret.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CredentialKeys {
    /// Key of the user's name. Default `username`. Example: `user`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = KEY))]
    pub username: Option<String>,
    /// Key of the password. Default `password`. Example: `pass`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = KEY))]
    pub password: Option<String>,
}

/// Encryption on the way to the database.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    /// How much encryption is asked for: `Disable`, `Prefer`, `Require`, or `VerifyFull`, which also checks the server's name and certificate.
    /// Default `Prefer`. Example: `Require`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<TlsMode>,
    /// Certificate of the authority that signed the server's, for `VerifyFull`: mounted into the pods, and told to them as `PGSSLROOTCERT` or
    /// `MYSQL_SSL_CA`. Default: the authorities that everybody knows. Example: `{configMap: company-authority}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<CertificateAuthority>,
}

/// Where an authority's certificate is.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::one_holder_of_the_certificate())]
pub struct CertificateAuthority {
    /// Name of a ConfigMap that holds it; exactly one of `configMap` and `secret`. A change of its content is a new release of the Backends.
    /// No default. Example: `company-authority`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = OBJECT_NAME))]
    pub config_map: Option<String>,
    /// Name of a Secret that holds it; exactly one of `configMap` and `secret`. Slipway never reads it. No default. Example: `orders-db-tls`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = OBJECT_NAME))]
    pub secret: Option<String>,
    /// Key of the certificate, in PEM. Default `ca.crt`. Example: `root.pem`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = KEY))]
    pub key: Option<String>,
}

/// How much encryption is asked for; as PostgreSQL's `sslmode`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum TlsMode {
    Disable,
    Prefer,
    Require,
    VerifyFull,
}

/// What Slipway knows of the database.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DatabaseStatus {
    /// The `metadata.generation` that this status speaks of; -1 before the first visit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Reconciling`, `Stalled`: all there from the first visit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Conditions,
    /// Number of Backends that name this Database. While it is above 0, engine, host and name cannot be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backends: Option<i64>,
    /// Which Migration holds the database, and what ended how.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledger: Option<Ledger>,
}
