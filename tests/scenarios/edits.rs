//! Many edits of one Backend in a moment.

use std::time::Instant;

use anyhow::{Result, ensure};
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use slipway::api::backend::Backend;

use crate::cluster::wait;
use crate::world::{PATIENCE, World};

/// migrations.md case 45.
/// F-44: A -> B -> A within a second, many times: the last wins, what was done stays done, and of the other plan there is one run at most.
pub async fn an_image_there_and_back_again_runs_no_second_migration(world: World) -> Result<()> {
    let _operator = world.operator().await?;
    world.release_orders().await?;
    let jobs = world.list("jobs").await?.len();
    ensure!(jobs == 1, "{jobs} Jobs of a first release");

    edit(&world, ["1.1.1", "1.0.0"]).await?;
    let (armed, inert) = until_jobs_rest(&world).await?;
    ensure!(
        armed <= 2 && inert == 0,
        "{armed} Jobs were armed, {inert} are left suspended"
    );
    let versions = world.versions("orders-db").await?;
    ensure!(
        versions == [1, 2] || (armed == 2 && versions == [1, 2, 3]),
        "{armed} runs left the schema at {versions:?}"
    );

    edit(&world, ["1.0.0", "1.1.1"]).await?;
    let (armed, inert) = until_jobs_rest(&world).await?;
    ensure!(
        (armed, inert) == (2, 0),
        "{armed} Jobs were armed, {inert} are left suspended"
    );
    let versions = world.versions("orders-db").await?;
    ensure!(versions == [1, 2, 3], "the schema is at {versions:?}");
    Ok(())
}

/// Changes the image there and back, ten times in less than a second, and waits until the last one serves.
async fn edit(world: &World, versions: [&str; 2]) -> Result<()> {
    let begun = Instant::now();
    let backends: Api<Backend> = Api::namespaced(world.cluster().client(), &world.namespace);
    for version in versions.repeat(10) {
        let image = json!({"spec": {"image": format!("slipway.test/orders:{version}")}});
        let patch = PatchParams::default();
        backends
            .patch("orders", &patch, &Patch::Merge(image))
            .await?;
    }
    println!("20 edits took {:.1?}", begun.elapsed());
    world.ready("orders").await?;
    world.answers("orders", "/version", versions[1]).await
}

/// Waits until every Job is finished or swept; how many of them were armed, and how many not.
async fn until_jobs_rest(world: &World) -> Result<(usize, usize)> {
    wait::until("all Jobs to be at rest", PATIENCE, async || {
        let jobs = world.list("jobs").await?;
        let rests = |job: &Value| job["metadata"]["finalizers"].is_null();
        ensure!(jobs.iter().all(rests), "{} Jobs", jobs.len());
        let armed = jobs.iter().filter(|job| job["spec"]["suspend"] == false);
        let armed = armed.count();
        anyhow::Ok((armed, jobs.len() - armed))
    })
    .await
}
