//! Migration tools: what the runner asks of one. A further tool is a file beside `goose.rs` and a line in `runner::run`.

pub mod exec;
pub mod flyway;
pub mod golang_migrate;
pub mod goose;
mod version_table;

use std::cmp::Ordering;
use std::io;
use std::path::Path;

use rustix::process::Signal;

use crate::api::database::TakenForApplied;
use crate::core::migration::judge::{Evidence, Judgement, Left, judge, still_pending};
use crate::core::migration::message::MessageError;
use crate::core::migration::parameters::RunParameters;
use crate::core::migration::stages::{Stage, Unit};
use crate::core::migration::words::Words;
use crate::core::version;

use super::ending::Ending;
use super::engines::{Access, Engine, EngineError, Guards};

/// How to start a tool.
pub struct Start {
    pub arguments: Vec<String>,
    pub environment: Vec<(&'static str, String)>,
}

/// What the folder holds, for the message; nothing where there is no folder.
#[derive(Default)]
pub struct Facts {
    pub top: String,
    pub digest: String,
    pub count: i64,
    /// The version that the attempt is to reach.
    pub target: String,
}

impl Facts {
    /// Of a folder with this highest version.
    pub fn of(top: &impl ToString, target: &impl ToString, digest: String, count: i64) -> Self {
        Self {
            top: top.to_string(),
            digest,
            count,
            target: target.to_string(),
        }
    }
}

/// What is to be done.
#[derive(Default)]
pub struct Pending {
    pub versions: Vec<String>,
    pub digest: String,
    /// What the tool can be told to stop after, in order. Empty: it applies all in one start.
    pub units: Vec<Unit>,
    /// Why no file gives up waiting for a lock though some could, and what to do about it.
    pub unguarded: Option<String>,
    /// The files themselves, in the order in which they run, for the approval.
    pub files: Vec<PendingFile>,
}

/// A file that is to be applied.
pub struct PendingFile {
    /// Name without the folder.
    pub name: String,
    pub content: String,
}

/// A tool with the files it is to work on.
pub trait Tool: Sized {
    /// What its version table says.
    type Versions;

    /// Name of its program.
    const NAME: &'static str;

    /// Where it is sought after PATH.
    const PLACES: &'static [&'static str];

    /// What begins the words with which it ends itself.
    const FATAL_MARKS: &'static [&'static str];

    /// The signal at which it ends its file and begins no other; without one it goes on until it is ended.
    const LAST_FILE: Option<Signal> = None;

    /// Whether a lock that is not to be had soon may end it: not where that leaves a mark that only a person takes away.
    const MAY_TIME_OUT: bool = true;

    /// Whether it marks a file in its table before it begins it, so that a clean table proves that none was begun.
    const MARKS_BEGUN: bool = false;

    /// Its program: a name that is sought, or a path.
    fn program(&self) -> &str {
        Self::NAME
    }

    /// Reads the files, by the tool's own rule. No folder (a program of one's own, of which only the version table is known): no files.
    fn list(parameters: &RunParameters) -> Result<Self, Ending>;

    fn facts(&self) -> Facts;

    /// Refuses what in the image, in the variables or in the database would lead the tool to another version table than the one it is to have.
    async fn refuse_elsewhere<E: Engine>(
        &self,
        _program: &Path,
        _session: &E,
    ) -> Result<(), Ending> {
        Ok(())
    }

    /// Reads the version table by a plain SELECT: the tool's own commands would create it.
    async fn read<E: Engine>(&self, session: &E) -> Result<Self::Versions, EngineError>;

    /// The version; `None` without a table.
    fn current(&self, versions: &Self::Versions) -> Option<String>;

    /// What the tool would do, or how the attempt ends without it.
    fn preflight(&self, versions: &Self::Versions) -> Result<Pending, Ending>;

    /// How it is started for one stage of what is pending, with the guards handed on in the tool's own way.
    fn start(&self, access: &Access, guards: &Guards, pending: &Pending, stage: &Stage) -> Start;

    /// What its last words mean. `after`: what its table says then, where it could be read.
    fn understand(&self, last: &str, after: Option<&Self::Versions>) -> Option<Words>;

    /// Its last words as the log may show them.
    fn shown(&self, last: &str) -> String;

    /// With a mark: the version before the marked file, up to which all is applied, as the tool calls it.
    fn last_good(&self, _versions: &Self::Versions) -> Option<String> {
        None
    }

    /// The versions among the files that the table takes for applied, for a tool whose table does not name them.
    fn taken_for_applied(&self, _versions: &Self::Versions) -> Option<TakenForApplied> {
        None
    }

    /// `last`: its last words, for what the table alone does not show.
    fn at_target(&self, versions: &Self::Versions, last: &str) -> bool;

    /// The reason why the version table itself says that a file ended badly: a failed row, a dirty mark.
    fn mark(&self, _versions: &Self::Versions) -> Option<&'static str> {
        None
    }

    fn applied(&self, before: &Self::Versions, after: &Self::Versions) -> i64;

    /// What follows where a Check run finds it not done after an attempt of which nobody can tell. `left`: of the first pending file.
    fn still_pending(&self, left: Option<Left>) -> Judgement {
        still_pending(left)
    }

    /// What a person must know of the sessions of an attempt of unknown end, where they are not seen.
    fn unseen(&self) -> Option<&'static str> {
        None
    }

    /// What follows from the evidence. `exit`: the code with which it ended by itself, if it did.
    fn judge(&self, evidence: &Evidence, _exit: Option<i64>) -> Judgement {
        judge(evidence)
    }

    /// The file at which the tool stopped: the named one, else the first that is not applied.
    fn stopped_at(&self, file: Option<&str>, after: Option<&Self::Versions>) -> Option<StoppedAt>;
}

