//! `slipway runner`: the commands inside a migration pod. Not for people; the operator writes them into the Job.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::runner::{self, RunOptions, copy};

/// Where the kubelet looks for a container's last words.
const TERMINATION_LOG: &str = "/dev/termination-log";

/// Inside a migration pod; the operator calls it.
#[derive(Debug, Args)]
pub struct RunnerArguments {
    #[command(subcommand)]
    command: RunnerCommand,
}

#[derive(Debug, Subcommand)]
enum RunnerCommand {
    /// Copy this binary to TARGET, for a container whose image does not hold it
    CopySelf {
        /// File to write
        target: PathBuf,
    },
    /// Copy the files of a folder into another
    CopyFiles {
        /// Folder to read
        #[arg(long)]
        from: PathBuf,
        /// Folder to write to
        #[arg(long)]
        to: PathBuf,
        /// File for the message that says why the files could not be read
        #[arg(long, env = "SLIPWAY_TERMINATION_LOG", default_value = TERMINATION_LOG)]
        termination_log: PathBuf,
    },
    /// Run one attempt of a migration: lock, run the tool, read back, report
    Run {
        /// File for the message that says what was found
        #[arg(long, env = "SLIPWAY_TERMINATION_LOG", default_value = TERMINATION_LOG)]
        termination_log: PathBuf,
        /// The tool's program; without it PATH and the tool's usual places are searched
        #[arg(long, env = "SLIPWAY_TOOL")]
        tool: Option<PathBuf>,
        /// Program of tool Exec and its arguments
        #[arg(last = true)]
        command: Vec<String>,
    },
    /// Become another program that dies with its parent
    #[command(hide = true)]
    Exec {
        /// Process that must be the parent
        #[arg(long)]
        parent: i32,
        /// Program and its arguments
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
}

/// Runs the command; the code is the process's.
#[must_use]
pub fn execute(arguments: RunnerArguments) -> ExitCode {
    match arguments.command {
        RunnerCommand::CopySelf { target } => match copy::copy_self(&target) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => internal(&format!(
                "cannot copy this binary to {}: {error}",
                target.display()
            )),
        },
        RunnerCommand::CopyFiles {
            from,
            to,
            termination_log,
        } => copy::copy_files(&from, &to, termination_log).into(),
        RunnerCommand::Run {
            termination_log,
            tool,
            command,
        } => match runner::run(&RunOptions {
            termination_log,
            tool,
            command,
        }) {
            Ok(code) => code.into(),
            Err(error) => internal(&error.to_string()),
        },
        RunnerCommand::Exec { parent, command } => match command.split_first() {
            Some((program, arguments)) => internal(&format!(
                "cannot become {}: {}",
                program.display(),
                runner::exec(parent, program, arguments)
            )),
            None => internal("no program is named"),
        },
    }
}

fn internal(text: &str) -> ExitCode {
    eprintln!("slipway: {text}");
    runner::INTERNAL.into()
}
