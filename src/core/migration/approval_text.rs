//! The sentences a person reads before an approval: which files, what is in them, and the command that agrees to exactly these.

use kube::ResourceExt;

use super::approval::Awaiting;
use super::demand::By;
use super::seen::Seen;
use crate::api::database::{ListedFinding, PendingList};
use crate::core::meta;

/// Most pending files that a message names.
const FILES_NAMED: usize = 5;

/// Most findings that a message tells.
const FINDINGS_NAMED: usize = 5;

/// The command that agrees.
#[must_use]
pub fn command(seen: &Seen, digest: &str) -> String {
    format!(
        "kubectl annotate --overwrite slm/{} -n {} {}={digest}",
        seen.migration.name_any(),
        seen.migration.namespace().unwrap_or_default(),
        meta::APPROVE_ANNOTATION
    )
}

/// What waits, what was found in it, and the command at the end.
#[must_use]
pub fn awaiting(seen: &Seen, awaiting: &Awaiting) -> String {
    let command = command(seen, &awaiting.digest);
    let database = &seen.migration.spec.database;
    let Some(list) = &awaiting.list else {
        return format!(
            "what program {} does to database {database} cannot be read{}. To let it run: {command}",
            seen.migration.spec.name,
            demanded_by(seen, awaiting)
        );
    };
    format!(
        "pending on database {database}, to be approved: {}; {}{}. To let exactly these run: {command}",
        files(list),
        found(list),
        demanded_by(seen, awaiting)
    )
}

/// The same as an event tells it: its note is cut at its end, so only what is needed stands there.
#[must_use]
pub fn needed(seen: &Seen, awaiting: &Awaiting) -> String {
    let findings = awaiting.list.as_ref().map_or(0, |list| list.findings_total);
    format!(
        "what is pending on database {} must be approved, {findings} findings. To let it run: {}",
        seen.migration.spec.database,
        command(seen, &awaiting.digest)
    )
}

/// What demands it, where that is not its own entry.
fn demanded_by(seen: &Seen, awaiting: &Awaiting) -> String {
    match &awaiting.by {
        By::Itself => String::new(),
        By::Database(name) => format!("; spec.approval of database {name} demands it"),
        By::Backend(name) => format!("; spec.migrations of backend {name} demands it"),
        By::Migration(name) => format!("; migration {name}, of the same plan, demands it"),
        By::Ledger { migration, .. } if *migration == seen.migration.name_any() => String::new(),
        By::Ledger {
            database,
            migration,
        } => format!(
            "; the ledger of database {database} remembers it of migration {migration}, which has the same files or version table"
        ),
    }
}

fn files(list: &PendingList) -> String {
    let named = list.files.iter().take(FILES_NAMED).cloned().collect();
    counted(named, ", ", list.total)
}

fn found(list: &PendingList) -> String {
    if list.findings_total == 0 {
        return "nothing in them is known to lose data or to block a table".to_owned();
    }
    let sentence = |finding: &ListedFinding| {
        let ListedFinding {
            file,
            line,
            code,
            why,
        } = finding;
        format!("{file}:{line} {code} {why}")
    };
    let named = list.findings.iter().take(FINDINGS_NAMED).map(sentence);
    format!(
        "look at: {}",
        counted(named.collect(), "; ", list.findings_total)
    )
}

/// The named ones, and how many there are besides.
fn counted(mut named: Vec<String>, between: &str, total: i64) -> String {
    let rest = total.saturating_sub(i64::try_from(named.len()).unwrap_or(i64::MAX));
    if rest > 0 {
        named.push(format!("{rest} more"));
    }
    named.join(between)
}
