//! The tool as a process: in its own group, without a shell, dying with the runner; and the duties of PID 1.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, kill_process_group, set_child_subreaper, waitpid};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use super::tools::Start;

/// Environment that is ours, or that would lead the tool to another database than the one that is locked.
const KEPT_FROM_TOOL: [&str; 10] = [
    "SLIPWAY_RUN",
    "SLIPWAY_ARMED",
    "SLIPWAY_TOOL",
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGPASSFILE",
    "PGHOSTADDR",
    "PGTARGETSESSIONATTRS",
    "PGSSLNEGOTIATION",
    "GOOSE_TABLE",
];

/// A running tool.
pub struct Process {
    child: Child,
    group: Option<Pid>,
    reaper: JoinHandle<()>,
}

impl Drop for Process {
    /// The next start of the tool has a reaper of its own; to this one, that tool would be an adopted process whose end may be taken.
    fn drop(&mut self) {
        self.reaper.abort();
    }
}

impl Process {
    /// Starts it, by way of `slipway runner exec`, so that it dies with the runner.
    pub fn start(tool: &Path, start: &Start) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args([
                "runner",
                "exec",
                "--parent",
                &std::process::id().to_string(),
                "--",
            ])
            .arg(tool)
            .args(&start.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        for name in KEPT_FROM_TOOL {
            command.env_remove(name);
        }
        if std::env::var_os("HOME").is_none() {
            command.env("HOME", "/tmp");
        }
        command.envs(start.environment.iter().map(|(name, value)| (name, value)));
        let child = command.spawn()?;
        let group = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        let reaper = reap_adopted(group);
        Ok(Self {
            child,
            group,
            reaper,
        })
    }

    /// Its standard output and error, once.
    pub fn output(&mut self) -> Option<(ChildStdout, ChildStderr)> {
        Some((self.child.stdout.take()?, self.child.stderr.take()?))
    }

    /// Until it has ended.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Sends a signal to the whole group; that the group is gone already is no failure.
    pub fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            let _ = kill_process_group(group, signal);
        }
    }
}

/// The tool's file: the given one, or `name` if it is a path, else the first of that name in PATH, else its usual places.
pub fn find(given: Option<&Path>, name: &str, places: &[&str]) -> Option<PathBuf> {
    let path = Some(Path::new(name)).filter(|_| name.contains('/'));
    if let Some(path) = given.or(path) {
        return is_program(path).then(|| path.to_owned());
    }
    let path =
        std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/local/bin:/usr/bin:/bin"));
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let found = folders
        .into_iter()
        .map(|folder| folder.join(name))
        .chain(places.iter().map(PathBuf::from));
    found.into_iter().find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// Children of the tool whose parent dies become ours, also where the runner is not PID 1.
pub fn adopt_orphans() -> io::Result<()> {
    Ok(set_child_subreaper(Pid::from_raw(1))?)
}

/// Collects what was adopted, so that no zombie stays. The tool itself is left to the one who waits for it.
fn reap_adopted(tool: Option<Pid>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let Ok(mut children) = signal(SignalKind::child()) else {
            return;
        };
        loop {
            tokio::select! {
                _ = children.recv() => {}
                () = tokio::time::sleep(Duration::from_secs(5)) => {}
            }
            for pid in zombies().into_iter().filter(|pid| Some(*pid) != tool) {
                let _ = waitpid(Some(pid), WaitOptions::NOHANG);
            }
        }
    })
}

/// Our children that have ended and wait to be collected, from `/proc`: asking the kernel for "any child" would take the tool's end away
/// from the one who waits for it.
fn zombies() -> Vec<Pid> {
    let own = std::process::id().to_string();
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let pid = entry
                .file_name()
                .to_str()?
                .parse()
                .ok()
                .and_then(Pid::from_raw)?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            let (_, fields) = stat.rsplit_once(')')?;
            let mut fields = fields.split_whitespace();
            (fields.next() == Some("Z") && fields.next() == Some(own.as_str())).then_some(pid)
        })
        .collect()
}
