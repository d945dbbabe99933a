//! Migrations that are killed, deleted or cut off in the middle of their body: the outcome comes from evidence, the body's effect comes to
//! stay once, and no second body ever begins beside a first.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::StreamExt;
use futures::stream;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cluster::history::History;
use crate::cluster::read::text;
use crate::cluster::wait;
use crate::objects::tells;
use crate::victims::{
    delete, evict, kill_process, kill_the_runner, kill_the_runner_over, running_pod,
};
use crate::witness::{Body, Story, Witnessed, backend};
use crate::world::{PATIENCE, World};

/// A way to end a migration at work, or to try.
#[derive(Clone, Copy, Debug)]
pub enum Kill {
    Runner,
    /// The same, and where its message stood is something else: junk, or what another attempt has said.
    RunnerWithJunk,
    RunnerWithForeignMessage,
    Tool,
    PodDeleted,
    PodForced,
    PodEvicted,
    JobBackground,
    JobForeground,
    JobOrphan,
    JobForced,
    JobWithoutFinalizer,
    /// Suspended, as a queueing system does with Jobs that it did not let in; its pod does not end in time.
    JobSuspended,
}

impl Kill {
    /// Name of its Database and its Backend.
    fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    pub async fn carry_out(self, world: &World, pod: &Value) -> Result<()> {
        let pod_name = text(&pod["metadata"]["name"]);
        let job = text(&pod["metadata"]["labels"]["batch.kubernetes.io/job-name"]);
        match self {
            Self::Runner => kill_the_runner(pod),
            Self::RunnerWithJunk => kill_the_runner_over(pod, "{\"v\":1,\"outcome\":\"Succ"),
            Self::RunnerWithForeignMessage => {
                let message = json!({"v": 1, "outcome": "Succeeded", "reason": "Succeeded", "planKey": "another", "attempt": 1});
                kill_the_runner_over(pod, &message.to_string())
            }
            Self::Tool => kill_process(pod, "/goose"),
            Self::PodDeleted => delete(world, "pod", &pod_name, &[]).await,
            Self::PodForced => {
                delete(world, "pod", &pod_name, &["--grace-period=0", "--force"]).await
            }
            Self::PodEvicted => evict(world, &pod_name).await,
            Self::JobBackground => delete(world, "job", &job, &["--cascade=background"]).await,
            Self::JobForeground => delete(world, "job", &job, &["--cascade=foreground"]).await,
            Self::JobOrphan => delete(world, "job", &job, &["--cascade=orphan"]).await,
            Self::JobForced => delete(world, "job", &job, &["--grace-period=0", "--force"]).await,
            Self::JobWithoutFinalizer => {
                delete(world, "job", &job, &[]).await?;
                let patch = json!({"metadata": {"finalizers": null}});
                world.patch(&format!("job/{job}"), &patch).await
            }
            Self::JobSuspended => {
                let patch = json!({"spec": {"suspend": true}});
                world.patch(&format!("job/{job}"), &patch).await?;
                wait::until("the Job controller to end the pod", PATIENCE, async || {
                    let pod = world.get(&format!("pod/{pod_name}")).await?;
                    let deleted = !pod["metadata"]["deletionTimestamp"].is_null();
                    ensure!(deleted, "it lives");
                    anyhow::Ok(())
                })
                .await?;
                kill_the_runner(pod)
            }
        }
    }

    /// What must be seen of it from the beginning to the end.
    fn story(self) -> Story {
        match self {
            // Nobody is left to tell how it ended: the database is read, and shows that nothing of it stayed.
            Self::Runner
            | Self::RunnerWithJunk
            | Self::RunnerWithForeignMessage
            | Self::PodForced
            | Self::PodEvicted
            | Self::JobSuspended => Story::done(
                &[
                    "Unknown/OutcomeUnknown",
                    "RetryWait/OutcomeUnknown",
                    "Succeeded/Succeeded",
                ],
                &["1", "c1", "2"],
                2,
            ),
            // The runner lives and reads the database itself.
            Self::Tool => Story::done(
                &["RetryWait/OutcomeUnknown", "Succeeded/Succeeded"],
                &["1", "2"],
                2,
            ),
            // The body goes on within the grace period, and the runner's word is heard.
            Self::PodDeleted
            | Self::JobBackground
            | Self::JobForeground
            | Self::JobOrphan
            | Self::JobForced => Story::done(&["Succeeded/Succeeded"], &["1"], 1),
            // The body goes on, but whose word it is nobody can say: the database is read.
            Self::JobWithoutFinalizer => Story::done(
                &["Unknown/OutcomeUnknown", "Succeeded/NoPendingMigrations"],
                &["1", "c1"],
                1,
            ),
        }
    }
}

