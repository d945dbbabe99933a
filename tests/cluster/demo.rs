//! `cargo demo`: from a bare machine to a real release, told as a story. Everything in it is real: a Kubernetes node, a PostgreSQL server,
//! goose, a Go service, Slipway installed by its chart. It ends with 0 only if every chapter ended as it tells.

#[path = "demo/chapters.rs"]
mod chapters;
#[path = "mod.rs"]
mod cluster;
#[path = "demo/terminal.rs"]
mod terminal;

use std::time::Instant;

use anyhow::Result;
use clap::Parser;

use chapters::chapters;
use cluster::release::SLIPWAY_NAMESPACE;
use cluster::session::{Cluster, Options};
use terminal::{chapter, show_what_is_there};

const NAMESPACE: &str = "demo";

/// Ships a backend with its schema on a real cluster, breaks a migration, approves its repair, contracts, kills the leader.
#[derive(Parser)]
#[command(name = "demo")]
struct Arguments {
    /// Leave the cluster running at the end and say how to use it
    #[arg(long)]
    keep: bool,
    /// Use the cluster of this kubeconfig context instead of starting one
    #[arg(long)]
    context: Option<String>,
    /// With --context: a command that loads an OCI archive into the cluster, for kind: 'kind load image-archive'
    #[arg(long)]
    load_images: Option<String>,
    /// With --context: the address at which pods of that cluster reach this machine
    #[arg(long)]
    database_address: Option<std::net::IpAddr>,
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    match tell(Arguments::parse()).await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nThe demo did not end as it should: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

async fn tell(arguments: Arguments) -> Result<()> {
    let start = Instant::now();
    chapter(
        "A real cluster",
        "One Kubernetes node from source, and a PostgreSQL server beside it.",
    );
    let cluster = Cluster::start(Options {
        keep: arguments.keep,
        context: arguments.context.clone(),
        image_loader: arguments.load_images.clone(),
        database_address: arguments.database_address,
        verbose: true,
    })
    .await?;
    let told = chapters(&cluster).await;
    if told.is_err() {
        show_what_is_there(&cluster).await;
    }
    told?;
    println!(
        "\nThat was the story; it took {:.0} s.",
        start.elapsed().as_secs_f32()
    );
    if arguments.keep {
        println!(
            "The cluster stays. To use it:\n  export KUBECONFIG={}",
            cluster.admin_kubeconfig().display()
        );
        println!("  {} get slipway -A", cluster.program("kubectl")?.display());
        println!("To end it:\n  cargo run --example cluster -- down");
    } else if cluster.is_own() {
        println!("The cluster is torn down; to keep it next time: cargo demo -- --keep");
    } else {
        remove(&cluster).await?;
        println!("The demo's namespaces and its Slipway are removed; the definitions stay.");
    }
    cluster.stop().await
}

/// From another's cluster: the service while its operator is there, then the operator.
async fn remove(cluster: &Cluster) -> Result<()> {
    for arguments in [
        &["delete", "slb,sldb,slm", "--all", "-n", NAMESPACE][..],
        &["delete", "namespace", NAMESPACE],
    ] {
        cluster.kubectl_ok(arguments).await?;
    }
    cluster
        .uninstall_chart("slipway", SLIPWAY_NAMESPACE)
        .await?;
    cluster
        .kubectl_ok(&["delete", "namespace", SLIPWAY_NAMESPACE])
        .await?;
    Ok(())
}
