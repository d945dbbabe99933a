//! What a migration costs, printed: how long from the arm to the recorded outcome, which requests, how much memory the runner takes.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::cluster::image::Image;
use crate::kills::{process_in, running_pod};
use crate::witness::{Body, Witnessed, backend};
use crate::world::World;

/// A tool, and one file of it that changes nothing.
const EMPTY: [(&str, &str, &str); 2] = [
    ("Goose", "1_empty.sql", "-- +goose Up\nSELECT 1;\n"),
    ("GolangMigrate", "1_empty.up.sql", "SELECT 1;\n"),
];

/// Where the runner is in a migration pod.
const RUNNER: &str = "/slipway-runner/slipway";

/// `speed.md` 1: an empty migration takes the same requests with each tool.
pub async fn an_empty_migration_is_recorded_soon_whatever_the_tool(world: World) -> Result<()> {
    let _operator = world.operator().await?;
    for (tool, file, content) in EMPTY {
        let name = tool.to_lowercase();
        let folder = world.cluster().state().path(&format!("empty-{name}"));
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(file), content)?;
        let image = format!("slipway.test/empty:{name}");
        let files = Image::new(&image).file(folder.clone(), "/migrations");
        world.cluster().load_image(&files).await?;
        std::fs::remove_dir_all(folder)?;
        world.database(&name, "password").await?;
        let mark = world.mark()?;
        world
            .apply(&json!({
                "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend",
                "metadata": {"name": name, "namespace": world.namespace},
                "spec": {
                    "type": "Worker", "image": image, "replicas": 0, "databases": [{"name": name}],
                    "migrations": [{"name": "schema", "tool": tool, "source": {"path": "/migrations"}}],
                },
            }))
            .await?;
        world.ready(&name).await?;

        let requests = world.requests(Some(mark))?;
        let of = |kind: &str| requests.filter(|entry| entry.kind() == kind && entry.code < 300);
        let counts = ["jobs", "migrations", "migrations/status"];
        let counts = counts.map(|kind| (kind, of(kind).writes().len()));
        ensure!(
            counts == [("jobs", 3), ("migrations", 1), ("migrations/status", 3)],
            "{tool}: {counts:?}\n{}",
            requests.writes().table()
        );
        // Of a Job's three writes the second arms it; of the ledger's the last records the outcome.
        let (jobs, ledger) = (of("jobs").writes(), of("databases/status").writes());
        let armed = jobs.0.get(1).context("no arm")?.time;
        let recorded = ledger.0.last().context("no record")?.time;
        let took: Duration = recorded.duration_since(armed).try_into()?;
        println!(
            "{tool}: an empty migration is recorded {:.1} s after its arm (wanted < 4 s); {counts:?}",
            took.as_secs_f32()
        );
    }
    Ok(())
}

/// The runner waits beside its tool; what it takes is printed.
pub async fn a_runner_takes_little_memory_beside_its_tool(world: World) -> Result<()> {
    let _operator = world.operator().await?;
    let database = Witnessed::on(&world, &world.postgres().await?, "held").await?;
    world
        .apply(&backend(&world, "held", "held", Body::Transactional))
        .await?;
    database.until_begun(1).await?;
    let pod = running_pod(&world, "held").await?;
    let runner = process_in(&pod, RUNNER)?;
    println!(
        "memory of the runner at work: {} KiB resident (wanted < 12 MiB, with a release build); its file has {} bytes",
        runner.resident_memory()? / 1024,
        std::fs::metadata(&world.shared.program)?.len()
    );
    database.let_go().await?;
    world.ready("held").await
}
