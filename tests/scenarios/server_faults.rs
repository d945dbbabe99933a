//! An API server that refuses, does not answer, hangs, forgets or is away: the release settles, and nothing is done twice.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::cluster::operator::{Operator, Options};
use crate::cluster::proxy::call::Verb;
use crate::cluster::proxy::rules::{Fault, Match, RuleHandle};
use crate::cluster::proxy::{FaultProxy, WatchEnd};
use crate::cluster::wait;
use crate::supervisor::Supervised;
use crate::trace::released_once;
use crate::world::{PATIENCE, World};

/// What a first release with one migration writes, in the words of a request.
const WRITES: [(Verb, &str, &str); 10] = [
    (Verb::Patch, "backends", "status"),
    (Verb::Create, "migrations", ""),
    (Verb::Patch, "migrations", "status"),
    (Verb::Create, "jobs", ""),
    (Verb::Update, "databases", "status"),
    (Verb::Patch, "jobs", ""),
    (Verb::Patch, "serviceaccounts", ""),
    (Verb::Patch, "services", ""),
    (Verb::Create, "controllerrevisions", ""),
    (Verb::Patch, "deployments", ""),
];

/// How long the API server is away.
const AWAY: Duration = Duration::from_mins(1);

/// G-11: all is settled so long after it is back.
const SETTLED: Duration = Duration::from_secs(15);

/// F-24: so long a silent watch may go unnoticed, and the release itself takes its time.
const NOTICED: Duration = Duration::from_secs(150 + 40);

/// F-18, F-20: the first tries of each kind of write are refused, each time with another code.
pub async fn every_write_may_be_refused_at_first_and_nothing_is_doubled(
    world: World,
) -> Result<()> {
    let codes = [[(409, None), (429, Some(1))], [(500, None), (503, None)]];
    let releases =
        codes.map(async |codes| refused(world.beside(&codes[0].0.to_string()).await?, codes).await);
    for outcome in futures::future::join_all(releases).await {
        outcome?;
    }
    Ok(())
}

async fn refused(world: World, codes: [(u16, Option<u32>); 2]) -> Result<()> {
    let (proxy, _operator) = proxied(&world).await?;
    let rules: Vec<RuleHandle> = WRITES
        .iter()
        .flat_map(|(verb, resource, subresource)| {
            let write = Match::verb(*verb)
                .resource(*resource)
                .subresource(*subresource);
            (1..)
                .zip(codes)
                .map(move |(number, code)| (write.clone().only(number), code))
        })
        .map(|(write, (code, retry_after))| proxy.add(write, Fault::Answer { code, retry_after }))
        .collect();
    release(&world).await?;
    world.ready("orders").await?;
    world.jobs_let_go().await?;
    released_once(&world).await?;
    let hits: Vec<u64> = rules.iter().map(RuleHandle::hits).collect();
    ensure!(
        hits == vec![1; rules.len()],
        "not every write was refused: {hits:?}"
    );
    world.end().await
}

/// F-2: no write is ever answered, though each is done; and no write arrives at the first try.
pub async fn writes_without_an_answer_are_not_done_twice(world: World) -> Result<()> {
    let faults = [
        ("after", writes(), Fault::DropAfter),
        ("before", writes().odd(), Fault::DropBefore),
    ];
    let releases = faults.map(async |(name, matching, fault)| {
        let world = world.beside(name).await?;
        let (proxy, _operator) = proxied(&world).await?;
        let rule = proxy.add(matching, fault);
        release(&world).await?;
        world.ready("orders").await?;
        world.jobs_let_go().await?;
        released_once(&world).await?;
        ensure!(rule.hits() >= 16, "only {} writes were hit", rule.hits());
        world.end().await
    });
    for outcome in futures::future::join_all(releases).await {
        outcome?;
    }
    Ok(())
}

