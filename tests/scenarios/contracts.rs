//! Expand before the rollout, contract after it: when the second half starts, what holds it, and which images may not go out any more.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::cluster::read::text;
use crate::cluster::wait;
use crate::witness::{Body, Witnessed, backend};
use crate::world::{PATIENCE, World};

/// How long a release of the first scenario must run undisturbed, in seconds.
const SOAK: i64 = 3;

/// An older pod that ends slowly holds the migration, though the release is Ready; then the soak passes. After that no image whose files end
/// below it goes out, whoever leads, until the command of the message is typed.
/// migrations.md cases 48, 49.
pub async fn a_contract_waits_for_the_last_older_pod_and_its_soak_and_then_shuts_older_images_out(
    world: World,
) -> Result<()> {
    let operator = world.operator().await?;
    world.database("orders-db").await?;
    let mut orders = world.orders("orders", "1.0.0", "orders-db");
    orders["spec"]["shutdown"] = json!({"drainSeconds": 15, "graceSeconds": 5});
    world.apply(&orders).await?;
    world.ready("orders").await?;

    let mut newer = world.orders("orders", "1.1.1", "orders-db");
    newer["spec"]["migrations"] = json!([
        {"name": "schema", "tool": "Goose", "source": {"path": "/migrations"}, "target": "2"},
        {"name": "contract", "tool": "Goose", "source": {"path": "/migrations"}, "phase": "AfterRollout", "soakSeconds": SOAK},
    ]);
    world.apply(&newer).await?;
    world.ready("orders").await?;
    let ending = pods_of_release(&world, "1").await?;
    let (reason, message) = world.condition("slb/orders", "Migrated", "False").await?;
    let soak = world.get("slb/orders").await?["status"]["soak"].clone();
    ensure!(
        !ending.is_empty() && reason == "ContractPending" && soak.is_null(),
        "{ending:?}, {reason}: {message}, {soak}"
    );

    let soak = until_soak(&world, "orders", 2).await?;
    let left = pods_of_release(&world, "1").await?;
    ensure!(left.is_empty(), "the soak has begun beside {left:?}");
    world.condition("slb/orders", "Migrated", "True").await?;
    let ledger = ledger(&world, "orders-db").await?;
    let started = seconds(&entry(&ledger, "contract", &world).await?["startedAt"])?;
    ensure!(
        started - soak >= SOAK,
        "it started {} s after the soak began",
        started - soak
    );
    let versions = world.versions("orders-db").await?;
    ensure!(
        ledger["contracts"][0]["version"] == "3" && versions == [1, 2, 3],
        "{}, {versions:?}",
        ledger["contracts"]
    );

    newer["spec"]["image"] = json!("slipway.test/orders:1.0.0");
    world.apply(&newer).await?;
    let (reason, message) = world.condition("slb/orders", "Stalled", "True").await?;
    ensure!(
        reason == "RollbackUnsafe" && message.contains("files up to version 3 or higher"),
        "{reason}: {message}"
    );
    operator.terminate()?;
    operator.wait(PATIENCE).await?;
    let _successor = world.operator().await?;
    world.condition("slb/orders", "Stalled", "True").await?;
    world.answers("orders", "/version", "1.1.1").await?;
    world.type_next_command(&message).await?;
    world.ready("orders").await
}

