//! The ledger: that part of a Database's status that says which Migration holds it and what ended how. The operator changes it by
//! compare-and-swap only; a Job is armed only when the ledger names it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{Phase, Tool};
use super::migration_options::Approval;

/// Most entries, blocks, contracts and demands of a ledger, each. An entry takes some 500 bytes at least, so its limit in bytes
/// ([`crate::core::size`]) counts before this one.
pub const MOST_RECORDS: usize = 2000;

/// So many Migrations of one plan are remembered as answered; those that asked first go first.
pub const MOST_ANSWERED: usize = 16;

/// Most warnings of one plan.
pub const MOST_WARNINGS: usize = 3;

/// Most names of pending files of one plan, and most findings in them.
pub const MOST_LISTED: usize = 10;

/// Which Migration holds the database, and what ended how. Changed by compare-and-swap only.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Ledger {
    /// The attempt that holds the database; absent when it is free.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    /// Hash of the address of a database that an attempt found empty: this ledger knows all that Slipway ever ran there. Absent: it may be younger
    /// than the database, as after a restore.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found_empty: Option<String>,
    /// How each plan ended or stands, one by plan key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MOST_RECORDS))]
    pub entries: Vec<Entry>,
    /// Version tables that a person must look at first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MOST_RECORDS))]
    pub blocks: Vec<Block>,
    /// How far migrations after a rollout took each version table: images whose files end below that are not released any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MOST_RECORDS))]
    pub contracts: Vec<Contract>,
    /// Plans that wait for an approval, each with the demand under which its wait began. An edit of a Backend lifts none of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MOST_RECORDS))]
    pub demands: Vec<Demand>,
}

/// A plan that waits for an approval.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Demand {
    /// The plan key.
    pub plan_key: String,
    /// Name of the Migration.
    pub migration: String,
    /// Uid of the Backend whose plan it is. Empty for a hand-written Migration.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub backend_uid: String,
    /// The tool's own version table. Example: `goose_db_version`.
    pub version_table: String,
    /// Hash of the files, or of image, folder and command: as long as the plan waits, the same files wait for other Backends too.
    pub files: String,
    /// The strictest demand that was seen while it waited.
    pub approval: Approval,
}

/// The attempt that holds the database.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Holder {
    /// Name of the Migration.
    pub migration: String,
    /// Its uid.
    pub migration_uid: String,
    /// Its plan key.
    pub plan_key: String,
    /// Number in the Job's name.
    pub attempt: i64,
    /// What the Job does: `Run` the tool, or `Check`, only read the database.
    pub mode: RunMode,
    /// Name of the Job.
    pub job: String,
    /// Its uid.
    pub job_uid: String,
    /// Hash of the Job's template. Empty where the attempt was adopted after the ledger had been lost.
    pub template_hash: String,
    /// Name of the Backend that needs it.
    pub backend: String,
    /// The tool's own version table.
    pub version_table: String,
    /// When it runs, seen from the release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// Whether it only lists what is pending, so that a person may approve it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub lists: bool,
    /// The `slipway.dev/retry` token that this attempt answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_token: Option<String>,
    /// Since when; RFC 3339.
    pub since: String,
}

/// What a Job does: run the tool, or only read the database.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum RunMode {
    #[default]
    Run,
    Check,
}

