//! What all scenarios share: the cluster, the images that are loaded into it, the file of Slipway.

use std::path::{Path, PathBuf};

use anyhow::Result;
use tokio::sync::OnceCell;

use crate::cluster::audit::{Entries, Mark};
use crate::cluster::product::Product;
use crate::cluster::release::{self, SLIPWAY_NAMESPACE};
use crate::cluster::session::{Cluster, Options};
use crate::tally::{Longest, Tally};
use crate::witness;

/// The releases of the orders service that scenarios ship: version and folder of migrations.
const RELEASES: [(&str, &str); 3] = [
    ("1.0.0", "migrations"),
    ("1.1.0", "migrations-broken"),
    ("1.1.1", "migrations-mended"),
];

/// The cluster and what is loaded into it, for all scenarios.
pub struct Shared {
    pub cluster: Cluster,
    pub program: PathBuf,
    pub tools: String,
    /// Slipway with the feature `faults`, built when a scenario asks for it.
    faulty: OnceCell<Product>,
    mark: Mark,
    pub tally: Tally,
    pub longest: Longest,
}

impl Shared {
    /// Starts the cluster, or takes the one that runs, installs the resource definitions, loads the images.
    pub async fn start(attach: bool, program: &Path) -> Result<Self> {
        let cluster = if attach {
            Cluster::attach().await?
        } else {
            let verbose = true;
            Cluster::start(Options {
                verbose,
                ..Options::default()
            })
            .await?
        };
        let mark = cluster.audit_log()?.mark()?;
        let product = Product::of_file(program).kept("slipway-scenarios")?;
        let tools = release::load_slipway(&cluster, &product).await?;
        for (version, migrations) in RELEASES {
            release::load_orders(&cluster, version, migrations).await?;
        }
        witness::load_images(&cluster).await?;
        let definitions = concat!(env!("CARGO_MANIFEST_DIR"), "/crds");
        cluster
            .kubectl_ok(&[
                "apply",
                "--server-side",
                "--force-conflicts",
                "-k",
                definitions,
            ])
            .await?;
        cluster
            .kubectl_ok(&[
                "wait",
                "--for=condition=Established",
                "crd",
                "--all",
                "--timeout=30s",
            ])
            .await?;
        Ok(Self {
            cluster,
            program: product.program().to_owned(),
            tools,
            faulty: OnceCell::new(),
            mark,
            tally: Tally::default(),
            longest: Longest::default(),
        })
    }

    /// The file of Slipway that does harm to itself when asked to.
    pub async fn faulty_program(&self) -> Result<PathBuf> {
        let build = async || Product::build(&["faults"]).await;
        let product = self.faulty.get_or_try_init(build).await?;
        Ok(product.program().to_owned())
    }

    /// All requests of the run so far, anybody's.
    pub fn requests(&self) -> Result<Entries> {
        self.cluster.audit_log()?.since(self.mark)
    }

    /// Whether a namespace is one that a scenario of this run made for itself, or the one that Slipway is installed into.
    pub fn is_ours(namespace: &str) -> bool {
        let own = format!("-{}-", std::process::id());
        namespace == SLIPWAY_NAMESPACE || (namespace.starts_with('s') && namespace.contains(&own))
    }

    /// What was measured, and with what.
    pub fn tell_figures(&self) {
        self.longest.tell(&self.tally);
        println!(
            "\nfigures of {}:\n{}",
            self.program.display(),
            self.tally.table()
        );
    }

    pub async fn stop(self) -> Result<()> {
        self.cluster.stop().await
    }
}