/// F-19: all watches break again and again, with `410 Gone` or in the middle.
pub async fn watches_that_break_lose_and_double_nothing(world: World) -> Result<()> {
    let (proxy, _operator) = proxied(&world).await?;
    release(&world).await?;
    let mut ends = [WatchEnd::Gone, WatchEnd::Cut].into_iter().cycle();
    let breaking = async {
        loop {
            proxy.break_watches(
                Match::verb(Verb::Watch),
                ends.next().unwrap_or(WatchEnd::Cut),
            );
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
    };
    tokio::select! {
        ready = world.ready("orders") => ready?,
        () = breaking => {}
    }
    let relists = proxy
        .seen()
        .iter()
        .filter(|seen| seen.call.verb == Verb::List && seen.call.resource == "jobs")
        .count();
    ensure!(
        relists > 3,
        "the watch of Jobs was listed anew {relists} times"
    );
    released_once(&world).await
}

/// F-24: the open watches fall silent and stay open. It is noticed in time.
pub async fn a_watch_that_hangs_is_noticed(world: World) -> Result<()> {
    let (proxy, _operator) = proxied(&world).await?;
    let silence = proxy.add(Match::verb(Verb::Watch).except("leases"), Fault::HangOpen);
    let hung = Instant::now();
    release(&world).await?;
    let object = "slb/orders";
    wait::until(&format!("{object} to be Ready"), NOTICED, async || {
        let conditions = world.get(object).await?["status"]["conditions"].to_string();
        ensure!(conditions.contains(r#""reason":"Ready""#), "{conditions}");
        anyhow::Ok(())
    })
    .await?;
    println!(
        "a release behind watches that hang took {:.1?}",
        hung.elapsed()
    );
    silence.remove();
    released_once(&world).await
}

/// F-16, G-11: away for a minute in the middle of a migration; the leader ends, its successor is there when the API server is back.
pub async fn an_api_server_that_was_away_finds_all_settled_soon(world: World) -> Result<()> {
    let proxy = FaultProxy::start(world.cluster()).await?;
    let first = Supervised::start(&world, through(&world, &proxy)).await?;
    world.database("orders-db").await?;
    world.condition("sldb/orders-db", "Ready", "True").await?;
    let second = Supervised::start(&world, through(&world, &proxy)).await?;
    release(&world).await?;
    wait::until("the migration to run", PATIENCE, async || {
        let phases: Vec<_> = world
            .list("slm")
            .await?
            .iter()
            .map(|migration| migration["status"]["phase"].clone())
            .collect();
        ensure!(phases == ["Running"], "{phases:?}");
        anyhow::Ok(())
    })
    .await?;
    proxy.go_down();
    tokio::time::sleep(AWAY).await;
    proxy.come_up();
    let back = Instant::now();
    world.ready("orders").await?;
    let settled = back.elapsed();
    world.figure(
        "settled after the API server's return",
        format!("{settled:.1?} (wanted <= {SETTLED:.0?})"),
    );
    ensure!(
        settled <= SETTLED,
        "settled only {settled:.1?} after the API server's return"
    );
    ensure!(
        first.starts() > 1,
        "the leader outlived the loss of its Lease"
    );
    let migrations = world.list("slm").await?;
    let current = &migrations[0]["status"]["current"];
    ensure!(current == "2", "the runner's message was lost: {current}");
    released_once(&world).await?;
    first.end().await;
    second.end().await;
    Ok(())
}

/// An operator behind a proxy, with a Database that is Ready.
async fn proxied(world: &World) -> Result<(FaultProxy, Operator)> {
    let proxy = FaultProxy::start(world.cluster()).await?;
    let operator = Operator::start(world.cluster(), through(world, &proxy)).await?;
    world.database("orders-db").await?;
    world.condition("sldb/orders-db", "Ready", "True").await?;
    Ok((proxy, operator))
}

async fn release(world: &World) -> Result<()> {
    let mut backend = world.orders("orders", "1.0.0", "orders-db");
    backend["spec"]["replicas"] = 1.into();
    world.apply(&backend).await
}

fn through(world: &World, proxy: &FaultProxy) -> Options {
    world.operator_options().through(proxy.url())
}

/// All but those of the Lease and of events, which have rules of their own.
fn writes() -> Match {
    Match::writes().except("leases").except("events")
}
