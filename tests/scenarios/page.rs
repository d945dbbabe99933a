//! The README on a cluster: its commands as they are typed, its manifests as they are written, its output as it is shown.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use slipway::core::meta::{HELD_FINALIZER, OUTCOME_FINALIZER};

use crate::cluster::application::Application;
use crate::cluster::canary::PASSWORD;
use crate::cluster::command::run_with_input;
use crate::cluster::place;
use crate::cluster::product::Product;
use crate::cluster::readme;
use crate::cluster::release::{self, SLIPWAY_NAMESPACE};
use crate::cluster::replicas::Replicas;
use crate::cluster::wait;
use crate::world::{PATIENCE, World};

/// The image that chart and kustomization name as they come, in full.
const IMAGE: &str = concat!("docker.io/library/slipway:", env!("CARGO_PKG_VERSION"));

/// The releases of the page: version and folder of migrations.
const RELEASES: [(&str, &str); 2] = [("1.0.0", "migrations"), ("1.1.0", "migrations-broken")];

/// The Migration on the page; its name follows from the plan.
const MIGRATION: &str = "orders-k3f9x2m7qa -n shop";

/// Installed in three ways, each of which works; and between them the page's story.
pub async fn every_command_of_the_readme_works_as_typed(world: World) -> Result<()> {
    let page = Page::open(&world).await?;
    let shown = page.show().await;
    page.forgets().await?;
    shown
}

struct Page<'a> {
    world: &'a World,
    blocks: Vec<String>,
    manifests: Vec<Value>,
    kubeconfig: PathBuf,
}

impl<'a> Page<'a> {
    /// With the images that the page speaks of, and a kubeconfig whose namespace is the scenario's.
    async fn open(world: &'a World) -> Result<Self> {
        let cluster = world.cluster();
        let product = Product::of_file(&world.shared.program);
        cluster.load_image(&product.image(IMAGE)?).await?;
        for (version, migrations) in RELEASES {
            let folder = place::project().join("tests/apps/orders").join(migrations);
            let application = Application::build("orders", version).await?;
            let image = format!("registry.example/orders:{version}");
            let image = application.image_named(&image, &folder);
            let image = image.file(cluster.program("goose")?, "/goose");
            cluster.load_image(&image).await?;
        }
        let kubeconfig = cluster.state().kubeconfig("readme");
        std::fs::copy(cluster.admin_kubeconfig(), &kubeconfig)?;
        let mut blocks = readme::blocks();
        let manifests = blocks.remove("render").context("no manifests")?;
        let manifests = manifests.iter().map(|text| serde_yaml::from_str(text));
        let page = Self {
            world,
            blocks: blocks.remove("cluster").context("no commands")?,
            manifests: manifests.collect::<Result<_, _>>()?,
            kubeconfig,
        };
        let namespace = &world.namespace;
        let command = format!("kubectl config set-context --current --namespace={namespace}");
        page.command(&command).await?;
        Ok(page)
    }

    async fn show(&self) -> Result<()> {
        self.without_definitions().await?;
        self.run("helm install").await?;
        self.leads().await?;
        self.samples_are_accepted().await?;
        self.releases().await?;
        self.fails_and_is_mended().await?;
        self.command("helm uninstall slipway -n slipway-system --wait")
            .await?;
        self.world.answers("orders", "/version", "1.1.0").await?;
        self.frees_what_is_kept().await?;
        self.forgets().await?;

        self.run("-k config/default").await?;
        self.leads().await?;
        self.scales(3).await?;
        self.forgets().await?;

        self.run("-k config/manager").await?;
        self.leads().await?;
        self.scales(1).await
    }

    /// A command line in the project's folder, with the cluster's programs in the path.
    async fn command(&self, line: &str) -> Result<String> {
        let cluster = self.world.cluster();
        let mut path = Vec::new();
        for program in ["kubectl", "helm"] {
            path.extend(cluster.program(program)?.parent().map(PathBuf::from));
        }
        path.extend(std::env::split_paths(
            &std::env::var_os("PATH").unwrap_or_default(),
        ));
        let mut command = tokio::process::Command::new("sh");
        command
            .args(["-c", line])
            .current_dir(place::project())
            .env("PATH", std::env::join_paths(path)?)
            .env("KUBECONFIG", &self.kubeconfig)
            .envs(cluster.helm_folders());
        run_with_input(command, "").await?.success(line)
    }

    /// The one block with these words in it.
    fn block(&self, words: &str) -> Result<&str> {
        let mut found = self.blocks.iter().filter(|block| block.contains(words));
        let block = found.next().with_context(|| format!("no {words}"))?;
        ensure!(found.next().is_none(), "more than one block of {words}");
        Ok(block)
    }

    /// Types all lines of a block.
    async fn run(&self, words: &str) -> Result<()> {
        for line in self.block(words)?.lines() {
            self.command(line).await?;
        }
        Ok(())
    }

    /// No definitions, and so no object, are left of what ran before: the page begins with a cluster that has never seen Slipway.
    async fn without_definitions(&self) -> Result<()> {
        self.command("kubectl delete -k config/crd --wait --timeout=60s")
            .await?;
        Ok(())
    }

