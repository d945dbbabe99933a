//! A real PostgreSQL server of Debian's, started for tests: as a scratch server on 127.0.0.1 that dies with its owner, or as the test
//! cluster's database at the bridge's address, which stays. It may start processes and write below its data folder, and it depends on no
//! other file of the harness, so that any test program can include it by its path alone.
//!
//! The server gives up safety from a crash of the machine (`fsync` off), not from its own: after [`Postgres::crash`] all that was committed is
//! there. (`synchronous_commit` off would be faster still, and would lose it.)
#![allow(
    dead_code,
    reason = "each test program that includes this file uses a part of it"
)]

use std::fs::{self, File};
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, NoTls};

use super::wait;

/// The role that owns the server. Its password is random, see [`Postgres::superuser_password`].
pub const SUPERUSER: &str = "postgres";

/// Longest wait for a server to accept connections or to be gone. A recovery after a crash is the slowest case.
const LIMIT: Duration = Duration::from_secs(30);

/// How often a wait looks again.
const POLL: Duration = Duration::from_millis(20);

/// A certificate and its key, both PEM.
#[derive(Clone, Debug)]
pub struct Tls {
    pub certificate: String,
    pub key: String,
    /// Refuse everybody but the superuser without TLS. Without it the server offers TLS and takes both.
    pub required: bool,
}

/// How long a server lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// Until the value is dropped or this process ends, however it ends; then its folder goes too.
    Owner,
    /// Until [`Postgres::stop`] or [`stop_in`]; the folder stays.
    Detached,
}

/// What to start, and where.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder of data, log and superuser's password. If the account `postgres` cannot reach it (below `/root`, say), a folder in the
    /// system's temporary folder is used and this one holds a link to it.
    pub directory: PathBuf,
    pub address: IpAddr,
    /// Port to listen on; `None` takes a free one.
    pub port: Option<u16>,
    pub tls: Option<Tls>,
    /// More lines of `postgresql.conf`, as name and value.
    pub settings: Vec<(String, String)>,
    pub lifetime: Lifetime,
}

