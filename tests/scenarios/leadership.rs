//! Two replicas: what happens when the one that leads goes.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::cluster::operator::Operator;
use crate::cluster::wait;
use crate::world::World;

/// The lease of 15 s and one try of 2 s make 17 (G-10); the rest is for a busy machine. The figure itself is printed.
const CRASH_LIMIT: Duration = Duration::from_secs(30);

/// G-10, F-14, I-35: a leader that is asked to end gives the Lease back, one that is killed leaves it to run out; the other goes on.
pub async fn the_other_replica_goes_on_when_the_leader_ends_or_is_killed(
    world: World,
) -> Result<()> {
    let first = replica(&world, "first").await?;
    holder(&world, "first", Duration::from_secs(10)).await?;
    let second = replica(&world, "second").await?;
    world.release_orders().await?;

    let asked = Instant::now();
    first.terminate()?;
    let handed_over = holder(&world, "second", CRASH_LIMIT).await? - asked;
    first.wait(Duration::from_secs(10)).await?;
    let third = replica(&world, "third").await?;
    scale(&world, 3).await?;

    wait::until(
        "the third replica to stand by",
        Duration::from_secs(10),
        async || {
            let log = third.log();
            ensure!(log.contains("standing by"), "{log}");
            anyhow::Ok(())
        },
    )
    .await?;
    let killed = Instant::now();
    second.kill()?;
    let taken_over = holder(&world, "third", CRASH_LIMIT).await? - killed;
    scale(&world, 1).await?;
    let jobs = world.list("jobs").await?.len();
    ensure!(jobs == 1, "{jobs} Jobs ran");
    world.figure(
        "another replica leads",
        format!("{handed_over:.2?} after SIGTERM, {taken_over:.2?} after SIGKILL"),
    );
    Ok(())
}

async fn replica(world: &World, identity: &str) -> Result<Operator> {
    let options = world
        .operator_options()
        .argument("--identity")
        .argument(identity);
    Operator::start(world.cluster(), options).await
}

/// Waits until the Lease names this replica; returns when that was seen.
async fn holder(world: &World, identity: &str, limit: Duration) -> Result<Instant> {
    wait::until(&format!("{identity} to lead"), limit, async || {
        let lease = world.get("lease/slipway").await?;
        let holder = lease["spec"]["holderIdentity"].as_str().context("nobody")?;
        ensure!(holder.starts_with(identity), "{holder}");
        anyhow::Ok(Instant::now())
    })
    .await
}

/// A change that only a leader carries out.
async fn scale(world: &World, replicas: i64) -> Result<()> {
    let replicas_flag = format!("--replicas={replicas}");
    world
        .kubectl(&["scale", "slb/orders", &replicas_flag])
        .await?;
    wait::until("the Deployment to follow", CRASH_LIMIT, async || {
        let found = world.get("deployment/orders").await?["spec"]["replicas"].clone();
        ensure!(found == replicas, "{found}");
        anyhow::Ok(())
    })
    .await
}
