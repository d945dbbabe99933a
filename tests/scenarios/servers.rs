//! The server under a migration: restarted, crashed, or known by two names.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cluster::history::History;
use crate::cluster::postgres::{Options as PostgresOptions, Postgres};
use crate::cluster::wait;
use crate::victims::running_pod;
use crate::witness::{Body, Story, Witnessed, backend};
use crate::world::{PATIENCE, World};

/// migrations.md case 26.
/// F-39: the server is restarted by its administrator, and crashes, in the middle of a body: nothing of it stays, and it is done once in the end.
pub async fn a_migration_whose_database_restarts_is_tried_again(world: World) -> Result<()> {
    let mut postgres = Postgres::start(PostgresOptions {
        address: world.cluster().database_address()?,
        ..PostgresOptions::scratch()
    })
    .await?;
    let _operator = world.operator().await?;
    let history = History::record(world.cluster(), &world.namespace).await?;
    for name in ["restarted", "crashed"] {
        let mut database = Witnessed::on(&world, &postgres, name).await?;
        world
            .apply(&backend(&world, name, name, Body::Transactional))
            .await?;
        database.until_begun(1).await?;
        if name == "restarted" {
            postgres.restart().await?;
        } else {
            postgres.crash().await?;
            postgres.start_again().await?;
        }
        database.reconnect(&world, &postgres).await?;
        database.until_begun(2).await?;
        database.let_go().await?;
        world.ready(name).await?;
        let story = database.story(&history, name).await?;
        let last = "Succeeded/Succeeded";
        let successes: Vec<usize> = (0..story.outcomes.len())
            .filter(|at| {
                story
                    .outcomes
                    .get(*at)
                    .is_some_and(|text| text.starts_with("Succeeded"))
            })
            .collect();
        ensure!(
            successes == [story.outcomes.len() - 1] && story.outcomes.len() > 1,
            "{name}: {story:?}"
        );
        // How the cut is told depends on who notices it first, the tool or the lock's session.
        let expected = Story {
            outcomes: story.outcomes.clone(),
            runs: story.runs.clone(),
            ..Story::done(&[last], &[], 2)
        };
        ensure!(story == expected, "{name}: {story:?}");
        println!(
            "a server that was {name}: {:?}, Jobs {:?}",
            story.outcomes, story.runs
        );
        let overlaps = database.overlaps().await?;
        ensure!(overlaps.is_empty(), "{name}: {overlaps:?}");
    }
    let overlaps = history.overlaps();
    ensure!(overlaps.is_empty(), "at once: {overlaps:?}");
    Ok(())
}

/// migrations.md case 21.
/// I-3: two Databases that name one server differently have two ledgers, so their Jobs run at once; the lock in the database holds the second.
pub async fn two_names_of_one_database_never_migrate_at_once(world: World) -> Result<()> {
    let _operator = world.operator().await?;
    let history = History::record(world.cluster(), &world.namespace).await?;
    let postgres = world.postgres().await?;
    let database = Witnessed::on(&world, &postgres, "by-address").await?;
    world.apply(&second_name(&world).await?).await?;
    world
        .apply(&backend(&world, "first", "by-address", Body::Transactional))
        .await?;
    database.until_begun(1).await?;
    world
        .apply(&backend(&world, "second", "by-name", Body::More))
        .await?;
    let pod = running_pod(&world, "second").await?["metadata"]["name"].clone();
    wait::until("the second runner to meet the lock", PATIENCE, async || {
        let arguments = [
            "logs",
            pod.as_str().unwrap_or_default(),
            "-n",
            &world.namespace,
        ];
        let log = world.cluster().kubectl_ok(&arguments).await?;
        ensure!(log.contains("another migration holds the lock"), "{log}");
        anyhow::Ok(())
    })
    .await?;
    let story = database.story(&history, "first").await?;
    ensure!(story.begun == 1 && story.ended == 0, "{story:?}");
    database.let_go().await?;
    world.ready("first").await?;
    world.ready("second").await?;
    let story = database.story(&history, "second").await?;
    let expected = Story {
        ended: 2,
        versions: vec![1, 2],
        ..Story::done(&["Succeeded/Succeeded"], &["1"], 2)
    };
    ensure!(story == expected, "{story:?}, not {expected:?}");
    let overlaps = database.overlaps().await?;
    ensure!(overlaps.is_empty(), "{overlaps:?}");
    world.figure(
        "lock handed over, from the end of one body to the begin of the next",
        format!(
            "{:.2?} (asked for each 1 to 2 s)",
            database.hand_over().await?
        ),
    );
    Ok(())
}

/// A Service of a name in the cluster's DNS that leads to the database's address, and a Database of that name.
async fn second_name(world: &World) -> Result<Value> {
    let namespace = &world.namespace;
    let first = world.get("sldb/by-address").await?;
    let port = first["spec"]["port"].clone();
    for object in [
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "another-name", "namespace": namespace},
            "spec": {"clusterIP": "None", "ports": [{"name": "postgres", "port": port}]},
        }),
        json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {
                "name": "another-name", "namespace": namespace,
                "labels": {"kubernetes.io/service-name": "another-name"},
            },
            "addressType": "IPv4",
            "endpoints": [{"addresses": [first["spec"]["host"]]}],
            "ports": [{"name": "postgres", "port": port}],
        }),
    ] {
        world.apply(&object).await?;
    }
    let mut spec = first["spec"].clone();
    spec["host"] = json!(format!("another-name.{namespace}.svc.cluster.local"));
    Ok(json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Database",
        "metadata": {"name": "by-name", "namespace": namespace},
        "spec": spec,
    }))
}
