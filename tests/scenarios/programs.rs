//! Programs that migrate themselves, on the cluster: a public one, with variables and a table of its own.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cluster::image::Image;
use crate::figures::note_time;
use crate::world::World;

const IMAGE: &str = "slipway.test/miniflux:1";

/// The entry that lets miniflux migrate itself, with arguments.
fn feeds(arguments: &[&str]) -> Value {
    let command = [&["/miniflux"], arguments].concat();
    json!({
        "name": "feeds", "tool": "Exec", "source": {"image": IMAGE},
        "command": command,
        "env": [{
            "name": "DATABASE_URL",
            "value": "host=$(PGHOST) port=$(PGPORT) dbname=$(PGDATABASE) user=$(PGUSER) sslmode=disable",
        }],
    })
}

/// migrations.md case 50.
/// I-8: its exit code stands, and the status says so; one that failed holds the next release and never the pods that serve.
pub async fn a_program_that_migrates_itself_goes_before_the_release(world: World) -> Result<()> {
    let program = world.cluster().program("miniflux")?;
    let image = Image::new(IMAGE)
        .file(&program, "/miniflux")
        .entrypoint(["/miniflux"]);
    world.cluster().load_image(&image).await?;
    let _operator = world.operator().await?;
    world.database("orders-db").await?;
    let mut orders = world.orders("orders", "1.0.0", "orders-db");
    let schema = orders["spec"]["migrations"][0].clone();
    orders["spec"]["migrations"] = json!([schema, feeds(&["-migrate"])]);
    let mark = world.mark()?;
    world.apply(&orders).await?;
    world.ready("orders").await?;
    note_time(&world, "Exec, miniflux", &world.requests(Some(mark))?)?;
    let migrations = world.list("slm").await?;
    let program = migrations
        .iter()
        .find(|migration| migration["spec"]["tool"] == "Exec");
    let said = program.map(|program| program["status"]["conditions"].to_string());
    ensure!(
        said.as_ref()
            .is_some_and(|said| said.contains("the program exited with 0")),
        "{said:?}"
    );
    let database = world.database_name("orders-db");
    let client = world.postgres().await?.connect(&database).await?;
    client
        .query_one("select count(*) from schema_version", &[])
        .await?;

    orders["spec"]["image"] = json!("slipway.test/orders:1.1.1");
    orders["spec"]["migrations"] = json!([schema, feeds(&["-no-such-flag"])]);
    world.apply(&orders).await?;
    let (reason, message) = world.condition("slb/orders", "Stalled", "True").await?;
    ensure!(
        reason == "MigrationFailed" && message.contains("the program failed: it ended with code 2"),
        "{reason}: {message}"
    );
    world.condition("slb/orders", "Available", "True").await?;
    world.answers("orders", "/version", "1.0.0").await?;

    orders["spec"]["migrations"] = json!([schema, feeds(&["-migrate"])]);
    world.apply(&orders).await?;
    world.ready("orders").await?;
    world.answers("orders", "/version", "1.1.1").await
}
