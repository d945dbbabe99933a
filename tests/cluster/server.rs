//! What database servers of Debian's have in common: their folder, the account that runs them, their life and their end. It may start
//! processes and write below the server's folder.

use std::fs::{self, File};
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail};
use rustix::process::Pid;

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
    /// Until it is stopped; the folder stays.
    Detached,
}

/// What to start, and where.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder of data, log and superuser's password. If the server's account cannot reach it (below `/root`, say), a folder in the
    /// system's temporary folder is used and this one holds a link to it.
    pub directory: PathBuf,
    pub address: IpAddr,
    /// Port to listen on; `None` takes a free one.
    pub port: Option<u16>,
    pub tls: Option<Tls>,
    /// More settings of the server, as name and value.
    pub settings: Vec<(String, String)>,
    pub lifetime: Lifetime,
    /// Folder into which the server's packages were unpacked; absent: they are installed.
    pub programs: Option<PathBuf>,
}

impl Options {
    /// A server of its own for one test program: 127.0.0.1, a free port, a new folder, gone with its owner.
    pub fn scratch() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("slipway-database-{}-{number}", std::process::id());
        Self {
            directory: std::env::temp_dir().join(name),
            address: Ipv4Addr::LOCALHOST.into(),
            port: None,
            tls: None,
            settings: Vec::new(),
            lifetime: Lifetime::Owner,
            programs: None,
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
            programs: None,
        }
    }
}

/// A launched server and, if it shall die with us, its guard.
#[derive(Debug)]
pub struct Server {
    process: Child,
    guard: Option<(Child, ChildStdin)>,
}

impl Server {
    /// Starts it in its folder, with its output in `server.log` there.
    pub fn launch(mut command: Command, directory: &Path, lifetime: Lifetime) -> Result<Self> {
        let log = File::options()
            .append(true)
            .create(true)
            .open(directory.join("server.log"))?;
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .current_dir(directory)
            .process_group(0);
        let process = command.spawn().context("start the server")?;
        let guard = match lifetime {
            Lifetime::Owner => Some(guard(process.id(), directory)?),
            Lifetime::Detached => None,
        };
        Ok(Self { process, guard })
    }

    pub fn has_ended(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(Some(_)) | Err(_))
    }

    /// Reaps an ended server and sends its guard home.
    pub fn release(mut self) {
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

/// Who runs the server: servers refuse root, so root hands over to an account of Debian's; anybody else runs it himself.
pub struct Account {
    ids: Option<(u32, u32)>,
}

impl Account {
    /// `remedy`: what to type where the account is missing.
    pub fn of(name: &str, remedy: &str) -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self { ids: None });
        }
        let accounts = fs::read_to_string("/etc/passwd").context("read /etc/passwd")?;
        let fields: Vec<&str> = accounts
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>())
            .find(|fields| fields.first() == Some(&name))
            .with_context(|| format!("no account `{name}`; {remedy}"))?;
        match (
            fields.get(2).map(|id| id.parse()),
            fields.get(3).map(|id| id.parse()),
        ) {
            (Some(Ok(user)), Some(Ok(group))) => Ok(Self {
                ids: Some((user, group)),
            }),
            _ => bail!("the account `{name}` has no ids in /etc/passwd"),
        }
    }

    pub fn command(&self, program: &Path) -> Command {
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

    pub fn own(&self, path: &Path) -> Result<()> {
        if let Some((user, group)) = self.ids {
            chown(path, Some(user), Some(group))
                .with_context(|| format!("chown {}", path.display()))?;
        }
        Ok(())
    }

    /// Writes a file that only the server can read.
    pub fn write(&self, path: &Path, text: &str) -> Result<()> {
        fs::write(path, text).with_context(|| format!("write {}", path.display()))?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        self.own(path)
    }
}

/// Makes the server's folder and returns its real path.
pub fn prepare_directory(wanted: &Path, account: &Account) -> Result<PathBuf> {
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

/// Removes a server's folder, also where it lies behind a link because its account could not reach it.
pub fn remove_in(directory: &Path) -> Result<()> {
    if let Ok(target) = fs::canonicalize(directory) {
        fs::remove_dir_all(&target).with_context(|| format!("remove {}", target.display()))?;
    }
    if fs::symlink_metadata(directory).is_ok() {
        fs::remove_file(directory)?;
    }
    Ok(())
}

/// Reads the superuser's password, or makes one: 16 random bytes.
pub fn superuser_password(directory: &Path, account: &Account) -> Result<String> {
    let file = directory.join("password");
    if let Ok(password) = fs::read_to_string(&file) {
        return Ok(password.trim().to_owned());
    }
    let mut bytes = [0u8; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let password = format!("{:032x}", u128::from_be_bytes(bytes));
    account.write(&file, &format!("{password}\n"))?;
    Ok(password)
}

pub fn free_port(address: IpAddr) -> Result<u16> {
    Ok(TcpListener::bind((address, 0))
        .context("no free port")?
        .local_addr()?
        .port())
}

/// The live process of this name whose number stands in the first line of a file. While PostgreSQL's `initdb` works, that is a server
/// without a network, whose number stands there negative.
pub fn recorded_pid(file: &Path, name: &str) -> Option<Pid> {
    let text = fs::read_to_string(file).ok()?;
    let number: i32 = text.lines().next()?.trim().parse().ok()?;
    let pid = Pid::from_raw(number.checked_abs()?)?;
    let running = fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_nonzero())).ok()?;
    (running.trim() == name && runs(pid)).then_some(pid)
}

/// Whether a process is there and not a zombie that waits for its parent.
pub fn runs(pid: Pid) -> bool {
    let status =
        fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    // The name stands in brackets and may hold anything; the state follows it.
    status
        .rsplit_once(')')
        .is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

pub fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines
        .get(lines.len().saturating_sub(count)..)
        .unwrap_or_default()
        .join("\n")
}