/// How a plan ended, or stands.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Entry {
    /// The plan key: the hash that says whether this was done already.
    pub plan_key: String,
    /// Name of the Migration.
    pub migration: String,
    /// Its uid: another Migration may have the same plan, or the same name later.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub migration_uid: String,
    /// Name of the Backend that needed it.
    pub backend: String,
    /// Name of the entry in its Backend's `spec.migrations`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub entry: String,
    /// Hash of the address of the database.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub database_identity: String,
    /// Tool that ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<Tool>,
    /// The tool's own version table.
    pub version_table: String,
    /// When it ran, seen from the release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// How it ended or stands: `Succeeded`, `Skipped`, `Failed`, `Blocked`, `Unknown`, `RetryWait`, or `Listed`: its files are pending and wait.
    pub outcome: EntryOutcome,
    /// Why, in one word. Example: `SqlError`.
    pub reason: String,
    /// Why, for people: file, line, SQLSTATE; never the server's free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Number of the last Job that ran the tool.
    pub last_attempt: i64,
    /// Number of the last Job that only read the database.
    pub last_check: i64,
    /// Attempts spent since the last explicit retry.
    pub attempts: i64,
    /// Since when attempts end without being spent, as the database cannot be reached; RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreachable_since: Option<String>,
    /// When the wait before the next attempt is over; RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt_after: Option<String>,
    /// The `slipway.dev/retry` tokens that were answered, one for each Migration that asked; the latest last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MOST_ANSWERED))]
    pub answered: Vec<Answered>,
    /// Version that the database had before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Version that the database had after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Highest version among the files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_top: Option<String>,
    /// Hash of the files' names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_digest: Option<String>,
    /// Number of files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_count: Option<i64>,
    /// With `DatabaseDirty`: the version before the file that was begun and not ended, up to which all is applied; `-1`: there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_good: Option<String>,
    /// For a tool whose table does not name what was applied (`GolangMigrate`): what its version takes for applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_for_applied: Option<TakenForApplied>,
    /// Uid of the Job whose outcome this is.
    pub job_uid: String,
    /// Number of files that were still to be applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<i64>,
    /// The files that were pending when they were listed for an approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listed: Option<PendingList>,
    /// When the last attempt was armed; RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// When the outcome was recorded; RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    /// How long the last attempt waited for the lock in the database, milliseconds; absent: it never asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock_milliseconds: Option<i64>,
    /// How long the tool ran in the last attempt, milliseconds; absent: it never started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_milliseconds: Option<i64>,
    /// What a person should know besides: of the server, or of what the last attempt left behind. Absent: nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MOST_WARNINGS))]
    pub warnings: Vec<String>,
}

/// A person's wish for one more attempt that was fulfilled.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Answered {
    /// Uid of the Migration that had the annotation.
    pub migration_uid: String,
    /// The last token of it that was answered; of a long one its hash.
    pub token: String,
}

/// The versions of the files up to the one that the database was at. A file that comes below it later would never be run.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TakenForApplied {
    /// Version of the database.
    pub version: i64,
    /// Number of versions up to that one.
    pub files: i64,
    /// Hash of them.
    pub digest: String,
}

/// What the ledger says of a plan.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum EntryOutcome {
    Succeeded,
    Skipped,
    Failed,
    Blocked,
    #[default]
    Unknown,
    RetryWait,
    Listed,
}

/// The files that were pending when they were listed for an approval.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PendingList {
    /// Hash over names and contents: what an approval names. 52 letters and digits.
    pub digest: String,
    /// Names of the first of them, in the order in which they run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MOST_LISTED))]
    pub files: Vec<String>,
    /// How many there are.
    pub total: i64,
    /// The first of what was found in them that loses data, blocks a table or cannot be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MOST_LISTED))]
    pub findings: Vec<ListedFinding>,
    /// How many findings there are.
    pub findings_total: i64,
}

/// Something in a pending file that a person should look at first.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListedFinding {
    /// Name of the file.
    pub file: String,
    /// Line of the statement, counted from 1.
    pub line: i64,
    /// Code of the rule. Example: `SLP1401`.
    pub code: String,
    /// Why, in one sentence.
    pub why: String,
}

/// A version table that must be looked at by a person first.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Block {
    /// The tool's own version table. Example: `goose_db_version`.
    pub version_table: String,
    /// Plan key of the migration that left it so.
    pub plan_key: String,
    /// Why, in one word. Example: `PartiallyApplied`.
    pub reason: String,
    /// What shows the trouble: the `Database` itself, or `LedgerOnly`: then only an explicit retry clears it.
    pub evidence: BlockEvidence,
    /// Since when; RFC 3339.
    pub since: String,
}

/// What a migration after a rollout made of a version table.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Contract {
    /// The tool's own version table. Example: `goose_db_version`.
    pub version_table: String,
    /// Version that the migration reached: an image whose files end below it may need what is no longer there. Example: `8`.
    pub version: String,
    /// Plan key of the migration.
    pub plan_key: String,
    /// Name of the Backend that asked for it.
    pub backend: String,
}

/// Whether the database itself shows the trouble.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum BlockEvidence {
    #[default]
    Database,
    LedgerOnly,
}
