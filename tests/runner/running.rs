//! A runner as a process: at work, and what it leaves.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use slipway::core::migration::message::{Message, Outcome};
use tokio::process::Child;

use super::witness::Witness;
use super::{LIMIT, said};
use crate::cluster::canary::is_in;

/// A runner at work.
pub struct Running {
    pub child: Child,
    pub(super) log: PathBuf,
    pub(super) witness: Option<Witness>,
}

/// What a runner leaves: its message as a text, empty if it left none.
pub struct Left {
    pub code: Option<i32>,
    pub message: String,
    pub output: String,
}

/// A runner's end.
pub struct Ended {
    pub code: Option<i32>,
    pub message: Message,
    pub output: String,
}

impl Ended {
    /// The outcome in one line, to be compared as a whole.
    pub fn verdict(&self) -> String {
        let message = &self.message;
        let version =
            |version: &Option<String>| version.clone().unwrap_or_else(|| "none".to_owned());
        let (before, after) = (version(&message.before), version(&message.after));
        let safe = if message.retry_safe { " retry" } else { "" };
        let started = if message.started { "" } else { " not started" };
        let code = self.code.unwrap_or(-1);
        format!(
            "{:?} {} {before}->{after}{safe}{started} exit {code}",
            message.outcome, message.reason
        )
    }

    /// The error in one line.
    pub fn error(&self) -> String {
        let error = self.message.error.clone().unwrap_or_default();
        let line = error
            .line
            .map(|line| format!(":{line}"))
            .unwrap_or_default();
        format!(
            "{}{line} {} {}",
            error.file.unwrap_or_default(),
            error.code.unwrap_or_default(),
            error.object.unwrap_or_default()
        )
    }
}

impl Running {
    pub async fn end(self) -> Result<Ended> {
        let Left {
            code,
            message: text,
            output,
        } = self.left().await?;
        let message = serde_json::from_str(&text).with_context(|| format!("message {text:?}"))?;
        Ok(Ended {
            code,
            message,
            output,
        })
    }

    /// What is left of it when it has ended, however that was.
    pub async fn left(self) -> Result<Left> {
        let output = tokio::time::timeout(LIMIT * 2, self.child.wait_with_output())
            .await
            .context("the runner does not end")??;
        let (code, output) = said(output);
        let message = fs::read_to_string(&self.log).unwrap_or_default();
        // I-39, I-3: asked after every run of every test.
        ensure!(!is_in(&message), "the password stands in {message}");
        ensure!(!is_in(&output), "the password stands in the log: {output}");
        if let Some(witness) = self.witness {
            witness.saw_none_meet()?;
        }
        Ok(Left {
            code,
            message,
            output,
        })
    }

    pub fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill_process(self.pid()?, signal)?)
    }

    /// The tool: the runner's only child.
    pub fn tool(&self) -> Result<Pid> {
        let parent = self.pid()?.as_raw_pid().to_string();
        for entry in fs::read_dir("/proc")?.flatten() {
            let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            let is_child = stat
                .rsplit_once(')')
                .and_then(|(_, rest)| rest.split_whitespace().nth(1))
                == Some(&parent);
            if is_child {
                return entry
                    .file_name()
                    .to_str()
                    .and_then(|name| name.parse().ok())
                    .and_then(Pid::from_raw)
                    .context("a process id");
            }
        }
        bail!("the runner has no child")
    }

    fn pid(&self) -> Result<Pid> {
        pid(&self.child)
    }
}

/// What a message says when its runner was killed.
pub fn is_provisional(message: &Message) -> bool {
    message.outcome == Outcome::Unknown && message.started && !message.retry_safe
}

/// The process id of a program that runs.
pub fn pid(child: &Child) -> Result<Pid> {
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    id.and_then(Pid::from_raw).context("it has ended")
}