/// A newer release begins the soak anew before the migration is armed, and waits for it after; a paused rollout holds it until the command of
/// the message is typed. One that failed leaves the Backend Available and
/// is tried again by the command of its message; files of a second Backend that end below it are told so though they are out.
/// migrations.md cases 48, 49.
pub async fn a_contract_gives_way_to_a_newer_release_until_it_is_armed_and_may_fail_without_harm(
    world: World,
) -> Result<()> {
    let _operator = world.operator().await?;
    let postgres = world.postgres().await?;
    let database = Witnessed::on(&world, &postgres, "ledgers").await?;
    let mut books = late(&world, "books", Body::More, 3600);
    books["spec"]["migrations"][0]["target"] = json!("1");
    world.apply(&books).await?;
    world.ready("books").await?;
    let first = until_soak(&world, "books", 1).await?;
    let contract = world.list("slm").await?;
    books["spec"]["env"] = json!([{"name": "RELEASE", "value": "2"}]);
    world.apply(&books).await?;
    let second = until_soak(&world, "books", 2).await?;
    ensure!(second >= first, "{second} is before {first}");
    let contract = format!("slm/{}", text(&contract[0]["metadata"]["name"]));
    until_it_waits(&world, &contract, "Soaking").await?;

    books["spec"]["migrations"][0]["soakSeconds"] = json!(0);
    books["spec"]["rollout"] = json!({"paused": true});
    world.apply(&books).await?;
    let message = until_it_waits(&world, &contract, "Paused").await?;
    world.condition("slb/books", "Ready", "True").await?;
    books["spec"]["rollout"] = json!({"paused": false});
    world.type_next_command(&message).await?;
    database.until_begun(1).await?;
    books["spec"]["env"] = json!([{"name": "RELEASE", "value": "3"}]);
    world.apply(&books).await?;
    let (reason, message) = world.condition("slb/books", "Ready", "False").await?;
    ensure!(
        reason == "Migrating" && message.contains("ends before"),
        "{reason}: {message}"
    );
    database.let_go().await?;
    world.ready("books").await?;
    world.condition("slb/books", "Migrated", "True").await?;

    let mut refused = late(&world, "books", Body::Refused, 0);
    world.apply(&refused).await?;
    let (reason, message) = world.condition("slb/books", "Stalled", "True").await?;
    ensure!(
        reason == "MigrationFailed" && message.contains("00003_refused.sql"),
        "{reason}: {message}"
    );
    world.condition("slb/books", "Available", "True").await?;
    world.condition("slb/books", "Migrated", "False").await?;
    world.type_next_command(&message).await?;
    wait::until("a second attempt", PATIENCE, async || {
        let ledger = ledger(&world, "ledgers").await?;
        let failed = entry(&ledger, "contract", &world).await?;
        ensure!(
            failed["lastAttempt"] == 2 && failed["outcome"] == "Failed",
            "{failed}"
        );
        anyhow::Ok(())
    })
    .await?;
    refused["spec"]["migrations"][0]["target"] = json!("2");
    world.apply(&refused).await?;
    world.ready("books").await?;

    world
        .apply(&late(&world, "stranger", Body::Transactional, 0))
        .await?;
    let (reason, message) = world.condition("slb/stranger", "Stalled", "True").await?;
    ensure!(
        reason == "RollbackUnsafe" && message.contains("files up to version 2 or higher"),
        "{reason}: {message}"
    );
    world.look_for(&message, &Body::Refused.image()).await?;
    world
        .apply(&late(&world, "stranger", Body::More, 0))
        .await?;
    world.ready("stranger").await?;
    world.condition("slb/stranger", "Migrated", "True").await?;
    Ok(())
}

/// A Backend that has nothing but a migration after its rollout.
fn late(world: &World, name: &str, body: Body, soak: i64) -> Value {
    let mut backend = backend(world, name, "ledgers", body);
    backend["spec"]["migrations"][0]["name"] = json!("contract");
    backend["spec"]["migrations"][0]["phase"] = json!("AfterRollout");
    backend["spec"]["migrations"][0]["soakSeconds"] = json!(soak);
    backend
}

/// Those whose program still runs.
async fn pods_of_release(world: &World, release: &str) -> Result<Vec<String>> {
    let pods = world.list("pods").await?;
    let of_release = pods
        .iter()
        .filter(|pod| pod["metadata"]["labels"]["slipway.dev/release"] == release)
        .filter(|pod| pod["status"]["phase"] == "Running");
    Ok(of_release
        .map(|pod| text(&pod["metadata"]["name"]))
        .collect())
}

/// Waits until a release runs undisturbed; since when, in seconds.
async fn until_soak(world: &World, backend: &str, release: i64) -> Result<i64> {
    let what = format!("release {release} of {backend} to run undisturbed");
    wait::until(&what, PATIENCE, async || {
        let backend = world.get(&format!("slb/{backend}")).await?;
        let soak = &backend["status"]["soak"];
        ensure!(soak["release"] == release, "{}", backend["status"]);
        seconds(&soak["since"])
    })
    .await
}

/// Waits until a Migration is Pending for this reason; its message.
async fn until_it_waits(world: &World, migration: &str, reason: &str) -> Result<String> {
    let what = format!("{migration} to be Pending/{reason}");
    wait::until(&what, PATIENCE, async || {
        let status = world.get(migration).await?["status"].clone();
        let ready = &status["conditions"][0];
        ensure!(
            status["phase"] == "Pending" && ready["reason"] == reason,
            "{status}"
        );
        anyhow::Ok(text(&ready["message"]))
    })
    .await
}

fn seconds(time: &Value) -> Result<i64> {
    let time: jiff::Timestamp = text(time)
        .parse()
        .with_context(|| format!("no time: {time}"))?;
    Ok(time.as_second())
}

async fn ledger(world: &World, database: &str) -> Result<Value> {
    let database = world.get(&format!("sldb/{database}")).await?;
    Ok(database["status"]["ledger"].clone())
}

/// What the ledger says of the newest Migration of an entry.
async fn entry(ledger: &Value, entry: &str, world: &World) -> Result<Value> {
    let mut named: Vec<Value> = world.list("slm").await?;
    named.retain(|migration| migration["spec"]["name"] == entry);
    named.sort_by_key(|migration| text(&migration["metadata"]["creationTimestamp"]));
    let plan_key = &named.last().context("no such Migration")?["spec"]["planKey"];
    let entries = ledger["entries"].as_array().context("no entries")?;
    let entry = entries.iter().find(|entry| &entry["planKey"] == plan_key);
    entry.cloned().context("the ledger does not know it yet")
}
