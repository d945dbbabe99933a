//! What people and pipelines type. Each command has its own file and calls the same code as the operator; no rule is told twice.
//!
//! Exit codes, the same everywhere: 0 yes or done; 1 no (errors found, failed); 2 could not tell (usage, file, server).

mod documents;
mod images;
mod render;
mod run;
mod runner;
mod schema;
mod yaml;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::core::crds;

/// Ships a backend service on Kubernetes together with the database schema it needs.
#[derive(Debug, Parser)]
#[command(
    name = "slipway",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the operator
    Run(run::RunArguments),
    /// Print the CustomResourceDefinitions, to be piped into `kubectl apply --server-side -f -`
    Crds,
    Runner(runner::RunnerArguments),
    /// Print the objects that the operator would make of manifests, without a cluster
    Render(render::RenderArguments),
    /// Print the version
    Version,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answer {
    /// Yes, or done.
    Yes,
    /// No: errors found, differs, failed, refused.
    No,
    /// Could not tell: usage, file, server, rights.
    CouldNotTell,
}

impl From<Answer> for ExitCode {
    fn from(answer: Answer) -> Self {
        Self::from(match answer {
            Answer::Yes => 0,
            Answer::No => 1,
            Answer::CouldNotTell => 2,
        })
    }
}

/// The whole program. Usage errors end it inside clap, with exit code 2.
#[must_use]
pub fn main() -> ExitCode {
    let command = CommandLine::parse().command;
    // Said first and aloud, as rustls gives up where two providers are built in; an error only means that one is chosen already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    execute(command).unwrap_or_else(|error| {
        eprintln!("slipway: {error:#}");
        Answer::CouldNotTell.into()
    })
}

fn execute(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run(arguments) => run::execute(arguments),
        Command::Render(arguments) => render::execute(&arguments),
        Command::Runner(arguments) => Ok(runner::execute(arguments)),
        Command::Crds => print(&crds::yaml()),
        Command::Version => print(&format!("slipway {}\n", env!("CARGO_PKG_VERSION"))),
    }
}

/// Writes a result to standard output. A reader that went away, such as `head`, is no error.
fn print(text: &str) -> anyhow::Result<ExitCode> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(Answer::Yes.into()),
    }
}