/// migrations.md cases 22, 23, 33.
/// F-30, F-34, F-41c, I-3, I-11: killed in mid-body by the kernel, by force or by an eviction without grace.
pub async fn a_killed_migration_is_tried_again_and_comes_to_stay_once(world: World) -> Result<()> {
    survive(
        &world,
        &[
            Kill::Runner,
            Kill::RunnerWithJunk,
            Kill::RunnerWithForeignMessage,
            Kill::Tool,
            Kill::PodForced,
            Kill::PodEvicted,
        ],
    )
    .await
}

/// migrations.md case 38.
/// F-30, I-7: a deletion of pod or Job, in whichever way, does not end the body, and its outcome is recorded.
pub async fn a_migration_whose_pod_or_job_is_deleted_runs_to_its_end(world: World) -> Result<()> {
    survive(
        &world,
        &[
            Kill::JobWithoutFinalizer,
            Kill::PodDeleted,
            Kill::JobBackground,
            Kill::JobForeground,
            Kill::JobOrphan,
            Kill::JobForced,
        ],
    )
    .await
}

/// migrations.md 4.4 and 4.5: a body that runs statement by statement is never tried again by itself once it was killed, whoever is left to tell,
/// however that was, and whether or not a newer image has come. The message names the file and the command; the command, typed after the first
/// half was undone, gets out of the state.
pub async fn a_half_applied_migration_waits_until_a_person_has_looked(world: World) -> Result<()> {
    let _operator = world.operator().await?;
    let history = History::record(world.cluster(), &world.namespace).await?;
    let (runner, tool, suspended, overtaken) = tokio::join!(
        block(&world, &history, Kill::Runner),
        block(&world, &history, Kill::Tool),
        block(&world, &history, Kill::JobSuspended),
        block_the_next(&world, &history),
    );
    let stories = [runner?, tool?, suspended?, overtaken?];
    let told = |outcomes: &[&str], runs: &[&str]| Story::done(outcomes, runs, 2);
    let read_back = [
        "Unknown/OutcomeUnknown",
        "Blocked/OutcomeUnknown",
        "Succeeded/Succeeded",
    ];
    let expected = [
        told(&read_back, &["1", "c1", "2"]),
        told(
            &["Blocked/OutcomeUnknown", "Succeeded/Succeeded"],
            &["1", "2"],
        ),
        told(&read_back, &["1", "c1", "2"]),
        // The newer plan's only Job has the number 1, too.
        told(&read_back, &["1", "c1"]),
    ];
    ensure!(stories == expected, "{stories:?}, not {expected:?}");
    Ok(())
}

/// migrations.md case 51.
/// I-11: when the next attempt may begin stands in the ledger, so an operator that comes anew waits as long as the one before it would have.
pub async fn a_wait_before_the_next_attempt_outlives_the_operator(world: World) -> Result<()> {
    let operator = world.operator().await?;
    let history = History::record(world.cluster(), &world.namespace).await?;
    let postgres = world.postgres().await?;
    let database = Witnessed::on(&world, &postgres, "waits").await?;
    world
        .apply(&backend(&world, "waits", "waits", Body::Transactional))
        .await?;
    database.until_begun(1).await?;
    Kill::Tool
        .carry_out(&world, &running_pod(&world, "waits").await?)
        .await?;
    let after = wait::until("a time for the next attempt", PATIENCE, async || {
        let database = world.get("sldb/waits").await?;
        let after = text(&database["status"]["ledger"]["entries"][0]["nextAttemptAfter"]);
        after.parse::<Timestamp>().context(after)
    })
    .await?;
    operator.kill()?;
    operator.wait(Duration::from_secs(10)).await?;
    world.free_the_lease().await?;
    let _operator = world.operator().await?;

    database.until_begun(2).await?;
    let job = text(
        &running_pod(&world, "waits").await?["metadata"]["labels"]["batch.kubernetes.io/job-name"],
    );
    let job = world.get(&format!("job/{job}")).await?;
    let made: Timestamp = text(&job["metadata"]["creationTimestamp"]).parse()?;
    ensure!(made >= after, "made at {made}, not to be before {after}");
    database.let_go().await?;
    world.ready("waits").await?;
    let story = database.story(&history, "waits").await?;
    ensure!(story == Kill::Tool.story(), "{story:?}");
    Ok(())
}