impl Options {
    /// A server of its own for one test program: 127.0.0.1, a free port, a new folder, gone with its owner.
    pub fn scratch() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("slipway-postgres-{}-{number}", std::process::id());
        Self {
            directory: std::env::temp_dir().join(name),
            address: Ipv4Addr::LOCALHOST.into(),
            port: None,
            tls: None,
            settings: Vec::new(),
            lifetime: Lifetime::Owner,
        }
    }

    /// A server that outlives this process, with its data in `directory`.
    pub fn detached(directory: impl Into<PathBuf>, address: SocketAddr) -> Self {
        Self {
            directory: directory.into(),
            address: address.ip(),
            port: Some(address.port()),
            tls: None,
            settings: Vec::new(),
            lifetime: Lifetime::Detached,
        }
    }
}

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
        let account = Account::of_server()?;
        let directory = prepare_directory(&options.directory, &account)?;
        let password = superuser_password(&directory)?;
        if !directory.join("data/PG_VERSION").exists() {
            let folder = directory.clone();
            tokio::task::spawn_blocking(move || initialize(&folder)).await??;
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
        let password = superuser_password(&directory)?;
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
        let client = self.connect("postgres").await?;
        let known = client
            .query_opt("select 1 from pg_roles where rolname = $1", &[&user])
            .await?;
        let verb = if known.is_some() { "alter" } else { "create" };
        client
            .batch_execute(&format!(
                "{verb} role {} login password {}",
                identifier(user),
                literal(password)
            ))
            .await
            .map_err(|_| anyhow!("cannot {verb} role {user}; the server's log tells why"))?;
        client
            .batch_execute(&format!(
                "create database {} owner {}",
                identifier(name),
                identifier(user)
            ))
            .await
            .with_context(|| format!("create database {name}"))
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
        self.server = Some(Server::launch(&self.directory, self.options.lifetime)?);
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

    /// Stops all of the server's processes without ending them: the server is there and answers nobody. Until [`Postgres::resume`].
    pub fn freeze(&self) -> Result<()> {
        self.signal_all(Signal::STOP)
    }

    pub fn resume(&self) -> Result<()> {
        self.signal_all(Signal::CONT)
    }

    /// The postmaster's process id.
    pub fn pid(&self) -> Result<i32> {
        recorded_pid(&self.directory)
            .map(|pid| pid.as_raw_nonzero().get())
            .context("the server does not run")
    }

    async fn end(&mut self, signal: Signal) -> Result<()> {
        let Some(pid) = recorded_pid(&self.directory) else {
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
        let postmaster = recorded_pid(&self.directory).context("the server does not run")?;
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
    let Some(pid) = recorded_pid(&directory) else {
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

/// Removes a server's folder, also where it lies behind a link because the account `postgres` could not reach it.
pub fn remove_in(directory: &Path) -> Result<()> {
    if let Ok(target) = fs::canonicalize(directory) {
        fs::remove_dir_all(&target).with_context(|| format!("remove {}", target.display()))?;
    }
    if fs::symlink_metadata(directory).is_ok() {
        fs::remove_file(directory)?;
    }
    Ok(())
}

/// A launched postmaster and, if it shall die with us, its guard.
#[derive(Debug)]
struct Server {
    process: Child,
    guard: Option<(Child, ChildStdin)>,
}

impl Server {
    fn launch(directory: &Path, lifetime: Lifetime) -> Result<Self> {
        let account = Account::of_server()?;
        let log = File::options()
            .append(true)
            .create(true)
            .open(directory.join("server.log"))?;
        let mut command = account.command(&program("postgres")?);
        command
            .arg("-D")
            .arg(directory.join("data"))
            .stdin(Stdio::null());
        command
            .stdout(log.try_clone()?)
            .stderr(log)
            .current_dir(directory)
            .process_group(0);
        let process = command.spawn().context("start postgres")?;
        let guard = match lifetime {
            Lifetime::Owner => Some(guard(process.id(), directory)?),
            Lifetime::Detached => None,
        };
        Ok(Self { process, guard })
    }

    fn has_ended(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(Some(_)) | Err(_))
    }

    /// Reaps an ended server and sends its guard home.
    fn release(mut self) {
        let _ = self.process.wait();
        if let Some((mut guard, mut stdin)) = self.guard.take() {
            let _ = std::io::Write::write_all(&mut stdin, b"ended\n");
            drop(stdin);
            let _ = guard.wait();
        }
    }
}

/// A shell that waits at a pipe from us. If the pipe breaks without a word, we are dead, even by SIGKILL: it ends the server.
fn guard(pid: u32, directory: &Path) -> Result<(Child, ChildStdin)> {
    const SCRIPT: &str = r#"read -r word && exit
        kill -QUIT "$1"; kill -CONT "$1"
        n=0; while kill -0 "$1" && [ "$n" -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
        rm -rf "$2""#;
    let mut guard = Command::new("/bin/sh")
        .args(["-c", SCRIPT, "guard", &pid.to_string()])
        .arg(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .context("start the server's guard")?;
    let stdin = guard.stdin.take().context("the guard's pipe")?;
    Ok((guard, stdin))
}

/// Who runs the server: PostgreSQL refuses root, so root hands over to the account `postgres`; anybody else runs it himself.
struct Account {
    ids: Option<(u32, u32)>,
}

impl Account {
    fn of_server() -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self { ids: None });
        }
        let accounts = fs::read_to_string("/etc/passwd").context("read /etc/passwd")?;
        let fields: Vec<&str> = accounts
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>())
            .find(|fields| fields.first() == Some(&"postgres"))
            .context("no account `postgres`; type: apt-get install postgresql")?;
        match (
            fields.get(2).map(|id| id.parse()),
            fields.get(3).map(|id| id.parse()),
        ) {
            (Some(Ok(user)), Some(Ok(group))) => Ok(Self {
                ids: Some((user, group)),
            }),
            _ => bail!("the account `postgres` has no ids in /etc/passwd"),
        }
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C.UTF-8");
        if let Some((user, group)) = self.ids {
            command.uid(user).gid(group);
        }
        command
    }

    fn own(&self, path: &Path) -> Result<()> {
        if let Some((user, group)) = self.ids {
            chown(path, Some(user), Some(group))
                .with_context(|| format!("chown {}", path.display()))?;
        }
        Ok(())
    }

    /// Writes a file that only the server can read.
    fn write(&self, path: &Path, text: &str) -> Result<()> {
        fs::write(path, text).with_context(|| format!("write {}", path.display()))?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        self.own(path)
    }
}

/// Makes the server's folder and returns its real path.
fn prepare_directory(wanted: &Path, account: &Account) -> Result<PathBuf> {
    if let Some(parent) = wanted.parent() {
        fs::create_dir_all(parent).with_context(|| format!("create {}", parent.display()))?;
    }
    let parent = fs::canonicalize(wanted.parent().unwrap_or(Path::new("/")))?;
    if account.ids.is_some() && !everybody_may_pass(&parent) && !wanted.exists() {
        let elsewhere = Options::scratch().directory;
        // The link of a folder that the system's clean-up took.
        let _ = fs::remove_file(wanted);
        fs::create_dir_all(&elsewhere)?;
        std::os::unix::fs::symlink(&elsewhere, wanted)?;
    }
    fs::create_dir_all(wanted).with_context(|| format!("create {}", wanted.display()))?;
    let directory = fs::canonicalize(wanted)?;
    account.own(&directory)?;
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o700))?;
    Ok(directory)
}

