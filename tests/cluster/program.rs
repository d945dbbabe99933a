//! `cargo run --example cluster`: the test cluster by hand.

#[path = "mod.rs"]
mod cluster;

use std::time::Instant;

use clap::{Parser, Subcommand};

use cluster::session::{Cluster, Options};
use cluster::{build, debian, machine};

/// A real one-node Kubernetes cluster on this machine, built from source.
#[derive(Parser)]
#[command(name = "cluster")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Builds what is missing, starts the cluster and leaves it running
    Up,
    /// Stops the cluster of this folder and removes its state, also what a crashed run left
    Down,
    /// Builds the cluster's programs, so that the next start takes seconds
    Build,
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    match run(Arguments::parse().command).await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    let start = Instant::now();
    match command {
        Command::Up => {
            let cluster = Cluster::start(Options {
                keep: true,
                verbose: true,
                ..Options::default()
            })
            .await?;
            println!(
                "The cluster runs since {:.1} s. To use it:",
                start.elapsed().as_secs_f32()
            );
            println!(
                "  export KUBECONFIG={}",
                cluster.admin_kubeconfig().display()
            );
            println!("  alias kubectl={}", cluster.program("kubectl")?.display());
            println!("To end it:\n  cargo run --example cluster -- down");
        }
        Command::Down => {
            let existed = tokio::task::spawn_blocking(machine::tear_down_project).await??;
            let word = if existed {
                "The cluster is gone"
            } else {
                "There was no cluster"
            };
            println!("{word} ({:.1} s).", start.elapsed().as_secs_f32());
        }
        Command::Build => {
            debian::prepare()?;
            tokio::task::spawn_blocking(build::build_all).await??;
            println!(
                "All programs are built ({:.1} s).",
                start.elapsed().as_secs_f32()
            );
        }
    }
    Ok(())
}
