//! The operator as a process of this machine, with the rights of a ServiceAccount: killed, frozen, ended and measured by its process id.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use serde_json::Value;

use super::certificates::write_token_kubeconfig;
use super::http;
use super::process::{Launch, Process};
use super::session::Cluster;

/// What to start.
#[derive(Clone, Debug)]
pub struct Options {
    /// The file of Slipway.
    pub program: PathBuf,
    /// The arguments after the kubeconfig's: `["--watch-namespace", "team-a"]`. The command `run` stands before them.
    pub arguments: Vec<String>,
    /// Variables, such as `SLIPWAY_FAULTS`.
    pub environment: BTreeMap<String, String>,
    /// The ServiceAccount whose rights it has.
    pub namespace: String,
    pub service_account: String,
    /// The server it talks to: a fault proxy's address, or `None` for the API server itself.
    pub proxy: Option<String>,
    /// The control group that it is started in: the file that takes its process id.
    pub group: Option<PathBuf>,
}

impl Options {
    pub fn new(
        program: impl Into<PathBuf>,
        namespace: impl Into<String>,
        service_account: impl Into<String>,
    ) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: BTreeMap::new(),
            namespace: namespace.into(),
            service_account: service_account.into(),
            proxy: None,
            group: None,
        }
    }

    /// In a control group, by the file that takes the ids of its processes.
    #[must_use]
    pub fn in_group(mut self, processes: PathBuf) -> Self {
        self.group = Some(processes);
        self
    }

    #[must_use]
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    #[must_use]
    pub fn through(mut self, proxy: impl Into<String>) -> Self {
        self.proxy = Some(proxy.into());
        self
    }
}

/// A running operator. It is killed when the value is dropped.
#[derive(Debug)]
pub struct Operator {
    process: Process,
}

impl Operator {
    /// Mints a token, writes a kubeconfig of its own and starts the operator. Each start has a log of its own.
    pub async fn start(cluster: &Cluster, options: Options) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("operator-{}-{number}", options.namespace);
        let token = cluster
            .service_account_token(&options.namespace, &options.service_account)
            .await?;
        let kubeconfig = write_kubeconfig(cluster, &name, options.proxy.as_deref(), &token).await?;
        let mut launch = launch(name, options.program, options.group)
            .argument("run")
            .argument("--kubeconfig")
            .argument(kubeconfig);
        launch
            .arguments
            .extend(options.arguments.into_iter().map(Into::into));
        launch.environment = options.environment;
        let process = launch.start(&cluster.state().records(), &cluster.state().logs())?;
        Ok(Self { process })
    }

    /// Its record, which outlives this value.
    pub fn process(&self) -> &Process {
        &self.process
    }

    pub fn pid(&self) -> i32 {
        self.process.pid()
    }

    pub fn is_alive(&self) -> bool {
        self.process.is_alive()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    pub fn log_path(&self) -> &Path {
        self.process.log_path()
    }

    /// Status and body of a page of its admin server: `/metrics`, `/readyz?verbose`.
    pub async fn admin(&self, path: &str) -> Result<(u16, String)> {
        let log = self.log();
        let address = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find_map(|line| line["admin"].as_str().map(str::to_owned))
            .context("the operator's log names no admin address yet")?;
        http::get(&address, path).await
    }

    /// Whether its metrics have exactly this line now.
    pub async fn shows(&self, line: &str) -> Result<()> {
        let (code, text) = self.admin("/metrics").await?;
        let is_shown = text.lines().any(|shown| shown == line);
        ensure!(code == 200 && is_shown, "{code}: no {line} in\n{text}");
        Ok(())
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill(&self) -> Result<()> {
        self.process.kill()
    }

    /// SIGTERM: finish, release the Lease, end.
    pub fn terminate(&self) -> Result<()> {
        self.process.signal(Signal::TERM)
    }

    /// SIGSTOP: it stands still until [`Operator::resume`].
    pub fn freeze(&self) -> Result<()> {
        self.process.signal(Signal::STOP)
    }

    /// SIGCONT.
    pub fn resume(&self) -> Result<()> {
        self.process.signal(Signal::CONT)
    }

    /// Waits until it has ended by itself.
    pub async fn wait(&self, limit: Duration) -> Result<()> {
        self.process.wait(limit).await
    }

    /// Resident memory in bytes.
    pub fn resident_memory(&self) -> Result<u64> {
        self.process.resident_memory()
    }

    /// Processor time spent so far.
    pub fn processor_time(&self) -> Result<Duration> {
        self.process.processor_time()
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        // A process that survives SIGKILL is the kernel's; the teardown tells of it.
        let _ = self.process.kill();
    }
}

/// The shell enters the group and becomes the program, so that all its memory counts.
fn launch(name: String, program: PathBuf, group: Option<PathBuf>) -> Launch {
    match group {
        None => Launch::new(name, program),
        Some(processes) => Launch::new(name, "/bin/sh")
            .argument("-c")
            .argument(r#"echo $$ > "$0" && exec "$@""#)
            .argument(processes)
            .argument(program),
    }
}

/// Through a proxy the server speaks plain HTTP; else the kubeconfig names the API server and its authority.
async fn write_kubeconfig(
    cluster: &Cluster,
    name: &str,
    proxy: Option<&str>,
    token: &str,
) -> Result<PathBuf> {
    let path = cluster.state().kubeconfig(name);
    if let Some(server) = proxy {
        write_token_kubeconfig(&path, server, None, token)?;
        return Ok(path);
    }
    // Of its own: another one that starts just now would read a file that is half written.
    let authority = cluster.state().path(&format!("{name}-authority.crt"));
    fs::write(&authority, cluster.authority().await?)
        .context("write the authority of the API server")?;
    write_token_kubeconfig(&path, &cluster.server().await?, Some(&authority), token)?;
    Ok(path)
}