    async fn leads(&self) -> Result<()> {
        let replicas = Replicas::new(self.world.cluster(), SLIPWAY_NAMESPACE, "slipway");
        wait::until("a leader", PATIENCE, async || replicas.leader().await).await?;
        let command = "kubectl rollout status deployment/slipway -n slipway-system --timeout=60s";
        self.command(command).await?;
        Ok(())
    }

    async fn samples_are_accepted(&self) -> Result<()> {
        for sample in std::fs::read_dir(place::project().join("config/samples"))? {
            let sample = sample?.file_name();
            let command = format!(
                "kubectl apply --server-side --dry-run=server --validate=strict -k config/samples/{}",
                sample.display()
            );
            self.command(&command).await?;
        }
        Ok(())
    }

    /// The Backend as it is on the page; of the Database only where it really is differs.
    async fn releases(&self) -> Result<()> {
        let (world, cluster) = (self.world, self.world.cluster());
        let real =
            release::database_with_secret(cluster, &world.namespace, "orders-db", PASSWORD).await?;
        for manifest in &self.manifests {
            let mut manifest = manifest.clone();
            manifest["metadata"]["namespace"] = world.namespace.as_str().into();
            if manifest["kind"] == "Database" {
                for field in ["host", "name"] {
                    manifest["spec"][field] = real["spec"][field].clone();
                }
            }
            world.apply(&manifest).await?;
        }
        world.ready("orders").await
    }

    /// The story of the page: what is shown, and the command that is said in the status, too.
    async fn fails_and_is_mended(&self) -> Result<()> {
        let world = self.world;
        world
            .ship("orders", "registry.example/orders:1.1.0")
            .await?;
        let (_, message) = world.condition("slb/orders", "Stalled", "True").await?;
        let block = self.block("$ kubectl get slb")?;
        let (command, shown) = block.split_once('\n').context("no output is shown")?;
        let found = self.command(command.trim_start_matches("$ ")).await?;
        ensure!(
            without_age(&found) == without_age(shown),
            "the page shows\n{shown}\nand kubectl\n{found}"
        );

        let command = self.block("kubectl annotate")?.trim_start_matches("$ ");
        let mut words = message.split_whitespace();
        let name = words
            .find_map(|word| word.strip_prefix("slm/"))
            .context("the message names no Migration")?;
        let command = command.replace(MIGRATION, &format!("{name} -n {}", world.namespace));
        ensure!(
            message.contains(&command),
            "{message} does not say {command}"
        );
        let database = world.postgres().await?;
        let database = database.connect(&world.database_name("orders-db")).await?;
        database
            .batch_execute(
                "UPDATE customers SET email = 'again@customers.example' WHERE name = 'Ada again'",
            )
            .await?;
        self.command(&command).await?;
        world.ready("orders").await?;
        world.answers("orders", "/version", "1.1.0").await
    }

    /// No operator is left that would take the finalizers off.
    async fn frees_what_is_kept(&self) -> Result<()> {
        let job = json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": {"finalizers": [OUTCOME_FINALIZER]},
            "spec": {"suspend": true, "template": {"spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "migrate", "image": "slipway.test/none:0"}],
            }}},
        });
        let database = json!({
            "apiVersion": "slipway.dev/v1alpha1", "kind": "Database", "metadata": {"finalizers": [HELD_FINALIZER]},
            "spec": {"engine": "PostgreSQL", "host": "db.acme.test", "name": "d", "credentials": {"secret": "s"}},
        });
        for (mut kept, line) in [job, database]
            .into_iter()
            .zip(self.block("kubectl patch job")?.lines())
        {
            kept["metadata"]["name"] = json!("kept");
            kept["metadata"]["namespace"] = json!(self.world.namespace);
            self.world.apply(&kept).await?;
            let line = line.trim_start_matches("$ ").replace("NAME", "kept");
            let kind = line
                .split(' ')
                .nth(2)
                .context("a patch names its kind")?
                .to_owned();
            self.command(&format!("kubectl delete {kind} kept --wait=false"))
                .await?;
            self.command(&line).await?;
            self.command(&format!(
                "kubectl wait {kind}/kept --for=delete --timeout=30s"
            ))
            .await?;
        }
        Ok(())
    }

    async fn scales(&self, replicas: i64) -> Result<()> {
        let command = format!("kubectl scale slb/orders --replicas={replicas}");
        self.command(&command).await?;
        wait::until("the Deployment to follow", PATIENCE, async || {
            let found = self.world.get("deployment/orders").await?["spec"]["replicas"].clone();
            ensure!(found == replicas, "{found}");
            anyhow::Ok(())
        })
        .await
    }

    /// Takes the operator away, however it came; definitions and Backends stay.
    async fn forgets(&self) -> Result<()> {
        let options = "--ignore-not-found --wait --timeout=60s";
        for what in ["manager", "policy", "rbac"] {
            self.command(&format!("kubectl delete -k config/{what} {options}"))
                .await?;
        }
        self.command(&format!(
            "kubectl delete namespace {SLIPWAY_NAMESPACE} {options}"
        ))
        .await?;
        Ok(())
    }
}

/// The words of a table, without the column AGE.
fn without_age(table: &str) -> Vec<Vec<&str>> {
    table
        .lines()
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.split_last().map(|(_age, rest)| rest.to_vec())
        })
        .map(Option::unwrap_or_default)
        .collect()
}
