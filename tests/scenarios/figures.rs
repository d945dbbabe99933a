//! What a migration costs: how long from the arm to the recorded outcome, which requests, how much memory the runner takes.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::approvals::awaited;
use crate::cluster::audit::{Entries, Mark};
use crate::cluster::flyway::Flyway;
use crate::cluster::image::Image;
use crate::first_release::APART;
use crate::victims::{process_in, running_pod};
use crate::witness::{Body, Witnessed, backend};
use crate::world::World;

/// A tool, and one file of it that changes nothing.
const EMPTY: [(&str, &str, &str); 2] = [
    ("Goose", "1_empty.sql", "-- +goose Up\nSELECT 1;\n"),
    ("GolangMigrate", "1_empty.up.sql", "SELECT 1;\n"),
];

/// What a release writes beside its migration.
const RELEASE: [&str; 4] = [
    "serviceaccounts",
    "controllerrevisions",
    "deployments",
    "services",
];

/// How many requests of each verb and kind. A status may be written once more when a look comes between two changes of what it tells.
type Price = [(&'static str, &'static str, RangeInclusive<usize>); 9];

/// `speed.md` 1: Migration, Job 3, ledger 2, Migration status 3, Backend status 2 and those of its release, 2 quorum reads; and besides what
/// its pod may reach, and the finalizer of its Database, set and taken away.
const PLAIN: Price = [
    ("create", "migrations", 1..=1),
    ("create", "jobs", 1..=1),
    ("create", "networkpolicies", 1..=1),
    ("patch", "databases", 2..=2),
    ("patch", "jobs", 2..=2),
    ("update", "databases/status", 2..=2),
    ("patch", "migrations/status", 3..=3),
    ("patch", "backends/status", 3..=4),
    ("get", "backends", 2..=2),
];

/// The same, and a Check run before it: Job 3, ledger 2, the states of asking and of the run of the Check, a quorum read at its arm.
const APPROVED: Price = [
    ("create", "migrations", 1..=1),
    ("create", "jobs", 2..=2),
    ("create", "networkpolicies", 2..=2),
    ("patch", "databases", 2..=4),
    ("patch", "jobs", 4..=4),
    ("update", "databases/status", 4..=4),
    ("patch", "migrations/status", 5..=7),
    ("patch", "backends/status", 5..=7),
    ("get", "backends", 3..=3),
];

/// A plain one that first waits for the rollout and its soak.
const LATE: Price = [
    ("create", "migrations", 1..=1),
    ("create", "jobs", 1..=1),
    ("create", "networkpolicies", 1..=1),
    ("patch", "databases", 2..=2),
    ("patch", "jobs", 2..=2),
    ("update", "databases/status", 2..=2),
    ("patch", "migrations/status", 3..=5),
    ("patch", "backends/status", 3..=5),
    ("get", "backends", 2..=2),
];

/// Where the runner is in a migration pod.
const RUNNER: &str = "/slipway-runner/slipway";

/// The memory that a runner may take, bytes.
const SMALL: u64 = 12 << 20;

/// `speed.md` 1: an empty migration takes the same requests with each tool. A JVM and somebody's program take the time that they take.
pub async fn an_empty_migration_is_recorded_soon_whatever_the_tool(world: World) -> Result<()> {
    let _operator = world.operator().await?;
    for (tool, file, content) in EMPTY {
        let backend = empty(&world, tool, file, content).await?;
        timed(&world, &backend, tool, " (wanted < 4 s)").await?;
    }
    timed(&world, &empty_of_flyway(&world).await?, "Flyway", "").await?;
    timed(&world, &empty_program(&world).await?, "Exec", "").await?;
    Ok(())
}

/// How long it takes from the arm to the record.
async fn timed(world: &World, backend: &Value, tool: &str, wanted: &str) -> Result<()> {
    let mark = world.mark()?;
    world.apply(backend).await?;
    world.ready(&tool.to_lowercase()).await?;
    let requests = costs(world, &format!("a migration, {tool}"), mark, &PLAIN).await?;
    note_time(world, &format!("an empty {tool}{wanted}"), &requests)
}

/// What is wanted is wanted of what is shipped.
fn is_released(world: &World) -> bool {
    let program = world.operator_options().program;
    program
        .components()
        .any(|part| part.as_os_str() == "release")
}

/// A migration of each way to be let go: nobody is asked, a person approves it, it comes after the rollout.
pub async fn a_migration_costs_what_the_model_says_whatever_lets_it_go(world: World) -> Result<()> {
    let _operator = world.operator().await?;
    let (tool, file, content) = EMPTY[0];
    let backend = empty(&world, tool, file, content).await?;
    let mark = world.mark()?;
    let mut approved = backend.clone();
    approved["spec"]["migrations"][0]["approval"] = json!("Always");
    world.apply(&approved).await?;
    let message = awaited(&world, "goose", "1_empty.sql").await?;
    world.type_next_command(&message).await?;
    world.ready("goose").await?;
    costs(&world, "a migration that is approved", mark, &APPROVED).await?;

    let mark = world.mark()?;
    let mut late = backend.clone();
    late["spec"]["migrations"] = json!([{
        "name": "late", "tool": tool, "source": {"path": "/migrations"}, "phase": "AfterRollout", "soakSeconds": 0,
    }]);
    world.apply(&late).await?;
    world.ready("goose").await?;
    world.condition("slb/goose", "Migrated", "True").await?;
    costs(&world, "a migration after the rollout", mark, &LATE).await?;
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
    let runner = process_in(&pod, RUNNER)?.identity();
    let (resident, own) = (runner.resident_memory()?, runner.own_memory()?);
    world.figure(
        "memory of a runner at work",
        format!(
            "{} KiB resident (wanted < 12 MiB), {} of them its own, the rest pages of its file",
            resident / 1024,
            own / 1024
        ),
    );
    ensure!(!is_released(&world) || resident < SMALL, "{resident} bytes");
    let size = std::fs::metadata(&world.operator_options().program)?.len();
    world.figure(
        "size of the file that is brought into migration pods",
        format!("{} KiB", size / 1024),
    );
    database.let_go().await?;
    world.ready("held").await
}

