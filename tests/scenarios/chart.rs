//! Slipway as its chart installs it: two replicas in pods, and a leader that goes in the middle of a migration.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use rustix::process::Signal;
use tokio_postgres::Client;

use crate::cluster::application::Application;
use crate::cluster::bodies;
use crate::cluster::place;
use crate::cluster::release;
use crate::cluster::replicas::{Replicas, pod_of};
use crate::cluster::wait;
use crate::world::{PATIENCE, World};

/// Longest hand-over that is not a failure of this test; the figures wanted are printed beside what was measured.
const HAND_OVER: Duration = Duration::from_secs(10);
const TAKE_OVER: Duration = Duration::from_secs(30);

/// How long the leader stands still: longer than its lease.
const FROZEN: Duration = Duration::from_secs(20);

/// A leader whose lease is over ends as soon as it sees that.
const ENDING: Duration = Duration::from_secs(10);

/// How long the body of a migration takes: long enough to be met in the middle.
const BODY: Duration = Duration::from_secs(3);

/// migrations.md case 35.
/// G-10, F-7, F-14, I-34: asked to end, killed, frozen past its lease, each in the middle of a migration: another replica goes on with the same
/// Job, and what a deposed leader still does takes no effect.
pub async fn two_replicas_of_the_chart_go_on_whatever_becomes_of_the_leader(
    world: World,
) -> Result<()> {
    let story = Story::begin(&world).await?;

    let leader = story.ship(1).await?;
    let asked = story.signal(&leader, Signal::TERM).await?;
    let (_, seen) = story.replicas.successor(&leader, HAND_OVER).await?;
    let handed_over = seen - asked;
    story.ends_well(1).await?;

    let leader = story.ship(2).await?;
    let killed = story.signal(&leader, Signal::KILL).await?;
    let (_, seen) = story.replicas.successor(&leader, TAKE_OVER).await?;
    let taken_over = seen - killed;
    story.ends_well(2).await?;

    let leader = story.ship(3).await?;
    story.freezes(&leader).await?;
    story.ends_well(3).await?;
    world.figure(
        "another pod of the chart leads, in the middle of a migration",
        format!("{handed_over:.2?} after SIGTERM (wanted < 1 s), {taken_over:.2?} after SIGKILL (wanted < 17 s)"),
    );
    story.uninstall().await
}

/// The chart of this scenario, and a Backend whose releases bring one more slow migration each.
struct Story<'a> {
    world: &'a World,
    chart: String,
    replicas: Replicas<'a>,
    database: Client,
}

impl<'a> Story<'a> {
    async fn begin(world: &'a World) -> Result<Self> {
        let chart = format!("slipway-{}", std::process::id());
        let watched = format!("watchNamespaces={{{}}}", world.namespace);
        release::install_slipway_as(
            world.cluster(),
            &chart,
            &world.namespace,
            &world.shared.tools,
            &[&watched, "crds.enabled=false"],
        )
        .await?;
        world.database("orders-db").await?;
        let server = world.postgres().await?;
        let database = server.connect(&world.database_name("orders-db")).await?;
        let replicas = Replicas::new(world.cluster(), &world.namespace, &chart);
        Ok(Self {
            world,
            chart,
            replicas,
            database,
        })
    }

    /// Ships release `number` once both replicas are ready, and returns who leads when its migration is in the middle of its body.
    async fn ship(&self, number: i64) -> Result<String> {
        let selector = format!("app.kubernetes.io/instance={}", self.chart);
        let arguments = [
            "wait",
            "pods",
            "-l",
            &selector,
            "-n",
            &self.world.namespace,
            "--for=condition=Ready",
            "--timeout=60s",
        ];
        self.world.cluster().kubectl_ok(&arguments).await?;
        let image = self.load(number).await?;
        let mut backend = self.world.orders("orders", "1.0.0", "orders-db");
        backend["spec"]["image"] = image.into();
        self.world.apply(&backend).await?;
        wait::until("the body to begin", PATIENCE, async || {
            let notes = bodies::notes(&self.database).await?;
            ensure!(
                notes.ends_with(&[bodies::began(number)]),
                "the bodies noted {notes:?}"
            );
            anyhow::Ok(())
        })
        .await?;
        self.replicas.leader().await
    }

