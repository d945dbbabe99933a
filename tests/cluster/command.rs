//! A command that answers, well or not.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// What a command answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub succeeded: bool,
    pub stdout: String,
    pub stderr: String,
}

impl Answer {
    /// What it printed, or an error with its words.
    pub fn success(self, command: &str) -> Result<String> {
        ensure!(
            self.succeeded,
            "{command} failed: {}{}",
            self.stderr,
            self.stdout
        );
        Ok(self.stdout)
    }
}

/// Runs a command to its end with a text on its standard input.
pub async fn run_with_input(mut command: Command, input: &str) -> Result<Answer> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command
        .spawn()
        .with_context(|| format!("start {}", command.as_std().get_program().to_string_lossy()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command that does not read its input closes it; its answer tells what is wrong.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    let output = child.wait_with_output().await?;
    Ok(Answer {
        succeeded: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
