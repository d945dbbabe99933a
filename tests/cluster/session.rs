//! A cluster in the hands of a program: started here, found running, or somebody else's by a kubeconfig context. What `demo`, the scenarios
//! and the bench talk to.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, PostParams};
use kube::{Client, Config};
use tokio::sync::OnceCell;

use super::audit::AuditLog;
use super::build::{self, Programs};
use super::command::{Answer, run_with_input};
use super::control_plane::{NODE_ADDRESS, SERVER};
use super::debian;
use super::image::Image;
use super::interrupt;
use super::kubeconfig::{self, client_of};
use super::machine::{self, POSTGRES_PORT};
use super::node;
use super::place::{self, State};
use super::postgres::{self, Postgres};
use super::process::Process;

/// How to get a cluster.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Leave the cluster running when the value is dropped. Default: tear it down.
    pub keep: bool,
    /// Use the cluster of this context of the user's kubeconfig instead of starting one.
    pub context: Option<String>,
    /// With `context`: a command that gives the cluster an image; the path of an OCI archive is appended. For kind:
    /// `kind load image-archive`; for k3s: `k3s ctr images import`.
    pub image_loader: Option<String>,
    /// With `context`: the address at which its pods reach this machine, where PostgreSQL then listens.
    pub database_address: Option<IpAddr>,
    /// Say in one line each what is being done. Default: silent but for builds.
    pub verbose: bool,
}

/// A cluster. One that was started here is torn down when this value is dropped, or at SIGINT and SIGTERM, unless it shall be kept.
pub struct Cluster {
    client: Client,
    state: State,
    kubeconfig: PathBuf,
    own: Option<Programs>,
    /// The server beside another's cluster.
    own_postgres: OnceCell<Postgres>,
    options: Options,
}

impl Cluster {
    /// Builds what is missing, cleans up what an earlier run left, and starts a cluster whose node is ready; or connects to the one of
    /// `context`.
    pub async fn start(options: Options) -> Result<Self> {
        match options.context.clone() {
            Some(context) => Self::existing(&context, options).await,
            None => Self::start_own(options).await,
        }
    }

    /// Takes hold of the cluster that runs on this machine, whichever clone started it. It is not torn down at the end.
    pub async fn attach() -> Result<Self> {
        const NONE: &str = "no cluster runs here; type: cargo run --example cluster -- up";
        let state = machine::running().context(NONE)?;
        let kubeconfig = state.kubeconfig("admin");
        ensure!(kubeconfig.exists(), NONE);
        let client = client_of(&kubeconfig, None).await?;
        client.apiserver_version().await.context(NONE)?;
        let options = Options {
            keep: true,
            ..Options::default()
        };
        Ok(Self {
            client,
            state,
            kubeconfig,
            own: Some(build::build_all()?),
            own_postgres: OnceCell::new(),
            options,
        })
    }

    async fn start_own(options: Options) -> Result<Self> {
        debian::prepare()?;
        let programs = tokio::task::spawn_blocking(build::build_all).await??;
        let state = State::of_project();
        machine::claim(&state)?;
        let interrupts = interrupt::tear_down_at_signals(&state)?;
        let kubeconfig = state.kubeconfig("admin");
        let started = machine::start(&state, &programs, options.verbose).await;
        if started.is_err() {
            machine::keep_logs(&state);
            machine::release(&state)?;
        }
        let client = started?;
        if options.keep {
            interrupts.abort();
        }
        Ok(Self {
            client,
            state,
            kubeconfig,
            own: Some(programs),
            own_postgres: OnceCell::new(),
            options,
        })
    }

    async fn existing(context: &str, options: Options) -> Result<Self> {
        let state = State::at(place::target().join(format!("context-{}", file_name(context))));
        state.create()?;
        let kubeconfig = state.kubeconfig("admin");
        let arguments = [
            "config",
            "view",
            "--minify",
            "--flatten",
            "--context",
            context,
        ];
        let kubectl = debian::find_program("kubectl")
            .context("--context needs kubectl in the search path")?;
        fs::write(
            &kubeconfig,
            super::process::run(std::process::Command::new(kubectl).args(arguments))?,
        )?;
        let client = client_of(&kubeconfig, Some(context)).await?;
        client
            .apiserver_version()
            .await
            .with_context(|| format!("the cluster of context {context} does not answer"))?;
        Ok(Self {
            client,
            state,
            kubeconfig,
            own: None,
            own_postgres: OnceCell::new(),
            options,
        })
    }

    /// Tears the cluster down, or leaves it if it shall be kept or is not ours, and says if that fails.
    pub async fn stop(mut self) -> Result<()> {
        let owned = self.is_own() && !self.options.keep;
        let state = self.state.clone();
        self.options.keep = true;
        if owned {
            tokio::task::spawn_blocking(move || machine::release(&state)).await?
        } else {
            Ok(())
        }
    }