/// A Backend that has nothing but this migration, and its Database.
async fn empty(world: &World, tool: &str, file: &str, content: &str) -> Result<Value> {
    let image = format!("slipway.test/empty:{}", tool.to_lowercase());
    let folder = folder_with(world, file, content)?;
    let files = Image::new(&image).file(folder.clone(), "/migrations");
    world.cluster().load_image(&files).await?;
    std::fs::remove_dir_all(folder)?;
    let migration = json!({"name": "schema", "tool": tool, "source": {"path": "/migrations"}});
    asking(world, tool, &image, &migration).await
}

/// The same of Flyway, whose image holds the tool.
async fn empty_of_flyway(world: &World) -> Result<Value> {
    let flyway = tokio::task::block_in_place(Flyway::prepare)?;
    let image = "slipway.test/empty:flyway";
    let folder = folder_with(world, "V1__empty.sql", "SELECT 1;\n")?;
    let files = flyway.image(image, &folder)?;
    world.cluster().load_image(&files).await?;
    std::fs::remove_dir_all(folder)?;
    let migration = json!({"name": "schema", "tool": "Flyway", "source": {"path": "/migrations"}});
    asking(world, "Flyway", image, &migration).await
}

/// A program that does nothing.
async fn empty_program(world: &World) -> Result<Value> {
    let migration = json!({"name": "schema", "tool": "Exec", "command": ["/goose", "--version"]});
    asking(world, "Exec", "slipway.test/tools:1", &migration).await
}

fn folder_with(world: &World, file: &str, content: &str) -> Result<PathBuf> {
    let folder = format!("{}-files", world.namespace);
    let folder = world.cluster().state().path(&folder);
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join(file), content)?;
    Ok(folder)
}

async fn asking(world: &World, tool: &str, image: &str, migration: &Value) -> Result<Value> {
    let name = tool.to_lowercase();
    world.database(&name).await?;
    world
        .condition(&format!("sldb/{name}"), "Ready", "True")
        .await?;
    Ok(world.migrating(&name, image, &name, migration))
}

/// Without what the release costs beside its migration.
fn of_migration(requests: &Entries) -> Entries {
    requests.except(&APART).except(&RELEASE)
}

/// Holds the requests of a migration against the model, and notes them by verb.
async fn costs(world: &World, what: &str, mark: Mark, wanted: &Price) -> Result<Entries> {
    let check = |requests: &Entries| holds(what, &of_migration(requests), wanted);
    let requests = of_migration(&world.requests_as(mark, check).await?);
    let of = |verb: &str| requests.filter(|entry| entry.verb == verb).len();
    let verbs = ["create", "update", "patch", "get"].map(|verb| format!("{} {verb}", of(verb)));
    world.figure(format!("requests of {what}"), verbs.join(", "));
    Ok(requests)
}

/// An arm that meets the Job controller's own first write is refused and, after another confirmation, sent again: the model counts one try.
fn holds(what: &str, requests: &Entries, wanted: &Price) -> Result<()> {
    let refused = requests.refused_arms();
    let counts = requests.count();
    for (verb, kind, wanted) in wanted {
        let key = ((*verb).to_owned(), (*kind).to_owned());
        let again = match (*verb, *kind) {
            ("patch", "jobs") | ("get", "backends") => refused,
            _ => 0,
        };
        let found = counts.get(&key).copied().unwrap_or_default();
        ensure!(
            wanted.contains(&found.saturating_sub(again)),
            "{what} takes {found} x {verb} {kind}, not {wanted:?}:\n{}",
            requests.story()
        );
    }
    let strange = requests.writes().filter(|entry| {
        let is = |(verb, kind, _): &(&str, &str, _)| entry.verb == *verb && entry.kind() == *kind;
        !wanted.iter().any(is)
    });
    ensure!(
        strange.is_empty(),
        "{what} takes also:\n{}",
        strange.story()
    );
    Ok(())
}

/// Notes how long the last Job of these requests took. Of a Job's three writes the second arms it, and the third comes after the ledger's
/// last, which records the outcome.
pub fn note_time(world: &World, what: &str, requests: &Entries) -> Result<()> {
    let good = requests.writes().filter(|entry| entry.code < 300);
    let ledger = good.filter(|entry| entry.kind() == "databases/status");
    let recorded = ledger.0.last().context("no record")?.time;
    let mut jobs = good.on("jobs").filter(|entry| entry.time < recorded).0;
    let armed = jobs.pop().context("no arm")?.time;
    let took: Duration = recorded.duration_since(armed).try_into()?;
    let what = format!("from the arm to the record: {what}");
    world.figure(what, format!("{:.1} s", took.as_secs_f32()));
    Ok(())
}
