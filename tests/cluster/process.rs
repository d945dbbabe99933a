//! Processes of the test cluster: started with a log and a record of their id, found again by another run, ended by id and never by name.
//!
//! A record holds the process id and the time the kernel started it, so a reused id is never taken for ours.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::wait;

/// What to start.
#[derive(Debug)]
pub struct Launch {
    /// The name of log and record: `NAME.log` and `NAME.pid`.
    pub name: String,
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    /// Variables on top of this process' own.
    pub environment: BTreeMap<String, String>,
}

impl Launch {
    pub fn new(name: impl Into<String>, program: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            program: program.into(),
            arguments: Vec::new(),
            environment: BTreeMap::new(),
        }
    }

    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// An argument `--name=value`.
    #[must_use]
    pub fn option(self, name: &str, value: impl std::fmt::Display) -> Self {
        self.argument(format!("--{name}={value}"))
    }

    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// Starts it in a process group of its own, so that Ctrl-C at the terminal reaches the harness alone and teardown keeps its order.
    /// `records` gets the record, `logs` the log.
    pub fn start(self, records: &Path, logs: &Path) -> Result<Process> {
        let log_path = logs.join(format!("{}.log", self.name));
        let log = File::options()
            .append(true)
            .create(true)
            .open(&log_path)
            .with_context(|| format!("open {}", log_path.display()))?;
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .envs(&self.environment)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .with_context(|| format!("start {}", self.program.display()))?;
        let pid = Pid::from_child(&child);
        let identity = Identity::of(pid).unwrap_or(Identity { pid, started: 0 });
        let record = records.join(format!("{}.pid", self.name));
        let text = format!("{} {}\n", pid.as_raw_nonzero(), identity.started);
        if let Err(error) = fs::write(&record, text) {
            // Nobody would ever end what is not recorded; a teardown may have taken the folder just now.
            let _ = kill_process(pid, Signal::KILL);
            return Err(error).with_context(|| format!("record {}", self.name));
        }
        // The child is reaped by a thread of its own, so that it never stays as a zombie of a long test run.
        std::thread::spawn(move || {
            let mut child = child;
            child.wait()
        });
        Ok(Process {
            name: self.name,
            identity,
            record,
            log: log_path,
        })
    }
}

/// A process id with the kernel's start time, in clock ticks since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    pid: Pid,
    started: u64,
}

impl Identity {
    /// Of a process that is there and not a zombie.
    pub fn of(pid: Pid) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
        // The second field is the name in brackets and may hold anything; state and start time are the 1st and 20th after it.
        let (_, rest) = status.rsplit_once(')')?;
        let mut fields = rest.split_whitespace();
        let state = fields.next()?;
        let started = fields.nth(18)?.parse().ok()?;
        (!matches!(state, "Z" | "X")).then_some(Self { pid, started })
    }

    pub fn pid(self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    pub fn is_alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    pub fn signal(self, signal: Signal) -> Result<()> {
        ensure!(self.is_alive(), "process {} is gone", self.pid());
        kill_process(self.pid, signal).with_context(|| format!("signal process {}", self.pid()))
    }

    /// Memory that is resident now, in bytes (`VmRSS`): its own, and the pages of its file that were read.
    pub fn resident_memory(self) -> Result<u64> {
        self.memory("VmRSS:")
    }

    /// Of the resident memory what is its own and in no file, in bytes (`RssAnon`): the rest the kernel takes back when it needs it.
    pub fn own_memory(self) -> Result<u64> {
        self.memory("RssAnon:")
    }

    fn memory(self, field: &str) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(field))
            .with_context(|| format!("no {field} in the process status"))?;
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kibibytes * 1024)
    }

    /// Processor time spent so far, user and system together.
    pub fn processor_time(self) -> Result<Duration> {
        let status = fs::read_to_string(format!("/proc/{}/stat", self.pid()))?;
        let (_, rest) = status.rsplit_once(')').context("odd process status")?;
        let ticks: u64 = rest
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<u64>().ok())
            .sum();
        let per_second = rustix::param::clock_ticks_per_second();
        Ok(Duration::from_millis(ticks * 1000 / per_second.max(1)))
    }
}

/// A process that was started here, or by an earlier run.
#[derive(Clone, Debug)]
pub struct Process {
    name: String,
    identity: Identity,
    record: PathBuf,
    log: PathBuf,
}

impl Process {
    /// All recorded processes of a folder, alive or not.
    pub fn recorded(records: &Path, logs: &Path) -> Vec<Self> {
        fs::read_dir(records)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| Self::read(&entry.path(), logs))
            .collect()
    }

    fn read(record: &Path, logs: &Path) -> Option<Self> {
        if record.extension()? != "pid" {
            return None;
        }
        let name = record.file_stem()?.to_str()?.to_owned();
        let text = fs::read_to_string(record).ok()?;
        let (pid, started) = text.trim().split_once(' ')?;
        let identity = Identity {
            pid: Pid::from_raw(pid.parse().ok()?)?,
            started: started.parse().ok()?,
        };
        let log = logs.join(format!("{name}.log"));
        Some(Self {
            name,
            identity,
            record: record.to_owned(),
            log,
        })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn pid(&self) -> i32 {
        self.identity.pid()
    }

    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// The log so far.
    pub fn log(&self) -> String {
        fs::read(&self.log)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    pub fn is_alive(&self) -> bool {
        self.identity.is_alive()
    }

    pub fn signal(&self, signal: Signal) -> Result<()> {
        ensure!(
            self.is_alive(),
            "{} is not running; its log ends with:\n{}",
            self.name,
            tail(&self.log(), 10)
        );
        self.identity.signal(signal)
    }

    /// Waits until the process is gone.
    pub async fn wait(&self, limit: Duration) -> Result<()> {
        wait::until(&format!("{} to end", self.name), limit, async || {
            ensure!(
                !self.is_alive(),
                "it is still running; its log ends with:\n{}",
                tail(&self.log(), 10)
            );
            anyhow::Ok(())
        })
        .await
    }

    /// Ends it at once (SIGKILL), waits until it is gone, and forgets it. Blocks for milliseconds; fine if it is gone already.
    pub fn kill(&self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.is_alive() {
            ensure!(
                Instant::now() < deadline,
                "{}, process {}, survives SIGKILL",
                self.name,
                self.pid()
            );
            let _ = kill_process(self.identity.pid, Signal::KILL);
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = fs::remove_file(&self.record);
        Ok(())
    }

    /// Memory that is resident now, in bytes (`VmRSS`).
    pub fn resident_memory(&self) -> Result<u64> {
        self.identity.resident_memory()
    }

    /// Processor time spent so far, user and system together.
    pub fn processor_time(&self) -> Result<Duration> {
        self.identity.processor_time()
    }
}

/// Runs a command to its end and returns what it printed; a failure carries its own words.
pub fn run(command: &mut Command) -> Result<String> {
    let shown = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("start {shown}"))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        bail!("{shown} failed ({}): {}", output.status, tail(&words, 20));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The last lines of a text.
pub fn tail(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines
        .get(lines.len().saturating_sub(count)..)
        .unwrap_or_default()
        .join("\n")
}