    /// Whether the cluster is one of this harness, and not somebody else's by its context.
    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// A client with all rights.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    pub fn state(&self) -> &State {
        &self.state
    }

    /// A kubeconfig with all rights.
    pub fn admin_kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The API server's address, as this machine reaches it.
    pub async fn server(&self) -> Result<String> {
        if self.is_own() {
            return Ok(SERVER.to_owned());
        }
        let config = self.client_config().await?;
        Ok(config.cluster_url.to_string())
    }

    /// The certificate authority of the API server, PEM; empty if it is a public one.
    pub async fn authority(&self) -> Result<Vec<u8>> {
        Ok(kubeconfig::authority(&self.client_config().await?))
    }

    async fn client_config(&self) -> Result<Config> {
        kubeconfig::config_of(&self.kubeconfig, None).await
    }

    /// The file of a program: of the programs built here, else of the search path.
    pub fn program(&self, name: &str) -> Result<PathBuf> {
        match &self.own {
            Some(programs) => programs.path(name).map(Path::to_owned),
            None => debian::find_program(name)
                .with_context(|| format!("--context needs {name} in the search path")),
        }
    }

    /// A process of the cluster, such as `apiserver` or `kubelet`, to stop and to continue.
    pub fn process(&self, name: &str) -> Result<Process> {
        Process::recorded(&self.state.records(), &self.state.logs())
            .into_iter()
            .find(|process| process.name() == name)
            .with_context(|| format!("no process `{name}` belongs to this cluster"))
    }

    /// Runs kubectl with all rights and returns what it answered, well or not.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<Answer> {
        self.kubectl_with_input(arguments, "").await
    }

    /// The same with a text on its standard input, for `apply -f -`.
    pub async fn kubectl_with_input(&self, arguments: &[&str], input: &str) -> Result<Answer> {
        let mut command = tokio::process::Command::new(self.program("kubectl")?);
        command
            .args(arguments)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("KUBECACHEDIR", self.state.path("kubectl-cache"));
        run_with_input(command, input).await
    }

    /// Runs kubectl; a failure is an error with kubectl's own words.
    pub async fn kubectl_ok(&self, arguments: &[&str]) -> Result<String> {
        self.kubectl(arguments)
            .await?
            .success(&format!("kubectl {}", arguments.join(" ")))
    }

    /// Applies manifests from a text.
    pub async fn apply(&self, manifests: &str) -> Result<String> {
        self.kubectl_with_input(&["apply", "-f", "-"], manifests)
            .await?
            .success("kubectl apply")
    }

    /// A token of a ServiceAccount, good for a day.
    pub async fn service_account_token(&self, namespace: &str, name: &str) -> Result<String> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client(), namespace);
        let spec = TokenRequestSpec {
            expiration_seconds: Some(86_400),
            ..TokenRequestSpec::default()
        };
        let request = TokenRequest {
            spec,
            ..TokenRequest::default()
        };
        let answer: TokenRequest = accounts
            .create_subresource("token", name, &PostParams::default(), &request)
            .await
            .with_context(|| format!("ask for a token of ServiceAccount {namespace}/{name}"))?;
        Ok(answer.status.context("the answer holds no token")?.token)
    }

    /// Gives the cluster an image, so that pods with `imagePullPolicy: IfNotPresent` find it. Returns how long it took.
    pub async fn load_image(&self, image: &Image) -> Result<Duration> {
        let start = Instant::now();
        let archive = self
            .state
            .path(&format!("image-{}.tar", file_name(image.name())));
        let (writer, path) = (image.clone(), archive.clone());
        tokio::task::spawn_blocking(move || writer.write_archive(&path)).await??;
        match (&self.own, &self.options.image_loader) {
            (Some(programs), _) => node::import_image(&self.state, programs, &archive).await?,
            (None, Some(loader)) => load_by_command(loader, &archive).await?,
            (None, None) => bail!(
                "the cluster of this context does not have image {}; name a command that loads an OCI archive, for kind: --load-images 'kind load image-archive'",
                image.name()
            ),
        }
        fs::remove_file(&archive)?;
        Ok(start.elapsed())
    }

    /// The audit log of the API server; only of a cluster that was started here.
    pub fn audit_log(&self) -> Result<AuditLog> {
        ensure!(
            self.is_own(),
            "the audit log of another's cluster is out of reach"
        );
        Ok(AuditLog::at(self.state.audit_log()))
    }

    /// The PostgreSQL server that pods reach at [`Cluster::database_address`]. Started with the cluster; for another's cluster when it is asked
    /// for first, and it runs as long as this value.
    pub async fn postgres(&self) -> Result<Postgres> {
        let address = SocketAddr::new(self.database_address()?, POSTGRES_PORT);
        let options = postgres::Options::detached(self.state.postgres(), address);
        if !self.is_own() {
            let start = async || {
                Postgres::start(postgres::Options {
                    lifetime: postgres::Lifetime::Owner,
                    ..options.clone()
                })
                .await
            };
            self.own_postgres.get_or_try_init(start).await?;
        }
        Postgres::attach(options).await
    }

    /// The address of the databases, as pods see it.
    pub fn database_address(&self) -> Result<IpAddr> {
        match self.options.database_address {
            Some(address) => Ok(address),
            None if self.is_own() => Ok(NODE_ADDRESS.parse()?),
            None => bail!(
                "tell at which address pods of this cluster reach this machine: --database-address ADDRESS"
            ),
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if !self.is_own() {
            // A copy of the user's credentials; where it cannot be removed, it lies in a folder that is his alone.
            let _ = fs::remove_file(&self.kubeconfig);
        }
        if self.is_own()
            && !self.options.keep
            && let Err(error) = machine::release(&self.state)
        {
            eprintln!(
                "The cluster is not torn down completely: {error:#}\nType: cargo run --example cluster -- down"
            );
        }
    }
}

async fn load_by_command(loader: &str, archive: &Path) -> Result<()> {
    let mut words = loader.split_whitespace();
    let program = words
        .next()
        .context("the command that loads images is empty")?;
    let mut command = tokio::process::Command::new(program);
    command.args(words).arg(archive);
    run_with_input(command, "")
        .await?
        .success(loader)
        .map(|_| ())
}

/// A name without the characters that divide paths.
fn file_name(name: &str) -> String {
    name.chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() || letter == '.' {
                letter
            } else {
                '-'
            }
        })
        .collect()
}
