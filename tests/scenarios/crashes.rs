//! An operator that dies: at every single write of a first release, before it is sent and after it is answered.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use similar_asserts::SimpleDiff;

use crate::cluster::operator::{Operator, Options};
use crate::cluster::wait;
use crate::trace::Trace;
use crate::world::{PATIENCE, World};

/// The 19 writes of a first release with one migration, and before them the one that makes the Database Ready.
const WRITES: u64 = 20;

/// Releases at a time: most of each is waiting for pods.
const AT_A_TIME: usize = 6;

/// Where the operator dies.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Point {
    Before(u64),
    After(u64),
}

impl Point {
    fn fault(self) -> String {
        match self {
            Self::Before(write) => format!("exit-before-write={write}"),
            Self::After(write) => format!("exit-after-write={write}"),
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Before(write) => write!(formatter, "before-{write}"),
            Self::After(write) => write!(formatter, "after-{write}"),
        }
    }
}

/// migrations.md case 34.
/// I-26, F-1 to F-5: wherever it dies, the next one ends where an operator that lives would: the same objects, as many created and deleted,
/// one run.
pub async fn an_operator_killed_at_any_of_its_writes_leaves_no_trace_of_it(
    world: World,
) -> Result<()> {
    let (calm, died) = release(&world, Point::Before(WRITES + 1)).await?;
    ensure!(!died, "a first release has more than {WRITES} writes");
    ensure!(
        (calm.migration_pods, calm.versions.as_slice()) == (1, &[1, 2]),
        "not one run: {calm:?}"
    );
    let points = (1..=WRITES).flat_map(|write| [Point::Before(write), Point::After(write)]);
    stream::iter(points)
        .map(|point| compare(&world, point, &calm))
        .buffer_unordered(AT_A_TIME)
        .try_collect::<()>()
        .await
}

async fn compare(world: &World, point: Point, calm: &Trace) -> Result<()> {
    let (trace, died) = release(world, point)
        .await
        .with_context(|| format!("killed {point}"))?;
    ensure!(
        died,
        "a first release has fewer than {WRITES} writes: {point}"
    );
    let (calm, trace) = (
        format!("{calm:#?}").replace("\\n", "\n"),
        format!("{trace:#?}").replace("\\n", "\n"),
    );
    ensure!(
        calm == trace,
        "killed {point}:\n{}",
        SimpleDiff::from_str(&calm, &trace, "unharmed", "killed")
    );
    Ok(())
}

/// A first release in a namespace of its own, with an operator that dies at this point and a successor; and whether the first one died.
async fn release(world: &World, point: Point) -> Result<(Trace, bool)> {
    let world = world.beside(&point.to_string()).await?;
    let first = world.faulty_options(&point.fault()).await?;
    let mut relay = Relay::start(&world, first).await?;
    world.database("orders-db").await?;
    relay.until(&world, "sldb/orders-db").await?;
    let mut backend = world.orders("orders", "1.0.0", "orders-db");
    backend["spec"]["replicas"] = 1.into();
    world.apply(&backend).await?;
    relay.until(&world, "slb/orders").await?;
    relay.until_at_rest(&world).await?;
    let trace = Trace::of(&world).await?;
    world.end().await?;
    Ok((trace, relay.died))
}

/// An operator, and another one when it is dead.
struct Relay {
    operator: Operator,
    died: bool,
}

impl Relay {
    async fn start(world: &World, first: Options) -> Result<Self> {
        let operator = Operator::start(world.cluster(), first).await?;
        Ok(Self {
            operator,
            died: false,
        })
    }

    /// Waits until the object is Ready, whoever leads.
    async fn until(&mut self, world: &World, object: &str) -> Result<()> {
        wait::until(&format!("{object} to be Ready"), PATIENCE, async || {
            self.replace(world).await?;
            let conditions = world.get(object).await?["status"]["conditions"].clone();
            let ready = conditions
                .as_array()
                .into_iter()
                .flatten()
                .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
            ensure!(ready, "{conditions}");
            anyhow::Ok(())
        })
        .await
    }

    async fn replace(&mut self, world: &World) -> Result<()> {
        if !self.operator.is_alive() {
            ensure!(!self.died, "the second operator died, too");
            self.died = true;
            world.free_the_lease().await?;
            self.operator = world.operator().await?;
        }
        Ok(())
    }

    /// What comes after Ready: the last status of all, and the operator that may still die of its answer.
    async fn until_at_rest(&mut self, world: &World) -> Result<()> {
        let mut quiet = (Instant::now(), 0);
        wait::until("the release to be at rest", PATIENCE, async || {
            self.replace(world).await?;
            world.no_job_is_held().await?;
            let writes = world
                .requests(None)?
                .except(&["leases", "events"])
                .writes()
                .len();
            if writes != quiet.1 {
                quiet = (Instant::now(), writes);
            }
            ensure!(
                quiet.0.elapsed() > Duration::from_secs(2),
                "{writes} writes"
            );
            anyhow::Ok(())
        })
        .await
    }
}
