//! The options of a migration: the same in `Backend.spec.migrations`, where they are written, and in `Migration.spec`, where they are kept.

// On the module, as the derive of the schema copies the struct without its attributes.
#![expect(
    clippy::struct_field_names,
    reason = "the unit of a plain number stands in its name"
)]

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::patterns::{ABSOLUTE_PATH, ARGUMENT, TABLE};
use super::workload::EnvironmentVariable;

/// Options of a migration. Rules over several of them are in `migration_rules`, on the struct that holds the tool.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MigrationOptions {
    /// Program of tool `Exec` and its arguments, from the image; no shell. `$(NAME)` is replaced by a variable, Slipway's own included.
    /// It is taken for done when it exits with 0, unless `readBack` is set. Its pod reaches names and its database; a NetworkPolicy of yours that
    /// selects the label `slipway.dev/migration` lets it reach more. Required for `Exec`, no default. Example: `[/app, migrate]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 64),
        inner(length(min = 1, max = 32768), regex(pattern = ARGUMENT)),
        extend("x-kubernetes-list-type" = "atomic")
    )]
    pub command: Vec<String>,
    /// Tool that the program of `Exec` has built in: `Goose`, `GolangMigrate` or `Flyway`. Its version table is read after the program, and
    /// has to be there, clean, and at the highest file if `source` names files. Default: the exit code stands. Example: `Goose`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_back: Option<ReadBack>,
    /// Whether the program of `Exec` may be run again after it failed, was killed, or ended nobody knows how; on MySQL the last two need
    /// `migrationCredentials` in the Database, as its sessions are not seen else. Default `false`: a person decides. Example: `true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotent: Option<bool>,
    /// Environment variables of the tool, after Slipway's, so that `$(PGHOST)` resolves: `PGHOST`, `PGPORT`, `PGDATABASE`, `PGUSER`,
    /// `PGPASSWORD`, or the same with `MYSQL_`. Never the program's own `env`. Default: none. Example: `[{name: DB_ADDR, value: "$(PGHOST):$(PGPORT)"}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub env: Vec<EnvironmentVariable>,
    /// Table in which the tool keeps its versions, with its schema if need be. Two entries with two tables do not disturb each other. Default:
    /// the tool's own, `goose_db_version`, `schema_migrations` or `flyway_schema_history`. Example: `audit.goose_db_version`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 127), regex(pattern = TABLE))]
    pub version_table: Option<String>,
    /// What becomes of a file with a lower number than one that ran: `Refuse` blocks, `Allow` runs it. For Goose and Flyway. Default `Refuse`.
    /// Example: `Allow`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out_of_order: Option<OutOfOrder>,
    /// File of the tool in the image of `source`; a tool image of the platform is then not used. Default: sought in PATH and
    /// at the tool's usual places. Example: `/usr/local/bin/goose`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 256), regex(pattern = ABSOLUTE_PATH))]
    pub tool_path: Option<String>,
    /// How long each part of an attempt may take. A change counts from the next attempt on. Default: see each field. Example: `{runSeconds: 7200}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<MigrationTimeouts>,
    /// How often it is tried. A change counts from the next attempt on. Default: see each field. Example: `{attempts: 1}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<MigrationRetry>,
    /// Whether a person must agree to the pending files before they run: `None`; `OnDestructive`, if one of them loses data, blocks a table that
    /// exists, or cannot be read; `Always`. The Migration's message has the files and the command. The stricter of this and `approval` of the
    /// Database counts. To lower it, or to remove an entry that has it, takes the verb `approve`. Default `None`. Example: `OnDestructive`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
}

/// Whether a person must agree before files run; the later, the stricter.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
pub enum Approval {
    #[default]
    None,
    OnDestructive,
    Always,
}

/// The tool whose version table is read after a program of one's own.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ReadBack {
    Goose,
    GolangMigrate,
    Flyway,
}

/// What becomes of a file with a lower number than one that ran.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum OutOfOrder {
    #[default]
    Refuse,
    Allow,
}

/// How long each part of an attempt may take.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MigrationTimeouts {
    /// Seconds until the pod has started (image pulled, Secret found), 1 to 86400; given up and tried again after that. Default 300. Example: `900`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86400))]
    pub start_seconds: Option<i32>,
    /// Seconds to wait for the lock in the database, 1 to 86400; tried again after that. Default 600. Example: `1800`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86400))]
    pub lock_wait_seconds: Option<i32>,
    /// Seconds that the tool may run, 1 to 86400; it is ended after that. Default 3600. Example: `7200`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86400))]
    pub run_seconds: Option<i32>,
}

/// How often a migration is tried.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MigrationRetry {
    /// Attempts before it is `Failed`, 1 to 10; only what is known to be safe is tried again. Default 5. Example: `1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10))]
    pub attempts: Option<i32>,
}
