//! A person in the way of a migration: what is asked, what typing the message's command lets run, and what else it does not.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use slipway::core::rights::{APPROVER_RULES, EDITOR_RULES, VIEWER_RULES};

use crate::cluster::canary::PASSWORD;
use crate::cluster::read::text;
use crate::cluster::{helm, release, wait};
use crate::world::{PATIENCE, World};

/// What a Backend waits for, by its own words, once it waits for the approval of these files.
pub async fn awaited(world: &World, backend: &str, files: &str) -> Result<String> {
    let object = format!("slb/{backend}");
    wait::until(&format!("an approval of {files}"), PATIENCE, async || {
        let (reason, message) = world.condition(&object, "Ready", "False").await?;
        ensure!(
            reason == "AwaitingApproval" && message.contains(&format!("to be approved: {files};")),
            "{reason}: {message}"
        );
        anyhow::Ok(message)
    })
    .await
}

async fn migration(world: &World) -> Result<Value> {
    let mut migrations = world.list("slm").await?;
    ensure!(migrations.len() == 1, "{migrations:?}");
    Ok(migrations.remove(0))
}

/// The first file is applied by hand between the approval and the run: the list is another one, so nothing runs before that is approved too.
/// migrations.md case 47.
pub async fn a_migration_waits_for_the_approval_of_exactly_what_is_pending(
    world: World,
) -> Result<()> {
    let _operator = world.operator().await?;
    world.database("orders-db").await?;
    let mut orders = world.orders("orders", "1.0.0", "orders-db");
    orders["spec"]["migrations"][0]["approval"] = json!("Always");
    world.apply(&orders).await?;
    let message = awaited(&world, "orders", "00001_orders.sql, 00002_customers.sql").await?;
    let waiting = migration(&world).await?;
    let database = world.get("sldb/orders-db").await?;
    ensure!(
        waiting["status"]["phase"] == "AwaitingApproval" && waiting["status"]["pending"] == 2,
        "{}",
        waiting["status"]
    );
    ensure!(
        database["status"]["ledger"]["holder"].is_null(),
        "{}",
        database["status"]
    );

    apply_the_first_file_by_hand(&world).await?;
    only_with_the_verb(&world, &message).await?;
    let changed = awaited(&world, "orders", "00002_customers.sql").await?;
    ensure!(world.versions("orders-db").await? == [1], "{changed}");
    world.type_next_command(&changed).await?;
    world.ready("orders").await?;
    ensure!(world.versions("orders-db").await? == [1, 2]);
    let done = migration(&world).await?;
    ensure!(
        done["status"]["pending"] == 0 && done["status"]["attempt"] == 2,
        "{}",
        done["status"]
    );
    let told = [
        "ApprovalNeeded",
        "ApprovalGranted",
        "MigrationStarted",
        "MigrationSucceeded",
    ];
    world
        .told_of(&text(&done["metadata"]["name"]), &told)
        .await?;
    what_harms_nothing_asks_nobody(&world).await
}

/// The same files, where a person is asked only for what is destructive: they are listed, and run.
async fn what_harms_nothing_asks_nobody(world: &World) -> Result<()> {
    world.database("harmless-db").await?;
    let mut harmless = world.orders("harmless", "1.0.0", "harmless-db");
    harmless["spec"]["migrations"][0]["approval"] = json!("OnDestructive");
    world.apply(&harmless).await?;
    world.ready("harmless").await?;
    ensure!(world.versions("harmless-db").await? == [1, 2]);
    let migrations = world.list("slm").await?;
    let mut of_it = migrations
        .iter()
        .filter(|migration| migration["spec"]["backend"] == "harmless");
    let name = of_it.next().map(|one| text(&one["metadata"]["name"]));
    let name = name.context("no Migration of harmless")?;
    let jobs = world.list("jobs").await?;
    let jobs = jobs.iter().map(|job| text(&job["metadata"]["name"]));
    let mut jobs: Vec<String> = jobs.filter(|job| job.starts_with(&name)).collect();
    jobs.sort();
    ensure!(
        jobs == [format!("{name}-1"), format!("{name}-c1")],
        "{jobs:?}"
    );
    let told = ["MigrationStarted", "MigrationSucceeded"];
    world.told_of(&name, &told).await
}

