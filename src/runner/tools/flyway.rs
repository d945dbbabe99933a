//! Flyway: its files, its history table and its command, as `core::migration::flyway` knows them.
//!
//! What it would do is decided from files and table: a JVM takes a second or two to start, and `info` would say no more.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::api::common;
use crate::api::migration::OutOfOrder;
use crate::core::migration::dsn;
use crate::core::migration::flyway::files::{self, File, Files, FilesError, PLACEHOLDER_PREFIX};
use crate::core::migration::flyway::history::{self, History, Preflight, Row};
use crate::core::migration::flyway::settings::{self, SETTINGS};
use crate::core::migration::flyway::stray::{Place, stray};
use crate::core::migration::flyway::units::{self, WITHOUT_REPEATABLES};
use crate::core::migration::flyway::version::Version;
use crate::core::migration::flyway::words;
use crate::core::migration::judge::Left;
use crate::core::migration::message::Outcome;
use crate::core::migration::parameters::RunParameters;
use crate::core::migration::stages::Stage;
use crate::core::migration::words::Words;

use super::version_table::{check_table, quoted, refuse_hidden};
use super::{
    Access, Ending, Engine, EngineError, Facts, Guards, Pending, PendingFile, Start, StoppedAt,
    Tool, about, files_of, no_files, source, tree,
};

/// What the JVM is told where the migration's own `env` does not say otherwise: quick to start, small, and within the container's memory.
const JAVA_ARGUMENTS: &str =
    "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:MaxRAMPercentage=60 -Duser.home=/tmp";

/// Whether files may be taken for applied that did not run. The migration's own `env` may say so; a file in the image alone may not.
const BASELINE_ON_MIGRATE: &str = "FLYWAY_BASELINE_ON_MIGRATE";

/// Flyway with its files.
pub struct Flyway {
    folder: String,
    engine: common::Engine,
    /// The schema of the history table, where the plan or its `env` names one; else the session's own.
    schema: Option<String>,
    table: String,
    files: Files,
    /// The version to stop at, where the plan names one.
    target: Option<Version>,
    out_of_order: OutOfOrder,
    /// What begins a placeholder.
    placeholder: String,
}

impl Tool for Flyway {
    type Versions = History;

