//! The storm: many migrations by real runners and real tools on real databases, while runners, tools, pods, operators, sessions and servers
//! are killed at random moments. What decides is the product's own code, on the API server in miniature of `tests/arm_model`. The order of
//! events comes from one seed: `SLIPWAY_STORM_SEED` repeats a storm, `SLIPWAY_STORM_RUNS` makes it longer, `SLIPWAY_STORM_TALKS` tells all.

#![allow(
    dead_code,
    reason = "the walk and the runner's tests use more of what they share with the storm"
)]

#[path = "../arm_model/backends.rs"]
mod backends;
#[path = "../runner/bench.rs"]
mod bench;
#[path = "../arm_model/bodies.rs"]
mod bodies;
#[path = "../arm_model/budget.rs"]
mod budget;
#[path = "../cluster/mod.rs"]
mod cluster;
mod figures;
#[path = "../arm_model/files.rs"]
mod files;
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
#[path = "../arm_model/runner.rs"]
mod runner;
#[path = "../arm_model/same.rs"]
mod same;
#[path = "../arm_model/server.rs"]
mod server;
mod site;
#[path = "../arm_model/users.rs"]
mod users;
#[path = "../arm_model/witness.rs"]
mod witness;
#[path = "../arm_model/world.rs"]
mod world;
mod yard;

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use slipway::api::common::{Engine, Tool};

use cluster::chance::{Chance, seed};
use figures::Figures;
use site::Site;
use yard::Yard;

/// Runs of the form that every test of the project includes.
const RUNS: u32 = 50;

/// The databases that are migrated side by side, and how many of 50 runs each has. A JVM costs as much time as ten other tools.
const SITES: [(Engine, Tool, u32); 8] = [
    (Engine::PostgreSQL, Tool::Goose, 8),
    (Engine::PostgreSQL, Tool::GolangMigrate, 8),
    (Engine::PostgreSQL, Tool::Flyway, 3),
    (Engine::PostgreSQL, Tool::Exec, 6),
    (Engine::MySQL, Tool::Goose, 8),
    (Engine::MySQL, Tool::GolangMigrate, 8),
    (Engine::MySQL, Tool::Flyway, 3),
    (Engine::MySQL, Tool::Exec, 6),
];

/// I-2, I-3, I-6, I-8, I-11 with real programs; F-1 to F-5, F-30, F-34, F-37, F-39, F-41, F-41a, F-41c.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_killed_no_body_overlaps_another_none_runs_after_its_success_and_none_is_lost()
-> Result<()> {
    let seed = seed("SLIPWAY_STORM_SEED");
    let runs = std::env::var("SLIPWAY_STORM_RUNS").ok();
    let runs = runs.and_then(|runs| runs.parse().ok()).unwrap_or(RUNS);
    let again = format!(
        "SLIPWAY_STORM_SEED={seed} SLIPWAY_STORM_RUNS={runs} cargo test --test storm whatever_is_killed -- --nocapture"
    );
    println!("storm: {again}");
    storm(seed, runs)
        .await
        .with_context(|| format!("the same storm again: {again}"))
}

async fn storm(seed: u64, runs: u32) -> Result<()> {
    let yard = Yard::open().await?;
    let started = Instant::now();
    let mut before = 0;
    let storms = SITES
        .iter()
        .zip(0_u32..)
        .map(|((engine, tool, share), place)| {
            let chance = Chance::new(seed ^ (u64::from(place) << 32));
            let until = before + share;
            let runs = runs * until / RUNS - runs * before / RUNS;
            before = until;
            let site = Site::new(&yard, *engine, *tool, chance);
            async move { site.await?.weather(runs).await }
        });
    let storms: Vec<_> = storms.collect();
    let figures: Vec<Figures> = futures::future::try_join_all(storms).await?;
    for ((engine, tool, _), figures) in SITES.iter().zip(&figures) {
        println!("{} {}: {figures}", engine.word(), tool.word());
    }
    let all: Figures = figures.into_iter().sum();
    println!("storm of {:.0} s: {all}", started.elapsed().as_secs_f32());
    ensure!(all.broken() == [0, 0, 0, 0], "{all}");
    Ok(())
}
