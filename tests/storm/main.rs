//! The storm: many migrations by real runners and real tools on real databases, while runners, tools, sessions and servers are killed at
//! random moments. What decides is the product's own code, on the API server in miniature of `tests/arm_model`. The order of events comes
//! from one seed: `SLIPWAY_STORM_SEED` repeats a storm, `SLIPWAY_STORM_RUNS` makes it longer.

#![allow(
    dead_code,
    reason = "the walk and the runner's tests use more of what they share with the storm"
)]

#[path = "../runner/bench.rs"]
mod bench;
#[path = "../cluster/mod.rs"]
mod cluster;
#[path = "../arm_model/kept.rs"]
mod kept;
#[path = "../arm_model/kubernetes.rs"]
mod kubernetes;
#[path = "../arm_model/leader.rs"]
mod leader;
#[path = "../arm_model/looks.rs"]
mod looks;
#[path = "../arm_model/mistakes.rs"]
mod mistakes;
#[path = "../arm_model/rules.rs"]
mod rules;
#[path = "../arm_model/same.rs"]
mod same;
#[path = "../arm_model/server.rs"]
mod server;
mod site;
#[path = "../arm_model/witness.rs"]
mod witness;
#[path = "../arm_model/world.rs"]
mod world;
mod yard;

use std::time::Instant;

use anyhow::Result;
use slipway::api::common::{Engine, Tool};

use site::{Figures, Site};
use yard::{Chance, Yard};

/// Runs of the form that every test of the project includes.
const RUNS: u32 = 50;

/// The databases that are migrated side by side.
const SITES: [(Engine, Tool); 4] = [
    (Engine::PostgreSQL, Tool::Goose),
    (Engine::PostgreSQL, Tool::GolangMigrate),
    (Engine::MySQL, Tool::Goose),
    (Engine::MySQL, Tool::GolangMigrate),
];

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// I-2, I-3, I-6, I-8, I-11 with real programs; F-34, F-37, F-39, F-41, F-41a, F-41c.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_killed_no_body_overlaps_another_none_runs_after_its_success_and_none_is_lost()
-> Result<()> {
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let seed = number("SLIPWAY_STORM_SEED").unwrap_or(clock.as_secs());
    let runs =
        number("SLIPWAY_STORM_RUNS").map_or(RUNS, |runs| u32::try_from(runs).unwrap_or(RUNS));
    println!("storm: SLIPWAY_STORM_SEED={seed} SLIPWAY_STORM_RUNS={runs}");
    let started = Instant::now();
    let yard = Yard::open().await?;
    let sites = u32::try_from(SITES.len())?;
    let storms = SITES.iter().zip(0_u32..).map(|((engine, tool), place)| {
        let chance = Chance::new(seed ^ (u64::from(place) << 32));
        let runs = runs / sites + u32::from(place < runs % sites);
        let site = Site::new(&yard, *engine, *tool, chance);
        async move { site.await?.weather(runs).await }
    });
    let figures: Vec<Figures> = futures::future::try_join_all(storms).await?;
    for ((engine, tool), figures) in SITES.iter().zip(&figures) {
        println!("{} {}: {figures:?}", engine.word(), tool.word());
    }
    println!("storm: {:.0} s", started.elapsed().as_secs_f32());
    for figures in &figures {
        assert_eq!(figures.broken(), [0, 0, 0, 0], "seed {seed}: {figures:?}");
    }
    Ok(())
}
