//! One attempt of a migration, inside its pod: lock the database, run the tool, read its version table back, report. May touch the
//! database, processes and files; never decides whether there is another attempt.
//!
//! The order of the steps is that of `migrations.md` section 2. Whatever happens, a message is left behind that claims no more than what
//! was seen; before the tool starts it says so, so that a kill at any moment leaves the truth.

mod attempt;
pub mod copy;
mod ending;
mod engines;
mod exec;
mod lock;
mod log;
mod output;
mod process;
mod read_back;
mod source;
mod stages;
mod stop;
mod supervise;
mod termination;
mod tools;

use std::path::PathBuf;

use crate::api::common::{Engine, Tool};
use crate::api::migration::ReadBack;
use crate::core::migration::parameters::{ARMED_VARIABLE, PARAMETERS_VARIABLE, RunParameters};
use crate::core::migration::scrub::Scrubber;

pub use exec::exec;

use attempt::Attempt;
use engines::Access;
use engines::mysql::MySql;
use engines::postgresql::PostgreSql;
use termination::TerminationLog;
use tools::exec::Exec;
use tools::flyway::Flyway;
use tools::golang_migrate::GolangMigrate;
use tools::goose::Goose;

/// Exit code when the runner itself could not work; no message then.
pub const INTERNAL: u8 = 2;

/// A shorter value of a Secret is a switch or a number; masking it would make the log unreadable.
const SHORTEST_SECRET: usize = 6;

/// What the command line says.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// File of the termination message.
    pub termination_log: PathBuf,
    /// The tool's file; without it the tool is sought in PATH and then at its usual place.
    pub tool: Option<PathBuf>,
    /// Program of tool Exec and its arguments.
    pub command: Vec<String>,
}

/// What keeps the runner from even starting an attempt.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(
        "environment variable {0} is missing or not text; the operator sets it in the migration Job"
    )]
    Variable(&'static str),
    #[error(
        "environment variable {PARAMETERS_VARIABLE} does not hold what this version of the runner reads"
    )]
    Parameters(#[source] serde_json::Error),
    #[error("the runner could not start")]
    Start(#[source] std::io::Error),
}

/// Runs one attempt and returns the code to exit with.
///
/// # Errors
/// When there is nothing to work with: no parameters, no credentials, no runtime.
pub fn run(options: &RunOptions) -> Result<u8, RunError> {
    // One thread: the death signal of the tool hangs on the thread that started it, and this one lives as long as the process.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(RunError::Start)?;
    let parameters = RunParameters {
        command: options.command.clone(),
        ..parameters()?
    };
    let access = access(&parameters)?;
    let scrubber = Scrubber::new(secrets(&parameters, &access).iter().map(String::as_str));
    let armed = std::env::var(ARMED_VARIABLE).is_ok_and(|value| !value.is_empty());
    let termination = TerminationLog::new(options.termination_log.clone(), scrubber.clone());
    let code = runtime.block_on(async {
        let stop = stop::listen().map_err(RunError::Start)?;
        process::adopt_orphans().map_err(RunError::Start)?;
        let (engine, tool) = (parameters.engine, parameters.tool);
        let tool_path = options
            .tool
            .clone()
            .or_else(|| parameters.tool_path.as_ref().map(PathBuf::from));
        let attempt = Attempt {
            parameters,
            access,
            scrubber,
            termination,
            armed,
            tool: tool_path,
            stop,
        };
        Ok(match engine {
            Engine::PostgreSQL => run_on::<PostgreSql>(attempt, tool).await,
            Engine::MySQL => run_on::<MySql>(attempt, tool).await,
        })
    });
    // What still runs in the background is the other end of a closed connection.
    runtime.shutdown_background();
    code
}

/// A further tool is a line here.
async fn run_on<E: engines::Engine>(attempt: Attempt, tool: Tool) -> u8 {
    match tool {
        Tool::Goose => attempt.run::<E, Goose>().await,
        Tool::GolangMigrate => attempt.run::<E, GolangMigrate>().await,
        Tool::Flyway => attempt.run::<E, Flyway>().await,
        Tool::Exec => match attempt.parameters.read_back {
            // Without a tool that is built in, any one will do: its table is not read.
            None | Some(ReadBack::Goose) => attempt.run::<E, Exec<Goose>>().await,
            Some(ReadBack::GolangMigrate) => attempt.run::<E, Exec<GolangMigrate>>().await,
            Some(ReadBack::Flyway) => attempt.run::<E, Exec<Flyway>>().await,
        },
    }
}

/// What must be in no log: the password, and what Secrets put into the migration's own variables.
fn secrets(parameters: &RunParameters, access: &Access) -> Vec<String> {
    let own = parameters
        .secrets
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .filter(|value| value.len() >= SHORTEST_SECRET);
    std::iter::once(access.password.clone())
        .chain(own)
        .collect()
}

/// The operator's parameters.
///
/// # Errors
/// When the variable is missing or says something else.
fn parameters() -> Result<RunParameters, RunError> {
    let text =
        std::env::var(PARAMETERS_VARIABLE).map_err(|_| RunError::Variable(PARAMETERS_VARIABLE))?;
    serde_json::from_str(&text).map_err(RunError::Parameters)
}

fn access(parameters: &RunParameters) -> Result<Access, RunError> {
    let (user, password) = parameters.engine.credential_variables();
    let variable = |name: &'static str| std::env::var(name).map_err(|_| RunError::Variable(name));
    Ok(Access {
        engine: parameters.engine,
        host: parameters.host.clone(),
        port: parameters.port,
        database: parameters.database.clone(),
        user: variable(user)?,
        password: variable(password)?,
        tls: parameters.tls,
        authority: parameters.authority.clone(),
        own_user: parameters.own_user,
    })
}
