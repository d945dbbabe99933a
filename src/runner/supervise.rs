//! The tool at work: its lock watched, its output passed on, its end brought about at a stop, at the run deadline, or without the lock.

use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::AsyncRead;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval, sleep_until, timeout};

use crate::core::migration::judge::{Cause, End};
use crate::core::migration::message::MessageError;

use super::attempt::{Attempt, seconds};
use super::engines::Engine;
use super::lock::{Lock, PING};
use super::log::say;
use super::output;
use super::process::Process;
use super::stop::Stop;
use super::tools::{Start, Tool};

/// Kept free at the end of the grace period after a stop: for the tool to die, and for reading the database back. 60 s.
const RESERVE: Duration = Duration::from_mins(1);

/// Between SIGTERM and SIGKILL to the tool. 10 s.
const KILL_AFTER: Duration = Duration::from_secs(10);

/// How long the tool's output may stay open after its end.
const OUTPUT_LIMIT: Duration = Duration::from_secs(5);

/// How the tool ended.
pub struct Finished {
    pub status: Option<ExitStatus>,
    pub last: String,
    /// Who ended it, if we did.
    pub ended_by: Option<Cause>,
    /// Why it was asked to begin no other file, if it was.
    pub asked: Option<Cause>,
    pub lock_lost: bool,
    /// The version that an early stage was to stop at; absent: what is pending after it was not left to a later start.
    pub until: Option<String>,
    /// Whether a good stage was the last for a reason of ours: what followed could not be found out or could not be started.
    pub broken_off: bool,
}

impl Finished {
    /// Whether it says itself that it did all that it was started for.
    pub fn says_done(&self) -> bool {
        let undisturbed = self.ended_by.is_none() && self.asked.is_none() && !self.lock_lost;
        undisturbed && self.status.is_some_and(|status| status.success())
    }

    /// Its last words, as far as they speak of all that was pending. An early stage tells of its own files only.
    pub fn last_of_all(&self) -> &str {
        if self.until.is_none() { &self.last } else { "" }
    }
}

/// When the tool is ended, over all its starts.
pub struct Deadline {
    at: Instant,
    cause: Cause,
    /// Whether the pod was told to stop.
    stopped: bool,
}

impl Deadline {
    /// At the end of the run that the user allows.
    pub fn after(run: Duration) -> Self {
        Self {
            at: Instant::now() + run,
            cause: Cause::RunDeadline,
            stopped: false,
        }
    }

    /// Why no other stage may begin.
    pub fn reached(&self, stop: &Stop) -> Option<Cause> {
        if stop.at().is_some() {
            return Some(Cause::Stop);
        }
        (self.at <= Instant::now()).then_some(self.cause)
    }
}

