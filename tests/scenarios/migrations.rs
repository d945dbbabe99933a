//! Migrations as users meet them: broken, mended, two at once, with a difficult password.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::cluster::canary::WORD;
use crate::cluster::history::History;
use crate::cluster::operator::Operator;
use crate::cluster::read::text;
use crate::cluster::{http, wait};
use crate::objects::tells;
use crate::witness::{Body, Story, Witnessed, backend};
use crate::world::{PATIENCE, World};

/// The old pods serve without one failed request, the status names file, line, SQLSTATE and the next command; the mended image goes out.
pub async fn a_broken_migration_keeps_the_old_release_serving_and_a_mended_one_goes_out(
    world: World,
) -> Result<()> {
    let _operator = world.operator().await?;
    world.database("orders-db").await?;
    let mut orders = world.orders("orders", "1.0.0", "orders-db");
    // As long as a user would have it: on a busy machine the node's rules lag behind the end of a pod by seconds.
    orders["spec"]["shutdown"] = json!({"drainSeconds": 15, "graceSeconds": 5});
    world.apply(&orders).await?;
    world.ready("orders").await?;
    let address = world.address("orders").await?;
    world.answers("orders", "/version", "1.0.0").await?;
    let load = tokio::spawn(load(address));

    world.ship("orders", "slipway.test/orders:1.1.0").await?;
    let (reason, message) = world.condition("slb/orders", "Stalled", "True").await?;
    ensure!(reason == "MigrationFailed", "{reason}: {message}");
    for needed in [
        "00003_unique_email.sql:7",
        "SQLSTATE 23505 unique_violation",
        "kubectl annotate --overwrite slm/orders-",
        "2/2",
    ] {
        ensure!(
            message.contains(needed),
            "the message does not say `{needed}`: {message}"
        );
    }
    world.condition("slb/orders", "Available", "True").await?;
    world.ship("orders", "slipway.test/orders:1.1.1").await?;
    world.ready("orders").await?;
    world.answers("orders", "/version", "1.1.1").await?;

    load.abort();
    match load.await {
        Err(end) if end.is_cancelled() => Ok(()),
        Ok(failure) => {
            Err(failure.unwrap_err()).context("a request failed while the release changed")
        }
        Err(panic) => Err(panic.into()),
    }
}

/// Asks until a request fails.
async fn load(address: String) -> Result<()> {
    loop {
        let (code, body) = http::get(&address, "/orders").await?;
        ensure!(code == 200, "GET /orders answers {code}: {body}");
    }
}

/// migrations.md case 46.
/// I-1, I-3: the Jobs of Backends with one Database do not overlap and go in the order in which they were asked for; one that asks for the very plan
/// of another takes its outcome for its own.
pub async fn two_backends_on_one_database_never_migrate_at_once(world: World) -> Result<()> {
    let _operator = world.operator().await?;
    world.ask_for_orders().await?;
    wait::until("the first migration's turn", PATIENCE, async || {
        let ledger = world.get("sldb/orders-db").await?["status"]["ledger"].clone();
        let has_come = !ledger["holder"].is_null() || ledger["entries"].is_array();
        ensure!(has_come, "{ledger}");
        anyhow::Ok(())
    })
    .await?;
    world
        .apply(&world.orders("billing", "1.1.1", "orders-db"))
        .await?;
    world
        .apply(&world.orders("returns", "1.0.0", "orders-db"))
        .await?;
    for backend in ["orders", "billing", "returns"] {
        world.ready(backend).await?;
    }
    let migrations = world.list("slm").await?;
    let of = |backend: &str| {
        let mut all = migrations.iter();
        let found = all.find(|migration| migration["spec"]["backend"] == backend);
        found.with_context(|| format!("no Migration of {backend}"))
    };
    let (orders, billing, returns) = (of("orders")?, of("billing")?, of("returns")?);
    let phases = [orders, billing, returns].map(|migration| text(&migration["status"]["phase"]));
    ensure!(
        phases == ["Succeeded", "Succeeded", "Skipped"],
        "{phases:?}"
    );
    ensure!(
        migrations.len() == 3 && orders["spec"]["planKey"] == returns["spec"]["planKey"],
        "{migrations:?}"
    );
    tells(
        &world,
        &format!("slm/{}", text(&returns["metadata"]["name"])),
        "Succeeded",
        "the same plan was run for backend orders",
    )
    .await?;
    let ledger = world.get("sldb/orders-db").await?["status"]["ledger"].clone();
    let recorded: Vec<(String, String)> = ledger["entries"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|entry| (text(&entry["backend"]), text(&entry["outcome"])))
        .collect();
    let succeeded = |backend: &str| (backend.to_owned(), "Succeeded".to_owned());
    ensure!(
        recorded == [succeeded("orders"), succeeded("billing")] && ledger["holder"].is_null(),
        "{ledger}"
    );
    ensure!(world.versions("orders-db").await? == [1, 2, 3]);
    one_after_the_other(&world, &[orders, billing]).await?;
    world
        .told_of(&text(&returns["metadata"]["name"]), &["MigrationSkipped"])
        .await
}

