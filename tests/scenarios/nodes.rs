//! The node under a migration: cut off from the cluster while the migration's program goes on.

use anyhow::{Context, Result, ensure};
use jiff::{SignedDuration, Timestamp, Unit};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::cluster::history::History;
use crate::cluster::process::Process;
use crate::cluster::read::{get, text};
use crate::cluster::wait;
use crate::victims::{delete, running_pod};
use crate::witness::{Body, Story, Witnessed, backend};
use crate::world::{PATIENCE, World};

/// One of whose pod nobody has said that it is to end; and one whose pod was deleted, as the taint of an unreachable node does it later.
const MIGRATIONS: [&str; 2] = ["silent", "deleted"];

/// migrations.md case 41.
/// F-35, I-3, I-7: nobody hears of a program on a node that is cut off. A pod that Kubernetes no longer calls ready, though nothing of it has
/// changed, is given up when its grace and a minute are over, one that was deleted a minute after its end. Their outcome is Unknown; the
/// database, read once a node is there, has the last word, and no second body begins.
pub async fn a_migration_whose_node_is_lost_is_read_back_and_not_run_again(
    world: World,
) -> Result<()> {
    // The lost pods and their Jobs are unfinished until the node is back, beside the Check runs that read what they did.
    world.overlaps.leave_to_the_witness(&world.namespace);
    let _operator = world.operator().await?;
    let history = History::record(world.cluster(), &world.namespace).await?;
    let postgres = world.postgres().await?;
    let [silent, deleted] = MIGRATIONS.map(async |name| {
        let database = Witnessed::on(&world, &postgres, name).await?;
        world
            .apply(&backend(&world, name, name, Body::Transactional))
            .await?;
        database.until_begun(1).await?;
        let pod = running_pod(&world, name).await?;
        anyhow::Ok((database, text(&pod["metadata"]["name"])))
    });
    let ((silent, silent_pod), (deleted, deleted_pod)) = (silent.await?, deleted.await?);

    let node = CutOff::cut(world.cluster().process("kubelet")?)?;
    delete(
        &world,
        "pod",
        &deleted_pod,
        &["--grace-period=0", "--force"],
    )
    .await?;
    until_the_node_is_missed(&world, &silent_pod).await?;
    ensure!(history.outcomes("silent").is_empty(), "given up too early");
    let_time_pass(&world, &silent_pod).await?;
    wait::until("the node to be given up", PATIENCE, async || {
        let outcomes = MIGRATIONS.map(|name| history.outcomes(name));
        ensure!(outcomes == [["Unknown/NodeLost"]; 2], "{outcomes:?}");
        anyhow::Ok(())
    })
    .await?;
    for database in [&silent, &deleted] {
        database.let_go().await?;
        database.until_ended(1).await?;
    }
    drop(node);

    let expected = Story::done(
        &["Unknown/NodeLost", "Succeeded/NoPendingMigrations"],
        &["1", "c1"],
        1,
    );
    for (name, database) in MIGRATIONS.into_iter().zip([&silent, &deleted]) {
        world.ready(name).await?;
        let story = database.story(&history, name).await?;
        ensure!(story == expected, "{name}: {story:?}, not {expected:?}");
        let overlaps = database.overlaps().await?;
        ensure!(overlaps.is_empty(), "{overlaps:?}");
    }
    Ok(())
}

/// Waits until the node lifecycle controller has missed the node, and shows how it marks a pod: no kubelet says this of one.
async fn until_the_node_is_missed(world: &World, pod: &str) -> Result<()> {
    wait::until("the pod to be marked", PATIENCE, async || {
        let pod = get(world.cluster(), &world.namespace, &format!("pod/{pod}")).await?;
        let told = ["Ready", "ContainersReady"].map(|type_| {
            let condition = condition(&pod, type_);
            (text(&condition["status"]), condition["reason"].clone())
        });
        let marked = [("False", Value::Null), ("True", Value::Null)]
            .map(|(status, reason)| (status.to_owned(), reason));
        let state = &pod["status"]["containerStatuses"][0]["state"];
        ensure!(told == marked && state["running"].is_object(), "{told:?}");
        anyhow::Ok(())
    })
    .await
}

/// The pod's five minutes of grace and most of the minute go by in a moment: it was marked so much earlier.
async fn let_time_pass(world: &World, pod: &str) -> Result<()> {
    let earlier = Timestamp::now() - SignedDuration::from_secs(350);
    let earlier = earlier.round(Unit::Second)?;
    let status = json!({"status": {"conditions": [{"type": "Ready", "lastTransitionTime": earlier.to_string()}]}});
    let patch = status.to_string();
    let arguments = [
        "patch",
        "pod",
        pod,
        "-n",
        &world.namespace,
        "--subresource=status",
        "-p",
        &patch,
    ];
    world.cluster().kubectl_ok(&arguments).await?;
    Ok(())
}

fn condition<'a>(pod: &'a Value, type_: &str) -> &'a Value {
    let conditions = pod["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    conditions
        .find(|condition| condition["type"] == type_)
        .unwrap_or(&Value::Null)
}

/// A node's kubelet that stands still until this is dropped.
struct CutOff {
    kubelet: Process,
}

impl CutOff {
    fn cut(kubelet: Process) -> Result<Self> {
        kubelet.signal(Signal::STOP).context("stop the kubelet")?;
        Ok(Self { kubelet })
    }
}

impl Drop for CutOff {
    fn drop(&mut self) {
        if let Err(error) = self.kubelet.signal(Signal::CONT) {
            eprintln!("the kubelet does not go on: {error:#}");
        }
    }
}
