//! A small storm on the real cluster: migrations at work lose their runner, their tool, their pod, and the operator at moments that come from
//! a seed. `tests/storm` has the long one, with processes.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::sync::Mutex;

use crate::cluster::chance::{Chance, seed};
use crate::cluster::history::History;
use crate::cluster::operator::Operator;
use crate::kills::Kill;
use crate::victims::running_pod;
use crate::witness::{Body, Witnessed, backend};
use crate::world::World;

/// Repeats a storm.
const SEED: &str = "SLIPWAY_STORM_SEED";

/// How often the body of a Database's migration is ended from outside before it may come to its own end.
const DEATHS: i64 = 2;

/// What ends a body.
const DEADLY: [Kill; 4] = [Kill::Runner, Kill::Tool, Kill::PodForced, Kill::PodEvicted];

/// What does not.
const HARMLESS: [Option<Kill>; 3] = [None, Some(Kill::PodDeleted), Some(Kill::JobBackground)];

/// The operator, and its successors.
struct Leaders<'a> {
    world: &'a World,
    now: Mutex<Operator>,
}

impl Leaders<'_> {
    /// Perhaps it is killed now; another one takes over.
    async fn may_die(&self, chance: &mut Chance) -> Result<()> {
        if chance.below(3) != 0 {
            return Ok(());
        }
        let mut operator = self.now.lock().await;
        operator.kill()?;
        operator.wait(Duration::from_secs(10)).await?;
        self.world.free_the_lease().await?;
        *operator = self.world.operator().await?;
        Ok(())
    }
}

/// I-2, I-3, I-6, I-8, I-11, I-13; F-1 to F-5, F-30, F-34: on a Database of one Backend and on one that two with different files share.
pub async fn whoever_is_killed_in_a_cluster_each_migration_comes_to_stay_once(
    world: World,
) -> Result<()> {
    let seed = seed(SEED);
    let again = format!(
        "the same storm again: {SEED}={seed} cargo test --test scenarios -- whoever_is_killed"
    );
    storm(&world, seed).await.context(again)
}

async fn storm(world: &World, seed: u64) -> Result<()> {
    let leaders = Leaders {
        world,
        now: Mutex::new(world.operator().await?),
    };
    let history = History::record(world.cluster(), &world.namespace).await?;
    let alone = [("alone", Body::Transactional)];
    let shared = [("shared", Body::Transactional), ("shared-too", Body::More)];
    let (alone, shared) = tokio::join!(
        weather(&leaders, &history, &alone, Chance::new(seed)),
        weather(&leaders, &history, &shared, Chance::new(!seed)),
    );
    ensure!(
        (&alone, &shared) == (&Ok(()), &Ok(())),
        "{alone:?}\n{shared:?}"
    );
    let overlaps = history.overlaps();
    ensure!(overlaps.is_empty(), "at once: {overlaps:?}");
    Ok(())
}

/// Backends on one Database, which is called as the first of them.
async fn weather(
    leaders: &Leaders<'_>,
    history: &History,
    backends: &[(&str, Body)],
    mut chance: Chance,
) -> Result<(), String> {
    let told = storm_on(leaders, history, backends, &mut chance).await;
    told.map_err(|error| format!("{}: {error:#}", backends[0].0))
}

async fn storm_on(
    leaders: &Leaders<'_>,
    history: &History,
    backends: &[(&str, Body)],
    chance: &mut Chance,
) -> Result<()> {
    let world = leaders.world;
    let name = backends[0].0;
    let postgres = world.postgres().await?;
    let database = Witnessed::on(world, &postgres, name).await?;
    for (backend_name, body) in backends {
        let backend = backend(world, backend_name, name, *body);
        world.apply(&backend).await?;
    }
    let mut blows = Vec::new();
    for death in 1..=DEATHS {
        leaders.may_die(chance).await?;
        database
            .until_begun(death)
            .await
            .with_context(|| format!("{blows:?}"))?;
        leaders.may_die(chance).await?;
        let kill = chance.one_of(DEADLY);
        blows.push(kill);
        kill.carry_out(world, &running_pod(world, name).await?)
            .await?;
    }
    leaders.may_die(chance).await?;
    database
        .until_begun(DEATHS + 1)
        .await
        .with_context(|| format!("{blows:?}"))?;
    if let Some(kill) = chance.one_of(HARMLESS) {
        blows.push(kill);
        kill.carry_out(world, &running_pod(world, name).await?)
            .await?;
    }
    leaders.may_die(chance).await?;
    database.let_go().await?;
    let mut files = 1;
    for (backend_name, body) in backends {
        world
            .ready(backend_name)
            .await
            .with_context(|| format!("{blows:?}"))?;
        files = files.max(if *body == Body::More { 2 } else { 1 });
    }
    let story = database.story(history, name).await?;
    let seen = (story.begun, story.ended, story.effects, story.versions);
    let expected = (DEATHS + files, files, 1, (1..=files).collect());
    ensure!(seen == expected, "{blows:?}: {seen:?}, not {expected:?}");
    let overlaps = database.overlaps().await?;
    ensure!(overlaps.is_empty(), "{blows:?}: {overlaps:?}");
    Ok(())
}
