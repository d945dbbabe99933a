//! Deletion: nothing hangs, nothing leaks, and a migration that runs is let end.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use slipway::core::rights;

use crate::cluster::history::History;
use crate::cluster::operator::Operator;
use crate::cluster::wait;
use crate::witness::{Body, Story, Witnessed, backend};
use crate::world::{ACCOUNT, PATIENCE, World};

/// The kinds that a Backend makes.
const MADE: [&str; 8] = [
    "deployments",
    "services",
    "controllerrevisions.apps",
    "slm",
    "jobs",
    "networkpolicies",
    "replicasets",
    "pods",
];

/// I-20, I-21: at rest the ownerReferences do it all.
pub async fn a_deleted_backend_leaves_nothing(world: World) -> Result<()> {
    let _operator = world.operator().await?;
    world.release_orders().await?;
    world.kubectl(&["delete", "slb/orders"]).await?;
    for kind in MADE {
        world.until_gone(kind).await?;
    }
    Ok(())
}

/// migrations.md case 39.
/// I-13: the run is never killed, its outcome is recorded in the ledger, then everything goes.
pub async fn a_backend_deleted_in_the_middle_of_its_migration_lets_it_end(
    world: World,
) -> Result<()> {
    let _operator = world.operator().await?;
    let history = History::record(world.cluster(), &world.namespace).await?;
    let postgres = world.postgres().await?;
    let database = Witnessed::on(&world, &postgres, "left").await?;
    world
        .apply(&backend(&world, "leaver", "left", Body::Transactional))
        .await?;
    database.until_begun(1).await?;
    delete(&world, "slb/leaver").await?;
    wait::until("the Backend to be gone", PATIENCE, async || {
        ensure!(world.list("slb").await?.is_empty(), "it is there");
        anyhow::Ok(())
    })
    .await?;
    database.let_go().await?;
    wait::until("the outcome in the ledger", PATIENCE, async || {
        let ledger = &world.get("sldb/left").await?["status"]["ledger"];
        ensure!(
            ledger["holder"].is_null() && ledger["entries"][0]["outcome"] == "Succeeded",
            "{ledger}"
        );
        anyhow::Ok(())
    })
    .await?;
    world.until_gone("slm").await?;
    let story = database.story(&history, "leaver").await?;
    let expected = Story::done(&["Succeeded/Succeeded"], &["1"], 1);
    ensure!(story == expected, "{story:?}, not {expected:?}");
    Ok(())
}

/// I-20: while the pods of a release cannot start, nothing holds the Backend.
pub async fn a_backend_deleted_in_the_middle_of_a_rollout_leaves_nothing(
    world: World,
) -> Result<()> {
    let _operator = world.operator().await?;
    let worker = json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend",
        "metadata": {"name": "clerk", "namespace": world.namespace},
        "spec": {
            "type": "Worker", "image": "slipway.test/orders:1.0.0", "replicas": 2,
            "shutdown": {"graceSeconds": 5},
        },
    });
    world.apply(&worker).await?;
    world.ready("clerk").await?;
    world.ship("clerk", "slipway.test/no-such-image:1").await?;
    let (_, message) = world.condition("slb/clerk", "Reconciling", "True").await?;
    wait::until("new pods beside the old ones", PATIENCE, async || {
        let replica_sets = world.list("replicasets").await?.len();
        ensure!(replica_sets == 2, "{replica_sets} ReplicaSets; {message}");
        anyhow::Ok(())
    })
    .await?;
    let deleted = Instant::now();
    delete(&world, "slb/clerk").await?;
    for kind in MADE {
        world.until_gone(kind).await?;
    }
    in_time(deleted)
}

