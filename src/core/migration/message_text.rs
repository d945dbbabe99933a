//! The sentences a person reads about a Migration: cause, then the next command (`migrations.md` 4.5). Every command is one that works as
//! it stands, but for a database URL, which is a placeholder: Slipway knows no password.

use kube::ResourceExt;

use super::new_plan_text;
use super::seen::Seen;
use super::table_words;
use crate::api::common::Tool;
use crate::api::database::{Block, Entry, Holder};
use crate::api::migration::{Approval, Migration, ReadBack};
use crate::core::database::endpoint::migration_credentials;
use crate::core::meta;
use crate::core::run::start::StartTrouble;
use crate::core::run::ticket;

/// What always helps against a file that came too late.
fn renumber(migration: &Migration) -> String {
    format!(
        "Renumber it above the last one and {}",
        new_plan_text::new_files(migration)
    )
}

/// The command that asks for one more attempt, with a token that was not used yet. `entry`: what the ledger says of its plan.
#[must_use]
pub fn retry_command(migration: &Migration, entry: Option<&Entry>) -> String {
    let uid = migration.uid().unwrap_or_default();
    let answered = entry.into_iter().flat_map(|entry| &entry.answered);
    let answered = answered.filter(|answered| answered.migration_uid == uid);
    let written = migration.annotations().get(meta::RETRY_ANNOTATION);
    let used = answered.map(|answered| &answered.token).chain(written);
    let last = used.filter_map(|token| token.parse::<u32>().ok()).max();
    format!(
        "kubectl annotate --overwrite slm/{} -n {} {}={}",
        migration.name_any(),
        migration.namespace().unwrap_or_default(),
        meta::RETRY_ANNOTATION,
        u64::from(last.unwrap_or(0)) + 1
    )
}

pub(super) fn succeeded(entry: &Entry) -> String {
    let said = match (&entry.before, &entry.after) {
        _ if entry.tool == Some(Tool::Exec) && entry.after.is_none() => {
            "the program exited with 0, which is all that is known of it: no version table was read back (readBack)".to_owned()
        }
        (_, Some(after)) if entry.before.as_ref() == Some(after) => format!("the schema is at version {after}; nothing was pending"),
        (Some(before), Some(after)) => format!("the schema went from version {before} to {after}"),
        (None, Some(after)) => format!("the schema is at version {after}"),
        _ => "the schema is at its target; the versions are not known, as the runner's message was lost".to_owned(),
    };
    warned(said, entry)
}

/// Two Backends may ask for the same files on the same database: that is one plan.
pub(super) fn done_for_another(entry: &Entry) -> String {
    format!(
        "the same plan was run for backend {}: {}",
        entry.backend,
        succeeded(entry)
    )
}

pub(super) fn skipped(entry: &Entry) -> String {
    let current = entry.before.as_deref().unwrap_or("a later version");
    let top = entry.files_top.as_deref().unwrap_or("its last file");
    let said = format!(
        "the database is at version {current}, ahead of {top}; nothing was run, and no down file ever is"
    );
    warned(said, entry)
}

/// With what the runner warned of.
fn warned(said: String, entry: &Entry) -> String {
    if entry.warnings.is_empty() {
        return said;
    }
    format!("{said}; warning: {}", entry.warnings.join("; "))
}

pub(super) fn failed(migration: &Migration, entry: &Entry) -> String {
    format!(
        "{}. Fix the cause, {}; or: {}",
        cause(migration, entry),
        new_plan_text::new_files(migration),
        retry_command(migration, Some(entry))
    )
}

pub(super) fn retry_wait(migration: &Migration, entry: &Entry) -> String {
    let at = entry
        .next_attempt_after
        .as_deref()
        .unwrap_or("once it is its turn");
    format!(
        "{}; the next attempt is at {at}. At once: {}",
        cause(migration, entry),
        retry_command(migration, Some(entry))
    )
}

pub(super) fn looks_again(migration: &Migration, entry: &Entry) -> String {
    let at = entry.next_attempt_after.as_deref().unwrap_or("once");
    format!(
        "how the last attempt ended is not known, and database {} could not be read: {}; the next look is at {at}. At once: {}",
        migration.spec.database,
        cause(migration, entry),
        retry_command(migration, Some(entry))
    )
}

