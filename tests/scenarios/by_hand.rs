//! Migrations that a person writes: an audited repair beside what a Backend asks for; what one waits for; and that it runs what was there when it
//! was first seen, or nothing.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cluster::image::Image;
use crate::cluster::{place, wait};
use crate::objects::tells;
use crate::remedies::write_ledger;
use crate::witness::{Body, Witnessed, backend};
use crate::world::{PATIENCE, World};

/// An image with goose and one file: it adds the row of a file that somebody has finished by hand.
const REPAIR: &str = "slipway.test/repair:1";

/// migrations.md 4.2, 4.5.
pub async fn a_repair_that_a_person_writes_runs_once_and_is_part_of_the_history(
    world: World,
) -> Result<()> {
    let goose = world.cluster().program("goose")?;
    let image = Image::new(REPAIR)
        .file(&goose, "/goose")
        .file(place::project().join("tests/scenarios/by_hand"), "/repair");
    world.cluster().load_image(&image).await?;
    let operator = world.operator().await?;
    let postgres = world.postgres().await?;
    let database = Witnessed::on(&world, &postgres, "halved").await?;
    database.let_go().await?;
    world
        .apply(&backend(&world, "orders", "halved", Body::Partial))
        .await?;
    let blocked = tells(&world, "slb/orders", "MigrationBlocked", "Part of the file").await?;
    let labels = format!("namespace=\"{}\",backend=\"orders\"", world.namespace);
    let shown = format!("slipway_migration_blocked{{{labels}}} 1");
    wait::until("the alarm", PATIENCE, async || operator.shows(&shown).await).await?;

    let repair = repair(&world);
    world.apply(&repair).await?;
    let words = "the program exited with 0";
    tells(&world, "slm/repair", "Succeeded", words).await?;
    let written = world.get("slm/repair").await?;
    ensure!(
        written["spec"] == repair["spec"] && written["metadata"]["generation"] == 1,
        "{written}"
    );
    world.type_next_command(&blocked).await?;
    world.ready("orders").await?;
    world.condition("sldb/halved", "Ready", "True").await?;

    another_key_and_none_are_refused(&world, &written).await?;
    a_second_of_the_same_plan_runs_nothing(&world, repair).await?;
    a_copy_of_what_slipway_made_runs_nothing(&world).await?;
    let ledger = world.get("sldb/halved").await?["status"]["ledger"].clone();
    let by_programs = ledger["entries"].as_array().into_iter().flatten();
    let by_programs = by_programs.filter(|entry| entry["tool"] == "Exec");
    let attempts: Vec<&Value> = by_programs.map(|entry| &entry["lastAttempt"]).collect();
    ensure!(attempts == [&json!(1)], "{ledger}");
    world.kubectl(&["delete", "slm/repair", "slm/again"]).await
}

/// The repair, as a person writes it.
fn repair(world: &World) -> Value {
    let database =
        "host=$(PGHOST) port=$(PGPORT) dbname=$(PGDATABASE) user=$(PGUSER) sslmode=disable";
    by_hand(
        world,
        "repair",
        &json!({
            "backend": "orders", "name": "row", "database": "halved", "tool": "Exec", "phase": "BeforeRollout",
            "source": {"image": REPAIR},
            "command": ["/goose", "-env=none", "-dir", "/repair", "-table", "repairs", "up"],
            "env": [{"name": "GOOSE_DRIVER", "value": "postgres"}, {"name": "GOOSE_DBSTRING", "value": database}],
        }),
    )
}

fn by_hand(world: &World, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Migration",
        "metadata": {"name": name, "namespace": world.namespace},
        "spec": spec,
    })
}

/// A late write of a leader of before, which saw other files.
async fn another_key_and_none_are_refused(world: &World, written: &Value) -> Result<()> {
    let key = written["status"]["planKey"].as_str().map(str::len);
    ensure!(key == Some(52), "{written}");
    for other in [json!("a".repeat(52)), Value::Null] {
        let status = json!({"status": {"planKey": other}}).to_string();
        let arguments = [
            "patch",
            "slm/repair",
            "-n",
            &world.namespace,
            "--subresource=status",
            "--type=merge",
            "-p",
            &status,
        ];
        let answer = world.cluster().kubectl(&arguments).await?;
        let words = "status.planKey is fixed once and for all";
        ensure!(answer.stderr.contains(words), "{other}: {answer:?}");
    }
    Ok(())
}

async fn a_second_of_the_same_plan_runs_nothing(world: &World, mut again: Value) -> Result<()> {
    again["metadata"]["name"] = json!("again");
    world.apply(&again).await?;
    let words = "Nothing was run now";
    tells(world, "slm/again", "Succeeded", words).await?;
    let phase = world.get("slm/again").await?["status"]["phase"].clone();
    ensure!(phase == "Skipped", "{phase}");
    Ok(())
}

