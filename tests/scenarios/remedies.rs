//! What the message of a migration says is to be done beside a retry: other files, another image, more time, a database that can be written and
//! locked; and what it names when that goes while it waits. Each is done, its command is typed, and the migration goes through.

use anyhow::{Context, Result, ensure};
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use slipway::api::database::Database;

use crate::cluster::operator::Operator;
use crate::cluster::proxy::FaultProxy;
use crate::cluster::proxy::call::Verb;
use crate::cluster::proxy::rules::{Fault, Match};
use crate::cluster::read::text;
use crate::cluster::wait;
use crate::objects::tells;
use crate::witness::{Body, Witnessed, backend};
use crate::world::{PATIENCE, World};

/// Seconds until Slipway would try again by itself: longer than the scenario waits for anything.
const LATER: &str = "3600";

/// Key of the runner's lock in PostgreSQL, `LOCK_KEY` of `src/runner/engines/postgresql.rs`.
const LOCK_KEY: i64 = 0x5976_81f2_43fd_ee54;

/// Entries that fill a ledger, and bytes of the message of each.
const ENTRIES: usize = 440;
const MESSAGE_BYTES: usize = 1024;

/// migrations.md 4.5. The operator tries nothing again within an hour, so whatever goes on goes on by what the message says.
pub async fn a_migration_goes_through_once_what_its_message_says_is_done(
    world: World,
) -> Result<()> {
    let proxy = FaultProxy::start(world.cluster()).await?;
    let options = world.operator_options_that_wait(LATER).through(proxy.url());
    let _operator = Operator::start(world.cluster(), options).await?;
    let (files, folder, pod, database) = tokio::join!(
        files_that_are_none_and_things_that_go(&world),
        a_folder_that_is_not_there_and_a_time_that_is_too_short(&world),
        a_pod_that_cannot_start(&world),
        a_database_that_is_shut(&world),
    );
    files.and(folder).and(pod).and(database)?;
    a_ledger_that_has_forgotten(&world, &proxy).await?;
    a_ledger_that_is_full(&world).await
}

/// `NoMigrationFiles` and `InvalidSource`: the ConfigMap is changed. Then it and the Database go while the migration waits for a person.
async fn files_that_are_none_and_things_that_go(world: &World) -> Result<()> {
    world.database("paper").await?;
    let migration = json!({"name": "schema", "tool": "Goose", "source": {"configMap": "sql"}});
    let image = "slipway.test/orders:1.0.0";
    let mut paper = world.migrating("paper", image, "paper", &migration);
    world.apply(&files(world, &["README.md"])).await?;
    world.apply(&paper).await?;
    let words = "no migration files in configmap sql";
    let message = tells(world, "slb/paper", "MigrationFailed", words).await?;
    ensure!(message.contains("change configmap sql"), "{message}");
    world
        .apply(&files(world, &["1_first.sql", "01_again.sql"]))
        .await?;
    let words = "configmap sql is not a valid source";
    let message = tells(world, "slb/paper", "MigrationFailed", words).await?;
    ensure!(message.contains("change configmap sql"), "{message}");

    paper["spec"]["migrations"][0]["approval"] = json!("Always");
    world.apply(&paper).await?;
    world.apply(&files(world, &["1_first.sql"])).await?;
    tells(world, "slb/paper", "AwaitingApproval", "exactly these").await?;
    let migration = format!("slm/{}", waiting(world, "paper").await?);
    world.kubectl(&["delete", "configmap", "sql"]).await?;
    let message = tells(world, &migration, "ConfigMapMissing", "configmap sql").await?;
    world.look(&message).await?;
    world.apply(&files(world, &["1_first.sql"])).await?;
    tells(world, &migration, "AwaitingApproval", "exactly these").await?;

    let manifest = world.get("sldb/paper").await?;
    world.kubectl(&["delete", "sldb/paper"]).await?;
    let words = "database paper not found";
    let message = tells(world, &migration, "DatabaseNotFound", words).await?;
    world.look(&message).await?;
    make_anew(world, &manifest).await?;
    let message = tells(world, &migration, "AwaitingApproval", "exactly these").await?;
    world.type_next_command(&message).await?;
    world.ready("paper").await
}

