//! The attempt itself: the steps of `migrations.md` section 2 in their order.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use crate::api::common;
use crate::api::database::RunMode;
use crate::core::migration::findings::{SqlFile, findings};
use crate::core::migration::judge::{Judgement, rolls_back_schema};
use crate::core::migration::message::{FORMAT, Message, MessageError, Outcome};
use crate::core::migration::parameters::RunParameters;
use crate::core::migration::scrub::Scrubber;
use crate::core::run::verdict::PLAN_CHANGED;

use super::copy;
use super::ending::Ending;
use super::engines::{Access, Engine, EngineError};
use super::lock::Lock;
use super::log::say;
use super::process;
use super::read_back::{checked, note};
use super::source;
use super::stop::Stop;
use super::termination::TerminationLog;
use super::tools::{Pending, Tool, beyond};

/// Most files and findings that a message names, of those that wait for an approval.
const FILES_NAMED: usize = 20;
const FINDINGS_NAMED: usize = 20;

/// Most versions that are named in a message.
const PENDING_NAMED: usize = 100;

/// One attempt, and what it needs.
pub struct Attempt {
    pub parameters: RunParameters,
    pub access: Access,
    pub scrubber: Scrubber,
    pub termination: TerminationLog,
    /// Whether the operator armed the Job.
    pub armed: bool,
    /// The tool's file, where the command line names it.
    pub tool: Option<PathBuf>,
    pub stop: Stop,
}

/// What was found before the tool was started, and is needed after it.
pub struct Before<E: Engine, T: Tool> {
    pub lock: Lock<E>,
    pub tool: T,
    pub versions: T::Versions,
    pub invalid_indexes: Vec<String>,
    pub pending: Pending,
    pub program: PathBuf,
}

impl Attempt {
    /// Runs it to its end, leaves the message behind, and returns the code to exit with.
    pub async fn run<E: Engine, T: Tool>(mut self) -> u8 {
        let mut message = self.first_message();
        let judgement = match self.before::<E, T>(&mut message).await {
            Ok(before) => self.run_tool(before, &mut message).await,
            Err(ending) => {
                let ending = if self.parameters.mode == RunMode::Check {
                    ending.of_check()
                } else {
                    ending
                };
                message.error = ending.error.map(|error| *error);
                ending.judgement
            }
        };
        message.outcome = judgement.outcome;
        judgement.reason.clone_into(&mut message.reason);
        message.retry_safe = judgement.retry_safe;
        self.termination.write(&message);
        let error = message
            .error
            .as_ref()
            .map(|error| format!(": {}", error.text))
            .unwrap_or_default();
        say(&self
            .scrubber
            .scrub(&format!("{:?}, {}{error}", message.outcome, message.reason)));
        message.exit_code()
    }

    /// Says that nothing is known yet, but that the tool was not started.
    fn first_message(&self) -> Message {
        let message = Message {
            v: FORMAT,
            outcome: Outcome::Unknown,
            reason: "OutcomeUnknown".to_owned(),
            plan_key: self.parameters.plan_key.clone(),
            attempt: self.parameters.attempt,
            target: self.parameters.target.clone(),
            ..Message::default()
        };
        self.termination.write(&message);
        message
    }

