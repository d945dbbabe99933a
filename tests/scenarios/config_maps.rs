//! Migration files from a ConfigMap: waited for and named, run again when they are edited, and never run as another plan's.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cluster::operator::Operator;
use crate::cluster::proxy::FaultProxy;
use crate::cluster::proxy::call::Verb;
use crate::cluster::proxy::rules::{Fault, Match};
use crate::cluster::read::text;
use crate::cluster::wait;
use crate::objects::told;
use crate::world::{PATIENCE, World};

const FIRST: &str = "-- +goose Up\nCREATE TABLE first (id int);\n";

/// migrations.md cases 13, 43.
/// The second edit comes while the arm of the first one's Job is on its way, so its pod meets other files than were planned.
pub async fn files_of_a_config_map_are_waited_for_and_each_edit_is_a_plan_of_its_own(
    world: World,
) -> Result<()> {
    let proxy = FaultProxy::start(world.cluster()).await?;
    let options = world.operator_options().through(proxy.url());
    let _operator = Operator::start(world.cluster(), options).await?;
    let patch = Match::verb(Verb::Patch).resource("jobs").subresource("");
    // The first two arm and release the first Job.
    let arm = proxy.add(patch.only(3), Fault::Hold);
    world.database("orders-db").await?;
    world.apply(&backend(&world)).await?;
    let missing = "configmap orders-sql not found (named by spec.migrations[schema].source.configMap); nothing is released yet";
    told(&world, "orders", "ConfigMapMissing", missing).await?;
    let next = format!(
        "Next: kubectl get configmap orders-sql -n {}",
        world.namespace
    );
    told(&world, "orders", "ConfigMapMissing", &next).await?;
    world.apply(&files(&world, None)).await?;
    world.ready("orders").await?;
    ensure!(
        tables(&world).await? == ["first"],
        "the files of the first release"
    );

    world.apply(&files(&world, Some("held"))).await?;
    arm.reached(1, PATIENCE).await?;
    world.apply(&files(&world, Some("second"))).await?;
    arm.release();
    wait::until("the last edit to be applied", PATIENCE, async || {
        let tables = tables(&world).await?;
        ensure!(tables == ["first", "second"], "{tables:?}");
        anyhow::Ok(())
    })
    .await?;
    world.ready("orders").await?;
    let expected = [
        ("RetryWait", "SourceChanged"),
        ("Succeeded", "Succeeded"),
        ("Succeeded", "Succeeded"),
    ];
    let recorded = outcomes(&world).await?;
    ensure!(
        recorded == expected.map(|(outcome, reason)| format!("{outcome} {reason}")),
        "{recorded:?}"
    );
    let reasons = migrations(&world).await?;
    ensure!(
        reasons == ["Succeeded", "Succeeded", "Superseded"],
        "{reasons:?}"
    );
    Ok(())
}

fn backend(world: &World) -> Value {
    let migration =
        json!({"name": "schema", "tool": "Goose", "source": {"configMap": "orders-sql"}});
    world.migrating(
        "orders",
        "slipway.test/orders:1.0.0",
        "orders-db",
        &migration,
    )
}

/// The ConfigMap with one file, and perhaps a second that makes this table.
fn files(world: &World, second: Option<&str>) -> Value {
    let mut data = json!({"1_first.sql": FIRST});
    if let Some(table) = second {
        data["2_second.sql"] = json!(format!("-- +goose Up\nCREATE TABLE {table} (id int);\n"));
    }
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "orders-sql", "namespace": world.namespace},
        "data": data,
    })
}

/// The tables that files have made.
async fn tables(world: &World) -> Result<Vec<String>> {
    let postgres = world.postgres().await?;
    let client = postgres.connect(&world.database_name("orders-db")).await?;
    let query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'goose_db_version' ORDER BY 1";
    let rows = client.query(query, &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Outcome and reason of each plan in the ledger, sorted.
async fn outcomes(world: &World) -> Result<Vec<String>> {
    let database = world.get("sldb/orders-db").await?;
    let entries = database["status"]["ledger"]["entries"].as_array().cloned();
    let mut outcomes: Vec<String> = entries
        .unwrap_or_default()
        .iter()
        .map(|entry| format!("{} {}", text(&entry["outcome"]), text(&entry["reason"])))
        .collect();
    outcomes.sort();
    Ok(outcomes)
}

/// Why each Migration stands as it does, sorted.
async fn migrations(world: &World) -> Result<Vec<String>> {
    let migrations = world.list("slm").await?;
    let reason = |migration: &Value| {
        let conditions = migration["status"]["conditions"].as_array()?.iter();
        let ready = conditions
            .into_iter()
            .find(|each| each["type"] == "Ready")?;
        Some(ready["reason"].as_str()?.to_owned())
    };
    let mut reasons: Vec<String> = migrations.iter().filter_map(reason).collect();
    reasons.sort();
    Ok(reasons)
}
