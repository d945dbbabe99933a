//! A real PostgreSQL server of Debian's, started for tests: as a scratch server on 127.0.0.1 that dies with its owner, or as the test
//! cluster's database at the bridge's address, which stays. It may start processes and write below its data folder.
//!
//! The server gives up safety from a crash of the machine (`fsync` off), not from its own: after [`Postgres::crash`] all that was committed is
//! there. (`synchronous_commit` off would be faster still, and would lose it.)
#![allow(
    dead_code,
    reason = "each test program that includes this file uses a part of it"
)]

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, NoTls};

pub use super::server::{Lifetime, Options, remove_in};

use super::server::{
    Account, Server, free_port, last_lines, prepare_directory, recorded_pid, runs,
    superuser_password,
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
        let mut postgres = Self {
            options,
            directory,
            port,
            password,
            server: None,
        };
        postgres.configure(&account)?;
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

    /// The server's log so far.
    pub fn log(&self) -> String {
        fs::read(self.directory.join("server.log"))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// A superuser's connection to `database`.
    pub async fn connect(&self, database: &str) -> Result<Client> {
        self.connect_as(SUPERUSER, &self.password, database).await
    }

    /// A connection without TLS as `user`.
    pub async fn connect_as(&self, user: &str, password: &str, database: &str) -> Result<Client> {
        let (client, connection) = Config::new()
            .host(self.options.address.to_string())
            .port(self.port)
            .user(user)
            .password(password)
            .dbname(database)
            .application_name("slipway-tests")
            .ssl_mode(SslMode::Disable)
            .connect_timeout(Duration::from_secs(5))
            .connect(NoTls)
            .await
            .with_context(|| {
                format!(
                    "connect as {user} to database {database} at {}",
                    self.address()
                )
            })?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Creates a role that can log in, unless it is there already, and a database that belongs to it.
    pub async fn create_database(&self, name: &str, user: &str, password: &str) -> Result<()> {
        self.set_password(user, password).await?;
        let statement = format!(
            "create database {} owner {}",
            identifier(name),
            identifier(user)
        );
        self.connect("postgres")
            .await?
            .batch_execute(&statement)
            .await
            .with_context(|| format!("create database {name}"))
    }

    /// Gives a role that can log in this password; creates it if it is not there.
    pub async fn set_password(&self, user: &str, password: &str) -> Result<()> {
        let client = self.connect("postgres").await?;
        let known = client
            .query_opt("select 1 from pg_roles where rolname = $1", &[&user])
            .await?;
        let verb = if known.is_some() { "alter" } else { "create" };
        let statement = format!(
            "{verb} role {} login password {}",
            identifier(user),
            literal(password)
        );
        client
            .batch_execute(&statement)
            .await
            .map_err(|_| anyhow!("cannot {verb} role {user}; the server's log tells why"))
    }

    /// Drops a database, cutting the connections to it.
    pub async fn drop_database(&self, name: &str) -> Result<()> {
        let statement = format!("drop database if exists {} with (force)", identifier(name));
        self.connect("postgres")
            .await?
            .batch_execute(&statement)
            .await
            .with_context(|| format!("drop database {name}"))
    }

    /// Ends all other connections to a database, as an administrator would. Returns how many.
    pub async fn terminate_connections(&self, database: &str) -> Result<u64> {
        let statement = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()";
        Ok(self
            .connect("postgres")
            .await?
            .execute(statement, &[&database])
            .await?)
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

    /// Writes the configuration anew; it is ours, whatever the data folder held.
    fn configure(&self, account: &Account) -> Result<()> {
        let data = self.directory.join("data");
        let mut settings = vec![
            ("listen_addresses", self.options.address.to_string()),
            ("port", self.port.to_string()),
            ("unix_socket_directories", String::new()),
            ("max_connections", "300".to_owned()),
            ("shared_buffers", "64MB".to_owned()),
            // PostgreSQL 13's own default is md5, which the rules below do not take.
            ("password_encryption", "scram-sha-256".to_owned()),
            ("fsync", "off".to_owned()),
            ("full_page_writes", "off".to_owned()),
            ("log_line_prefix", "%m [%p] %a %u@%d ".to_owned()),
            ("log_timezone", "UTC".to_owned()),
            ("timezone", "UTC".to_owned()),
        ];
        let mut access = format!("host all {SUPERUSER} all scram-sha-256\n");
        if let Some(tls) = &self.options.tls {
            account.write(&data.join("server.crt"), &tls.certificate)?;
            account.write(&data.join("server.key"), &tls.key)?;
            settings.push(("ssl", "on".to_owned()));
            access += if tls.required {
                "hostssl all all all scram-sha-256\n"
            } else {
                "host all all all scram-sha-256\n"
            };
        } else {
            access += "host all all all scram-sha-256\n";
        }
        settings.extend(
            self.options
                .settings
                .iter()
                .map(|(name, value)| (name.as_str(), value.clone())),
        );
        let lines: Vec<String> = settings
            .iter()
            .map(|(name, value)| format!("{name} = {}", literal(value)))
            .collect();
        account.write(&data.join("postgresql.conf"), &lines.join("\n"))?;
        account.write(&data.join("pg_hba.conf"), &access)
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

fn initialize(directory: &Path, programs: Option<&Path>) -> Result<()> {
    let result = program(programs, "initdb")?
        .args([
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--auth=scram-sha-256",
            "--username",
            SUPERUSER,
        ])
        .arg("--pwfile")
        .arg(directory.join("password"))
        .arg("--pgdata")
        .arg(directory.join("data"))
        .current_dir(directory)
        .output()
        .context("start initdb")?;
    ensure!(
        result.status.success(),
        "initdb failed: {}",
        String::from_utf8_lossy(&result.stderr)
    );
    Ok(())
}

/// A program of the server, run by the server's account: of the unpacked packages, or of those that are installed. Debian keeps each version
/// in a folder of its own, newest first here; then the PATH.
fn program(unpacked: Option<&Path>, name: &str) -> Result<Command> {
    let root = unpacked.unwrap_or(Path::new("/"));
    let versions = folders(&root.join("usr/lib/postgresql"));
    let mut versions: Vec<(u32, PathBuf)> = versions
        .filter_map(|folder| {
            let version = folder.file_name()?.to_str()?.parse().ok()?;
            Some((version, folder.join("bin").join(name)))
        })
        .collect();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).map(|folder| folder.join(name));
    let file = versions
        .into_iter()
        .map(|(_, path)| path)
        .chain(in_path)
        .find(|path| path.is_file())
        .with_context(|| format!("no program `{name}`; type: apt-get install postgresql"))?;
    let mut command = account()?.command(&file);
    if let Some(root) = unpacked {
        let libraries = folders(&root.join("usr/lib"))
            .find(|folder| folder.to_string_lossy().ends_with("-linux-gnu"))
            .context("the packages have no libraries")?;
        command.env("LD_LIBRARY_PATH", libraries);
    }
    Ok(command)
}

fn folders(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path())
}

fn postmaster_of(directory: &Path) -> Option<Pid> {
    recorded_pid(&directory.join("data/postmaster.pid"), "postgres")
}

fn account() -> Result<Account> {
    Account::of("postgres", "type: apt-get install postgresql")
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

/// An SQL identifier in quotes.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// An SQL literal in quotes; a backslash means nothing in it (`standard_conforming_strings`).
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
