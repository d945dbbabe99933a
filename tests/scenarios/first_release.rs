//! A first release, its price, and what a second look at it costs.

use std::ops::RangeInclusive;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::cluster::audit::{Entries, Mark};
use crate::cluster::operator::Operator;
use crate::cluster::proxy::FaultProxy;
use crate::cluster::proxy::call::Verb;
use crate::cluster::proxy::rules::{Fault, Match};
use crate::cluster::wait;
use crate::world::{PATIENCE, World};

/// Kinds that the cost model counts apart.
pub const APART: [&str; 2] = ["events", "leases"];

/// `promises.md` I-4 and `speed.md` 1: one port, one migration: 19 writes, 2 quorum reads and a look for the NetworkPolicy, and no Deployment before the schema.
pub async fn the_release_waits_for_its_schema_and_costs_what_the_model_says(
    world: World,
) -> Result<()> {
    let _operator = world.operator().await?;
    let mark = first(&world).await?;

    world.answers("orders", "/schema", "first order").await?;
    let requests = world.requests(Some(mark))?.except(&APART);
    let position = |resource: &str, subresource: &str| {
        requests.0.iter().rposition(|entry| {
            entry.resource == resource && entry.subresource == subresource && entry.is_write()
        })
    };
    let schema_done =
        position("migrations", "status").context("no Migration status was written")?;
    let released = requests
        .0
        .iter()
        .position(|entry| entry.resource == "deployments" && entry.is_write())
        .context("no Deployment was written")?;
    ensure!(
        schema_done < released,
        "the Deployment came before its schema:\n{}",
        requests.table()
    );
    let what = "a first release with one migration";
    costs(&world, what, mark, 19..=19, 3).await
}

/// A first release of the orders service; what is after the mark came of it.
async fn first(world: &World) -> Result<Mark> {
    world.database("orders-db").await?;
    world.condition("sldb/orders-db", "Ready", "True").await?;
    let mark = world.mark()?;
    world
        .apply(&world.orders("orders", "1.0.0", "orders-db"))
        .await?;
    world.ready("orders").await?;
    Ok(mark)
}

/// I-31, G-15: with everything in place nothing is written, and at rest nothing is asked but the Lease.
pub async fn a_restart_of_the_operator_writes_nothing(world: World) -> Result<()> {
    let operator = world.operator().await?;
    world.release_orders().await?;
    operator.terminate()?;
    operator.wait(Duration::from_secs(15)).await?;

    let mark = world.mark()?;
    let operator = world.operator().await?;
    wait::until(
        "the new operator to lead",
        Duration::from_secs(30),
        async || {
            let renewals = world.requests(Some(mark))?.on("leases").writes().len();
            ensure!(renewals >= 4, "{renewals} writes of the Lease");
            anyhow::Ok(())
        },
    )
    .await?;
    let writes = world.requests(Some(mark))?.except(&["leases"]).writes();
    ensure!(
        writes.is_empty(),
        "a restart wrote:\n{}\n{}",
        writes.table(),
        operator.log()
    );
    Ok(())
}

/// `speed.md` 1: what a later change costs: other replicas, an image without and one with a migration to run.
pub async fn a_change_costs_what_the_model_says(world: World) -> Result<()> {
    let _operator = world.operator().await?;
    world.release_orders().await?;

    let mark = change(&world, &json!({"replicas": 1})).await?;
    // The Deployment; the status when the pods begin to change, when they have changed, and once more if a count is seen in between.
    costs(&world, "other replicas", mark, 2..=4, 0).await?;
    let image = json!({"image": "slipway.test/orders:1.1.1"});
    let mark = change(&world, &image).await?;
    // Migration, ledger 2, Job 3, Migration status 3, Backend status 2; then ControllerRevision, Deployment, status 1 or 2.
    costs(&world, "an image with a migration", mark, 17..=18, 3).await?;
    let mark = change(&world, &json!({"env": [{"name": "CHANGED", "value": "1"}]})).await?;
    costs(&world, "a variable", mark, 3..=4, 1).await
}

/// Of the kinds that decide about a release, any may be shown later than the others: the order in which two watches tell is nobody's promise.
const WATCHES: [&str; 6] = [
    "backends",
    "databases",
    "migrations",
    "jobs",
    "pods",
    "deployments",
];

/// How far one watch is behind all others.
const LAG: Duration = Duration::from_millis(400);

