//! A first release, its price, and what a second look at it costs.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::cluster::wait;
use crate::world::World;

/// Kinds that the cost model counts apart.
const APART: [&str; 2] = ["events", "leases"];

/// `promises.md` I-4 and `speed.md` 1: one port, one migration: 16 writes and 2 quorum reads, and no Deployment before the schema.
pub async fn the_release_waits_for_its_schema_and_costs_what_the_model_says(
    world: World,
) -> Result<()> {
    let _operator = world.operator().await?;
    world.database("orders-db", "password").await?;
    world.condition("sldb/orders-db", "Ready", "True").await?;
    let mark = world.mark()?;
    world
        .apply(&world.orders("orders", "1.0.0", "orders-db"))
        .await?;
    world.ready("orders").await?;

    let schema = world.ask("orders", "/schema").await?;
    ensure!(
        schema.contains("first order"),
        "the service answers {schema}"
    );
    let requests = world.requests(Some(mark))?.except(&APART);
    let position = |resource: &str, subresource: &str| {
        requests.0.iter().rposition(|entry| {
            entry.resource == resource && entry.subresource == subresource && entry.is_write()
        })
    };
    let schema_done =
        position("migrations", "status").context("no Migration status was written")?;
    let released = requests
        .0
        .iter()
        .position(|entry| entry.resource == "deployments" && entry.is_write())
        .context("no Deployment was written")?;
    ensure!(
        schema_done < released,
        "the Deployment came before its schema:\n{}",
        requests.table()
    );
    ensure!(
        requests.writes().len() == 16,
        "not 16 writes:\n{}",
        requests.table()
    );
    let gets = requests.filter(|entry| entry.verb == "get");
    ensure!(gets.len() == 2, "not 2 quorum reads:\n{}", requests.table());
    println!(
        "a first release with one migration costs:\n{}",
        requests.table()
    );
    Ok(())
}

/// I-31, G-15: with everything in place nothing is written, and at rest nothing is asked but the Lease.
pub async fn a_restart_of_the_operator_writes_nothing(world: World) -> Result<()> {
    let operator = world.operator().await?;
    world.database("orders-db", "password").await?;
    world
        .apply(&world.orders("orders", "1.0.0", "orders-db"))
        .await?;
    world.ready("orders").await?;
    operator.terminate()?;
    operator.wait(Duration::from_secs(15)).await?;

    let mark = world.mark()?;
    let operator = world.operator().await?;
    wait::until(
        "the new operator to lead",
        Duration::from_secs(30),
        async || {
            let renewals = world.requests(Some(mark))?.on("leases").writes().len();
            ensure!(renewals >= 4, "{renewals} writes of the Lease");
            anyhow::Ok(())
        },
    )
    .await?;
    let writes = world.requests(Some(mark))?.except(&["leases"]).writes();
    ensure!(
        writes.is_empty(),
        "a restart wrote:\n{}\n{}",
        writes.table(),
        operator.log()
    );
    Ok(())
}

/// F-44: A -> B -> A within a second: the last wins, what was done stays done.
pub async fn an_image_there_and_back_again_runs_no_second_migration(world: World) -> Result<()> {
    let _operator = world.operator().await?;
    world.database("orders-db", "password").await?;
    world
        .apply(&world.orders("orders", "1.0.0", "orders-db"))
        .await?;
    world.ready("orders").await?;
    let jobs = world.list("jobs").await?.len();

    world.ship("orders", "slipway.test/orders:1.1.1").await?;
    world.ship("orders", "slipway.test/orders:1.0.0").await?;
    world.ready("orders").await?;
    let version = world.ask("orders", "/version").await?;
    ensure!(version.contains("1.0.0"), "{version}");
    let after = world.list("jobs").await?.len();
    ensure!(jobs == 1 && after <= 2, "{jobs} Jobs became {after}");
    Ok(())
}