/// As a restore leaves it behind: with the key of a plan that no ledger knows.
async fn a_copy_of_what_slipway_made_runs_nothing(world: &World) -> Result<()> {
    let migrations = world.list("slm").await?;
    let made = migrations
        .iter()
        .find(|migration| migration["spec"]["tool"] == "Goose");
    let mut spec = made.map_or(Value::Null, |made| made["spec"].clone());
    spec["planKey"] = json!("b".repeat(52));
    world.apply(&by_hand(world, "copy", &spec)).await?;
    tells(world, "slm/copy", "Superseded", "without spec.planKey").await?;
    Ok(())
}

/// migrations.md case 43, of what a person writes. What it names is waited for; what it found there is what it runs.
pub async fn a_migration_that_a_person_writes_waits_for_what_it_names_and_runs_what_it_found(
    world: World,
) -> Result<()> {
    let _operator = world.operator().await?;
    let spec = |backend: &str| {
        json!({
            "backend": backend, "name": "reports", "database": "orders-db", "tool": "Goose", "phase": "BeforeRollout",
            "source": {"image": "slipway.test/orders:1.0.0", "configMap": "reports"}, "versionTable": "reports",
        })
    };
    let reports = by_hand(&world, "reports", &spec("orders"));
    world.apply(&reports).await?;
    let words = "database orders-db not found (named by migration reports, spec.database)";
    world
        .look(&tells(&world, "slm/reports", "DatabaseNotFound", words).await?)
        .await?;
    world.database("orders-db").await?;
    let words = "backend orders not found";
    world
        .look(&tells(&world, "slm/reports", "BackendNotFound", words).await?)
        .await?;
    let mut orders = world.orders("orders", "1.0.0", "orders-db");
    world.apply(&orders).await?;
    let words = "configmap reports not found (named by migration reports, spec.source.configMap)";
    world
        .look(&tells(&world, "slm/reports", "ConfigMapMissing", words).await?)
        .await?;
    world.apply(&files(&world, &[(1, "first")])).await?;
    tells(&world, "slm/reports", "Succeeded", "").await?;

    orders["spec"]["rollout"] = json!({"paused": true});
    world.apply(&orders).await?;
    let paused = by_hand(&world, "paused", &spec("orders"));
    world
        .apply(&files(&world, &[(1, "first"), (2, "second")]))
        .await?;
    world.apply(&paused).await?;
    tells(&world, "slm/paused", "Paused", "").await?;
    world
        .apply(&files(&world, &[(1, "first"), (3, "third")]))
        .await?;
    let words = "configmap reports or the address of database orders-db was changed";
    let overtaken = tells(&world, "slm/paused", "Superseded", words).await?;
    orders["spec"]["rollout"] = json!({"paused": false});
    world.apply(&orders).await?;
    world.ready("orders").await?;
    tells(&world, "slm/paused", "Superseded", words).await?;
    world.type_next_command(&overtaken).await?;
    world.apply(&paused).await?;
    tells(&world, "slm/paused", "Succeeded", "").await?;

    let name = world.database_name("orders-db");
    let client = world.postgres().await?.connect(&name).await?;
    let tables = "select array_agg(table_name::text order by table_name) from information_schema.tables where table_name in ('first', 'second', 'third')";
    let tables: Vec<String> = client.query_one(tables, &[]).await?.get(0);
    ensure!(tables == ["first", "third"], "{tables:?}");

    let mut contract = by_hand(&world, "contract", &spec("orders"));
    contract["spec"]["phase"] = json!("AfterRollout");
    contract["spec"]["soakSeconds"] = json!(1);
    world.apply(&contract).await?;
    tells(&world, "slm/contract", "NoPendingMigrations", "").await?;
    a_contract_without_its_files_is_not_waited_for_once_it_is_deleted(&world).await
}

/// migrations.md 4.1: nobody knows how it ended, and what could tell is gone.
async fn a_contract_without_its_files_is_not_waited_for_once_it_is_deleted(
    world: &World,
) -> Result<()> {
    world.kubectl(&["delete", "configmap/reports"]).await?;
    let mut ledger = world.get("sldb/orders-db").await?["status"]["ledger"].clone();
    let key = world.get("slm/contract").await?["status"]["planKey"].clone();
    for entry in ledger["entries"].as_array_mut().into_iter().flatten() {
        if entry["planKey"] == key {
            entry["outcome"] = json!("Unknown");
        }
    }
    write_ledger(world, "orders-db", &ledger).await?;
    let words = "Only with these files can be read how the last attempt ended";
    let message = tells(world, "slm/contract", "ConfigMapMissing", words).await?;
    let release = json!({"spec": {"env": [{"name": "RELEASE", "value": "2"}]}});
    world.patch("slb/orders", &release).await?;
    world.condition("slb/orders", "Ready", "False").await?;
    world.type_next_command(&message).await?;
    world.ready("orders").await
}

/// The ConfigMap of that name; each file makes the table of its name.
fn files(world: &World, tables: &[(u8, &str)]) -> Value {
    let file = |(number, table): &(u8, &str)| {
        let content = format!("-- +goose Up\ncreate table {table} (id int);\n");
        (format!("{number}_{table}.sql"), json!(content))
    };
    let data: serde_json::Map<String, Value> = tables.iter().map(file).collect();
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "reports", "namespace": world.namespace},
        "data": data,
    })
}