/// The chart's admission policies, for this namespace only.
pub async fn policies(world: &World) -> Result<String> {
    let chart = helm::slipway_chart().display().to_string();
    let watched = format!("watchNamespaces={{{}}}", world.namespace);
    let template = ["template", &world.namespace, &chart, "--set", &watched];
    let only = ["--show-only", "templates/policies.yaml"];
    let words = [&template[..], &only].concat();
    world.cluster().helm(&words).await?.success("helm template")
}

/// The chart's policy refuses the command of somebody who may change Migrations and not approve them, naming the verb; with the verb it goes through.
async fn only_with_the_verb(world: &World, message: &str) -> Result<()> {
    let (namespace, cluster) = (&world.namespace, world.cluster());
    let policy = policies(world).await?;
    let people = [
        world.person("developer", &[VIEWER_RULES, EDITOR_RULES]),
        world.person("lead", &[VIEWER_RULES, EDITOR_RULES, APPROVER_RULES]),
    ];
    cluster.apply(&people.concat()).await?;
    cluster.apply(&policy).await?;
    let words = release::next_command(message)?;
    let typed = async |name: &str, further: &[&str]| {
        let user = format!("--as=system:serviceaccount:{namespace}:{name}");
        cluster
            .kubectl(&[&words[..], &[user.as_str()], further].concat())
            .await
    };
    // The API server needs a moment until it knows of the policy.
    let refusal = wait::until("the policy to refuse", PATIENCE, async || {
        let answer = typed("developer", &["--dry-run=server"]).await?;
        ensure!(!answer.succeeded, "{}", answer.stdout);
        anyhow::Ok(answer.stderr)
    })
    .await?;
    ensure!(
        refusal.contains("which takes the verb approve on migrations.slipway.dev"),
        "{refusal}"
    );
    let (_, look) = refusal
        .rsplit_once("kubectl ")
        .with_context(|| refusal.clone())?;
    for (name, verdict) in [("developer", "no"), ("lead", "yes")] {
        let user = format!("--as=system:serviceaccount:{namespace}:{name}");
        let look: Vec<&str> = look.split_whitespace().collect();
        let answer = cluster.kubectl(&[&look[..], &[&user]].concat()).await?;
        ensure!(answer.stdout.trim() == verdict, "{name}: {answer:?}");
    }
    let other = typed(
        "developer",
        &["slipway.dev/retry=by-hand", "--dry-run=server"],
    )
    .await?;
    ensure!(!other.succeeded, "the approval went along with a retry");
    let waiting = migration(world).await?;
    ensure!(
        waiting["metadata"]["annotations"]["slipway.dev/approve"].is_null(),
        "{}",
        waiting["metadata"]
    );
    typed("lead", &[]).await?.success("approve as lead")?;
    cluster
        .kubectl_with_input(&["delete", "--wait=false", "-f", "-"], &policy)
        .await?
        .success("delete the policy")?;
    Ok(())
}

/// As the user of the migrations would do it.
async fn apply_the_first_file_by_hand(world: &World) -> Result<()> {
    let name = world.database_name("orders-db");
    let postgres = world.postgres().await?;
    let client = postgres.connect_as(&name, PASSWORD, &name).await?;
    let up = include_str!("../apps/orders/migrations/00001_orders.sql");
    let up = up.split("-- +goose Down").next().unwrap_or_default();
    client.batch_execute(up).await?;
    client
        .batch_execute(
            "CREATE TABLE goose_db_version (id integer PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY, version_id bigint NOT NULL, \
             is_applied boolean NOT NULL, tstamp timestamp NOT NULL DEFAULT now());
             INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, true), (1, true)",
        )
        .await?;
    Ok(())
}
