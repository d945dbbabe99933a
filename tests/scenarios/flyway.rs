//! Flyway on the cluster, from an image that holds a JRE and the files: a failed row blocks, and the message's own commands are the way out.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::cluster::canary::PASSWORD;
use crate::cluster::flyway::Flyway;
use crate::figures::note_time;
use crate::objects::blocked_by;
use crate::sources::Sources;
use crate::world::World;

const FILES: Sources = Sources("flyway");

/// migrations.md cases 8, 11, 12.
/// In the end a file is edited that ran long ago, and the new words are agreed to.
pub async fn a_failed_row_of_flyways_is_repaired_by_the_messages_own_commands(
    world: World,
) -> Result<()> {
    let flyway = tokio::task::block_in_place(Flyway::prepare)?;
    for release in ["good", "broken", "mended", "edited"] {
        let image = flyway.image(&FILES.image(release), &FILES.folder(release))?;
        world.cluster().load_image(&image).await?;
    }
    let _operator = world.operator().await?;
    world.database("orders-db").await?;
    let mark = world.mark()?;
    world.apply(&backend(&world)).await?;
    world.ready("orders").await?;
    note_time(&world, "Flyway", &world.requests(Some(mark))?)?;

    world.ship("orders", &FILES.image("broken")).await?;
    let message = blocked_by(&world, "FailedMigrationRow", "retry=1").await?;
    let client = world
        .postgres()
        .await?
        .connect(&world.database_name("orders-db"))
        .await?;
    client.batch_execute("DROP TABLE customers").await?;
    repair(&world, &flyway, "broken", &message).await?;
    world.type_next_command(&message).await?;
    let again = blocked_by(&world, "FailedMigrationRow", "retry=2").await?;
    client.batch_execute("DROP TABLE customers").await?;
    repair(&world, &flyway, "broken", &again).await?;
    world.ship("orders", &FILES.image("mended")).await?;
    world.ready("orders").await?;
    world.condition("sldb/orders-db", "Ready", "True").await?;

    world.ship("orders", &FILES.image("edited")).await?;
    let message = blocked_by(&world, "ChecksumMismatch", "retry=1").await?;
    repair(&world, &flyway, "edited", &message).await?;
    world.type_next_command(&message).await?;
    world.ready("orders").await
}

fn backend(world: &World) -> Value {
    let migration = json!({"name": "schema", "tool": "Flyway", "source": {"path": "/migrations"}});
    world.migrating("orders", &FILES.image("good"), "orders-db", &migration)
}

/// Types the message's `flyway .. repair`, with the real program and in the folder of the files.
async fn repair(world: &World, flyway: &Flyway, release: &str, message: &str) -> Result<()> {
    let (_, rest) = message
        .split_once("flyway -url=")
        .with_context(|| format!("no flyway command in: {message}"))?;
    let (command, _) = rest.split_once(" repair").context("no repair")?;
    let (postgres, name) = (world.postgres().await?, world.database_name("orders-db"));
    let url = format!(
        "jdbc:postgresql://{}:{}/{name}",
        postgres.address().ip(),
        postgres.port()
    );
    let command = format!("flyway -url={command} repair")
        .replace("URL", &url)
        .replace("USER", &name)
        .replace("/migrations", &FILES.folder(release).display().to_string());
    let output = Command::new(flyway.program())
        .args(command.split_whitespace().skip(1))
        .env("FLYWAY_PASSWORD", PASSWORD)
        .env("LC_ALL", "C.UTF-8")
        .env("REDGATE_DISABLE_TELEMETRY", "true")
        .output()
        .await?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{command}: {said}");
    Ok(())
}
