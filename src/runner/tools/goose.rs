//! goose: its files, its table and its command, as `core::migration::goose` knows them.

use std::path::Path;

use crate::api::common;
use crate::api::migration::OutOfOrder;
use crate::core::migration::dsn;
use crate::core::migration::goose::files::{self, Files, FilesError};
use crate::core::migration::goose::versions::{self, Preflight, Versions};
use crate::core::migration::goose::words;
use crate::core::migration::judge::Left;
use crate::core::migration::message::Outcome;
use crate::core::migration::parameters::RunParameters;
use crate::core::migration::stages::{Stage, Unit};
use crate::core::migration::words::Words;

use super::version_table::check_table;
use super::{
    Access, Ending, Engine, EngineError, Facts, Guards, Pending, PendingFile, Start, StoppedAt,
    Tool, about, files_of, folder, no_files, source, target_version, unknown_version,
};

/// The version table where nobody names one.
const TABLE: &str = "goose_db_version";

/// goose with its files.
pub struct Goose {
    folder: String,
    table: String,
    files: Files,
    target: i64,
    out_of_order: OutOfOrder,
    /// Whether the plan names the target, so that goose must stop there.
    stops_early: bool,
}

impl Tool for Goose {
    type Versions = Versions;

    const NAME: &'static str = "goose";
    const PLACES: &'static [&'static str] = &["/goose"];
    const FATAL_MARKS: &'static [&'static str] = &words::FATAL_MARKS;

    fn list(parameters: &RunParameters) -> Result<Self, Ending> {
        let files = files_of(parameters, folder, Files::new, refused)?;
        let table = parameters.version_table.clone();
        check_table(&table)?;
        let target = target_version(parameters.target.as_deref(), files.top(), |version| {
            files.get(version).is_some()
        })?;
        Ok(Self {
            folder: parameters.files.clone(),
            table,
            files,
            target,
            out_of_order: parameters.out_of_order,
            stops_early: parameters.target.is_some(),
        })
    }

    fn facts(&self) -> Facts {
        let files = &self.files;
        Facts::of(&files.top(), &self.target, files.digest(), files.count())
    }

    /// goose is told its table by an argument, so the variable leads it nowhere; but who wrote it may have the table there.
    async fn refuse_elsewhere<E: Engine>(
        &self,
        _program: &Path,
        _session: &E,
    ) -> Result<(), Ending> {
        let named = std::env::var("GOOSE_TABLE").unwrap_or_default();
        if named.is_empty() || named == self.table || self.table != TABLE {
            return Ok(());
        }
        Err(source(&format!(
            "variable GOOSE_TABLE = {named}: Slipway would have goose work with table {TABLE}; name one: versionTable of the migration"
        )))
    }

    async fn read<E: Engine>(&self, session: &E) -> Result<Versions, EngineError> {
        // The name stands unquoted, as in goose's own statements, so that both mean one table.
        let query = format!(
            "SELECT version_id, is_applied FROM {} ORDER BY id DESC",
            self.table
        );
        let Some(rows) = session.rows(&query).await? else {
            return Ok(Versions::none());
        };
        Ok(Versions::from_rows(rows.iter().filter_map(
            |row| match row.as_slice() {
                [version, applied] => {
                    Some((version.parse().ok()?, matches!(applied.as_str(), "t" | "1")))
                }
                _ => None,
            },
        )))
    }

    fn current(&self, versions: &Versions) -> Option<String> {
        versions.current().map(|version| version.to_string())
    }

    fn preflight(&self, versions: &Versions) -> Result<Pending, Ending> {
        match self.look(versions) {
            Preflight::Pending(pending) => Ok(Pending {
                versions: pending
                    .iter()
                    .map(|file| file.version.to_string())
                    .collect(),
                digest: files::digest(pending.iter().copied()),
                units: pending
                    .iter()
                    .map(|file| Unit {
                        version: Some(file.version.to_string()),
                        may_give_up: file.may_give_up(),
                    })
                    .collect(),
                unguarded: None,
                files: pending
                    .iter()
                    .map(|file| PendingFile {
                        name: file.name.clone(),
                        content: file.content.clone(),
                    })
                    .collect(),
            }),
            Preflight::Nothing => Err(Ending::done(Outcome::Succeeded, "NoPendingMigrations")),
            Preflight::Ahead => Err(Ending::done(Outcome::Skipped, "DatabaseAhead")),
            Preflight::OutOfOrder(file) => Err(Ending::blocked(
                "OutOfOrder",
                about(
                    &file.name,
                    "its number is below the database's version, so goose would never run it",
                ),
            )),
            Preflight::RolledBack(file) => Err(Ending::blocked(
                "OutOfOrder",
                about(
                    &file.name,
                    "the version table says that it was rolled back, so goose would pass over it; remove its row",
                ),
            )),
            Preflight::UnknownVersion(version) => Err(unknown_version(version)),
        }
    }

    fn start(&self, access: &Access, guards: &Guards, _pending: &Pending, stage: &Stage) -> Start {
        let mut arguments = vec![
            "-env=none".to_owned(),
            format!("-dir={}", self.folder),
            format!("-table={}", self.table),
        ];
        if self.out_of_order == OutOfOrder::Allow {
            arguments.push("-allow-missing".to_owned());
        }
        if let (common::Engine::MySQL, Some(file)) = (access.engine, &access.authority) {
            // Go's driver for MySQL has no parameter for it.
            arguments.push(format!("-certfile={file}"));
        }
        let target = self.stops_early.then(|| self.target.to_string());
        match stage.until.clone().or(target) {
            Some(version) => arguments.extend(["up-to".to_owned(), version]),
            None => arguments.push("up".to_owned()),
        }
        let mut environment = connection(access, guards);
        environment.push(("NO_COLOR", "1".to_owned()));
        environment.extend(guards.environment(access.engine));
        Start {
            arguments,
            environment,
        }
    }

    fn understand(&self, last: &str, _after: Option<&Versions>) -> Option<Words> {
        words::understand(last, &self.files)
    }

    fn shown(&self, last: &str) -> String {
        words::shown(last, &self.files)
    }

    fn at_target(&self, versions: &Versions, _last: &str) -> bool {
        versions.are_at(&self.files, self.target)
    }

    fn applied(&self, before: &Versions, after: &Versions) -> i64 {
        after.applied_since(before)
    }

    fn stopped_at(&self, file: Option<&str>, after: Option<&Versions>) -> Option<StoppedAt> {
        let named = file.and_then(|name| self.files.named(name));
        let next = || match self.look(after?) {
            Preflight::Pending(pending) => pending.first().copied(),
            _ => None,
        };
        named.or_else(next).map(|file| StoppedAt {
            file: file.name.clone(),
            left: if file.is_transactional() {
                Left::RolledBack
            } else {
                Left::Half
            },
        })
    }
}

impl Goose {
    fn look(&self, versions: &Versions) -> Preflight<'_> {
        versions::preflight(&self.files, versions, self.target, self.out_of_order)
    }
}

/// Driver and connection string.
fn connection(access: &Access, guards: &Guards) -> Vec<(&'static str, String)> {
    match access.engine {
        common::Engine::PostgreSQL => vec![
            ("GOOSE_DRIVER", "postgres".to_owned()),
            ("GOOSE_DBSTRING", dsn::postgresql(&access.place())),
            ("PGPASSWORD", access.password.clone()),
        ],
        common::Engine::MySQL => vec![
            ("GOOSE_DRIVER", "mysql".to_owned()),
            (
                "GOOSE_DBSTRING",
                dsn::mysql(&access.place(), &access.password, &guards.settings),
            ),
        ],
    }
}

fn refused(error: &FilesError) -> Ending {
    match error {
        FilesError::Empty => no_files(&error.to_string()),
        FilesError::Name(_) | FilesError::Go(_) | FilesError::Duplicate(..) => {
            source(&error.to_string())
        }
    }
}