    const NAME: &'static str = "flyway";
    const PLACES: &'static [&'static str] = &["/flyway/flyway"];
    const FATAL_MARKS: &'static [&'static str] = &words::FATAL_MARKS;

    fn list(parameters: &RunParameters) -> Result<Self, Ending> {
        let files = files_of(parameters, tree, Files::new, refused)?;
        let (schema, table) = match parameters.version_table.split_once('.') {
            Some((schema, table)) => (Some(schema.to_owned()), table),
            None => (schema_of_environment(), parameters.version_table.as_str()),
        };
        check_table(&parameters.version_table)?;
        let target = parameters
            .target
            .as_deref()
            .map(|text| named_target(text, &files))
            .transpose()?;
        Ok(Self {
            folder: parameters.files.clone(),
            engine: parameters.engine,
            schema,
            table: table.to_owned(),
            files,
            target,
            out_of_order: parameters.out_of_order,
            placeholder: of_environment("FLYWAY_PLACEHOLDER_PREFIX")
                .unwrap_or_else(|| PLACEHOLDER_PREFIX.to_owned()),
        })
    }

    fn facts(&self) -> Facts {
        let top = text_of(self.files.top());
        let target = self.target.as_ref().map(ToString::to_string);
        let target = target.unwrap_or_else(|| top.clone());
        Facts::of(&top, &target, self.files.digest(), self.files.count())
    }

    async fn refuse_elsewhere<E: Engine>(&self, program: &Path, session: &E) -> Result<(), Ending> {
        let place = Place {
            schema: self.schema.as_deref().or(session.schema()),
            schema_is_named: self.schema.is_some(),
            table: &self.table,
        };
        match stray(&place, &variables(), &settings_of(program)) {
            Some(text) => Err(source(&text)),
            None if self.schema.is_none() => {
                refuse_hidden(session, &self.quoted(&self.table)).await
            }
            None => Ok(()),
        }
    }

    async fn read<E: Engine>(&self, session: &E) -> Result<History, EngineError> {
        let schema = self.schema.as_deref().or(session.schema());
        let table = [schema, Some(&self.table)].into_iter().flatten();
        let table: Vec<String> = table.map(|name| self.quoted(name)).collect();
        let query = format!(
            "SELECT version, description, type, script, checksum, success FROM {} ORDER BY installed_rank",
            table.join(".")
        );
        let Some(rows) = session.rows(&query).await? else {
            return Ok(History::none());
        };
        Ok(History::from_rows(
            rows.iter().filter_map(|row| row_of(row)),
        ))
    }

    fn current(&self, history: &History) -> Option<String> {
        history.current()
    }

    fn preflight(&self, history: &History) -> Result<Pending, Ending> {
        match self.look(history) {
            Preflight::Pending(pending) => {
                // Flyway runs them with whatever is pending, so they are listed and bound to the approval too.
                let run = || pending.iter().copied().chain(self.files.callbacks());
                Ok(Pending {
                    versions: pending.iter().map(|file| file.label()).collect(),
                    digest: files::digest(run()),
                    units: units::units(&self.files, &pending),
                    unguarded: units::unguarded(&self.files, &pending),
                    files: run()
                        .map(|file| PendingFile {
                            name: file.script.clone(),
                            content: file.content.clone(),
                        })
                        .collect(),
                })
            }
            Preflight::Nothing => Err(Ending::done(Outcome::Succeeded, "NoPendingMigrations")),
            Preflight::Ahead => Err(Ending::done(Outcome::Skipped, "DatabaseAhead")),
            Preflight::Failed(row) => Err(Ending::blocked(
                history::FAILED_ROW,
                about(
                    &row.script,
                    "the history table says that it failed; undo by hand what is there of it",
                ),
            )),
            Preflight::Changed(file) => Err(Ending::blocked(
                "ChecksumMismatch",
                about(
                    &file.script,
                    "its content or its name is not that of the file that ran",
                ),
            )),
            Preflight::OutOfOrder(file) => Err(Ending::blocked(
                "OutOfOrder",
                about(&file.script, "its number is below the database's version"),
            )),
            Preflight::Unknown(row) => Err(Ending::blocked(
                "UnknownDatabaseVersion",
                about(
                    &row.script,
                    "it ran on the database and is not among the files",
                ),
            )),
        }
    }

    fn start(&self, access: &Access, guards: &Guards, _pending: &Pending, stage: &Stage) -> Start {
        // Flyway's own default is the last file, but its variable and its file of settings may say otherwise.
        let target = self.target.as_ref().map(ToString::to_string);
        let target = stage.until.clone().or(target);
        let target = target.unwrap_or_else(|| "latest".to_owned());
        let arguments = [
            "-outputType=json".to_owned(),
            format!("-target={target}"),
            "migrate".to_owned(),
        ];
        let out_of_order = self.out_of_order == OutOfOrder::Allow;
        let locations = format!("filesystem:{}", self.folder);
        let mut environment: BTreeMap<&'static str, String> = SETTINGS
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        environment.extend([
            (
                "FLYWAY_URL",
                dsn::jdbc(access.engine, &access.place(), &guards.jdbc(access.engine)),
            ),
            ("FLYWAY_USER", access.user.clone()),
            ("FLYWAY_PASSWORD", access.password.clone()),
            ("FLYWAY_LOCATIONS", locations.clone()),
            // A file may have callbacks come from elsewhere, which nobody would have approved.
            ("FLYWAY_CALLBACK_LOCATIONS", locations),
            ("FLYWAY_TABLE", self.table.clone()),
            ("FLYWAY_OUT_OF_ORDER", out_of_order.to_string()),
        ]);
        // Named also where it is the session's own: a file in the image may say otherwise.
        let schema = self.schema.clone().or_else(|| guards.schema.clone());
        environment.extend(schema.map(|schema| ("FLYWAY_DEFAULT_SCHEMA", schema)));
        if !stage.is_last() {
            environment.extend(WITHOUT_REPEATABLES.map(|(name, value)| (name, value.to_owned())));
        }
        if of_environment(BASELINE_ON_MIGRATE).is_none() {
            environment.insert(BASELINE_ON_MIGRATE, "false".to_owned());
        }
        if std::env::var_os("JAVA_ARGS").is_none() {
            environment.insert("JAVA_ARGS", JAVA_ARGUMENTS.to_owned());
        }
        Start {
            arguments: arguments.to_vec(),
            environment: environment.into_iter().collect(),
        }
    }

    fn understand(&self, last: &str, _after: Option<&History>) -> Option<Words> {
        words::understand(last, &self.files, &self.folder)
    }

    fn shown(&self, last: &str) -> String {
        words::shown(last, &self.files, &self.folder)
    }

    /// A repeatable file with placeholders has the checksum of what was filled in, which only Flyway knows: then its own word counts.
    fn at_target(&self, history: &History, last: &str) -> bool {
        match self.look(history) {
            Preflight::Nothing | Preflight::Ahead => true,
            Preflight::Pending(pending) => {
                let filled_in = |file: &&File| file.has_placeholders(&self.placeholder);
                words::says_success(last) && pending.iter().all(filled_in)
            }
            _ => false,
        }
    }

    fn mark(&self, history: &History) -> Option<&'static str> {
        history.failed().map(|_| history::FAILED_ROW)
    }

    fn applied(&self, before: &History, after: &History) -> i64 {
        after.applied_since(before)
    }

    fn stopped_at(&self, file: Option<&str>, after: Option<&History>) -> Option<StoppedAt> {
        let named = file.and_then(|name| self.files.named(name));
        let next = || match self.look(after?) {
            Preflight::Pending(pending) => pending.first().copied(),
            _ => None,
        };
        named.or_else(next).map(|file: &File| StoppedAt {
            file: file.script.clone(),
            left: if self.files.run_in_one_transaction(file) {
                Left::RolledBack
            } else {
                Left::Half
            },
        })
    }
}

