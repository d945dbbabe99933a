//! A real MariaDB server of Debian's, started for tests on 127.0.0.1; it dies with its owner. It may start processes and write below its data
//! folder. As PostgreSQL beside it, it gives up safety from a crash of the machine, not from its own.
#![allow(
    dead_code,
    reason = "each test program that includes this file uses a part of it"
)]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, OptsBuilder, SslOpts};
use rustix::process::{Pid, Signal, kill_process};

use super::debian::find_program;
use super::server::{
    Account, Options, Server, free_port, last_lines, prepare_directory, recorded_pid, runs,
    superuser_password,
};
use super::wait;

/// The account that owns the server's data. Its password is random.
pub const SUPERUSER: &str = "root";

/// What to type where the server's programs are missing.
const INSTALL: &str = "apt-get install mariadb-server-core";

/// Longest wait for a server to accept connections or to be gone.
const LIMIT: Duration = Duration::from_mins(1);

/// How often a wait looks again.
const POLL: Duration = Duration::from_millis(50);

/// A running server, or one that was stopped and can be started again.
#[derive(Debug)]
pub struct MariaDb {
    options: Options,
    directory: PathBuf,
    port: u16,
    password: String,
    server: Option<Server>,
}

impl MariaDb {
    /// Makes an empty server, starts it and waits until it takes connections.
    pub async fn start(options: Options) -> Result<Self> {
        Self::start_with(options, &[]).await
    }

