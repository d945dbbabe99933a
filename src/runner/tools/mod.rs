//! Migration tools: what the runner asks of one. A second tool is a file beside `goose.rs` and a line in `runner::run`.

pub mod goose;

use std::path::Path;

use crate::core::migration::goose::words::Words;
use crate::core::migration::parameters::RunParameters;

use super::ending::Ending;
use super::engines::{Access, Engine, EngineError, Guards};

/// How to start a tool.
pub struct Start {
    pub arguments: Vec<String>,
    pub environment: Vec<(&'static str, String)>,
}

/// What the folder holds, for the message.
pub struct Facts {
    pub top: String,
    pub digest: String,
    pub count: i64,
    /// The version that the attempt is to reach.
    pub target: String,
}

/// What is to be done.
pub struct Pending {
    pub versions: Vec<String>,
    pub digest: String,
    /// Whether every pending file runs in a transaction of its own.
    pub all_transactional: bool,
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

    /// Reads the files, by the tool's own rule.
    fn list(parameters: &RunParameters) -> Result<Self, Ending>;

    fn facts(&self) -> Facts;

    /// Reads the version table by a plain SELECT: the tool's own commands would create it.
    async fn read<E: Engine>(&self, session: &E) -> Result<Self::Versions, EngineError>;

    /// The version; `None` without a table.
    fn current(&self, versions: &Self::Versions) -> Option<String>;

    /// What the tool would do, or how the attempt ends without it.
    fn preflight(&self, versions: &Self::Versions) -> Result<Pending, Ending>;

    /// How it is started, with the guards handed on in the tool's own way.
    fn start(&self, access: &Access, guards: &Guards) -> Start;

    /// What its last words mean.
    fn understand(&self, last: &str) -> Option<Words>;

    /// Its last words as the log may show them.
    fn shown(&self, last: &str) -> String;

    fn at_target(&self, versions: &Self::Versions) -> bool;

    /// The reason why the version table itself says that a file ended badly: a failed row, a dirty mark.
    fn mark(&self, _versions: &Self::Versions) -> Option<&'static str> {
        None
    }

    fn applied(&self, before: &Self::Versions, after: &Self::Versions) -> i64;

    /// The file at which the tool stopped: the named one, else the first that is not applied.
    fn stopped_at(&self, file: Option<&str>, after: Option<&Self::Versions>) -> Option<StoppedAt>;
}

/// The file at which a tool stopped.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoppedAt {
    pub file: String,
    /// Whether it runs in one transaction, so that what did not reach its end left nothing behind.
    pub transactional: bool,
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