    /// Steps 1 to 8: everything that can be known before the tool is started.
    async fn before<E: Engine, T: Tool>(
        &mut self,
        message: &mut Message,
    ) -> Result<Before<E, T>, Ending> {
        if !self.armed {
            return Err(not_armed());
        }
        self.fill_folder()?;
        let tool = T::list(&self.parameters)?;
        let beyond = self.note_files(&tool, message);
        let program = self.program(&tool)?;
        let lock = self.lock::<E>(message).await?;
        let checks = self.checks();
        let in_use = is_in_use(lock.session()).await?;
        message.found_empty = Some(!in_use);
        if self.parameters.may_have_run && !checks && in_use {
            return Err(may_have_run());
        }
        tool.refuse_elsewhere(&program, lock.session()).await?;
        let versions = tool.read(lock.session()).await?;
        message.before = tool.current(&versions);
        note(message, &tool, &versions);
        let invalid_indexes = lock.session().invalid_indexes().await?;
        if checks {
            message.invalid_indexes.clone_from(&invalid_indexes);
        }
        let pending = pending(&tool, &versions, beyond)?;
        note_pending(&pending, message);
        if checks {
            self.list(&pending, message);
            return Err(checked::<E, T>(&tool, &versions));
        }
        let approved = self.parameters.approved.as_ref();
        if approved.is_some_and(|approved| *approved != pending.digest) {
            self.list(&pending, message);
            return Err(plan_changed());
        }
        if self.stop.at().is_some() {
            return Err(told_to_stop());
        }
        Ok(Before {
            lock,
            tool,
            versions,
            invalid_indexes,
            pending,
            program,
        })
    }

    /// Whether it only looks.
    fn checks(&self) -> bool {
        self.parameters.mode == RunMode::Check
    }

    /// Puts the files there, where no init container did.
    fn fill_folder(&self) -> Result<(), Ending> {
        let to = Path::new(&self.parameters.files);
        if let Some(from) = &self.parameters.image_folder {
            copy::fill(Path::new(from), to, self.parameters.tool)?;
        }
        if let Some(from) = &self.parameters.config_map {
            source::take(from, to)?;
        }
        Ok(())
    }

    /// Says what the folder holds. A target above all of it ends the attempt, unless the database is ahead.
    fn note_files<T: Tool>(&self, tool: &T, message: &mut Message) -> Option<Ending> {
        let facts = tool.facts();
        let beyond = beyond(self.parameters.target.as_deref(), &facts.top);
        message.files_top = said(facts.top);
        message.files_digest = said(facts.digest);
        message.file_count = facts.count;
        message.target = said(facts.target);
        beyond
    }

    /// The tool's program. A Check run starts none.
    fn program<T: Tool>(&self, tool: &T) -> Result<PathBuf, Ending> {
        let given = self.tool.as_deref();
        match process::find(given, tool.program(), T::PLACES) {
            Some(program) => Ok(program),
            None if self.checks() => Ok(PathBuf::new()),
            None => Err(no_program(tool, given)),
        }
    }

    /// Takes the lock in the database, and waits until what earlier attempts left there is gone.
    async fn lock<E: Engine>(&mut self, message: &mut Message) -> Result<Lock<E>, Ending> {
        let begin = Instant::now();
        let until = begin + seconds(self.parameters.lock_wait_seconds);
        let lock = Lock::<E>::take(&self.access, &self.name(), until, &mut self.stop).await;
        message.lock_ms = milliseconds(begin);
        let lock = lock?;
        let may_end = !self.checks();
        lock.clear_orphans(until, may_end, &mut self.stop).await?;
        message.lock_ms = milliseconds(begin);
        message.server = Some(lock.session().server());
        message.warnings = lock.session().warnings();
        Ok(lock)
    }

    /// What a person is to approve.
    fn list(&self, pending: &Pending, message: &mut Message) {
        let (tool, engine) = (self.parameters.tool, self.parameters.engine);
        let files = pending.files.iter().map(|file| SqlFile {
            name: &file.name,
            content: &file.content,
        });
        let findings = findings(tool, engine, files);
        message.findings_total = i64::try_from(findings.len()).unwrap_or(i64::MAX);
        message.findings = findings.into_iter().take(FINDINGS_NAMED).collect();
        let names = pending.files.iter().map(|file| file.name.clone());
        message.pending_files = names.take(FILES_NAMED).collect();
    }