/// The only Jobs are those of these Migrations, each once, and each starts when the one before it has ended.
async fn one_after_the_other(world: &World, migrations: &[&Value]) -> Result<()> {
    let mut jobs = world.list("jobs").await?;
    jobs.sort_by_key(|job| text(&job["status"]["startTime"]));
    let names: Vec<String> = jobs
        .iter()
        .map(|job| text(&job["metadata"]["name"]))
        .collect();
    let expected = migrations
        .iter()
        .map(|migration| format!("{}-1", text(&migration["metadata"]["name"])));
    ensure!(names == expected.collect::<Vec<_>>(), "{names:?}");
    for pair in jobs.windows(2) {
        let [before, after] = pair else { continue };
        let (end, start) = (
            text(&before["status"]["completionTime"]),
            text(&after["status"]["startTime"]),
        );
        ensure!(end <= start, "two runs overlap: {end}, {start}");
    }
    Ok(())
}

/// migrations.md cases 30, 31.
/// I-39, T-7: any password works, and none of it is in a log, an event, a status, a Job or a message.
pub async fn a_password_with_every_odd_character_works_and_is_found_nowhere(
    world: World,
) -> Result<()> {
    let operator = world.operator().await?;
    world.database("orders-db").await?;
    world
        .apply(&world.orders("orders", "1.0.0", "orders-db"))
        .await?;
    world.ready("orders").await?;
    world.ship("orders", "slipway.test/orders:1.1.0").await?;
    world.condition("slb/orders", "Stalled", "True").await?;

    found_nowhere(&world, &operator).await?;
    let secrets = world.requests(None)?.on("secrets");
    ensure!(
        secrets.is_empty(),
        "Slipway asked for Secrets:\n{}",
        secrets.table()
    );
    wait::until(
        "the database to answer",
        Duration::from_secs(5),
        async || world.postgres().await.map(drop),
    )
    .await
}

/// No object but the Secret, no log of Slipway or of a pod holds the canary.
pub async fn found_nowhere(world: &World, operator: &Operator) -> Result<()> {
    let objects = [
        "get",
        "slb,sldb,slm,jobs,pods,deployments,events,controllerrevisions",
        "-n",
        &world.namespace,
        "-o",
        "yaml",
    ];
    let objects = world.cluster().kubectl_ok(&objects).await?;
    ensure!(objects.contains("kind: Backend"), "nothing was read");
    ensure!(!objects.contains(WORD), "the password stands in an object");
    ensure!(
        !operator.log().contains(WORD),
        "the password stands in the operator's log"
    );
    for pod in world.list("pods").await? {
        let name = text(&pod["metadata"]["name"]);
        let log = world
            .cluster()
            .kubectl(&["logs", &name, "-n", &world.namespace, "--all-containers"])
            .await?;
        ensure!(
            !log.stdout.contains(WORD),
            "the password stands in the log of pod {name}"
        );
    }
    Ok(())
}

