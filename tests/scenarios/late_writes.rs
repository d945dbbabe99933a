//! Writes of a leader that come when another one leads: held by the fault proxy until it is too late for them.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::cluster::operator::{Operator, Options};
use crate::cluster::proxy::FaultProxy;
use crate::cluster::proxy::call::Verb;
use crate::cluster::proxy::rules::{Fault, Match, RuleHandle};
use crate::cluster::wait;
use crate::trace::changes;
use crate::world::{PATIENCE, World};

/// migrations.md case 35.
/// F-8, I-10: a Job that is created after its migration is over, and after its Job was deleted, is swept and never armed; where the Job is
/// still there, the late one is refused.
pub async fn a_job_that_is_created_too_late_never_runs(world: World) -> Result<()> {
    let late = LateWrite::hold(&world, job(Verb::Create)).await?;
    let _successor = world.operator().await?;
    world.ready("orders").await?;
    world.jobs_let_go().await?;
    world.kubectl(&["delete", "jobs", "--all"]).await?;
    world.until_gone("jobs").await?;
    late.release();
    answers(&world, "create", "jobs", &[201, 201]).await?;
    world.until_gone("jobs").await?;
    // The arm and the release of the one that ran; the finalizer of the one that was swept, which may have changed under the sweep.
    let patches = world.requests(None)?.on("jobs");
    let patches = patches.filter(|entry| entry.verb == "patch" && entry.code == 200);
    ensure!(patches.len() == 3, "not 3 patches:\n{}", patches.table());
    let deleted = changes(&world)?.get("delete jobs").copied();
    ensure!(deleted == Some(1), "{deleted:?} Jobs were swept");
    one_run(&world, 0).await?;

    let world = world.beside("refused").await?;
    let late = LateWrite::hold(&world, job(Verb::Create)).await?;
    let _successor = world.operator().await?;
    world.ready("orders").await?;
    late.release();
    answers(&world, "create", "jobs", &[201, 409]).await?;
    one_run(&world, 1).await
}

/// migrations.md case 35.
/// F-9, I-9: the new leader touches the Job before anything else, so the arm of the old one is refused, also when it comes before its own.
pub async fn an_arm_that_comes_after_a_change_of_leader_is_refused(world: World) -> Result<()> {
    let late = LateWrite::hold(&world, job(Verb::Patch)).await?;
    let proxy = FaultProxy::start(world.cluster()).await?;
    let own_arm = proxy.add(job(Verb::Patch).only(2), Fault::Hold);
    let _successor = Operator::start(world.cluster(), through(&world, &proxy)).await?;
    own_arm.reached(1, PATIENCE).await?;
    late.release();
    answers(&world, "patch", "jobs", &[200, 409]).await?;
    own_arm.release();
    world.ready("orders").await?;
    answers(&world, "patch", "jobs", &[200, 409, 200, 200]).await?;
    one_run(&world, 1).await
}

/// F-7, I-9: a write of the ledger that comes late is refused, or it is true.
pub async fn a_ledger_write_of_a_deposed_leader_is_refused_or_true(world: World) -> Result<()> {
    let outcomes = [
        // The first write of all made the Database Ready. The ledger was taken by the successor, and the outcome recorded by it.
        late_ledger_write(
            world.beside("take").await?,
            1,
            Release::AtTheEnd,
            &[200, 200, 200, 409],
        ),
        late_ledger_write(
            world.beside("record").await?,
            2,
            Release::AtTheEnd,
            &[200, 200, 200, 409],
        ),
        // Nobody has looked since: what it says of the run is so, and the successor goes on from there.
        late_ledger_write(
            world.beside("true").await?,
            2,
            Release::BeforeTheSuccessor,
            &[200, 200, 200],
        ),
    ];
    for outcome in futures::future::join_all(outcomes).await {
        outcome?;
    }
    Ok(())
}

/// When a late write is sent.
#[derive(PartialEq)]
enum Release {
    BeforeTheSuccessor,
    AtTheEnd,
}

/// Holds the n-th write of the ledger.
async fn late_ledger_write(
    world: World,
    number: u64,
    release: Release,
    codes: &[u16],
) -> Result<()> {
    let ledger = Match::verb(Verb::Update).resource("databases");
    let mut late = Some(LateWrite::hold(&world, ledger.only(number)).await?);
    if release == Release::BeforeTheSuccessor {
        late.take().into_iter().for_each(LateWrite::release);
        answers(&world, "update", "databases/status", codes).await?;
    }
    let _successor = world.operator().await?;
    world.ready("orders").await?;
    late.into_iter().for_each(LateWrite::release);
    answers(&world, "update", "databases/status", codes).await?;
    one_run(&world, 1).await?;
    world.end().await
}

/// A write that is on its way while its sender is dead.
struct LateWrite {
    rule: RuleHandle,
    // The proxy ends with this value, so that what it holds is never sent.
    proxy: FaultProxy,
}

impl LateWrite {
    /// Lets an operator begin a first release through a proxy that holds this write, kills it there, and frees the Lease.
    async fn hold(world: &World, write: Match) -> Result<Self> {
        let proxy = FaultProxy::start(world.cluster()).await?;
        let leader = Operator::start(world.cluster(), through(world, &proxy)).await?;
        world.database("orders-db").await?;
        world.condition("sldb/orders-db", "Ready", "True").await?;
        let rule = proxy.add(write, Fault::Hold);
        world
            .apply(&world.orders("orders", "1.0.0", "orders-db"))
            .await?;
        rule.reached(1, PATIENCE).await?;
        leader.kill()?;
        world.free_the_lease().await?;
        Ok(Self { rule, proxy })
    }

    /// Sends it now. The proxy goes on for as long as that takes.
    fn release(self) {
        let Self { rule, proxy } = self;
        rule.release();
        tokio::spawn(async move {
            tokio::time::sleep(PATIENCE).await;
            drop(proxy);
        });
    }
}

fn through(world: &World, proxy: &FaultProxy) -> Options {
    world.operator_options().through(proxy.url())
}

fn job(verb: Verb) -> Match {
    Match::verb(verb).resource("jobs").subresource("")
}

/// Waits until the API server has answered these requests of the operators so, in this order.
async fn answers(world: &World, verb: &str, kind: &str, codes: &[u16]) -> Result<()> {
    let what = format!("the answers of {verb} {kind} to be {codes:?}");
    wait::until(&what, Duration::from_secs(20), async || {
        let requests = world.requests(None)?;
        let found: Vec<u16> = requests
            .filter(|entry| entry.verb == verb && entry.kind() == kind)
            .0
            .iter()
            .map(|entry| entry.code)
            .collect();
        ensure!(found == codes, "{found:?}");
        anyhow::Ok(())
    })
    .await
}

/// The body ran once, and of its Jobs so many are left, all armed.
async fn one_run(world: &World, jobs: usize) -> Result<()> {
    let versions = world.versions("orders-db").await?;
    ensure!(versions == [1, 2], "the schema was applied as {versions:?}");
    let suspended: Vec<bool> = world
        .list("jobs")
        .await?
        .iter()
        .map(|job| job["spec"]["suspend"] == true)
        .collect();
    ensure!(
        suspended == vec![false; jobs],
        "which Jobs are suspended: {suspended:?}"
    );
    Ok(())
}
