//! States that a person ends. Each message is taken from the status, what it says is done, its command is typed, and the state is left.
//! `tests/COMMANDS.md` lists every command of a message with the test that types it.

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::cluster::canary::PASSWORD;
use crate::cluster::operator::Operator;
use crate::objects::tells;
use crate::victims::{kill_the_runner, running_pod};
use crate::witness::{Body, Witnessed, backend};
use crate::world::World;

/// Seconds until Slipway would try again by itself: longer than the scenario waits for anything.
const LATER: &str = "3600";

/// migrations.md cases 6, 8, 16, 47, 50.
/// The operator tries nothing again within an hour, so whatever goes on goes on by the command.
pub async fn a_state_that_waits_for_a_person_ends_by_what_its_message_says(
    world: World,
) -> Result<()> {
    let options = world.operator_options_that_wait(LATER);
    let _operator = Operator::start(world.cluster(), options).await?;
    let (refused, unlisted, killed, halved, tables, program, paused) = tokio::join!(
        a_refused_password(&world),
        a_list_that_could_not_be_made(&world),
        a_look_that_could_not_be_had(&world),
        a_half_applied_file_and_the_plan_behind_it(&world),
        a_table_that_contradicts_the_files(&world),
        a_program_on_a_restored_database(&world),
        a_paused_backend(&world),
    );
    refused
        .and(unlisted)
        .and(killed)
        .and(halved)
        .and(tables)
        .and(program)
        .and(paused)
}

/// `AuthenticationFailed` in `RetryWait`: at once.
async fn a_refused_password(world: &World) -> Result<()> {
    let database = locked_out(world, "refused").await?;
    database.let_go().await?;
    world
        .apply(&backend(world, "refused", "refused", Body::Transactional))
        .await?;
    let message = tells(world, "slb/refused", "MigrationRetrying", "At once: ").await?;
    ensure!(message.contains("refuses user or password"), "{message}");
    world.rotate_password("refused", PASSWORD).await?;
    world.type_next_command(&message).await?;
    world.ready("refused").await
}

/// The same before there is anything to approve: the list is made at once, and then approved.
async fn a_list_that_could_not_be_made(world: &World) -> Result<()> {
    let database = locked_out(world, "unlisted").await?;
    database.let_go().await?;
    let mut unlisted = backend(world, "unlisted", "unlisted", Body::Transactional);
    unlisted["spec"]["migrations"][0]["approval"] = json!("Always");
    world.apply(&unlisted).await?;
    let words = "could not be listed for the approval";
    let message = tells(world, "slb/unlisted", "MigrationRetrying", words).await?;
    world.rotate_password("unlisted", PASSWORD).await?;
    world.type_next_command(&message).await?;
    let message = tells(world, "slb/unlisted", "AwaitingApproval", "exactly these").await?;
    world.type_next_command(&message).await?;
    world.ready("unlisted").await
}

/// `Unknown`, and the database does not let the Check run in: it looks again at once; then the next attempt, at once.
async fn a_look_that_could_not_be_had(world: &World) -> Result<()> {
    let postgres = world.postgres().await?;
    let database = Witnessed::on(world, &postgres, "killed").await?;
    world
        .apply(&backend(world, "killed", "killed", Body::Transactional))
        .await?;
    database.until_begun(1).await?;
    let pod = running_pod(world, "killed").await?;
    let migration = migration_of(world, "killed").await?;
    world
        .look(&tells(world, &migration, "Running", "its log: ").await?)
        .await?;
    lock_out(world, "killed").await?;
    kill_the_runner(&pod)?;
    let message = tells(world, "slb/killed", "Migrating", "could not be read").await?;
    world.rotate_password("killed", PASSWORD).await?;
    world.type_next_command(&message).await?;
    let message = tells(world, "slb/killed", "MigrationRetrying", "At once: ").await?;
    world.type_next_command(&message).await?;
    database.until_begun(2).await?;
    database.let_go().await?;
    world.ready("killed").await
}

/// `PartiallyApplied`, finished by hand with the row that the message names; and another plan for the same table, which waits for that.
async fn a_half_applied_file_and_the_plan_behind_it(world: &World) -> Result<()> {
    let postgres = world.postgres().await?;
    let database = Witnessed::on(world, &postgres, "halved").await?;
    database.let_go().await?;
    world
        .apply(&backend(world, "halved", "halved", Body::Partial))
        .await?;
    let message = tells(world, "slb/halved", "MigrationBlocked", "Part of the file").await?;
    world
        .apply(&backend(world, "behind", "halved", Body::Transactional))
        .await?;
    let behind = tells(world, "slb/behind", "MigrationBlocked", "in doubt").await?;
    let marked = tells(world, "sldb/halved", "LedgerBlocked", "PartiallyApplied").await?;
    world.look(&marked).await?;

    let (_, row) = message
        .split_once("add its row (")
        .with_context(|| message.clone())?;
    let (row, _) = row.split_once(", with").with_context(|| message.clone())?;
    let name = world.database_name("halved");
    let owner = postgres.connect_as(&name, PASSWORD, &name).await?;
    owner.batch_execute(&row.replace("NUMBER", "1")).await?;
    world.type_next_command(&behind).await?;
    world.ready("behind").await?;
    world.type_next_command(&message).await?;
    world.ready("halved").await?;
    world.condition("sldb/halved", "Ready", "True").await?;
    Ok(())
}

