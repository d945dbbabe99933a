//! A real PostgreSQL server of Debian's, started for tests: as a scratch server on 127.0.0.1 that dies with its owner, or as the test
//! cluster's database at the bridge's address, which stays. It may start processes and write below its data folder.
//!
//! The server gives up safety from a crash of the machine (`fsync` off), not from its own: after [`Postgres::crash`] all that was committed is
//! there. (`synchronous_commit` off would be faster still, and would lose it.)
#![allow(
    dead_code,
    reason = "each test program that includes this file uses a part of it"
)]

mod administration;
mod installation;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

pub use super::server::{Lifetime, Options, remove_in};

use self::installation::{account, configure, initialize, program};
use super::server::{
    Server, free_port, last_lines, prepare_directory, recorded_pid, runs, superuser_password,
};
use super::wait;

/// The role that owns the server. Its password is random, see [`Postgres::superuser_password`].
pub const SUPERUSER: &str = "postgres";

/// Longest wait for a server to accept connections or to be gone. A recovery after a crash is the slowest case.
const LIMIT: Duration = Duration::from_secs(30);

/// How often a wait looks again.
const POLL: Duration = Duration::from_millis(20);

/// A running server, or one that was stopped or crashed and can be started again.
#[derive(Debug)]
pub struct Postgres {
    options: Options,
    directory: PathBuf,
    port: u16,
    password: String,
    server: Option<Server>,
}

impl Postgres {
    /// Starts a server and waits until it takes connections. A folder that holds data already is started as it is.
    pub async fn start(options: Options) -> Result<Self> {
        let account = account()?;
        let directory = prepare_directory(&options.directory, &account)?;
        let password = superuser_password(&directory, &account)?;
        if !directory.join("data/PG_VERSION").exists() {
            let (folder, programs) = (directory.clone(), options.programs.clone());
            tokio::task::spawn_blocking(move || initialize(&folder, programs.as_deref())).await??;
        }
        let port = match options.port {
            Some(port) => port,
            None => free_port(options.address)?,
        };
        configure(&directory, port, &options, &account)?;
        let mut postgres = Self {
            options,
            directory,
            port,
            password,
            server: None,
        };
        postgres.start_again().await?;
        Ok(postgres)
    }

    /// Takes hold of a detached server that another process started in `directory`.
    pub async fn attach(options: Options) -> Result<Self> {
        let directory = fs::canonicalize(&options.directory).context("no server's folder there")?;
        let password = superuser_password(&directory, &account()?)?;
        let port = options.port.context("a detached server has a fixed port")?;
        let postgres = Self {
            options,
            directory,
            port,
            password,
            server: None,
        };
        postgres.connect("postgres").await?;
        Ok(postgres)
    }

    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.options.address, self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The password of [`SUPERUSER`], for a test that must connect from elsewhere.
    pub fn superuser_password(&self) -> &str {
        &self.password
    }

    /// Where the server's log stands.
    pub fn log_path(&self) -> PathBuf {
        self.directory.join("server.log")
    }