impl Flyway {
    fn look<'a>(&'a self, history: &'a History) -> Preflight<'a> {
        history::preflight(
            &self.files,
            history,
            self.target.as_ref(),
            self.out_of_order,
        )
    }

    /// Flyway's own statements quote the table's name, so case counts.
    fn quoted(&self, name: &str) -> String {
        let quote = match self.engine {
            common::Engine::PostgreSQL => '"',
            common::Engine::MySQL => '`',
        };
        quoted(quote, name)
    }
}

/// The variables of the runner, which Flyway gets too.
fn variables() -> BTreeMap<String, String> {
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    variables.filter(|(_, value)| !value.is_empty()).collect()
}

/// Path and text of each file of settings that is there. Flyway reads other encodings, too: what is no UTF-8 does not matter here.
fn settings_of(program: &Path) -> Vec<(String, String)> {
    let paths = settings_files(program).into_iter();
    let read = paths.filter_map(|path| {
        let content = std::fs::read(&path).ok()?;
        let text = String::from_utf8_lossy(&content).into_owned();
        Some((path.display().to_string(), text))
    });
    read.collect()
}

/// Where Flyway looks for settings: in `conf` beside itself or beside its folder, in the user's home, in the working folder, and where it is told.
/// Not all of them need be there.
fn settings_files(program: &Path) -> Vec<PathBuf> {
    let program = program.canonicalize().unwrap_or_default();
    let beside = program.ancestors().skip(1).take(2);
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let folders = beside
        .map(|folder| folder.join("conf"))
        .chain(home)
        .chain([PathBuf::from("/tmp"), PathBuf::from(".")]);
    let named = of_environment("FLYWAY_CONFIG_FILES").unwrap_or_default();
    let named = named.split(',').filter(|path| !path.is_empty());
    folders
        .flat_map(|folder| settings::FILES.map(|name| folder.join(name)))
        .chain(named.map(|path| PathBuf::from(path.trim())))
        .collect()
}

/// The schema that the migration's own `env` gives to Flyway, which puts its table there.
fn schema_of_environment() -> Option<String> {
    let schemas = || {
        of_environment("FLYWAY_SCHEMAS")
            .and_then(|list| list.split(',').next().map(|name| name.trim().to_owned()))
    };
    of_environment("FLYWAY_DEFAULT_SCHEMA").or_else(schemas)
}

/// A setting of Flyway's that the migration's own `env` gives.
fn of_environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn text_of(version: Option<&Version>) -> String {
    version.map_or_else(|| "0".to_owned(), ToString::to_string)
}

/// A row of the query of `read`; NULL comes as an empty text.
fn row_of(row: &[String]) -> Option<Row> {
    let [version, description, kind, script, checksum, success] = row else {
        return None;
    };
    Some(Row {
        version: Version::parse(version),
        description: description.clone(),
        kind: kind.clone(),
        script: script.clone(),
        checksum: checksum.parse().ok(),
        success: matches!(success.as_str(), "t" | "1"),
    })
}

fn named_target(text: &str, files: &Files) -> Result<Version, Ending> {
    let version = Version::parse(text).filter(|version| files.get(version).is_some());
    version.ok_or_else(|| {
        source(&format!(
            "target {text}: no file has this version; the last one is {}",
            text_of(files.top())
        ))
    })
}

fn refused(error: &FilesError) -> Ending {
    match error {
        FilesError::Empty => no_files(&error.to_string()),
        FilesError::Name(_) | FilesError::Version(..) | FilesError::Description(..) => {
            source(&error.to_string())
        }
    }
}