/// The ConfigMap with these files, each of which makes the same table.
fn files(world: &World, names: &[&str]) -> Value {
    let file = "-- +goose Up\nCREATE TABLE first (id int);\n";
    let data: serde_json::Map<String, Value> = names
        .iter()
        .map(|name| ((*name).to_owned(), json!(file)))
        .collect();
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "sql", "namespace": world.namespace},
        "data": data,
    })
}

/// The Migration of a Backend that waits for an approval.
async fn waiting(world: &World, backend: &str) -> Result<String> {
    let migrations = world.list("slm").await?;
    let waits = |migration: &&Value| {
        migration["spec"]["backend"] == backend
            && migration["status"]["phase"] == "AwaitingApproval"
    };
    let found = migrations.iter().find(waits).context("none waits")?;
    Ok(text(&found["metadata"]["name"]))
}

/// migrations.md case 44.
/// `SourceUnreadable` and `DeadlineExceeded`: another folder, files that the pod's user may read, more time.
async fn a_folder_that_is_not_there_and_a_time_that_is_too_short(world: &World) -> Result<()> {
    let postgres = world.postgres().await?;
    let database = Witnessed::on(world, &postgres, "slow").await?;
    let slow = backend(world, "slow", "slow", Body::Transactional);
    let mut wrong = slow.clone();
    wrong["spec"]["migrations"][0]["source"]["path"] = json!("/nowhere");
    world.apply(&wrong).await?;
    let words = "folder /nowhere of image";
    let message = tells(world, "slb/slow", "MigrationFailed", words).await?;
    ensure!(
        message.contains("cannot be read") && message.contains("push a new image"),
        "{message}"
    );

    wrong["spec"]["migrations"][0]["source"] = json!({
        "image": Body::Transactional.unreadable_image(), "path": "/migrations",
    });
    world.apply(&wrong).await?;
    let words = ".sql cannot be read: Permission denied";
    tells(world, "slb/slow", "MigrationFailed", words).await?;

    let mut hasty = slow.clone();
    hasty["spec"]["migrations"][0]["timeouts"] = json!({"runSeconds": 3});
    world.apply(&hasty).await?;
    let words = "the tool ran longer than it may";
    let message = tells(world, "slb/slow", "MigrationRetrying", words).await?;
    world.apply(&slow).await?;
    database.let_go().await?;
    world.type_next_command(&message).await?;
    world.ready("slow").await?;
    ensure!(world.versions("slow").await? == [1]);
    Ok(())
}

/// The image of the files is not there, and no registry is asked for it.
async fn a_pod_that_cannot_start(world: &World) -> Result<()> {
    world.database("ghost").await?;
    let source = json!({"image": "slipway.test/no-such-files:1", "path": "/migrations"});
    let migration = json!({"name": "schema", "tool": "Goose", "source": source});
    let image = "slipway.test/orders:1.0.0";
    let mut ghost = world.migrating("ghost", image, "ghost", &migration);
    ghost["spec"]["imagePullPolicy"] = json!("Never");
    world.apply(&ghost).await?;
    let message = tells(world, "slb/ghost", "Migrating", "cannot start").await?;
    world.look_for(&message, "no-such-files").await
}