    /// Steps 9 to 11.
    async fn run_tool<E: Engine, T: Tool>(
        &mut self,
        mut before: Before<E, T>,
        message: &mut Message,
    ) -> Judgement {
        message.started = true;
        let unguarded = before.pending.unguarded.take();
        message
            .warnings
            .extend(unguarded.filter(|_| rolls_back_schema(E::KIND)));
        self.termination.write(message);
        let begin = Instant::now();
        let finished = match self.run_stages(&mut before).await {
            Ok(finished) => finished,
            Err(error) => {
                message.started = false;
                message.error = Some(MessageError::plain(
                    "Tool",
                    &format!("{} cannot be started: {error}", before.tool.program()),
                ));
                return Judgement::new(Outcome::Failed, "InvalidSource", false);
            }
        };
        message.tool_ms = milliseconds(begin);
        message.tool_exit = finished
            .status
            .and_then(|status| status.code())
            .map(i64::from);
        self.read_back(before, &finished, message).await
    }

    /// What our sessions are called, after their prefix.
    pub(super) fn name(&self) -> String {
        format!(
            "{}/{}",
            self.parameters.migration_uid, self.parameters.attempt
        )
    }
}

fn not_armed() -> Ending {
    Ending::later(
        "NotArmed",
        "Tool",
        "the Job was started by someone else than the operator; nothing was done",
    )
}

/// What is to be done, or how the attempt ends without it. `beyond`: the end of one whose target is above all files.
fn pending<T: Tool>(
    tool: &T,
    versions: &T::Versions,
    beyond: Option<Ending>,
) -> Result<Pending, Ending> {
    let pending = tool.preflight(versions);
    let is_ahead = matches!(&pending, Err(ending) if ending.judgement.outcome == Outcome::Skipped);
    match beyond.filter(|_| !is_ahead) {
        Some(ending) => Err(ending),
        None => pending,
    }
}

fn note_pending(pending: &Pending, message: &mut Message) {
    let named = pending.versions.iter().take(PENDING_NAMED);
    message.pending = named.cloned().collect();
    message.pending_total = i64::try_from(pending.versions.len()).unwrap_or(i64::MAX);
    message.pending_digest = said(pending.digest.clone());
}

fn plan_changed() -> Ending {
    Ending::failed(
        PLAN_CHANGED,
        MessageError::plain(
            "Files",
            "what is pending is not what was approved; nothing was run",
        ),
    )
}

fn told_to_stop() -> Ending {
    Ending::later(
        "OutcomeUnknown",
        "Tool",
        "the pod was told to stop before the tool was started; nothing was run",
    )
}

fn no_program<T: Tool>(tool: &T, given: Option<&Path>) -> Ending {
    let name = tool.program();
    let places = match given {
        Some(path) => format!("no program at {} (toolPath)", path.display()),
        None if name.contains('/') => "no program at this path".to_owned(),
        None if T::PLACES.is_empty() => "not in PATH".to_owned(),
        None => format!("not in PATH, not at {}", T::PLACES.join(", ")),
    };
    let text = format!("{name} is not in the image: {places}");
    Ending::failed("InvalidSource", MessageError::plain("Tool", &text))
}

/// Whether anything was ever made in the database, but by an extension. MySQL's list holds all databases that the user may see, and calls each a
/// schema.
async fn is_in_use<E: Engine>(session: &E) -> Result<bool, EngineError> {
    let query = match E::KIND {
        common::Engine::PostgreSQL => {
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' \
             AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') LIMIT 1"
        }
        common::Engine::MySQL => {
            "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() LIMIT 1"
        }
    };
    Ok(!session.rows(query).await?.unwrap_or_default().is_empty())
}

fn may_have_run() -> Ending {
    Ending::blocked(
        "OutcomeUnknown",
        MessageError::plain(
            "Tool",
            "the program was not started: the database is in use, and its ledger does not know whether the program ran there before",
        ),
    )
}

/// What is empty is not said.
fn said(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// A number of seconds from the parameters; a negative one is none.
pub fn seconds(value: i64) -> Duration {
    Duration::from_secs(u64::try_from(value).unwrap_or(0))
}

fn milliseconds(since: Instant) -> i64 {
    i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX)
}