/// migrations.md case 4.
/// B-6, B-36, B-41, F-44: a new image while a migration runs waits for its end; an older one meets a newer schema and runs nothing, no down file either.
pub async fn an_image_waits_for_the_run_before_it_and_an_older_one_runs_nothing(
    world: World,
) -> Result<()> {
    let operator = world.operator().await?;
    let history = History::record(world.cluster(), &world.namespace).await?;
    let postgres = world.postgres().await?;
    let database = Witnessed::on(&world, &postgres, "ledgers").await?;
    world
        .apply(&backend(&world, "books", "ledgers", Body::Transactional))
        .await?;
    database.until_begun(1).await?;
    world
        .apply(&backend(&world, "books", "ledgers", Body::More))
        .await?;
    wait::until("the second migration to queue", PATIENCE, async || {
        let phases: Vec<String> = world
            .list("slm")
            .await?
            .iter()
            .map(|migration| text(&migration["status"]["phase"]))
            .collect();
        ensure!(phases.contains(&"Queued".to_owned()), "{phases:?}");
        let labels = format!("namespace=\"{}\",name=\"ledgers\"", world.namespace);
        operator
            .shows(&format!("slipway_database_queue_length{{{labels}}} 1"))
            .await
    })
    .await?;
    database.let_go().await?;
    let (reason, _) = world.condition("slb/books", "Ready", "True").await?;
    ensure!(reason == "ScaledToZero", "{reason}");

    // Another plan than the first, by its target: the ledger does not know it.
    let mut older = backend(&world, "books", "ledgers", Body::Transactional);
    older["spec"]["migrations"][0]["target"] = json!("1");
    world.apply(&older).await?;
    world.ready("books").await?;
    let story = database.story(&history, "books").await?;
    let expected = Story {
        ended: 2,
        versions: vec![1, 2],
        ..Story::done(
            &[
                "Succeeded/Succeeded",
                "Succeeded/Succeeded",
                "Skipped/DatabaseAhead",
            ],
            &["1"],
            2,
        )
    };
    ensure!(story == expected, "{story:?}, not {expected:?}");
    let overlaps = [history.overlaps(), database.overlaps().await?].concat();
    ensure!(overlaps.is_empty(), "{overlaps:?}");
    Ok(())
}

/// migrations.md cases 6, 52.
/// B-40: the files of a second Backend contradict the version table; it is told so, nothing runs, and the first goes on. Once nobody asks for those
/// files any more, the Database is free of the mark.
pub async fn files_that_contradict_the_version_table_are_blocked_with_the_way_out(
    world: World,
) -> Result<()> {
    let _operator = world.operator().await?;
    let history = History::record(world.cluster(), &world.namespace).await?;
    let postgres = world.postgres().await?;
    let database = Witnessed::on(&world, &postgres, "ledgers").await?;
    database.let_go().await?;
    world
        .apply(&backend(&world, "books", "ledgers", Body::More))
        .await?;
    world.ready("books").await?;
    world
        .apply(&backend(&world, "stranger", "ledgers", Body::Other))
        .await?;
    let (reason, message) = world.condition("slb/stranger", "Stalled", "True").await?;
    ensure!(
        reason == "MigrationBlocked"
            && message.contains("version 2, which has no file here")
            && message.contains("Ship the image that holds it"),
        "{reason}: {message}"
    );
    world
        .apply(&backend(&world, "stranger", "ledgers", Body::More))
        .await?;
    world.ready("stranger").await?;
    world.ready("books").await?;
    world.condition("sldb/ledgers", "Ready", "True").await?;
    let story = database.story(&history, "stranger").await?;
    let expected = Story {
        ended: 2,
        versions: vec![1, 2],
        ..Story::done(
            &["Succeeded/Succeeded", "Blocked/UnknownDatabaseVersion"],
            &["1"],
            2,
        )
    };
    ensure!(story == expected, "{story:?}, not {expected:?}");
    Ok(())
}