pub(super) fn lists_again(migration: &Migration, entry: &Entry, approval: Approval) -> String {
    let what = if approval == Approval::None {
        "the database could not be read, which another migration may have left half done"
    } else {
        "what is pending could not be listed for the approval"
    };
    let at = entry.next_attempt_after.as_deref().unwrap_or("once");
    format!(
        "{what}: {}; the next look is at {at}. At once: {}",
        cause(migration, entry),
        retry_command(migration, Some(entry))
    )
}

pub(super) fn blocked(migration: &Migration, entry: &Entry) -> String {
    format!("{}. {}", cause(migration, entry), remedy(migration, entry))
}

pub(super) fn marked(seen: &Seen, block: &Block, by: &str) -> String {
    let ledger = seen.ledger();
    format!(
        "migration {by} left version table {} in doubt ({}), and no look at the database can clear that. Look at the schema and put it right, \
         then: {}",
        block.version_table,
        block.reason,
        retry_command(&seen.migration, seen.own_entry(&ledger))
    )
}

pub(super) fn cannot_start(seen: &Seen, holder: &Holder, trouble: &StartTrouble) -> String {
    let namespace = seen.migration.namespace().unwrap_or_default();
    let (secret, field) = seen
        .database()
        .map(|database| migration_credentials(&database.spec))
        .map(|(credentials, field)| (credentials.secret.as_str(), field))
        .unwrap_or_default();
    let start = seen
        .job(&holder.job)
        .and_then(|job| ticket::ticket(job)?.start_seconds)
        .unwrap_or(seen.settings.migrations.start.as_secs());
    let next = if trouble.reason == "CreateContainerConfigError" {
        format!(
            "(named by database {}, {field}). Next: kubectl get secret {secret} -n {namespace}",
            seen.migration.spec.database
        )
    } else if let Some(pod) = &trouble.pod {
        format!("Next: kubectl describe pod {pod} -n {namespace}")
    } else {
        format!("Next: kubectl describe job {} -n {namespace}", holder.job)
    };
    format!(
        "{} of attempt {} cannot start: {} {}; it is given up {start} s after its start. {next}",
        trouble.what(&holder.job),
        holder.attempt,
        trouble.reason,
        trouble.message
    )
}

/// Where the files are, or the program.
fn source(migration: &Migration) -> String {
    let source = &migration.spec.source;
    match (&source.path, &source.config_map) {
        (_, Some(name)) => format!("configmap {name}"),
        (Some(path), None) => format!("folder {path} of image {}", source.image),
        (None, None) => format!("image {}", source.image),
    }
}

fn cause(migration: &Migration, entry: &Entry) -> String {
    let what = match entry.reason.as_str() {
        "DatabaseUnreachable" => format!("database {} cannot be reached", migration.spec.database),
        "AuthenticationFailed" => format!(
            "database {} refuses user or password (spec.migrationCredentials, else spec.credentials)",
            migration.spec.database
        ),
        "DatabaseReadOnly" => format!(
            "database {} is a standby or read-only",
            migration.spec.database
        ),
        "NoMigrationFiles" => format!("no migration files in {}", source(migration)),
        "InvalidSource" => format!("{} is not a valid source", source(migration)),
        "SourceChanged" => format!("{} is not as it was planned", source(migration)),
        "SourceUnreadable" => format!("{} cannot be read", source(migration)),
        "DatabaseDirty" => format!(
            "database {} is dirty at version {}",
            migration.spec.database,
            entry.after.as_deref().unwrap_or("unknown")
        ),
        "ProgramFailed" => "the program failed".to_owned(),
        "LockTimeout" => "a lock was not to be had in time".to_owned(),
        "DeadlineExceeded" => "the tool ran longer than it may".to_owned(),
        other => other.to_owned(),
    };
    let said = match &entry.message {
        Some(message) if ["SqlError", "OutcomeUnknown"].contains(&entry.reason.as_str()) => {
            message.clone()
        }
        Some(message) => format!("{what}: {message}"),
        None => what,
    };
    warned(said, entry)
}

/// Without its files, `repair` would mark every migration as deleted.
fn flyway_repair(migration: &Migration) -> String {
    let source = &migration.spec.source;
    let place = if source.config_map.is_some() {
        "with its files in FOLDER"
    } else {
        "in that image"
    };
    format!(
        "{place}: flyway -url=URL -user=USER -locations=filesystem:{}{} repair",
        source.path.as_deref().unwrap_or("FOLDER"),
        table_words::flyway_arguments(&migration.spec)
    )
}

