//! The chapters of the demo's story, each of which ends only as it tells.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use serde_json::json;

use crate::NAMESPACE;
use crate::cluster::product::Product;
use crate::cluster::release::{self, SLIPWAY_NAMESPACE};
use crate::cluster::replicas::{self, Replicas};
use crate::cluster::session::Cluster;
use crate::cluster::{http, wait};
use crate::terminal::{chapter, print_yaml, show};

/// A first release may take this long before the demo gives up: the node is small and everything starts at once.
const PATIENCE: Duration = Duration::from_mins(2);

/// From the first to the last.
pub async fn chapters(cluster: &Cluster) -> Result<()> {
    install(cluster).await?;
    first_release(cluster).await?;
    broken_migration(cluster).await?;
    mended_migration(cluster).await?;
    contract(cluster).await?;
    leader_dies(cluster).await
}

async fn install(cluster: &Cluster) -> Result<()> {
    chapter(
        "Slipway is installed",
        "By its Helm chart, as two replicas: one leads, one stands by.",
    );
    let product = Product::build(&[]).await?;
    let tools = release::load_slipway(cluster, &product).await?;
    let notes = release::install_slipway(cluster, &tools).await?;
    println!("{notes}");
    show(cluster, &["get", "pods", "-n", SLIPWAY_NAMESPACE]).await
}

async fn first_release(cluster: &Cluster) -> Result<()> {
    chapter(
        "A first release",
        "A Database says where the database is; a Backend is the Go service `orders` with goose migrations in its image.\n\
         No pod of it starts before its schema is there.",
    );
    release::load_orders(cluster, "1.0.0", "migrations").await?;
    cluster
        .kubectl_ok(&["create", "namespace", NAMESPACE])
        .await?;
    let database =
        release::database_with_secret(cluster, NAMESPACE, "orders-db", "s3cret @:/?#").await?;
    let backend = json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend",
        "metadata": {"name": "orders", "namespace": NAMESPACE},
        "spec": {
            "image": "slipway.test/orders:1.0.0",
            "ports": [{"name": "http", "port": 8080}],
            "probes": {"readiness": {"path": "/readyz"}},
            "databases": [{"name": "orders-db"}],
            "migrations": [{"name": "schema", "tool": "Goose", "source": {"path": "/migrations"}}],
        },
    });
    print_yaml(&backend)?;
    cluster.apply(&database.to_string()).await?;
    let applied = Instant::now();
    cluster.apply(&backend.to_string()).await?;
    is_true(cluster, "Ready").await?;
    println!(
        "Ready {:.1} s after kubectl apply.\n",
        applied.elapsed().as_secs_f32()
    );
    show(cluster, &["get", "slb,sldb,slm", "-n", NAMESPACE]).await?;
    let schema = ask(cluster, "/schema", "first order").await?;
    println!("GET /schema answers with what only the migrated schema can hold: {schema}");
    Ok(())
}

async fn broken_migration(cluster: &Cluster) -> Result<()> {
    chapter(
        "A broken migration",
        "Release 1.1.0 brings a migration that cannot work on the data that is there.",
    );
    release::load_orders(cluster, "1.1.0", "migrations-broken").await?;
    ship(cluster, "1.1.0").await?;
    let (reason, message) = is_true(cluster, "Stalled").await?;
    show(cluster, &["get", "slb", "-n", NAMESPACE]).await?;
    println!("{reason}: {message}\n");
    for needed in [
        "00003_unique_email.sql:7",
        "SQLSTATE 23505",
        "kubectl annotate",
    ] {
        ensure!(
            message.contains(needed),
            "the message does not say {needed}"
        );
    }
    let version = ask(cluster, "/version", "1.0.0").await?;
    println!("Meanwhile the old release serves: GET /version answers {version}");
    Ok(())
}

async fn mended_migration(cluster: &Cluster) -> Result<()> {
    chapter(
        "The mended one",
        "Release 1.2.0 removes the doubles before it makes the index. It expands the schema up to file 3, which old code can work with. File 4\n\
         takes away what only old code needs, so it is an entry of its own: it runs after the rollout.\n\
         As the first entry says `approval: OnDestructive`, a person reads first what its file would delete.",
    );
    release::load_orders(cluster, "1.2.0", "migrations-contract").await?;
    let expand_and_contract = json!([
        {"name": "schema", "tool": "Goose", "source": {"path": "/migrations"}, "target": "3", "approval": "OnDestructive"},
        {"name": "contract", "tool": "Goose", "source": {"path": "/migrations"}, "phase": "AfterRollout", "soakSeconds": 3},
    ]);
    patch(
        cluster,
        &json!({"image": "slipway.test/orders:1.2.0", "migrations": expand_and_contract}),
    )
    .await?;
    let asked = approve(cluster, "schema").await?;
    ensure!(
        asked.contains("00003_unique_email.sql:13"),
        "the message does not say where rows are deleted: {asked}"
    );
    is_true(cluster, "Ready").await?;
    show(cluster, &["get", "slb,slm", "-n", NAMESPACE]).await?;
    let version = ask(cluster, "/version", "1.2.0").await?;
    println!("The new release is out: GET /version answers {version}");
    Ok(())
}