async fn block(world: &World, history: &History, kill: Kill) -> Result<Story> {
    let name = kill.name();
    let postgres = world.postgres().await?;
    let database = Witnessed::on(world, &postgres, &name).await?;
    world
        .apply(&backend(world, &name, &name, Body::Halves))
        .await?;
    database.until_half_done().await?;
    kill.carry_out(world, &running_pod(world, &name).await?)
        .await?;
    let backend = format!("slb/{name}");
    let (reason, message) = world.condition(&backend, "Stalled", "True").await?;
    ensure!(
        reason == "MigrationBlocked" && message.contains("00001_effect.sql may be half applied"),
        "{reason}: {message}"
    );
    let (reason, _) = world
        .condition(&format!("sldb/{name}"), "Stalled", "True")
        .await?;
    ensure!(reason == "LedgerBlocked", "{reason}");
    database.undo_by_hand().await?;
    world.type_next_command(&message).await?;
    database.until_begun(2).await?;
    database.let_go().await?;
    world.ready(&name).await?;
    world
        .condition(&format!("sldb/{name}"), "Ready", "True")
        .await?;
    let overlaps = database.overlaps().await?;
    ensure!(overlaps.is_empty(), "{kill:?}: {overlaps:?}");
    database.story(history, &name).await
}

/// migrations.md case 52, where only the ledger knows.
/// A newer image has come when the body is killed: its plan meets what the older one left behind, and does not begin either.
async fn block_the_next(world: &World, history: &History) -> Result<Story> {
    let postgres = world.postgres().await?;
    let database = Witnessed::on(world, &postgres, "overtaken").await?;
    let of = |body| backend(world, "overtaken", "overtaken", body);
    world.apply(&of(Body::Halves)).await?;
    database.until_half_done().await?;
    let pod = running_pod(world, "overtaken").await?;
    world.apply(&of(Body::Transactional)).await?;
    wait::until("the plan of the newer image", PATIENCE, async || {
        let migrations = world.list("slm").await?;
        let mut newer = migrations.iter().filter(|migration| {
            migration["spec"]["source"]["image"] == Body::Transactional.image()
                && migration["spec"]["backend"] == "overtaken"
        });
        newer.next().map(|_| ()).context("not there")
    })
    .await?;
    kill_the_runner(&pod)?;
    let words = "left version table goose_db_version in doubt";
    let message = tells(world, "slb/overtaken", "MigrationBlocked", words).await?;
    database.undo_by_hand().await?;
    world.type_next_command(&message).await?;
    database.until_begun(2).await?;
    database.let_go().await?;
    world.ready("overtaken").await?;
    let overlaps = database.overlaps().await?;
    ensure!(overlaps.is_empty(), "{overlaps:?}");
    database.story(history, "overtaken").await
}

/// Carries out each kill on a migration of its own, at the same time, and compares what was seen with what must be.
async fn survive(world: &World, kills: &[Kill]) -> Result<()> {
    let _operator = world.operator().await?;
    let history = History::record(world.cluster(), &world.namespace).await?;
    let ends: Vec<Result<()>> = stream::iter(kills)
        .map(|kill| survive_one(world, &history, *kill))
        .buffer_unordered(kills.len())
        .collect()
        .await;
    let wrong: Vec<String> = ends
        .into_iter()
        .filter_map(|end| end.err().map(|error| format!("{error:#}")))
        .collect();
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    let overlaps = history.overlaps();
    ensure!(overlaps.is_empty(), "at once: {overlaps:?}");
    Ok(())
}

async fn survive_one(world: &World, history: &History, kill: Kill) -> Result<()> {
    let name = kill.name();
    let postgres = world.postgres().await?;
    let database = Witnessed::on(world, &postgres, &name).await?;
    world
        .apply(&backend(world, &name, &name, Body::Transactional))
        .await?;
    database.until_begun(1).await?;
    let pod = running_pod(world, &name).await?;
    kill.carry_out(world, &pod).await?;
    database.until_begun(kill.story().begun).await?;
    database.let_go().await?;
    world
        .ready(&name)
        .await
        .with_context(|| format!("{kill:?}"))?;
    let story = database.story(history, &name).await?;
    ensure!(
        story == kill.story(),
        "{kill:?}: {story:?}, not {:?}",
        kill.story()
    );
    let overlaps = database.overlaps().await?;
    ensure!(overlaps.is_empty(), "{kill:?}: {overlaps:?}");
    Ok(())
}
