//! Locks that a migration waits for, and what stays of a file that ends its transaction by itself.

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::cluster::read::text;
use crate::cluster::wait;
use crate::objects::tells;
use crate::victims::{kill_the_runner, running_pod};
use crate::world::{PATIENCE, World};

const ALTER: &str = "-- +goose Up\nALTER TABLE busy ADD COLUMN x int;\n";
const INDEX: &str =
    "-- +goose NO TRANSACTION\n-- +goose Up\nCREATE INDEX CONCURRENTLY bi ON busy (id);\n";
const OWN_COMMIT: &str = "-- +goose Up\n-- +goose StatementBegin\nCREATE TABLE half (id int);\nCOMMIT;\n-- +goose StatementEnd\n";

/// I-44. The guard is 5 s; the site gives up reading after 8 s, and must never have to, though a file that must wait is pending too.
pub async fn a_reader_waits_no_longer_than_the_guard_whatever_files_are_pending(
    world: World,
) -> Result<()> {
    let _operator = world.operator().await?;
    let long_reader = busy(&world, "d").await?;
    long_reader
        .batch_execute("BEGIN; SELECT * FROM busy")
        .await?;
    let site = client(&world, "d").await?;
    site.batch_execute("SET lock_timeout = '8s'").await?;
    let reads = async {
        loop {
            let read = site.query("SELECT count(*) FROM busy", &[]).await;
            if let Err(error) = read {
                return Err(error).context("the site waited longer than the guard");
            }
            tokio::task::yield_now().await;
        }
    };
    let migrates = async {
        let files = [("00001_x.sql", ALTER), ("00002_i.sql", INDEX)];
        ask(&world, "d", &files).await?;
        let timed_out = "00001_x.sql:2 SQLSTATE 55P03";
        tells(&world, "slb/d", "MigrationRetrying", timed_out).await?;
        long_reader.batch_execute("COMMIT").await?;
        world.ready("d").await
    };
    tokio::select! {
        ended = migrates => ended?,
        waited = reads => return waited,
    }
    let valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'bi'::regclass";
    let index: bool = site.query_one(valid, &[]).await?.get(0);
    ensure!(index, "the index is not valid");
    ensure!(world.versions("d").await? == [1, 2], "the versions");
    Ok(())
}

/// I-11, B-66. A lock timeout after the COMMIT, and a kill.
pub async fn a_file_that_ends_its_transaction_is_left_to_a_person_when_it_fails(
    world: World,
) -> Result<()> {
    let _operator = world.operator().await?;
    let locked = busy(&world, "locked").await?;
    locked
        .batch_execute("BEGIN; LOCK TABLE busy IN ACCESS EXCLUSIVE MODE")
        .await?;
    let killed = busy(&world, "killed").await?;
    let alters = format!("{OWN_COMMIT}ALTER TABLE busy ADD COLUMN x int;\n");
    let sleeps = format!("{OWN_COMMIT}SELECT pg_sleep(60);\n");
    ask(&world, "locked", &[("00002_half.sql", &alters)]).await?;
    ask(&world, "killed", &[("00002_half.sql", &sleeps)]).await?;
    wait::until("the file to sleep", PATIENCE, async || {
        let asleep = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
        let asleep: i64 = killed.query_one(asleep, &[]).await?.get(0);
        ensure!(asleep == 1, "{asleep} sessions sleep");
        anyhow::Ok(())
    })
    .await?;
    kill_the_runner(&running_pod(&world, "killed").await?)?;
    for (name, words) in [
        ("locked", "00002_half.sql:6 SQLSTATE 55P03"),
        ("killed", "00002_half.sql"),
    ] {
        tells(&world, &format!("slb/{name}"), "MigrationBlocked", words).await?;
        tells(&world, &format!("sldb/{name}"), "LedgerBlocked", "").await?;
    }
    for (name, reason) in [("locked", "PartiallyApplied"), ("killed", "OutcomeUnknown")] {
        let database = world.get(&format!("sldb/{name}")).await?;
        let entry = &database["status"]["ledger"]["entries"][0];
        let ended = format!(
            "{} {} {}",
            text(&entry["outcome"]),
            text(&entry["reason"]),
            entry["lastAttempt"]
        );
        ensure!(ended == format!("Blocked {reason} 1"), "{name}: {ended}");
        let half = client(&world, name).await?;
        let half = half.query_one("SELECT count(*) FROM half", &[]).await;
        half.map_err(|error| anyhow!("{name}: table half: {error}"))?;
    }
    Ok(())
}

/// A database with the table `busy`, the Database object of it, and a session of its user.
async fn busy(world: &World, name: &str) -> Result<Client> {
    world.database(name).await?;
    let owner = world.database_name(name);
    let client = client(world, name).await?;
    client
        .batch_execute(&format!(
            "CREATE TABLE busy (id int); ALTER TABLE busy OWNER TO \"{owner}\""
        ))
        .await?;
    Ok(client)
}

async fn client(world: &World, name: &str) -> Result<Client> {
    let postgres = world.postgres().await?;
    postgres.connect(&world.database_name(name)).await
}

/// A ConfigMap of goose files and a Backend that migrates by it, each called as the Database is.
async fn ask(world: &World, name: &str, files: &[(&str, &str)]) -> Result<()> {
    let data: serde_json::Map<String, Value> = files
        .iter()
        .map(|(name, content)| ((*name).to_owned(), json!(content)))
        .collect();
    world
        .apply(&json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": world.namespace},
            "data": data,
        }))
        .await?;
    let migration = json!({"name": "m", "tool": "Goose", "source": {"configMap": name}});
    world
        .apply(&world.migrating(name, "slipway.test/orders:1.0.0", name, &migration))
        .await
}