/// I-4, I-5: what is done, and what it costs, does not hang on which watch is first.
pub async fn a_release_costs_the_same_whichever_watch_is_late(world: World) -> Result<()> {
    let releases = WATCHES.map(async |resource| {
        let world = world.beside(resource).await?;
        let proxy = FaultProxy::start(world.cluster()).await?;
        let late = Match::verb(Verb::Watch).resource(resource);
        let lag = proxy.add(late, Fault::Lag(LAG));
        let options = world.operator_options().through(proxy.url());
        let _operator = Operator::start(world.cluster(), options).await?;
        let mark = first(&world).await?;
        ensure!(lag.hits() > 0, "no watch of {resource} was late");
        let what = format!("a first release with a late watch of {resource}");
        costs(&world, &what, mark, 19..=19, 3).await?;
        world.end().await
    });
    for outcome in futures::future::join_all(releases).await {
        outcome?;
    }
    Ok(())
}

/// Changes the Backend and waits until it is Ready again; what is after the mark came of it.
async fn change(world: &World, spec: &Value) -> Result<Mark> {
    let mark = world.mark()?;
    world.patch("slb/orders", &json!({"spec": spec})).await?;
    world.ready("orders").await?;
    world.jobs_let_go().await?;
    Ok(mark)
}

/// An arm that meets the Job controller's own first write is refused and, after another confirmation, sent again: the model counts one try.
async fn costs(
    world: &World,
    what: &str,
    mark: Mark,
    writes: RangeInclusive<usize>,
    reads: usize,
) -> Result<()> {
    let count = |requests: &Entries| {
        let requests = requests.except(&APART);
        let refused = requests.refused_arms();
        let sent = requests.writes().len() - refused;
        let gets = requests.filter(|entry| entry.verb == "get").len() - refused;
        (sent, gets, refused)
    };
    let requests = world.requests_as(mark, |requests| {
        let (sent, gets, _) = count(requests);
        ensure!(
            writes.contains(&sent) && gets == reads,
            "{what} must cost {writes:?} writes and {reads} reads:\n{}",
            requests.except(&APART).story()
        );
        Ok(())
    });
    let (sent, gets, refused) = count(&requests.await?);
    let model = match (writes.start(), writes.end()) {
        (fewest, most) if fewest == most => format!("{fewest} and {reads}"),
        (fewest, most) => format!("{fewest} to {most} and {reads}"),
    };
    world.figure(
        format!("requests of {what}"),
        format!("{sent} writes, {gets} reads (wanted {model}); refused arms: {refused}"),
    );
    Ok(())
}

/// How long nothing happens, and how often a leader renews its Lease meanwhile: every 2 s.
const REST: Duration = Duration::from_mins(2);
const RENEWALS: RangeInclusive<usize> = 50..=62;

/// I-31, I-36: two replicas with everything in place, for two minutes: the leader's Lease renewals and re-opened watches, and nothing else.
pub async fn at_rest_only_the_lease_is_renewed(world: World) -> Result<()> {
    let _leader = world.operator().await?;
    world.database("orders-db").await?;
    let mut backend = world.orders("orders", "1.0.0", "orders-db");
    backend["spec"]["replicas"] = 1.into();
    world.apply(&backend).await?;
    world.ready("orders").await?;
    let standby = world.operator().await?;
    wait::until("the other replica to stand by", PATIENCE, async || {
        ensure!(standby.log().contains("standing by"), "{}", standby.log());
        anyhow::Ok(())
    })
    .await?;
    quiet(&world).await?;

    let mark = world.mark()?;
    tokio::time::sleep(REST).await;
    let requests = world.requests(Some(mark))?;
    let (renewals, watches) = (
        requests.on("leases").writes().len(),
        requests.filter(|entry| entry.verb == "watch").len(),
    );
    world.figure(
        "requests of two replicas at rest, in two minutes",
        format!("{renewals} Lease renewals, {watches} watches re-opened"),
    );
    ensure!(
        RENEWALS.contains(&renewals) && requests.len() == renewals + watches,
        "two minutes of rest:\n{}",
        requests.table()
    );
    Ok(())
}

/// Waits until five renewals in a row had nothing beside them.
async fn quiet(world: &World) -> Result<()> {
    wait::until("quiet", PATIENCE, async || {
        let requests = world.requests(None)?;
        let last = requests.0.iter().rev().take(5);
        let others = last.filter(|entry| entry.resource != "leases").count();
        ensure!(others == 0, "{others} of the last 5 are no renewals");
        anyhow::Ok(())
    })
    .await
}
