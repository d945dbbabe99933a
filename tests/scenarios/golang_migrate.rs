//! golang-migrate on the cluster: a file that fails leaves its row dirty, and the message's own commands are the way out.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::cluster::canary::PASSWORD;
use crate::objects::blocked_by;
use crate::sources::Sources;
use crate::world::World;

const FILES: Sources = Sources("golang_migrate");

/// migrations.md cases 7, 10.
/// The commands that the message names are taken from it and typed: first as one who undoes the file, whose next attempt ends in the same
/// file; then as one who finishes it by hand.
pub async fn a_database_that_golang_migrate_left_dirty_is_repaired_by_the_messages_own_commands(
    world: World,
) -> Result<()> {
    FILES.load(world.cluster(), &["good", "broken"]).await?;
    let _operator = world.operator().await?;
    world.database("orders-db").await?;
    world.apply(&backend(&world)).await?;
    world.ready("orders").await?;
    ensure!(row(&world).await? == (1, false), "the first release");

    world.ship("orders", &FILES.image("broken")).await?;
    let undo = blocked_by(&world, "DatabaseDirty", "retry=1").await?;
    ensure!(row(&world).await? == (2, true), "the broken file");
    type_migrate(&world, &undo, "force 1").await?;
    world.type_next_command(&undo).await?;
    let finish = blocked_by(&world, "DatabaseDirty", "retry=2").await?;

    let client = world
        .postgres()
        .await?
        .connect(&world.database_name("orders-db"))
        .await?;
    client
        .batch_execute("CREATE TABLE customers (id int)")
        .await?;
    type_migrate(&world, &finish, "force 2").await?;
    world.type_next_command(&finish).await?;
    world.ready("orders").await?;
    world.condition("sldb/orders-db", "Ready", "True").await?;
    ensure!(row(&world).await? == (2, false), "the repaired file");
    Ok(())
}

fn backend(world: &World) -> Value {
    let migration =
        json!({"name": "schema", "tool": "GolangMigrate", "source": {"path": "/migrations"}});
    world.migrating("orders", &FILES.image("good"), "orders-db", &migration)
}

/// Types one of the `migrate` commands of a message, with the real program and in the folder of the files, with the URL in its place.
async fn type_migrate(world: &World, message: &str, ending: &str) -> Result<()> {
    let commands = message.split("then: ").skip(1);
    let command = commands
        .filter_map(|rest| rest.split([';', '.']).next())
        .find(|command| command.starts_with("migrate ") && command.ends_with(ending))
        .with_context(|| format!("no `migrate ... {ending}` in: {message}"))?;
    let postgres = world.postgres().await?;
    let name = world.database_name("orders-db");
    let url = format!(
        "pgx5://{name}@{}:{}/{name}?sslmode=prefer",
        postgres.address().ip(),
        postgres.port()
    );
    let files = FILES.folder("broken").display().to_string();
    let arguments = command.split_whitespace().skip(1);
    let arguments = arguments.map(|argument| match argument {
        "/migrations" => files.as_str(),
        "URL" => url.as_str(),
        other => other,
    });
    let output = Command::new(world.cluster().program("migrate")?)
        .args(arguments)
        .env("PGPASSWORD", PASSWORD)
        .output()
        .await?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command}: {said}");
    Ok(())
}

/// golang-migrate's row: version, and whether it is dirty.
async fn row(world: &World) -> Result<(i64, bool)> {
    let client = world
        .postgres()
        .await?
        .connect(&world.database_name("orders-db"))
        .await?;
    let row = client
        .query_one("SELECT version, dirty FROM schema_migrations", &[])
        .await?;
    Ok((row.get(0), row.get(1)))
}