    /// The server's log so far.
    pub fn log(&self) -> String {
        fs::read(self.log_path())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Starts a server that was stopped or has crashed, on the same port.
    pub async fn start_again(&mut self) -> Result<()> {
        ensure!(self.server.is_none(), "the server runs already");
        let mut command = program(self.options.programs.as_deref(), "postgres")?;
        command.arg("-D").arg(self.directory.join("data"));
        self.server = Some(Server::launch(
            command,
            &self.directory,
            self.options.lifetime,
        )?);
        let deadline = Instant::now() + LIMIT;
        loop {
            let Err(failure) = self.connect("postgres").await else {
                return Ok(());
            };
            let ended = self.server.as_mut().is_some_and(Server::has_ended);
            if ended || Instant::now() > deadline {
                let tail = last_lines(&self.log(), 15);
                self.server = None;
                return Err(failure.context(format!(
                    "PostgreSQL did not start; its log ends with:\n{tail}"
                )));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Ends all sessions, writes a checkpoint, stops (SIGINT, the "fast" shutdown).
    pub async fn stop(&mut self) -> Result<()> {
        self.end(Signal::INT).await
    }

    /// Ends without a checkpoint (SIGQUIT, the "immediate" shutdown): the next start is a crash recovery.
    pub async fn crash(&mut self) -> Result<()> {
        self.end(Signal::QUIT).await
    }

    /// Stops and starts again on the same port.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await?;
        self.start_again().await
    }

    /// Turns it into a server that only replays what another one, which never comes, has logged: it answers and can be read.
    pub async fn become_standby(&mut self) -> Result<()> {
        self.stop().await?;
        account()?.write(&self.directory.join("data/standby.signal"), "")?;
        self.start_again().await
    }

    /// Stops all of the server's processes without ending them: the server is there and answers nobody. Until [`Postgres::resume`].
    pub fn freeze(&self) -> Result<()> {
        self.signal_all(Signal::STOP)
    }

    pub fn resume(&self) -> Result<()> {
        self.signal_all(Signal::CONT)
    }

    /// The postmaster's process id.
    pub fn pid(&self) -> Result<i32> {
        postmaster_of(&self.directory)
            .map(|pid| pid.as_raw_nonzero().get())
            .context("the server does not run")
    }

    async fn end(&mut self, signal: Signal) -> Result<()> {
        let Some(pid) = postmaster_of(&self.directory) else {
            self.server = None;
            return Ok(());
        };
        kill_process(pid, signal).context("signal the server")?;
        wait::until("PostgreSQL to end", LIMIT, async || {
            ensure!(self.gone(pid), "process {pid:?} is still there");
            anyhow::Ok(())
        })
        .await?;
        if let Some(server) = self.server.take() {
            server.release();
        }
        Ok(())
    }

    fn gone(&mut self, pid: Pid) -> bool {
        match self.server.as_mut() {
            Some(server) => server.has_ended(),
            None => !runs(pid),
        }
    }

    fn signal_all(&self, signal: Signal) -> Result<()> {
        let postmaster = postmaster_of(&self.directory).context("the server does not run")?;
        kill_process(postmaster, signal)?;
        for child in children_of(postmaster)? {
            // A backend may have ended since it was listed.
            let _ = kill_process(child, signal);
        }
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.options.lifetime == Lifetime::Detached {
            return;
        }
        // A destructor cannot report; what is left over lies in the temporary folder.
        let _ = stop_in(&self.directory);
        if let Some(server) = self.server.take() {
            server.release();
        }
        let _ = fs::remove_dir_all(&self.directory);
        let _ = fs::remove_file(&self.options.directory);
    }
}

/// Stops the server whose folder this is, started by whomever; a folder without one is fine. Blocks for at most [`LIMIT`].
pub fn stop_in(directory: &Path) -> Result<()> {
    let Ok(directory) = fs::canonicalize(directory) else {
        return Ok(());
    };
    let Some(pid) = postmaster_of(&directory) else {
        return Ok(());
    };
    let deadline = Instant::now() + LIMIT;
    // A frozen server could not act on the second signal.
    kill_process(pid, Signal::QUIT)
        .and_then(|()| kill_process(pid, Signal::CONT))
        .context("signal PostgreSQL")?;
    while runs(pid) {
        ensure!(
            Instant::now() < deadline,
            "PostgreSQL, process {pid:?}, does not end"
        );
        std::thread::sleep(POLL);
    }
    Ok(())
}

fn postmaster_of(directory: &Path) -> Option<Pid> {
    recorded_pid(&directory.join("data/postmaster.pid"), "postgres")
}

fn children_of(pid: Pid) -> Result<Vec<Pid>> {
    let number = pid.as_raw_nonzero();
    let list = fs::read_to_string(format!("/proc/{number}/task/{number}/children"))
        .context("list the server's processes")?;
    Ok(list
        .split_whitespace()
        .filter_map(|child| Pid::from_raw(child.parse().ok()?))
        .collect())
}