async fn contract(cluster: &Cluster) -> Result<()> {
    chapter(
        "The contract",
        "The release is out and Ready. Its second half waits for the last old pod to end, then 3 s more (600 if you say nothing).",
    );
    is_true(cluster, "Migrated").await?;
    show(cluster, &["get", "slb,slm", "-n", NAMESPACE]).await?;
    println!("From now on an image whose files end below 4 does not go out:\n");
    ship(cluster, "1.0.0").await?;
    let (reason, message) = is_true(cluster, "Stalled").await?;
    ensure!(reason == "RollbackUnsafe", "{reason}: {message}");
    println!("{reason}: {message}\n");
    ship(cluster, "1.2.0").await?;
    is_true(cluster, "Ready").await?;
    Ok(())
}

/// Waits until this condition of the Backend is true. Returns its reason and message.
async fn is_true(cluster: &Cluster, condition: &str) -> Result<(String, String)> {
    release::condition(
        cluster,
        NAMESPACE,
        "slb/orders",
        condition,
        "True",
        PATIENCE,
    )
    .await
}

/// Types the command that the Migration of this entry names once it asks. Returns what it said.
async fn approve(cluster: &Cluster, entry: &str) -> Result<String> {
    let asking = format!("migration {entry} to ask");
    let message = wait::until(&asking, PATIENCE, async || {
        let answer = cluster
            .kubectl_ok(&["get", "slm", "-n", NAMESPACE, "-o", "json"])
            .await?;
        let list: serde_json::Value = serde_json::from_str(&answer)?;
        let migrations = list["items"].as_array().context("no list")?;
        let migration = migrations
            .iter()
            .find(|migration| {
                migration["spec"]["name"] == entry
                    && migration["status"]["phase"] == "AwaitingApproval"
            })
            .context("none of this entry asks yet")?;
        release::message(migration, "Ready").context("it says nothing")
    })
    .await?;
    println!("AwaitingApproval: {message}\n");
    show(cluster, &release::next_command(&message)?).await?;
    Ok(message)
}

async fn leader_dies(cluster: &Cluster) -> Result<()> {
    chapter(
        "The leader dies",
        "It is killed without a word; the other replica waits for the lease to end and goes on.",
    );
    let replicas = Replicas::new(cluster, SLIPWAY_NAMESPACE, "slipway");
    let leader = replicas.leader().await?;
    println!("Leader: {leader}");
    let killed = Instant::now();
    kill(cluster, &replicas, &leader).await?;
    cluster
        .kubectl_ok(&["scale", "slb/orders", "-n", NAMESPACE, "--replicas=3"])
        .await?;
    let (successor, seen) = replicas.successor(&leader, PATIENCE).await?;
    println!(
        "{:.1} s later {successor} leads.",
        (seen - killed).as_secs_f32()
    );
    wait::until(
        "three replicas, by the new leader's hand",
        PATIENCE,
        async || {
            let deployment = release::get(cluster, NAMESPACE, "deployment/orders").await?;
            ensure!(
                deployment["spec"]["replicas"] == 3,
                "{}",
                deployment["spec"]["replicas"]
            );
            anyhow::Ok(())
        },
    )
    .await?;
    println!(
        "{:.1} s after the kill it has scaled orders to 3.",
        killed.elapsed().as_secs_f32()
    );
    is_true(cluster, "Ready").await?;
    show(cluster, &["get", "slb", "-n", NAMESPACE]).await?;
    show(cluster, &["get", "pods", "-n", SLIPWAY_NAMESPACE]).await
}

/// SIGKILL, where the pod's process is one of this machine. Of another's cluster the pod is deleted by force, which lets the leader give its
/// Lease back, so that the hand-over is shorter.
async fn kill(cluster: &Cluster, replicas: &Replicas<'_>, leader: &str) -> Result<()> {
    if cluster.is_own() {
        let process = replicas.process(leader).await?;
        println!("$ kill -KILL {}", process.pid());
        return process.signal(Signal::KILL);
    }
    println!("Its process is out of this machine's reach, so its pod is deleted by force instead.");
    let pod = replicas::pod_of(leader);
    show(
        cluster,
        &[
            "delete",
            "pod",
            pod,
            "-n",
            SLIPWAY_NAMESPACE,
            "--grace-period=0",
            "--force",
        ],
    )
    .await
}

async fn ship(cluster: &Cluster, version: &str) -> Result<()> {
    patch(
        cluster,
        &json!({"image": format!("slipway.test/orders:{version}")}),
    )
    .await
}

/// Lays this over the spec of the Backend.
async fn patch(cluster: &Cluster, spec: &serde_json::Value) -> Result<()> {
    let patch = json!({"spec": spec}).to_string();
    let arguments = [
        "patch",
        "slb/orders",
        "-n",
        NAMESPACE,
        "--type=merge",
        "-p",
        &patch,
    ];
    println!("$ kubectl {}\n", arguments.join(" "));
    cluster.kubectl_ok(&arguments).await?;
    Ok(())
}

/// Asks the service by way of its Service: the node's own network reaches it.
async fn ask(cluster: &Cluster, path: &str, words: &str) -> Result<String> {
    let service = release::get(cluster, NAMESPACE, "service/orders").await?;
    let address = service["spec"]["clusterIP"]
        .as_str()
        .context("the Service has no address")?;
    let body = http::answer(&format!("{address}:8080"), path, words).await?;
    Ok(body.trim().to_owned())
}