/// `UnknownDatabaseVersion` where the table is wrong; then `OutOfOrder`, allowed.
async fn a_table_that_contradicts_the_files(world: &World) -> Result<()> {
    let postgres = world.postgres().await?;
    let database = Witnessed::on(world, &postgres, "tables").await?;
    database.let_go().await?;
    let tables = |body| backend(world, "tables", "tables", body);
    world.apply(&tables(Body::Transactional)).await?;
    world.ready("tables").await?;
    let rows = postgres.connect(&world.database_name("tables")).await?;
    rows.batch_execute("insert into goose_db_version (version_id, is_applied) values (2, true)")
        .await?;
    world.apply(&tables(Body::Other)).await?;
    let words = "if the table is wrong: ";
    let message = tells(world, "slb/tables", "MigrationBlocked", words).await?;
    rows.batch_execute("delete from goose_db_version where version_id = 2")
        .await?;
    world.type_next_command(&message).await?;
    world.ready("tables").await?;

    let mut late = tables(Body::Late);
    world.apply(&late).await?;
    let words = "set outOfOrder: Allow in entry schema of spec.migrations of backend tables";
    tells(world, "slb/tables", "MigrationBlocked", words).await?;
    late["spec"]["migrations"][0]["outOfOrder"] = json!("Allow");
    world.apply(&late).await?;
    world.ready("tables").await?;
    let versions = world.versions("tables").await?;
    ensure!(versions == [1, 3, 2], "{versions:?}");
    Ok(())
}

/// 4.2, the ledger's life: a ledger that knows of nothing, a database that holds something, and a program of which nothing tells that it ran.
async fn a_program_on_a_restored_database(world: &World) -> Result<()> {
    let postgres = world.postgres().await?;
    let _restored = Witnessed::on(world, &postgres, "restored").await?;
    let name = world.database_name("restored");
    let owner = postgres.connect_as(&name, PASSWORD, &name).await?;
    owner.batch_execute("create table orders (id int)").await?;
    let mut restored = backend(world, "restored", "restored", Body::Transactional);
    restored["spec"]["migrations"] = json!([{
        "name": "program", "tool": "Exec", "source": {"image": world.shared.tools}, "command": ["/goose", "-version"],
    }]);
    world.apply(&restored).await?;
    let message = tells(
        world,
        "slb/restored",
        "MigrationBlocked",
        "readBack is not set",
    )
    .await?;
    world.type_next_command(&message).await?;
    world.ready("restored").await
}

/// Both ways to pause a Backend, and the annotation again before a migration after the rollout.
async fn a_paused_backend(world: &World) -> Result<()> {
    let postgres = world.postgres().await?;
    let _database = Witnessed::on(world, &postgres, "paused").await?;
    let mut paused = backend(world, "paused", "paused", Body::Transactional);
    paused["metadata"]["annotations"] = json!({"slipway.dev/paused": "true"});
    paused["spec"]["rollout"] = json!({"paused": true});
    paused["spec"]["migrations"][0]["phase"] = json!("AfterRollout");
    paused["spec"]["migrations"][0]["soakSeconds"] = json!(3600);
    world.apply(&paused).await?;
    let message = tells(world, "slb/paused", "Paused", "annotation").await?;
    world.type_next_command(&message).await?;
    let message = tells(world, "slb/paused", "Paused", "spec.rollout.paused").await?;
    world.type_next_command(&message).await?;
    world.ready("paused").await?;
    let (reason, message) = world.condition("slb/paused", "Migrated", "False").await?;
    ensure!(reason == "ContractPending", "{reason}: {message}");
    world.look(&message).await?;

    let migration = migration_of(world, "paused").await?;
    tells(world, &migration, "Soaking", "").await?;
    let annotation = json!({"metadata": {"annotations": {"slipway.dev/paused": "true"}}});
    world.patch("slb/paused", &annotation).await?;
    let message = tells(world, &migration, "Paused", "annotation").await?;
    world.type_next_command(&message).await?;
    tells(world, &migration, "Soaking", "").await?;
    Ok(())
}

/// The only Migration of a Backend, as `slm/NAME`.
async fn migration_of(world: &World, backend: &str) -> Result<String> {
    let migrations = world.list("slm").await?;
    let name = migrations
        .iter()
        .find(|migration| migration["spec"]["backend"] == backend)
        .and_then(|migration| migration["metadata"]["name"].as_str());
    Ok(format!(
        "slm/{}",
        name.with_context(|| format!("no Migration of {backend}"))?
    ))
}

/// A database whose server takes another password than the Secret has.
async fn locked_out(world: &World, name: &str) -> Result<Witnessed> {
    let postgres = world.postgres().await?;
    let database = Witnessed::on(world, &postgres, name).await?;
    lock_out(world, name).await?;
    Ok(database)
}

async fn lock_out(world: &World, name: &str) -> Result<()> {
    let user = world.database_name(name);
    world.postgres().await?.set_password(&user, "another").await
}