/// `DatabaseReadOnly` and `LockTimeout`: what is in the way goes, and the next attempt is made at once.
async fn a_database_that_is_shut(world: &World) -> Result<()> {
    world.database("shut").await?;
    let name = world.database_name("shut");
    let owner = world.postgres().await?.connect(&name).await?;
    let read_only = format!("alter database \"{name}\" set default_transaction_read_only");
    owner.batch_execute(&format!("{read_only} = on")).await?;
    let mut shut = world.orders("shut", "1.0.0", "shut");
    shut["spec"]["replicas"] = json!(0);
    shut["spec"]["migrations"][0]["timeouts"] = json!({"lockWaitSeconds": 1});
    world.apply(&shut).await?;
    let words = "is a standby or read-only";
    let message = tells(world, "slb/shut", "MigrationRetrying", words).await?;

    owner.batch_execute(&format!("{read_only} = off")).await?;
    let lock = format!("select pg_advisory_lock({LOCK_KEY})");
    owner.batch_execute(&lock).await?;
    world.type_next_command(&message).await?;
    let words = "a lock was not to be had in time";
    let message = tells(world, "slb/shut", "MigrationRetrying", words).await?;
    let unlock = format!("select pg_advisory_unlock({LOCK_KEY})");
    owner.batch_execute(&unlock).await?;
    world.type_next_command(&message).await?;
    world.ready("shut").await
}

/// A release comes when the Migration shows itself as done and the ledger, which was lost, does not; and as the Job of the next look at the
/// database is still on its way, it is told so.
async fn a_ledger_that_has_forgotten(world: &World, proxy: &FaultProxy) -> Result<()> {
    let job = Match::verb(Verb::Create).resource("jobs").subresource("");
    let job = proxy.add(job, Fault::Hold);
    write_ledger(world, "shut", &json!({"entries": []})).await?;
    job.reached(1, PATIENCE).await?;
    let release = json!({"spec": {"env": [{"name": "RELEASE", "value": "2"}]}});
    world.patch("slb/shut", &release).await?;
    let message = tells(world, "slb/shut", "Migrating", "the ledger counts").await?;
    world.look_for(&message, "kind: Database").await?;
    job.release();
    world.ready("shut").await
}

/// What programs did is never forgotten; here so many that there is no room. The Database is made anew, and then its ledger too.
async fn a_ledger_that_is_full(world: &World) -> Result<()> {
    let manifest = world.get("sldb/shut").await?;
    let entries: Vec<Value> = (0..ENTRIES).map(of_a_program).collect();
    write_ledger(world, "shut", &json!({"entries": entries})).await?;
    let target = json!([{"name": "schema", "tool": "Goose", "source": {"path": "/migrations"}, "target": "1"}]);
    world
        .patch("slb/shut", &json!({"spec": {"migrations": target}}))
        .await?;
    let message = tells(world, "slb/shut", "MigrationBlocked", "at most 512 KiB").await?;
    world.type_next_command(&message).await?;
    make_anew(world, &manifest).await?;
    world.ready("shut").await
}

/// What a program did, told at length.
fn of_a_program(number: usize) -> Value {
    json!({
        "planKey": format!("program-{number}"), "migration": format!("gone-{number}"), "backend": "gone", "tool": "Exec",
        "outcome": "Succeeded", "reason": "Succeeded", "message": "x".repeat(MESSAGE_BYTES), "finishedAt": "2026-01-01T00:00:00Z",
    })
}

/// Writes what only Slipway writes; too long for a command line.
pub async fn write_ledger(world: &World, database: &str, ledger: &Value) -> Result<()> {
    let databases: Api<Database> = Api::namespaced(world.cluster().client(), &world.namespace);
    let patch = Patch::Merge(json!({"status": {"ledger": ledger}}));
    databases
        .patch_status(database, &PatchParams::default(), &patch)
        .await?;
    Ok(())
}

/// Makes a deleted Database again, as its manifest has it, once it is gone.
async fn make_anew(world: &World, manifest: &Value) -> Result<()> {
    let object = format!("sldb/{}", text(&manifest["metadata"]["name"]));
    wait::until("the Database to be gone", PATIENCE, async || {
        ensure!(world.get(&object).await.is_err(), "{object} is there");
        anyhow::Ok(())
    })
    .await?;
    world
        .apply(&json!({
            "apiVersion": manifest["apiVersion"], "kind": manifest["kind"],
            "metadata": {"name": manifest["metadata"]["name"], "namespace": world.namespace},
            "spec": manifest["spec"],
        }))
        .await
}
