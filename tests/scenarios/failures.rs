//! What can go wrong on the way: pods that go, an operator that dies, an image that is not there.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cluster::wait;
use crate::objects::told;
use crate::world::{PATIENCE, World};

/// F-30, F-34: the pod of a run is deleted; the outcome comes from evidence, and in the end the schema is there once.
pub async fn a_migration_pod_that_is_deleted_ends_by_evidence(world: World) -> Result<()> {
    let _operator = world.operator().await?;
    world.ask_for_orders().await?;
    let pod = wait::until("a migration pod", PATIENCE, async || {
        let pods = world.list("pods").await?;
        let pod = pods
            .iter()
            .find(|pod| pod["metadata"]["labels"]["slipway.dev/migration"].is_string());
        pod.and_then(|pod| pod["metadata"]["name"].as_str().map(str::to_owned))
            .ok_or_else(|| anyhow::anyhow!("{} pods", pods.len()))
    })
    .await?;
    world
        .kubectl(&["delete", "pod", &pod, "--wait=false"])
        .await?;
    world.ready("orders").await?;
    let versions = world.versions("orders-db").await?;
    ensure!(versions == [1, 2], "the schema was applied as {versions:?}");
    Ok(())
}

/// F-1 to F-5: the operator is killed in the middle of a first release and started again: one run, the same end.
pub async fn a_killed_operator_finishes_after_its_restart(world: World) -> Result<()> {
    let operator = world.operator().await?;
    world.ask_for_orders().await?;
    wait::until("the Job of the migration", PATIENCE, async || {
        let jobs = world.list("jobs").await?.len();
        ensure!(jobs == 1, "{jobs} Jobs");
        anyhow::Ok(())
    })
    .await?;
    operator.kill()?;
    operator.wait(Duration::from_secs(10)).await?;
    world.free_the_lease().await?;
    let _operator = world.operator().await?;
    world.ready("orders").await?;
    let jobs = world.list("jobs").await?.len();
    ensure!(jobs == 1, "{jobs} Jobs ran");
    Ok(())
}

/// F-38: the status carries the pod's own reason and the next command; the old pods serve.
pub async fn an_image_that_cannot_be_pulled_is_named_in_the_status(world: World) -> Result<()> {
    let _operator = world.operator().await?;
    let backend = json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend",
        "metadata": {"name": "ghost", "namespace": world.namespace},
        "spec": {"type": "Worker", "image": "slipway.test/no-such-image:1", "imagePullPolicy": "Never"},
    });
    world.apply(&backend).await?;
    told(
        &world,
        "ghost",
        "ImagePullFailed",
        "Next: kubectl describe pod ghost-",
    )
    .await
}
