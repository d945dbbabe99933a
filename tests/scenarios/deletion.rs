//! Deletion: nothing hangs, nothing leaks, and a migration that runs is let end.

use anyhow::{Result, ensure};

use crate::cluster::wait;
use crate::world::{PATIENCE, World};

/// The kinds that a Backend makes.
const MADE: [&str; 7] = [
    "deployments",
    "services",
    "controllerrevisions.apps",
    "slm",
    "jobs",
    "replicasets",
    "pods",
];

/// I-20, I-21: at rest the ownerReferences do it all.
pub async fn a_deleted_backend_leaves_nothing(world: World) -> Result<()> {
    let _operator = world.operator().await?;
    world.database("orders-db", "password").await?;
    world
        .apply(&world.orders("orders", "1.0.0", "orders-db"))
        .await?;
    world.ready("orders").await?;
    world
        .cluster()
        .kubectl_ok(&["delete", "slb/orders", "-n", &world.namespace])
        .await?;
    for kind in MADE {
        world.until_gone(kind).await?;
    }
    Ok(())
}

/// I-13: the run is never killed, its outcome is recorded in the ledger, then everything goes.
pub async fn a_backend_deleted_in_the_middle_of_its_migration_lets_it_end(
    world: World,
) -> Result<()> {
    let _operator = world.operator().await?;
    world.database("orders-db", "password").await?;
    world
        .apply(&world.orders("orders", "1.0.0", "orders-db"))
        .await?;
    wait::until("the ledger to be taken", PATIENCE, async || {
        let ledger = &world.get("sldb/orders-db").await?["status"]["ledger"];
        let jobs = world.list("jobs").await?;
        ensure!(
            ledger["holder"].is_object() && jobs.iter().any(|job| job["spec"]["suspend"] == false),
            "{ledger}"
        );
        anyhow::Ok(())
    })
    .await?;
    world
        .cluster()
        .kubectl_ok(&[
            "delete",
            "slb/orders",
            "-n",
            &world.namespace,
            "--wait=false",
        ])
        .await?;
    wait::until("the outcome in the ledger", PATIENCE, async || {
        let ledger = &world.get("sldb/orders-db").await?["status"]["ledger"];
        ensure!(
            ledger["holder"].is_null() && ledger["entries"][0]["outcome"] == "Succeeded",
            "{ledger}"
        );
        anyhow::Ok(())
    })
    .await?;
    world.until_gone("slm").await?;
    let versions = world
        .postgres()
        .await?
        .connect(&world.database_name("orders-db"))
        .await?;
    let top: i64 = versions
        .query_one("select max(version_id) from goose_db_version", &[])
        .await?
        .get(0);
    ensure!(top == 2, "the schema is at {top}");
    Ok(())
}
