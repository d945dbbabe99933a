//! golang-migrate: its files, its one row and its command, as `core::migration::golang_migrate` knows them.

use std::path::Path;

use rustix::process::Signal;

use crate::api::common::Engine as EngineKind;
use crate::api::database::TakenForApplied;
use crate::core::migration::dsn;
use crate::core::migration::golang_migrate::files::{self, File, Files, FilesError};
use crate::core::migration::golang_migrate::versions::{self, Preflight, Row, Versions};
use crate::core::migration::golang_migrate::words;
use crate::core::migration::judge::Left;
use crate::core::migration::message::{MessageError, Outcome};
use crate::core::migration::parameters::RunParameters;
use crate::core::migration::stages::Stage;
use crate::core::migration::words::Words;

use super::version_table::{check_table, quoted, refuse_hidden};
use super::{
    Access, Ending, Engine, EngineError, Facts, Guards, Pending, PendingFile, Start, StoppedAt,
    Tool, about, files_of, folder, no_files, source, target_version, unknown_version,
};

/// golang-migrate's word for a database without a version.
const NO_VERSION: i64 = -1;

/// golang-migrate with its files.
pub struct GolangMigrate {
    folder: String,
    table: String,
    engine: EngineKind,
    files: Files,
    target: i64,
    /// Whether the plan names the target, so that it must stop there.
    stops_early: bool,
    known: Option<TakenForApplied>,
}

impl Tool for GolangMigrate {
    type Versions = Versions;

    const NAME: &'static str = "migrate";
    const PLACES: &'static [&'static str] = &["/migrate"];
    const FATAL_MARKS: &'static [&'static str] = &words::FATAL_MARKS;
    const MAY_TIME_OUT: bool = false;
    const MARKS_BEGUN: bool = true;
    // SIGTERM would end it in the middle of its file and leave the row dirty.
    const LAST_FILE: Option<Signal> = Some(Signal::INT);

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
            engine: parameters.engine,
            files,
            target,
            stops_early: parameters.target.is_some(),
            known: parameters.known.clone(),
        })
    }

    fn facts(&self) -> Facts {
        let files = &self.files;
        Facts::of(&files.top(), &self.target, files.digest(), files.count())
    }

    async fn refuse_elsewhere<E: Engine>(
        &self,
        _program: &Path,
        session: &E,
    ) -> Result<(), Ending> {
        if self.table.contains('.') {
            return Ok(());
        }
        refuse_hidden(session, &self.quoted_table()).await
    }

    async fn read<E: Engine>(&self, session: &E) -> Result<Versions, EngineError> {
        let table = self.quoted_table();
        // Without a schema in its name golang-migrate takes the first of the search path, also where a later one has such a table.
        let schema = session
            .schema()
            .filter(|_| self.engine == EngineKind::PostgreSQL && !self.table.contains('.'));
        let table = schema.map_or(table.clone(), |schema| {
            format!("{}.{table}", quoted('"', schema))
        });
        let query = format!("SELECT version, dirty FROM {table} LIMIT 1");
        let rows = session.rows(&query).await?.unwrap_or_default();
        let row = rows.first().and_then(|row| match row.as_slice() {
            [version, dirty] => Some(Row {
                version: version.parse().ok()?,
                dirty: matches!(dirty.as_str(), "t" | "1"),
            }),
            _ => None,
        });
        Ok(Versions { row })
    }

    fn current(&self, versions: &Versions) -> Option<String> {
        versions.current().map(|version| version.to_string())
    }

    fn preflight(&self, versions: &Versions) -> Result<Pending, Ending> {
        match versions::preflight(&self.files, versions, self.target, self.known.as_ref()) {
            Preflight::Pending(pending) => Ok(Pending {
                versions: pending.iter().map(|one| one.version.to_string()).collect(),
                digest: files::digest(pending.iter().copied()),
                units: Vec::new(),
                unguarded: None,
                files: pending
                    .iter()
                    .filter_map(|one| one.up.as_ref())
                    .map(|file| PendingFile {
                        name: file.name.clone(),
                        content: file.content.clone(),
                    })
                    .collect(),
            }),
            Preflight::Nothing => Err(Ending::done(Outcome::Succeeded, "NoPendingMigrations")),
            Preflight::Ahead => Err(Ending::done(Outcome::Skipped, "DatabaseAhead")),
            Preflight::Dirty(version) => Err(Ending::blocked(
                "DatabaseDirty",
                about(
                    &self.name_of(version),
                    "was begun by an earlier run and not ended",
                ),
            )),
            Preflight::OutOfOrder(late) => Err(Ending::blocked("OutOfOrder", out_of_order(late))),
            Preflight::UnknownVersion(version) => Err(unknown_version(version)),
            Preflight::NoUpFile(one) => Err(Ending::failed(
                "InvalidSource",
                about(
                    one.name(),
                    "has no up file beside it, so golang-migrate would count its version as applied without doing anything; add the up file",
                ),
            )),
        }
    }

    fn start(&self, access: &Access, guards: &Guards, pending: &Pending, _stage: &Stage) -> Start {
        let mut arguments = vec![
            "-path".to_owned(),
            self.folder.clone(),
            "-database".to_owned(),
            self.url(access, guards),
            "up".to_owned(),
        ];
        if self.stops_early {
            // Not `goto`, which goes down where the database is past the target.
            arguments.push(pending.versions.len().to_string());
        }
        let mut environment = guards.environment(access.engine);
        if access.engine == EngineKind::PostgreSQL {
            environment.push(("PGPASSWORD", access.password.clone()));
        }
        Start {
            arguments,
            environment,
        }
    }

    fn understand(&self, last: &str, after: Option<&Versions>) -> Option<Words> {
        let begun = after
            .and_then(Versions::dirty)
            .and_then(|version| self.up_file(version));
        words::understand(last, begun)
    }

    fn shown(&self, last: &str) -> String {
        words::shown(last, None)
    }

    fn mark(&self, versions: &Versions) -> Option<&'static str> {
        versions.dirty().map(|_| "DatabaseDirty")
    }

    fn last_good(&self, versions: &Versions) -> Option<String> {
        let last_good = self.files.before(versions.dirty()?);
        Some(last_good.unwrap_or(NO_VERSION).to_string())
    }

    fn taken_for_applied(&self, versions: &Versions) -> Option<TakenForApplied> {
        let version = versions.row.filter(|row| !row.dirty)?.version;
        let (files, digest) = self.files.versions_to(version, None);
        Some(TakenForApplied {
            version,
            files,
            digest,
        })
    }

    fn at_target(&self, versions: &Versions, _last: &str) -> bool {
        versions.are_at(self.target)
    }

    fn applied(&self, before: &Versions, after: &Versions) -> i64 {
        after.applied_since(before, &self.files)
    }

    fn stopped_at(&self, _file: Option<&str>, after: Option<&Versions>) -> Option<StoppedAt> {
        let after = after?;
        if let Some(version) = after.dirty() {
            return Some(StoppedAt {
                file: self.name_of(version),
                left: Left::Dirty,
            });
        }
        // The mark is set before a file is begun, so that a clean row means that none was.
        let above = |version: i64| after.current().is_none_or(|current| version > current);
        let next = self.files.iter().find(|one| above(one.version))?;
        Some(StoppedAt {
            file: next.name().to_owned(),
            left: Left::NotBegun,
        })
    }
}