    async fn load(&self, number: i64) -> Result<String> {
        let application = Application::build("orders", "1.0.0").await?;
        let base = place::project().join("tests/apps/orders/migrations");
        let folder = self
            .world
            .cluster()
            .state()
            .path(&format!("{}-{number}", self.chart));
        let folder = bodies::write(&folder, &base, number, BODY)?;
        let image = format!("slipway.test/orders-{}:{number}", self.chart);
        let image = application.image_named(&image, &folder);
        self.world.cluster().load_image(&image).await?;
        std::fs::remove_dir_all(folder)?;
        Ok(image.name().to_owned())
    }

    async fn signal(&self, leader: &str, signal: Signal) -> Result<Instant> {
        let process = self.replicas.process(leader).await?;
        let now = Instant::now();
        process.signal(signal)?;
        Ok(now)
    }

    /// The leader stands still until another has finished its work, and then goes on: it ends, and writes nothing more.
    async fn freezes(&self, leader: &str) -> Result<()> {
        let process = self.replicas.process(leader).await?;
        let frozen = Instant::now();
        process.signal(Signal::STOP)?;
        self.replicas.successor(leader, TAKE_OVER).await?;
        self.world.ready("orders").await?;
        tokio::time::sleep_until((frozen + FROZEN).into()).await;

        let resumed = Timestamp::now();
        process.signal(Signal::CONT)?;
        wait::until("the deposed leader to end", ENDING, async || {
            ensure!(!process.is_alive(), "process {} runs", process.pid());
            anyhow::Ok(())
        })
        .await?;
        let pod = pod_of(leader);
        let arguments = ["logs", pod, "-n", &self.world.namespace, "--previous"];
        // Until the kubelet has seen the end, `--previous` is a run before that.
        wait::until("the last words of the deposed leader", ENDING, async || {
            let log = self.world.cluster().kubectl_ok(&arguments).await?;
            ensure!(log.contains("leadership is lost; ending at once"), "{log}");
            anyhow::Ok(())
        })
        .await?;
        let writes = self.world.requests_of_pod(pod)?.writes();
        let late = writes.filter(|entry| entry.time > resumed && entry.code < 300);
        ensure!(
            !writes.is_empty() && late.is_empty(),
            "{} writes, after its end as a leader:\n{}",
            writes.len(),
            late.table()
        );
        Ok(())
    }

    /// The release is out, and each migration ran once, in one Job that was armed once.
    async fn ends_well(&self, number: i64) -> Result<()> {
        self.world.ready("orders").await?;
        let notes = bodies::notes(&self.database).await?;
        let wanted = bodies::one_after_the_other(number);
        ensure!(notes == wanted, "the bodies ran as {notes:?}");
        let jobs = self.world.list("jobs").await?;
        let armed = jobs.iter().filter(|job| job["spec"]["suspend"] == false);
        let armed = armed.count();
        ensure!(
            i64::try_from(jobs.len())? == number && armed == jobs.len(),
            "{} Jobs for {number} releases, {armed} of them armed",
            jobs.len()
        );
        Ok(())
    }

    /// The operator ends while it has its rights, so that it gives its Lease back; Helm takes all away at once.
    async fn uninstall(self) -> Result<()> {
        let deployment = format!("deployment/{}", self.chart);
        let namespace = &self.world.namespace;
        let arguments = ["scale", &deployment, "-n", namespace, "--replicas=0"];
        self.world.cluster().kubectl_ok(&arguments).await?;
        let selector = format!("app.kubernetes.io/instance={}", self.chart);
        let arguments = ["wait", "pods", "-l", &selector, "-n", namespace];
        let arguments = [&arguments[..], &["--for=delete", "--timeout=60s"]].concat();
        self.world.cluster().kubectl_ok(&arguments).await?;
        self.world
            .cluster()
            .uninstall_chart(&self.chart, &self.world.namespace)
            .await
            .context("uninstall")?;
        Ok(())
    }
}