fn everybody_may_pass(path: &Path) -> bool {
    path.ancestors()
        .all(|part| fs::metadata(part).is_ok_and(|data| data.permissions().mode() & 0o001 != 0))
}

fn initialize(directory: &Path) -> Result<()> {
    let result = Account::of_server()?
        .command(&program("initdb")?)
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

/// Reads the superuser's password, or makes one: 16 random bytes.
fn superuser_password(directory: &Path) -> Result<String> {
    let file = directory.join("password");
    if let Ok(password) = fs::read_to_string(&file) {
        return Ok(password.trim().to_owned());
    }
    let mut bytes = [0u8; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let password = format!("{:032x}", u128::from_be_bytes(bytes));
    Account::of_server()?.write(&file, &format!("{password}\n"))?;
    Ok(password)
}

/// Where a program of the server is: Debian keeps each version in a folder of its own, newest first here, then the PATH.
fn program(name: &str) -> Result<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse().ok()?,
                entry.path().join("bin").join(name),
            ))
        })
        .collect();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).map(|folder| folder.join(name));
    versions
        .into_iter()
        .map(|(_, path)| path)
        .chain(in_path)
        .find(|path| path.is_file())
        .with_context(|| format!("no program `{name}`; type: apt-get install postgresql"))
}

fn free_port(address: IpAddr) -> Result<u16> {
    Ok(TcpListener::bind((address, 0))
        .context("no free port")?
        .local_addr()?
        .port())
}

/// The live server that the data folder names. While `initdb` works, that is a server without a network, whose id stands there negative.
fn recorded_pid(directory: &Path) -> Option<Pid> {
    let text = fs::read_to_string(directory.join("data/postmaster.pid")).ok()?;
    let number: i32 = text.lines().next()?.trim().parse().ok()?;
    let pid = Pid::from_raw(number.checked_abs()?)?;
    let name = fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_nonzero())).ok()?;
    (name.trim() == "postgres" && runs(pid)).then_some(pid)
}

/// Whether a process is there and not a zombie that waits for its parent.
fn runs(pid: Pid) -> bool {
    let status =
        fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    // The name stands in brackets and may hold anything; the state follows it.
    status
        .rsplit_once(')')
        .is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
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

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines
        .get(lines.len().saturating_sub(count)..)
        .unwrap_or_default()
        .join("\n")
}

/// An SQL identifier in quotes.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// An SQL literal in quotes; a backslash means nothing in it (`standard_conforming_strings`).
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
