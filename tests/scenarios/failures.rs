//! What can go wrong on the way: pods that go, an operator that dies, an image that is not there, a Job that somebody else starts.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::cluster::history::History;
use crate::cluster::operator::Operator;
use crate::cluster::proxy::FaultProxy;
use crate::cluster::proxy::call::Verb;
use crate::cluster::proxy::rules::{Fault, Match};
use crate::cluster::read::text;
use crate::cluster::wait;
use crate::objects::told;
use crate::witness::{Body, Witnessed, backend};
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

/// migrations.md case 37.
/// Somebody starts the Job by hand before the ledger is taken in its name: its runner refuses, nothing runs, and its turn comes all the same.
pub async fn a_job_that_a_person_starts_runs_nothing_and_the_migration_is_done_once(
    world: World,
) -> Result<()> {
    let proxy = FaultProxy::start(world.cluster()).await?;
    let options = world.operator_options().through(proxy.url());
    let _operator = Operator::start(world.cluster(), options).await?;
    let history = History::record(world.cluster(), &world.namespace).await?;
    let postgres = world.postgres().await?;
    let database = Witnessed::on(&world, &postgres, "books").await?;
    database.let_go().await?;
    world.condition("sldb/books", "Ready", "True").await?;
    let ledger = Match::verb(Verb::Update).resource("databases").only(1);
    let taken = proxy.add(ledger, Fault::Hold);
    world
        .apply(&backend(&world, "books", "books", Body::Transactional))
        .await?;
    taken.reached(1, PATIENCE).await?;
    let jobs = world.list("jobs").await?;
    let job = jobs.first().map(|job| text(&job["metadata"]["name"]));
    let job = format!("job/{}", job.context("no Job was made")?);
    world
        .patch(&job, &json!({"spec": {"suspend": false}}))
        .await?;
    wait::until("its runner to refuse", PATIENCE, async || {
        let pods = world.list("pods").await?;
        ensure!(json!(pods).to_string().contains("NotArmed"), "{pods:?}");
        anyhow::Ok(())
    })
    .await?;
    taken.release();
    world.ready("books").await?;
    let story = database.story(&history, "books").await?;
    let expected = ["RetryWait/NotArmed", "Succeeded/Succeeded"];
    ensure!(
        story.outcomes == expected && (story.begun, story.effects) == (1, 1),
        "{story:?}"
    );
    Ok(())
}