    /// The same with these files, by name and content, among its data.
    pub async fn start_with(options: Options, files: &[(&str, &str)]) -> Result<Self> {
        let account = account()?;
        let directory = prepare_directory(&options.directory, &account)?;
        let password = superuser_password(&directory, &account)?;
        let folder = directory.clone();
        tokio::task::spawn_blocking(move || initialize(&folder)).await??;
        let first = format!(
            "CREATE OR REPLACE USER {SUPERUSER}@'%' IDENTIFIED BY {0};\nGRANT ALL ON *.* TO {SUPERUSER}@'%' WITH GRANT OPTION;\n",
            literal(&password)
        );
        account.write(&directory.join("first.sql"), &first)?;
        for (name, content) in files {
            account.write(&directory.join("data").join(name), content)?;
        }
        if let Some(tls) = &options.tls {
            account.write(&directory.join("server.crt"), &tls.certificate)?;
            account.write(&directory.join("server.key"), &tls.key)?;
        }
        let mut mariadb = Self {
            port: match options.port {
                Some(port) => port,
                None => free_port(options.address)?,
            },
            options,
            directory,
            password,
            server: None,
        };
        mariadb.start_again().await?;
        Ok(mariadb)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's log so far.
    pub fn log(&self) -> String {
        fs::read(self.directory.join("server.log"))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// The superuser's connection, to no database or to this one.
    pub async fn connect(&self, database: Option<&str>) -> Result<Conn> {
        self.connect_as(SUPERUSER, &self.password, database).await
    }

    pub async fn connect_as(
        &self,
        user: &str,
        password: &str,
        database: Option<&str>,
    ) -> Result<Conn> {
        let any_certificate = SslOpts::default()
            .with_danger_accept_invalid_certs(true)
            .with_danger_skip_domain_validation(true);
        let options = OptsBuilder::default()
            .ip_or_hostname(self.options.address.to_string())
            .tcp_port(self.port)
            .prefer_socket(false)
            .user(Some(user))
            .pass(Some(password))
            .db_name(database)
            .ssl_opts(self.options.tls.as_ref().map(|_| any_certificate));
        Conn::new(options)
            .await
            .with_context(|| format!("connect as {user} to port {}", self.port))
    }

    /// Creates a user, and a database on which it has all rights.
    pub async fn create_database(&self, name: &str, user: &str, password: &str) -> Result<()> {
        let mut connection = self.connect(None).await?;
        for statement in [
            format!("CREATE DATABASE {}", identifier(name)),
            format!(
                "CREATE OR REPLACE USER {}@'%' IDENTIFIED BY {}",
                literal(user),
                literal(password)
            ),
            format!(
                "GRANT ALL ON {}.* TO {}@'%'",
                identifier(name),
                literal(user)
            ),
        ] {
            connection
                .query_drop(statement)
                .await
                .with_context(|| format!("create database {name}"))?;
        }
        Ok(())
    }

    /// Starts a server that was stopped or has crashed, on the same port.
    pub async fn start_again(&mut self) -> Result<()> {
        ensure!(self.server.is_none(), "the server runs already");
        let mut command = account()?.command(&program("mariadbd")?);
        command.args(self.arguments());
        self.server = Some(Server::launch(
            command,
            &self.directory,
            self.options.lifetime,
        )?);
        let deadline = Instant::now() + LIMIT;
        loop {
            let Err(failure) = self.connect(None).await else {
                return Ok(());
            };
            let ended = self.server.as_mut().is_some_and(Server::has_ended);
            if ended || Instant::now() > deadline {
                let tail = last_lines(&self.log(), 15);
                self.server = None;
                return Err(
                    failure.context(format!("MariaDB did not start; its log ends with:\n{tail}"))
                );
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn arguments(&self) -> Vec<String> {
        let file = |name: &str| self.directory.join(name).display().to_string();
        let mut arguments = vec![
            "--no-defaults".to_owned(),
            format!("--datadir={}", file("data")),
            format!("--tmpdir={}", file("tmp")),
            format!("--socket={}", file("socket")),
            format!("--pid-file={}", file("pid")),
            format!("--init-file={}", file("first.sql")),
            format!("--bind-address={}", self.options.address),
            format!("--port={}", self.port),
            "--skip-name-resolve".to_owned(),
            "--max-connections=300".to_owned(),
            "--character-set-server=utf8mb4".to_owned(),
            "--innodb-buffer-pool-size=32M".to_owned(),
            "--innodb-flush-log-at-trx-commit=2".to_owned(),
            "--innodb-flush-method=nosync".to_owned(),
        ];
        if let Some(tls) = &self.options.tls {
            arguments.push(format!("--ssl-cert={}", file("server.crt")));
            arguments.push(format!("--ssl-key={}", file("server.key")));
            if tls.required {
                arguments.push("--require-secure-transport=ON".to_owned());
            }
        }
        arguments.extend(
            self.options
                .settings
                .iter()
                .map(|(name, value)| format!("--{name}={value}")),
        );
        arguments
    }

    /// Stops in order and starts again on the same port.
    pub async fn restart(&mut self) -> Result<()> {
        self.end(Signal::TERM).await?;
        self.start_again().await
    }

    async fn end(&mut self, signal: Signal) -> Result<()> {
        if let Some(pid) = self.pid() {
            kill_process(pid, signal).context("signal the server")?;
            wait::until("MariaDB to end", LIMIT, async || {
                let ended = match self.server.as_mut() {
                    Some(server) => server.has_ended(),
                    None => !runs(pid),
                };
                ensure!(ended, "process {pid:?} is still there");
                anyhow::Ok(())
            })
            .await?;
        }
        if let Some(server) = self.server.take() {
            server.release();
        }
        Ok(())
    }

    fn pid(&self) -> Option<Pid> {
        recorded_pid(&self.directory.join("pid"), "mariadbd")
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        // A destructor cannot report; what is left over lies in the temporary folder.
        if let Some(pid) = self.pid() {
            let _ = kill_process(pid, Signal::KILL);
        }
        if let Some(server) = self.server.take() {
            server.release();
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn account() -> Result<Account> {
    Account::of("nobody", "add it, as every Debian has it")
}

fn program(name: &str) -> Result<PathBuf> {
    find_program(name).with_context(|| format!("no program `{name}`; type: {INSTALL}"))
}

/// Makes the system's own tables, with no user who could come in by the network.
fn initialize(directory: &Path) -> Result<()> {
    let account = account()?;
    let data = directory.join("data");
    // Of its own: a server that starts takes every temporary table of its folder away, also one of a server beside it.
    let temporary = directory.join("tmp");
    for folder in [&data, &temporary] {
        fs::create_dir_all(folder)?;
        account.own(folder)?;
    }
    let mut script = "CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket = 'nobody', @skip_auth_anonymous = 1;\n".to_owned();
    for part in [
        "mysql_system_tables.sql",
        "mysql_performance_tables.sql",
        "mysql_system_tables_data.sql",
    ] {
        let file = Path::new("/usr/share/mysql").join(part);
        script += &fs::read_to_string(&file)
            .with_context(|| format!("read {}; type: {INSTALL}", file.display()))?;
    }
    account.write(&directory.join("tables.sql"), &script)?;
    let result = account
        .command(&program("mariadbd")?)
        .args([
            "--no-defaults",
            "--bootstrap",
            "--innodb-flush-method=nosync",
        ])
        .arg(format!("--datadir={}", data.display()))
        .arg(format!("--tmpdir={}", temporary.display()))
        .stdin(File::open(directory.join("tables.sql"))?)
        .current_dir(directory)
        .output()
        .context("start mariadbd")?;
    ensure!(
        result.status.success(),
        "the system's tables cannot be made: {}",
        String::from_utf8_lossy(&result.stderr)
    );
    Ok(())
}

/// An SQL identifier in MySQL's quotes.
pub fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// An SQL literal in quotes; a backslash is doubled, too.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}