/// The file at which a tool stopped.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoppedAt {
    pub file: String,
    pub left: Left,
}

impl StoppedAt {
    /// The same file, of which nothing ran.
    #[must_use]
    pub fn not_begun(self) -> Self {
        Self {
            left: Left::NotBegun,
            ..self
        }
    }
}

/// The files are not as the tool needs them.
pub fn source(text: &str) -> Ending {
    Ending::failed("InvalidSource", MessageError::plain("Files", text))
}

/// The folder cannot be read.
fn unreadable(folder: &str, error: &io::Error) -> Ending {
    if error.kind() == io::ErrorKind::NotFound {
        return no_files(&format!("folder {folder} is not there"));
    }
    Ending::failed(
        "SourceUnreadable",
        MessageError::plain("Files", &format!("folder {folder} cannot be read: {error}")),
    )
}

/// There is no migration.
pub fn no_files(text: &str) -> Ending {
    Ending::failed("NoMigrationFiles", MessageError::plain("Files", text))
}

/// The files of the source, read and then known as the tool does; none where the plan has no source of files.
pub fn files_of<F: Default, E>(
    parameters: &RunParameters,
    read: impl FnOnce(&Path) -> io::Result<Vec<(String, String)>>,
    known: impl FnOnce(Vec<(String, String)>) -> Result<F, E>,
    refused: impl FnOnce(&E) -> Ending,
) -> Result<F, Ending> {
    if parameters.files.is_empty() {
        return Ok(F::default());
    }
    let entries = read(Path::new(&parameters.files))
        .map_err(|error| unreadable(&parameters.files, &error))?;
    known(entries).map_err(|error| refused(&error))
}

/// The version of the plan's target, which must be that of a file; without one the last file. One above all files stands for the last of them
/// for now: an older image may meet a database that is past it, and then has nothing to do; else [`beyond`] refuses it.
pub fn target_version(
    target: Option<&str>,
    top: i64,
    has: impl Fn(i64) -> bool,
) -> Result<i64, Ending> {
    let Some(text) = target else {
        return Ok(top);
    };
    let version = text.parse::<i64>().ok();
    version
        .filter(|version| has(*version) || *version > top)
        .map(|version| version.min(top))
        .ok_or_else(|| no_target(text, &top.to_string()))
}

/// The refusal of a target that is above all files.
pub fn beyond(target: Option<&str>, top: &str) -> Option<Ending> {
    let target = target.filter(|target| version::compare(target, top) == Some(Ordering::Greater));
    target.map(|target| no_target(target, top))
}

fn no_target(target: &str, top: &str) -> Ending {
    source(&format!(
        "target {target}: no file has this version; the last one is {top}"
    ))
}

/// The database is at a version of which there is no file, though there are higher ones.
pub fn unknown_version(version: i64) -> Ending {
    Ending::blocked(
        "UnknownDatabaseVersion",
        MessageError::plain(
            "Files",
            &format!("the database is at version {version}, which has no file here"),
        ),
    )
}

/// An error that is about a file.
pub fn about(file: &str, text: &str) -> MessageError {
    MessageError {
        file: Some(file.to_owned()),
        ..MessageError::plain("Files", text)
    }
}

/// Text files of a folder and of the folders in it, but for hidden ones: paths below it, and contents.
pub fn tree(path: &Path) -> io::Result<Vec<(String, String)>> {
    let mut files = folder(path)?;
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && entry.path().metadata()?.is_dir() {
            let below = tree(&entry.path())?;
            files.extend(
                below
                    .into_iter()
                    .map(|(path, content)| (format!("{name}/{path}"), content)),
            );
        }
    }
    Ok(files)
}

/// Text files of a folder: names and contents. Bytes that are no UTF-8 are replaced; they matter to no rule here.
pub fn folder(path: &Path) -> std::io::Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        // Links are followed: a ConfigMap's files are links into its `..data`.
        if entry.path().metadata()?.is_file() {
            let content = std::fs::read(entry.path())?;
            files.push((
                entry.file_name().to_string_lossy().into_owned(),
                String::from_utf8_lossy(&content).into_owned(),
            ));
        }
    }
    Ok(files)
}
