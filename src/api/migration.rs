//! The Migration: one planned change of one Database's schema, made by Slipway for a Backend or written by hand.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{Conditions, Phase, Tool};
pub use super::migration_options::{
    Approval, MigrationOptions, MigrationRetry, MigrationTimeouts, OutOfOrder, ReadBack,
};
use super::migration_rules as rules;
use super::patterns::{ABSOLUTE_PATH, FILE_VERSION, IMAGE, LABEL, OBJECT_NAME, PLAN_KEY};
use super::schema;

/// One planned change of a Database's schema. Slipway makes them from `Backend.spec.migrations`, people write single ones by hand; the list is
/// the history.
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "slipway.dev",
    version = "v1alpha1",
    kind = "Migration",
    doc = "One planned change of a Database's schema. Slipway makes it from spec.migrations of a Backend; a single one, as a repair, is written by hand. The list of them is the history.",
    namespaced,
    shortname = "slm",
    category = "slipway",
    status = "MigrationStatus",
    derive = "PartialEq",
    validation = Rule::new("self.metadata.name.size() <= 52 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')")
        .message("metadata.name of a Migration: at most 52 characters, lower case, digits, dashes, a letter first, no dot; choose another name"),
    selectable = ".spec.tool",
    selectable = ".status.phase",
    printcolumn(name = "BACKEND", type_ = "string", json_path = ".spec.backend"),
    printcolumn(name = "TOOL", type_ = "string", json_path = ".spec.tool"),
    printcolumn(name = "PHASE", type_ = "string", json_path = ".spec.phase"),
    printcolumn(name = "STATUS", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "CURRENT", type_ = "string", json_path = ".status.current"),
    printcolumn(name = "TARGET", type_ = "string", json_path = ".status.target"),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "PENDING", type_ = "integer", json_path = ".status.pending", priority = 1),
    printcolumn(name = "ATTEMPT", type_ = "integer", json_path = ".status.attempt", priority = 1),
    printcolumn(name = "TOOK", type_ = "string", json_path = ".status.took", priority = 1),
    printcolumn(name = "PLAN", type_ = "string", json_path = ".status.planKey", priority = 1),
    printcolumn(
        name = "MESSAGE",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("self == oldSelf",
        "spec of a Migration cannot be changed, as it is what was or will be run; change spec.migrations of the Backend, which makes a new Migration"),
    validation = rules::environment_leaves_the_connection_alone("spec"),
    validation = rules::environment_leaves_the_encoding_alone("spec"),
    validation = rules::only_two_tools_run_out_of_order("spec"),
    validation = rules::a_program_has_no_tool_path("spec"),
    validation = rules::only_a_late_migration_soaks("spec"),
    validation = rules::only_flyways_versions_have_dots("spec"),
    validation = rules::a_program_has_a_command("spec"),
    validation = rules::only_a_program_is_read_back("spec"),
    validation = rules::only_what_is_read_back_has_a_version_table("spec"),
    validation = rules::a_target_is_that_of_files("spec"),
    validation = rules::a_tool_has_files("spec"),
    validation = rules::a_config_map_has_a_digest("spec")
)]
pub struct MigrationSpec {
    /// Name of the Backend whose release needs it. One written by hand takes the Backend's pull secrets, and waits while the Backend is paused.
    /// Required. Example: `orders`.
    #[schemars(length(min = 1, max = 40), regex(pattern = LABEL))]
    pub backend: String,
    /// Name of the entry in that Backend's `spec.migrations`; of one written by hand any word that says what it is for. Required.
    /// Example: `schema`.
    #[schemars(length(min = 1, max = 63), regex(pattern = LABEL))]
    pub name: String,
    /// Name of the Database to change, in the same namespace. Required. Example: `orders-db`.
    #[schemars(length(min = 1, max = 253), regex(pattern = OBJECT_NAME))]
    pub database: String,
    /// Tool that understands the files, `Goose`, `GolangMigrate` or `Flyway`, or `Exec` for a program of one's own. Required. Example: `Goose`.
    pub tool: Tool,
    /// When it runs, seen from the release: `BeforeRollout` or `AfterRollout`. No release waits for one written by hand: `BeforeRollout` means
    /// at once. Required. Example: `BeforeRollout`.
    pub phase: Phase,
    /// How long the release must have run undisturbed before it starts, where `phase` is `AfterRollout`. Seconds, 0 to 86400. What the Backend
    /// asks for by now counts. Default 600. Example: `3600`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 86400))]
    pub soak_seconds: Option<i32>,
    /// Image, and where the files are: in it, or in a ConfigMap. Required. Example: `{image: registry.example/orders:1.4.0, path: /migrations}`.
    pub source: MigrationSource,
    /// Version to stop at, in quotes; higher files wait. One number, for Flyway also several with dots. Default: the highest file.
    /// Example: `"7"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 50), regex(pattern = FILE_VERSION))]
    pub target: Option<String>,
    #[serde(flatten)]
    pub options: MigrationOptions,
    /// Hash of everything that makes this another plan; 52 letters and digits, written by Slipway. Leave it out where you write a Migration by
    /// hand: Slipway then fixes the key when it first sees it (`status.planKey`). Default: none. Example: `k3f9x2m7qa` and 42 more.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(min = 52, max = 52), regex(pattern = PLAN_KEY))]
    pub plan_key: String,
}