impl Attempt {
    /// Runs the tool once while the lock is watched; ends it at a stop, at the run deadline, or without the lock.
    pub async fn supervise<E: Engine, T: Tool>(
        &mut self,
        (program, tool): (&Path, &T),
        lock: &mut Lock<E>,
        start: &Start,
        deadline: &mut Deadline,
    ) -> std::io::Result<Finished> {
        let mut process = Process::start(program, start)?;
        let output = match process.output() {
            Some((out, err)) => vec![self.listen::<T>(out), self.listen::<T>(err)],
            None => Vec::new(),
        };
        let (mut ended_by, mut kill_at, mut lock_lost) = (None, None, false);
        let mut asked = None;
        let last_file = seconds(self.parameters.grace_seconds).saturating_sub(RESERVE);
        let mut ping = interval(PING);
        let status = loop {
            tokio::select! {
                status = process.wait() => break status.ok(),
                _ = ping.tick(), if !lock_lost => {
                    if !lock.is_held().await && !lock.retake().await {
                        say("the lock in the database is lost; killing the tool");
                        lock_lost = true;
                        process.signal(Signal::KILL);
                    }
                }
                at = self.stop.requested(), if !deadline.stopped => {
                    deadline.stopped = true;
                    let stop_at = at + last_file;
                    say("the pod is told to stop; the tool may go on until 60 s before the grace period ends");
                    if ask(&process, T::LAST_FILE) {
                        asked = Some(Cause::Stop);
                    }
                    if stop_at < deadline.at {
                        deadline.at = stop_at;
                        deadline.cause = Cause::Stop;
                    }
                }
                () = sleep_until(deadline.at), if ended_by.is_none() => {
                    if asked.is_none() && ask(&process, T::LAST_FILE) {
                        asked = Some(deadline.cause);
                        deadline.at = Instant::now() + last_file;
                    } else {
                        say("ending the tool");
                        process.signal(Signal::TERM);
                        ended_by = Some(deadline.cause);
                        kill_at = Some(Instant::now() + KILL_AFTER);
                    }
                }
                () = sleep_until(kill_at.unwrap_or(deadline.at)), if kill_at.is_some() => {
                    process.signal(Signal::KILL);
                    kill_at = None;
                }
            }
        };
        // Whatever the tool started ends with it.
        process.signal(Signal::KILL);
        let last = last_words(output).await;
        if !last.is_empty() {
            println!("{}: {}", T::NAME, self.scrubber.scrub(&tool.shown(&last)));
        }
        Ok(Finished {
            status,
            last,
            ended_by,
            asked,
            lock_lost,
            until: None,
            broken_off: false,
        })
    }

    /// Passes the tool's output on; its last words in the end.
    fn listen<T: Tool>(
        &self,
        stream: impl AsyncRead + Unpin + Send + 'static,
    ) -> JoinHandle<String> {
        let scrubber = self.scrubber.clone();
        tokio::spawn(
            async move { output::pass_on(stream, T::NAME, T::FATAL_MARKS, &scrubber).await },
        )
    }
}

/// What was said last on each stream. One that a process of the tool keeps open is not waited for.
async fn last_words(output: Vec<JoinHandle<String>>) -> String {
    let mut last = String::new();
    for stream in output {
        if let Ok(Ok(words)) = timeout(OUTPUT_LIMIT, stream).await {
            last.push_str(&words);
        }
    }
    last
}

/// Asks the tool to begin no other file; whether it knows how to.
fn ask(process: &Process, last_file: Option<Signal>) -> bool {
    if let Some(signal) = last_file {
        say("asking the tool to end its file and begin no other");
        process.signal(signal);
    }
    last_file.is_some()
}

/// What the tool's end shows, and what to say of it.
pub fn end_of(
    finished: &Finished,
    words: Option<(End, MessageError)>,
) -> (End, Option<MessageError>) {
    let tool = |text: &str| Some(MessageError::plain("Tool", text));
    let by_runner = |cause| {
        let text = match cause {
            Cause::RunDeadline => "ended by the runner at the run deadline",
            Cause::Stop | Cause::Other => "ended by the runner, as the pod was told to stop",
        };
        (End::Cut(cause), tool(text))
    };
    if let Some(cause) = finished.ended_by {
        return by_runner(cause);
    }
    if finished.lock_lost {
        return (
            End::Cut(Cause::Other),
            tool("killed by the runner, as the lock in the database was lost"),
        );
    }
    if let Some((end, error)) = words {
        return (end, Some(error));
    }
    if finished.broken_off {
        return (
            End::Cut(Cause::Other),
            tool("its first files are applied; the runner could not go on to the next ones"),
        );
    }
    match (finished.status, finished.asked) {
        (Some(status), Some(cause)) if status.success() => by_runner(cause),
        (Some(status), _) if status.success() => (
            End::Zero,
            tool("it ended well, but the version table is not at the target"),
        ),
        (Some(status), _) if status.code().is_none() => {
            (End::Cut(Cause::Other), tool("it was killed by a signal"))
        }
        (status, _) => {
            let code = status.and_then(|status| status.code());
            let code = code.map_or_else(String::new, |code| format!(" with code {code}"));
            let text = format!("it ended{code} without saying why that Slipway understands");
            (End::Cut(Cause::Other), tool(&text))
        }
    }
}
