//! The node under a migration: cut off from the cluster while the migration's program goes on.

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;

use crate::cluster::history::History;
use crate::cluster::process::Process;
use crate::cluster::read::text;
use crate::cluster::wait;
use crate::kills::{delete, running_pod};
use crate::witness::{Body, Story, Witnessed, backend};
use crate::world::{PATIENCE, World};

/// migrations.md case 41.
/// F-35, I-3, I-7: nobody hears of a program on a node that is cut off. A pod that outlives its end by a minute is given up, its outcome is Unknown;
/// the database, read once a node is there, has the last word, and no second body begins.
pub async fn a_migration_whose_node_is_lost_is_read_back_and_not_run_again(
    world: World,
) -> Result<()> {
    // The lost pod and its Job are unfinished until the node is back, beside the Check run that reads what they did.
    world.overlaps.leave_to_the_witness(&world.namespace);
    let _operator = world.operator().await?;
    let history = History::record(world.cluster(), &world.namespace).await?;
    let postgres = world.postgres().await?;
    let database = Witnessed::on(&world, &postgres, "far").await?;
    world
        .apply(&backend(&world, "far", "far", Body::Transactional))
        .await?;
    database.until_begun(1).await?;
    let pod = running_pod(&world, "far").await?;
    let name = text(&pod["metadata"]["name"]);

    let node = CutOff::cut(world.cluster().process("kubelet")?)?;
    delete(&world, "pod", &name, &["--grace-period=0", "--force"]).await?;
    wait::until("the node to be given up", PATIENCE, async || {
        let outcomes = history.outcomes("far");
        ensure!(outcomes == ["Unknown/NodeLost"], "{outcomes:?}");
        anyhow::Ok(())
    })
    .await?;
    database.let_go().await?;
    database.until_ended(1).await?;
    drop(node);

    world.ready("far").await?;
    let story = database.story(&history, "far").await?;
    let expected = Story::done(
        &["Unknown/NodeLost", "Succeeded/NoPendingMigrations"],
        &["1", "c1"],
        1,
    );
    ensure!(story == expected, "{story:?}, not {expected:?}");
    let overlaps = database.overlaps().await?;
    ensure!(overlaps.is_empty(), "{overlaps:?}");
    Ok(())
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