impl Migration {
    /// Whether a person wrote it. What Slipway makes has its plan key from the start, and keeps it where its Backend is gone.
    #[must_use]
    pub fn is_by_hand(&self) -> bool {
        self.spec.plan_key.is_empty()
    }

    /// The plan key in force: that of the spec; of one written by hand that which was fixed when it was first seen. Empty before that.
    #[must_use]
    pub fn plan_key(&self) -> &str {
        let fixed = self
            .status
            .as_ref()
            .and_then(|status| status.plan_key.as_deref());
        if self.is_by_hand() {
            fixed.unwrap_or_default()
        } else {
            &self.spec.plan_key
        }
    }
}

/// Where the files are.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = rules::files_come_from_one_place("spec")
)]
pub struct MigrationSource {
    /// Image that holds the files of `path`, the program of tool `Exec`, or the tool where the platform gives no image of it.
    /// Example: `registry.example/orders:1.4.0`.
    #[schemars(length(min = 1, max = 512), regex(pattern = IMAGE))]
    pub image: String,
    /// Folder in the image: absolute, without a slash at its end. No default; not with `configMap`. Example: `/migrations`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 256), regex(pattern = ABSOLUTE_PATH))]
    pub path: Option<String>,
    /// Name of the ConfigMap whose keys are the files, instead of `path`. No default. Example: `orders-sql`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = OBJECT_NAME))]
    pub config_map: Option<String>,
    /// Hash of that ConfigMap's keys and contents, 52 letters and digits, written by Slipway beside `planKey`: nothing else is run. Leave it out
    /// where you write a Migration by hand. No default. Example: `k3f9x2m7qa` and 42 more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 52, max = 52), regex(pattern = PLAN_KEY))]
    pub digest: Option<String>,
}

/// How it stands.
// Once it is there, its plan key stays: a late write of a leader of before, which saw other files, must fix no other one, and take none away.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = [{"rule": "!has(oldSelf.planKey) || has(self.planKey)", "message": "status.planKey is fixed once and for all; it stays"}]))]
pub struct MigrationStatus {
    /// The `metadata.generation` that this status speaks of; -1 before the first visit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Reconciling`, `Stalled`: all there from the first visit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Conditions,
    /// State: `Pending`, `Queued`, `AwaitingApproval`, `Running`, `Verifying`, `RetryWait`, `Succeeded`, `Skipped`, `Failed`, `Blocked` or `Unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<MigrationPhase>,
    /// Hash of everything that makes this another plan: `spec.planKey`; of one written by hand fixed when it was first seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = [{"rule": "self == oldSelf", "message": "status.planKey is fixed once and for all; another plan is another Migration"}]))]
    pub plan_key: Option<String>,
    /// Number of the last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<i64>,
    /// Name of the Job at work or last at work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// Version that the database had when it was last read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// Version that it shall have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Number of files that were still to be applied when the database was last read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<i64>,
    /// When the last attempt was armed; RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// When its outcome was recorded; RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    /// How long it took. Example: `12s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took: Option<String>,
}

/// The states of a Migration.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum MigrationPhase {
    Pending,
    Queued,
    AwaitingApproval,
    Running,
    Verifying,
    RetryWait,
    Succeeded,
    Skipped,
    Failed,
    Blocked,
    Unknown,
}

impl MigrationPhase {
    /// Whether it needs nothing more: a gate may open.
    #[must_use]
    pub fn is_done(self) -> bool {
        matches!(self, Self::Succeeded | Self::Skipped)
    }
}
