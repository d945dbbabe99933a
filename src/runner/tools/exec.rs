//! A program of one's own: any command from the image, which may have a migration tool built in. Then that tool's version table is read
//! before and after, by the tool's own file beside this one.

use crate::api::common;
use crate::api::migration::OutOfOrder;
use crate::core::migration::dsn;
use crate::core::migration::judge::{Evidence, Judgement, Left};
use crate::core::migration::message::MessageError;
use crate::core::migration::parameters::RunParameters;
use crate::core::migration::program::{self, Program, Proof};
use crate::core::migration::stages::Stage;
use crate::core::migration::words::Words;

use super::{
    Access, Ending, Engine, EngineError, Facts, Guards, Pending, Start, StoppedAt, Tool, source,
};

/// The program. `R`: the tool that it has built in; any one where `built_in` is none.
pub struct Exec<R> {
    program: String,
    arguments: Vec<String>,
    built_in: Option<R>,
    known: Program,
}

impl<R: Tool> Tool for Exec<R> {
    /// Of the tool that is built in.
    type Versions = Option<R::Versions>;

    const NAME: &'static str = "exec";
    const PLACES: &'static [&'static str] = &[];
    const FATAL_MARKS: &'static [&'static str] = &[];

    fn list(parameters: &RunParameters) -> Result<Self, Ending> {
        let Some((program, arguments)) = parameters.command.split_first() else {
            return Err(source("no program is named; tool Exec needs a command"));
        };
        let proof = match (parameters.read_back, parameters.files.is_empty()) {
            (None, _) => Proof::ExitCode,
            (Some(_), true) => Proof::CleanTable,
            (Some(_), false) => Proof::TableAtTarget,
        };
        let built_in = match proof {
            Proof::ExitCode => None,
            Proof::CleanTable | Proof::TableAtTarget => Some(R::list(&RunParameters {
                // The program decides by itself in which order it runs its files.
                out_of_order: OutOfOrder::Allow,
                ..parameters.clone()
            })?),
        };
        Ok(Self {
            program: program.clone(),
            arguments: arguments.to_vec(),
            built_in,
            known: Program {
                engine: parameters.engine,
                own_user: parameters.own_user,
                proof,
                marks_begun: R::MARKS_BEGUN,
                idempotent: parameters.idempotent,
            },
        })
    }

    fn program(&self) -> &str {
        &self.program
    }

    fn facts(&self) -> Facts {
        self.files().map(Tool::facts).unwrap_or_default()
    }

    async fn read<E: Engine>(&self, session: &E) -> Result<Self::Versions, EngineError> {
        match &self.built_in {
            Some(tool) => tool.read(session).await.map(Some),
            None => Ok(None),
        }
    }

    fn current(&self, versions: &Self::Versions) -> Option<String> {
        self.built_in.as_ref()?.current(versions.as_ref()?)
    }

    fn preflight(&self, versions: &Self::Versions) -> Result<Pending, Ending> {
        if let (Some(files), Some(versions)) = (self.files(), versions) {
            return Ok(Pending {
                units: Vec::new(),
                unguarded: None,
                ..files.preflight(versions)?
            });
        }
        match self.mark(versions) {
            Some(reason) => Err(Ending::blocked(
                reason,
                MessageError::plain(
                    "Files",
                    "the version table says that the last migration ended badly; the program was not started",
                ),
            )),
            None => Ok(Pending::default()),
        }
    }

    fn start(&self, access: &Access, guards: &Guards, _pending: &Pending, _stage: &Stage) -> Start {
        let mut environment = connection(access);
        environment.extend(guards.environment(access.engine));
        Start {
            arguments: self.arguments.clone(),
            environment,
        }
    }

    fn understand(&self, _last: &str, _after: Option<&Self::Versions>) -> Option<Words> {
        None
    }

    fn shown(&self, last: &str) -> String {
        last.to_owned()
    }

    fn at_target(&self, versions: &Self::Versions, last: &str) -> bool {
        let Some((tool, versions)) = self.built_in.as_ref().zip(versions.as_ref()) else {
            return false;
        };
        match self.known.proof {
            Proof::TableAtTarget => tool.at_target(versions, last),
            Proof::CleanTable | Proof::ExitCode => tool.current(versions).is_some(),
        }
    }

    fn mark(&self, versions: &Self::Versions) -> Option<&'static str> {
        self.built_in.as_ref()?.mark(versions.as_ref()?)
    }

    fn applied(&self, before: &Self::Versions, after: &Self::Versions) -> i64 {
        match (&self.built_in, before, after) {
            (Some(tool), Some(before), Some(after)) => tool.applied(before, after),
            _ => 0,
        }
    }

    /// By the files of the tool that is built in, where they are given. The program itself names none.
    fn stopped_at(&self, _file: Option<&str>, after: Option<&Self::Versions>) -> Option<StoppedAt> {
        self.files()?.stopped_at(None, after?.as_ref())
    }

    /// A file that left nothing behind is no proof: the program may do more than its files say.
    fn still_pending(&self, _left: Option<Left>) -> Judgement {
        self.known.still_pending()
    }

    fn unseen(&self) -> Option<&'static str> {
        (!self.known.sessions_are_seen()).then_some(program::UNSEEN)
    }

    fn judge(&self, evidence: &Evidence, exit: Option<i64>) -> Judgement {
        self.known.judge(evidence, exit)
    }
}

impl<R: Tool> Exec<R> {
    /// The tool that is built in, if its files are given.
    fn files(&self) -> Option<&R> {
        self.built_in
            .as_ref()
            .filter(|_| self.known.proof == Proof::TableAtTarget)
    }
}

/// What most programs read; one with names of its own gets them from the migration's `env`.
fn connection(access: &Access) -> Vec<(&'static str, String)> {
    let port = access.port.to_string();
    let [host, database, user, password] = [
        &access.host,
        &access.database,
        &access.user,
        &access.password,
    ]
    .map(Clone::clone);
    match access.engine {
        common::Engine::PostgreSQL => vec![
            ("PGHOST", host),
            ("PGPORT", port),
            ("PGDATABASE", database),
            ("PGUSER", user),
            ("PGPASSWORD", password),
            ("PGSSLMODE", dsn::sslmode(access.tls).to_owned()),
        ],
        common::Engine::MySQL => vec![
            ("MYSQL_HOST", host),
            ("MYSQL_PORT", port),
            ("MYSQL_DATABASE", database),
            ("MYSQL_USER", user),
            ("MYSQL_PASSWORD", password),
        ],
    }
}