fn remedy(migration: &Migration, entry: &Entry) -> String {
    let retry = retry_command(migration, Some(entry));
    let version_table = &entry.version_table;
    match entry.reason.as_str() {
        "DatabaseDirty" => dirty(migration, entry),
        "PartiallyApplied" if migration.spec.tool == Tool::Exec => {
            format!(
                "The program may have left part of a file in the schema: undo it, or finish it by hand and {}; then: {retry}",
                add_row(migration, version_table)
            )
        }
        "PartiallyApplied" => {
            format!(
                "Part of the file is in the schema: finish it by hand and {}, or undo it; then: {retry}",
                add_row(migration, version_table)
            )
        }
        "FailedMigrationRow" => format!(
            "Undo by hand what is there of the file, or finish it; then, {}; then: {retry}",
            flyway_repair(migration)
        ),
        "ChecksumMismatch" => format!(
            "Put the file back as it ran and {}; or, if the schema is as the new file has it, {}; then: {retry}",
            new_plan_text::new_files(migration),
            flyway_repair(migration)
        ),
        "OutOfOrder" if matches!(migration.spec.tool, Tool::Goose | Tool::Flyway) => {
            format!(
                "{}, or {}; or, if the table is wrong: {retry}",
                renumber(migration),
                new_plan_text::allowed_order(migration)
            )
        }
        "OutOfOrder" => format!(
            "{}; or, if it need not run on this database: {retry}",
            renumber(migration)
        ),
        "UnknownDatabaseVersion" => {
            format!(
                "{}; or, if the table is wrong: {retry}",
                new_plan_text::the_file_that_holds_it(migration)
            )
        }
        "PooledEndpoint" => {
            let namespace = migration.namespace().unwrap_or_default();
            format!(
                "A pooler in transaction mode or a balancer stands before the database: name one server itself in spec.direct. \
                 Next: kubectl patch sldb/{} -n {namespace} --type merge -p '{{\"spec\":{{\"direct\":{{\"host\":\"HOST\",\"port\":PORT}}}}}}'; then: {retry}",
                migration.spec.database
            )
        }
        "OutcomeUnknown" if version_table.is_empty() && is_idempotent(migration) => {
            format!(
                "It may begin anew (idempotent) once no session of the program is at work in the database any more: look at its sessions; then: \
                 {retry}"
            )
        }
        "OutcomeUnknown" if version_table.is_empty() => {
            let for_ever = new_plan_text::idempotent_for_ever(migration);
            format!(
                "Nothing proves whether the program did its work (readBack is not set). Look at the database: undo what is there of it, or see \
                 that it may begin anew{for_ever}; then: {retry}"
            )
        }
        "OutcomeUnknown" => {
            format!(
                "Look at the schema: undo what is there of the file, or finish it by hand and {}; then: {retry}",
                add_row(migration, version_table)
            )
        }
        _ => format!("Look at the schema and put it right, then: {retry}"),
    }
}

fn is_idempotent(migration: &Migration) -> bool {
    migration.spec.options.idempotent == Some(true)
}

/// How the version table is told that a file was finished by hand. goose has no command for that.
fn add_row(migration: &Migration, version_table: &str) -> String {
    match (migration.spec.tool, migration.spec.options.read_back) {
        (Tool::Goose, _) | (Tool::Exec, Some(ReadBack::Goose)) => format!(
            "add its row (INSERT INTO {version_table} (version_id, is_applied) VALUES (NUMBER, true), with the number of the file)"
        ),
        (Tool::Exec, Some(ReadBack::GolangMigrate)) => {
            format!("put its number into the row of {version_table}")
        }
        _ => format!("add its row to {version_table}"),
    }
}

/// What golang-migrate's own command must say afterwards, either way. `--` lets it take -1, its word for "no version". Where the last good
/// version is not known it is never guessed: all files would run again.
fn dirty(migration: &Migration, entry: &Entry) -> String {
    let path = migration.spec.source.path.as_deref().unwrap_or("FOLDER");
    let url = table_words::golang_migrate_url(&migration.spec);
    let force = |version: &str| format!("migrate -path {path} -database {url} force {version}");
    format!(
        "Undo by hand what is there of the file, then: {}; or finish it by hand, then: {}. In either case, last: {}",
        force(match entry.last_good.as_deref() {
            Some("-1") => "-- -1",
            Some(version) => version,
            None => "VERSION_BEFORE_IT",
        }),
        force(entry.after.as_deref().unwrap_or("VERSION")),
        retry_command(migration, Some(entry))
    )
}

#[cfg(test)]
mod tests;