impl GolangMigrate {
    /// golang-migrate puts the name into quotes, so that case counts; `schema.table` becomes two names.
    fn quoted_table(&self) -> String {
        match self.engine {
            EngineKind::PostgreSQL => {
                let parts = self.table.split('.').map(|part| quoted('"', part));
                parts.collect::<Vec<String>>().join(".")
            }
            EngineKind::MySQL => format!("`{}`", self.table),
        }
    }

    fn url(&self, access: &Access, guards: &Guards) -> String {
        match access.engine {
            EngineKind::PostgreSQL => {
                let parameters = [
                    ("x-migrations-table", self.quoted_table()),
                    ("x-migrations-table-quoted", "true".to_owned()),
                ];
                dsn::postgresql_url(words::POSTGRESQL_SCHEME, &access.place(), &parameters)
            }
            EngineKind::MySQL => {
                let mut variables = guards.settings.clone();
                variables.push(("x-migrations-table", self.table.clone()));
                dsn::mysql_url(&access.place(), &access.password, &variables)
            }
        }
    }

    fn up_file(&self, version: i64) -> Option<&File> {
        self.files.get(version)?.up.as_ref()
    }

    /// The file of a version, or what to call it where it is not here.
    fn name_of(&self, version: i64) -> String {
        self.files.get(version).map_or_else(
            || format!("the file of version {version}"),
            |one| one.name().to_owned(),
        )
    }
}

fn out_of_order(late: Option<&files::Migration>) -> MessageError {
    let text = "its number is below the database's version, so golang-migrate would never run it";
    late.map_or_else(
        || {
            MessageError::plain(
                "Files",
                "more than one file came below the database's version since the last good run, and golang-migrate would never run them",
            )
        },
        |late| about(late.name(), text),
    )
}

fn refused(error: &FilesError) -> Ending {
    match error {
        FilesError::Empty => no_files(&error.to_string()),
        FilesError::TooHigh(_) | FilesError::Duplicate(..) => source(&error.to_string()),
    }
}
