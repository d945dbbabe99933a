//! Another version of Slipway takes over: its builders make another template of the same spec.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cluster::operator::Operator;
use crate::cluster::wait;
use crate::world::{PATIENCE, World};

/// The annotation that a Slipway with a salt writes into its templates.
const SALT: &str = "another-version";

/// migrations.md case 53.
/// I-42: nothing restarts, also not by a password that was rotated meanwhile, and no migration runs again; `UpdateAvailable` says so. The next
/// change of the spec takes the new template along.
pub async fn an_operator_with_a_changed_builder_restarts_nothing(world: World) -> Result<()> {
    let operator = world.operator().await?;
    world.release_orders().await?;
    world
        .condition("slb/orders", "UpdateAvailable", "False")
        .await?;
    let before = running(&world).await?;
    world.rotate_password("orders-db", "another word").await?;
    operator.terminate()?;
    operator.wait(Duration::from_secs(15)).await?;

    let mark = world.mark()?;
    let salted = world
        .faulty_options(&format!("builder-salt={SALT}"))
        .await?;
    let _operator = Operator::start(world.cluster(), salted).await?;
    let (reason, message) = world
        .condition("slb/orders", "UpdateAvailable", "True")
        .await?;
    ensure!(
        !reason.is_empty() && !message.is_empty(),
        "{reason}: {message}"
    );
    world.condition("slb/orders", "Ready", "True").await?;
    ensure!(running(&world).await? == before, "something restarted");
    let writes = world.requests(Some(mark))?.except(&["leases", "events"]);
    let writes = writes.writes().count().into_iter().collect::<Vec<_>>();
    let status = (("patch".to_owned(), "backends/status".to_owned()), 1);
    ensure!(
        writes == [status],
        "more than a status was written: {writes:?}"
    );

    let greeting = json!({"spec": {"env": [{"name": "GREETING", "value": "hello"}]}});
    world.patch("slb/orders", &greeting).await?;
    world.ready("orders").await?;
    world
        .condition("slb/orders", "UpdateAvailable", "False")
        .await?;
    wait::until("pods of the new template alone", PATIENCE, async || {
        let (generation, pods) = running(&world).await?;
        ensure!(
            generation != before.0
                && pods.len() == before.1.len()
                && pods.iter().all(|pod| !before.1.contains(pod)),
            "{pods:?}"
        );
        anyhow::Ok(())
    })
    .await?;
    let template = world.get("deployment/orders").await?["spec"]["template"].to_string();
    ensure!(
        template.contains(SALT) && template.contains("GREETING"),
        "{template}"
    );
    ensure!(
        world.list("jobs").await?.len() == 1,
        "a second migration ran"
    );
    Ok(())
}

/// The generation of the Deployment, and the uids of the pods of the release.
async fn running(world: &World) -> Result<(Value, Vec<Value>)> {
    let deployment = world.get("deployment/orders").await?;
    let pods = world.list("pods").await?;
    let mut uids: Vec<Value> = pods
        .iter()
        .filter(|pod| pod["metadata"]["labels"]["pod-template-hash"].is_string())
        .map(|pod| pod["metadata"]["uid"].clone())
        .collect();
    uids.sort_by_key(Value::to_string);
    Ok((deployment["metadata"]["generation"].clone(), uids))
}
