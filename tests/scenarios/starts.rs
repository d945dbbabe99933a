//! Runs whose program cannot start: given up in time, told with what to look at, and tried again without a try being spent.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cluster::release;
use crate::cluster::wait;
use crate::objects::tells;
use crate::world::{PATIENCE, World};

/// From the arm until a pod that has not started is given up.
const START_SECONDS: u64 = 15;

/// migrations.md case 42, a missing key.
/// F-23: the kubelet's words are told; the run is given up in time, and the next one finds what was missing.
pub async fn a_run_whose_secret_lacks_a_key_is_given_up_and_runs_once_it_has_it(
    world: World,
) -> Result<()> {
    let _operator = world.operator().await?;
    world.database("orders-db").await?;
    let password = world.get("secret/orders-db-app").await?["data"]["password"].clone();
    let without = json!({"data": {"password": null}});
    world.patch("secret/orders-db-app", &without).await?;
    world.apply(&impatient(&world, "1.0.0")).await?;
    given_up(&world, "couldn't find key password").await?;
    let with = json!({"data": {"password": password}});
    world.patch("secret/orders-db-app", &with).await?;
    world.ready("orders").await
}

/// migrations.md case 42, a pull error.
/// The mended image is another plan, which is not kept by the one that never ran.
pub async fn a_run_whose_image_cannot_be_pulled_is_given_up_and_makes_way(
    world: World,
) -> Result<()> {
    let _operator = world.operator().await?;
    world.database("orders-db").await?;
    world.apply(&impatient(&world, "none")).await?;
    given_up(&world, "slipway.test/orders:none").await?;
    world.apply(&impatient(&world, "1.0.0")).await?;
    world.ready("orders").await
}

/// migrations.md case 42, a quota.
/// B-23: the Job controller is refused its pod, which no status tells; nothing ever ran, so it is tried again as soon as it is let in.
pub async fn a_run_whose_pod_is_refused_is_given_up_and_runs_once_it_is_let_in(
    world: World,
) -> Result<()> {
    let _operator = world.operator().await?;
    world.database("orders-db").await?;
    world
        .apply(&json!({
            "apiVersion": "v1", "kind": "ResourceQuota",
            "metadata": {"name": "none", "namespace": world.namespace}, "spec": {"hard": {"pods": "0"}},
        }))
        .await?;
    wait::until("the quota to count", PATIENCE, async || {
        let status = world.get("resourcequota/none").await?["status"]["hard"].clone();
        ensure!(status["pods"] == "0", "{status}");
        anyhow::Ok(())
    })
    .await?;
    world.apply(&impatient(&world, "1.0.0")).await?;
    let message = tells(&world, "slb/orders", "Migrating", "NoPod a quota").await?;
    let look = release::next_command(&message)?;
    let answer = world.cluster().kubectl_ok(&look).await?;
    ensure!(answer.contains("exceeded quota"), "{answer}");
    given_up(&world, "NoPod a quota").await?;
    world.kubectl(&["delete", "resourcequota/none"]).await?;
    world.ready("orders").await
}

/// The orders with a migration that is given up soon.
fn impatient(world: &World, version: &str) -> Value {
    let mut orders = world.orders("orders", version, "orders-db");
    orders["spec"]["replicas"] = json!(0);
    orders["spec"]["migrations"][0]["timeouts"] = json!({"startSeconds": START_SECONDS});
    orders
}

/// Waits until the ledger says that the run is over and will be tried again, without a try spent, and why.
async fn given_up(world: &World, cause: &str) -> Result<()> {
    wait::until("the run to be given up", 4 * PATIENCE, async || {
        let ledger = world.get("sldb/orders-db").await?["status"]["ledger"].clone();
        let entry = &ledger["entries"][0];
        ensure!(
            entry["outcome"] == "RetryWait"
                && entry["reason"] == "PodCannotStart"
                && entry["attempts"].as_i64().unwrap_or_default() == 0,
            "{ledger}"
        );
        let message = entry["message"].as_str().unwrap_or_default();
        ensure!(message.contains(cause), "{message} does not say {cause}");
        anyhow::Ok(())
    })
    .await
}