/// migrations.md cases 39, 40.
/// The Database goes when the outcome is recorded, and says so until then; its record, lost with it, is made anew from the database itself:
/// nothing runs twice.
pub async fn a_database_deleted_in_the_middle_of_a_migration_comes_back_with_its_schema(
    world: World,
) -> Result<()> {
    let _operator = world.operator().await?;
    let history = History::record(world.cluster(), &world.namespace).await?;
    let postgres = world.postgres().await?;
    let database = Witnessed::on(&world, &postgres, "ledgers").await?;
    let manifest = world.get("sldb/ledgers").await?;
    world
        .apply(&backend(&world, "books", "ledgers", Body::Transactional))
        .await?;
    database.until_begun(1).await?;
    delete(&world, "sldb/ledgers").await?;
    let (_, message) = world
        .condition("sldb/ledgers", "Reconciling", "True")
        .await?;
    ensure!(
        message.contains("is being deleted as soon as the outcome of migration books-"),
        "{message}"
    );
    database.let_go().await?;
    let ended = Instant::now();
    world.until_gone("sldb").await?;
    wait::until("the Backend to name it", PATIENCE, async || {
        let conditions = world.get("slb/books").await?["status"]["conditions"].to_string();
        ensure!(
            conditions.contains("database ledgers not found")
                && conditions.contains("kubectl get sldb ledgers"),
            "{conditions}"
        );
        anyhow::Ok(())
    })
    .await?;
    world.jobs_let_go().await?;
    in_time(ended)?;

    world
        .apply(&json!({
            "apiVersion": manifest["apiVersion"], "kind": manifest["kind"],
            "metadata": {"name": "ledgers", "namespace": world.namespace}, "spec": manifest["spec"],
        }))
        .await?;
    world.ready("books").await?;
    let story = database.story(&history, "books").await?;
    let outcomes = ["Succeeded/Succeeded", "Succeeded/NoPendingMigrations"];
    let expected = Story::done(&outcomes, &["1", "2"], 1);
    ensure!(story == expected, "{story:?}, not {expected:?}");
    let overlaps = history.overlaps();
    ensure!(overlaps.is_empty(), "at once: {overlaps:?}");
    Ok(())
}

/// F-45: the body comes to its end, then the namespace is gone. The operator has its rights from outside of it, as the chart gives them.
pub async fn a_namespace_deleted_in_the_middle_of_a_migration_is_gone_after_it(
    world: World,
) -> Result<()> {
    let team = world.beside("team").await?;
    let rights = RightsEverywhere::give(&world).await?;
    let shown = delete_namespace(&world, &team).await;
    rights.take().await?;
    shown
}

async fn delete_namespace(world: &World, team: &World) -> Result<()> {
    let options = world
        .operator_options()
        .argument("--watch-namespace")
        .argument(&team.namespace);
    let _operator = Operator::start(world.cluster(), options).await?;
    let postgres = world.postgres().await?;
    let database = Witnessed::on(team, &postgres, "ledgers").await?;
    team.apply(&backend(team, "books", "ledgers", Body::Transactional))
        .await?;
    database.until_begun(1).await?;
    let history = History::record(world.cluster(), &team.namespace).await?;
    let namespace = format!("namespace/{}", team.namespace);
    world
        .cluster()
        .kubectl_ok(&["delete", &namespace, "--wait=false"])
        .await?;
    wait::until("the pod to be told to stop", PATIENCE, async || {
        let pods = team.list("pods").await?;
        let told = pods
            .iter()
            .filter(|pod| !pod["metadata"]["deletionTimestamp"].is_null());
        ensure!(told.count() == 1, "{pods:?}");
        anyhow::Ok(())
    })
    .await?;
    database.let_go().await?;
    // The outcome is ours to record, and the Job to let go; when it looks again is the namespace controller's.
    let ended = Instant::now();
    team.jobs_let_go().await?;
    in_time(ended)?;
    wait::until("the namespace to be gone", PATIENCE, async || {
        let answer = world
            .cluster()
            .kubectl(&["get", &namespace, "-o", "jsonpath={.status}"])
            .await?;
        ensure!(!answer.succeeded, "{}", answer.stdout);
        anyhow::Ok(())
    })
    .await?;
    let story = database.story(&history, "books").await?;
    let expected = Story::done(&["Succeeded/Succeeded"], &["1"], 1);
    ensure!(story == expected, "{story:?}, not {expected:?}");
    Ok(())
}

/// The operator's rights in all namespaces, for as long as the scenario needs them.
struct RightsEverywhere<'a> {
    world: &'a World,
}

impl<'a> RightsEverywhere<'a> {
    async fn give(world: &'a World) -> Result<Self> {
        let namespace = &world.namespace;
        let rules = rights::rules_yaml(rights::RULES, "slipway");
        let manifests = format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: {namespace}}}\n{rules}---\n\
             apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {{name: {namespace}}}\n\
             roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {namespace}}}\n\
             subjects: [{{kind: ServiceAccount, name: {ACCOUNT}, namespace: {namespace}}}]\n"
        );
        world.cluster().apply(&manifests).await?;
        Ok(Self { world })
    }

    async fn take(self) -> Result<()> {
        let name = &self.world.namespace;
        let arguments = ["delete", "clusterrole,clusterrolebinding", name];
        self.world.cluster().kubectl_ok(&arguments).await?;
        Ok(())
    }
}

async fn delete(world: &World, object: &str) -> Result<()> {
    world.kubectl(&["delete", object, "--wait=false"]).await
}

/// I-20: gone 30 s after the last thing that had to end.
fn in_time(since: Instant) -> Result<()> {
    let took = since.elapsed();
    ensure!(took < Duration::from_secs(30), "it took {took:?}");
    Ok(())
}
