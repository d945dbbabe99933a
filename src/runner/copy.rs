//! The two init containers: one copies this binary to where the tool's image finds it, the other the migration files; where their image is a
//! volume, the runner itself does.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::api::common::Tool;
use crate::core::migration::message::{FORMAT, Message, MessageError, Outcome};
use crate::core::migration::parameters::{PARAMETERS_VARIABLE, RunParameters};
use crate::core::migration::scrub::Scrubber;

use super::ending::Ending;
use super::log::say;
use super::termination::TerminationLog;

/// Copies the running binary to `target`, executable for all.
///
/// # Errors
/// When it cannot be read or written.
pub fn copy_self(target: &Path) -> io::Result<()> {
    fs::copy(std::env::current_exe()?, target)?;
    fs::set_permissions(target, fs::Permissions::from_mode(0o755))
}

/// Copies the regular files of a folder, links followed; folders in it for Flyway alone, which looks there too. Returns the code to exit with; where the files cannot be
/// read, the termination message says `SourceUnreadable`.
#[must_use]
pub fn copy_files(from: &Path, to: &Path, termination_log: PathBuf) -> u8 {
    let parameters = std::env::var(PARAMETERS_VARIABLE).ok();
    let parameters = parameters.and_then(|text| serde_json::from_str::<RunParameters>(&text).ok());
    let tool = parameters.as_ref().map(|parameters| parameters.tool);
    let Err(error) = copy(from, to, Depth::of(tool)) else {
        return 0;
    };
    say(&error);
    let message = Message {
        v: FORMAT,
        outcome: Outcome::Failed,
        reason: "SourceUnreadable".to_owned(),
        plan_key: parameters
            .as_ref()
            .map(|parameters| parameters.plan_key.clone())
            .unwrap_or_default(),
        attempt: parameters.map_or(0, |parameters| parameters.attempt),
        error: Some(MessageError::plain("Files", &error)),
        ..Message::default()
    };
    TerminationLog::new(termination_log, Scrubber::default()).write(&message);
    message.exit_code()
}

/// The same without an init container.
pub fn fill(from: &Path, to: &Path, tool: Tool) -> Result<(), Ending> {
    let unreadable =
        |error: String| Ending::failed("SourceUnreadable", MessageError::plain("Files", &error));
    copy(from, to, Depth::of(Some(tool))).map_err(unreadable)
}

/// How many levels of folders are copied.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Depth {
    One,
    All,
}

impl Depth {
    fn of(tool: Option<Tool>) -> Self {
        if tool == Some(Tool::Flyway) {
            Self::All
        } else {
            Self::One
        }
    }
}

fn copy(from: &Path, to: &Path, depth: Depth) -> Result<(), String> {
    let said =
        |path: &Path, error: &io::Error| format!("{} cannot be read: {error}", path.display());
    let entries = fs::read_dir(from).map_err(|error| said(from, &error))?;
    for entry in entries {
        let path = entry.map_err(|error| said(from, &error))?.path();
        let metadata = path.metadata().map_err(|error| said(&path, &error))?;
        let Some(name) = path.file_name() else {
            continue;
        };
        let target = to.join(name);
        // Hidden folders are no part of the source: a ConfigMap's files are links into its `..data`.
        let is_hidden = name.to_string_lossy().starts_with('.');
        if metadata.is_dir() && depth == Depth::All && !is_hidden {
            fs::create_dir_all(&target)
                .map_err(|error| format!("{} cannot be made: {error}", target.display()))?;
            copy(&path, &target, depth)?;
        }
        if !metadata.is_file() {
            continue;
        }
        let content = fs::read(&path).map_err(|error| said(&path, &error))?;
        fs::write(&target, content)
            .map_err(|error| format!("{} cannot be written: {error}", target.display()))?;
    }
    Ok(())
}
