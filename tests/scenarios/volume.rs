//! Many Backends at once. KWOK plays the nodes, so that the pods cost nothing and what is measured is Slipway and the control plane.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use kube::runtime::{WatchStreamExt, watcher};
use serde_json::json;
use slipway::api::backend::Backend;

use crate::cluster::kwok::Kwok;
use crate::cluster::operator::Operator;
use crate::cluster::replicas::Replicas;
use crate::cluster::wait;
use crate::first_release::APART;
use crate::world::{PATIENCE, World};

const BACKENDS: usize = 200;
const NODES: u32 = 2;

/// Requests that the test itself has under way.
const AT_ONCE: usize = 32;

/// Longest wait for all of them on a busy machine.
const LIMIT: Duration = Duration::from_mins(2);

/// Four children and one status, and one more status where Ready comes more than a second later (`speed.md` 1).
const WRITES: std::ops::RangeInclusive<usize> = BACKENDS * 5..=BACKENDS * 6;

/// G-15, G-16: two hundred Backends without a migration cost what the model says, and no read.
pub async fn two_hundred_backends_at_once_all_become_ready(world: World) -> Result<()> {
    let operator = world.operator().await?;
    let replicas = Replicas::new(world.cluster(), &world.namespace, "slipway");
    wait::until("the operator to lead", PATIENCE, async || {
        replicas.leader().await
    })
    .await?;
    let backends: Api<Backend> = Api::namespaced(world.cluster().client(), &world.namespace);
    let kwok = Kwok::start(world.cluster(), NODES).await?;
    let shown = wave(&world, &operator, &backends).await;
    let removed = remove(&world, &backends).await;
    let stopped = kwok.stop(world.cluster()).await;
    shown.and(removed).and(stopped)
}

async fn wave(world: &World, operator: &Operator, backends: &Api<Backend>) -> Result<()> {
    let (mark, memory, processor) = (
        world.mark()?,
        operator.resident_memory()?,
        operator.processor_time()?,
    );
    let start = Instant::now();
    create(backends).await?;
    let created = start.elapsed();
    tokio::time::timeout(LIMIT, all_ready(backends))
        .await
        .context("not all became Ready in time")??;
    let ready = start.elapsed();

    let requests = world.requests(Some(mark))?.except(&APART);
    let (writes, gets) = (
        requests.writes(),
        requests.filter(|entry| entry.verb == "get"),
    );
    let used = operator.processor_time()?.saturating_sub(processor);
    let grown = operator.resident_memory()?.saturating_sub(memory);
    let (count, base) = (BACKENDS as u64, memory / 1024);
    world.figure(
        format!("{BACKENDS} Backends at once"),
        format!(
            "created in {created:.1?}, all Ready after {ready:.1?}; {} writes in all; for each {} KiB, {:.1?} of processor time",
            writes.len(),
            grown / 1024 / count,
            used / u32::try_from(BACKENDS)?,
        ),
    );
    world.figure("memory of a leader with no Backend", format!("{base} KiB"));
    ensure!(
        WRITES.contains(&writes.len()) && gets.is_empty(),
        "not the price of the model:\n{}",
        requests.table()
    );
    ensure!(
        writes.0.iter().all(|entry| entry.code < 300),
        "a write was refused"
    );
    Ok(())
}

async fn create(backends: &Api<Backend>) -> Result<()> {
    stream::iter(0..BACKENDS)
        .map(async |number| {
            let backend: Backend = serde_json::from_value(json!({
                "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend",
                "metadata": {"name": format!("backend-{number:03}")},
                "spec": {
                    "image": "slipway.test/played:1.0.0",
                    "replicas": 1,
                    "ports": [{"name": "http", "port": 8080}],
                },
            }))?;
            backends.create(&PostParams::default(), &backend).await?;
            anyhow::Ok(())
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;
    Ok(())
}

/// One watch, so that the looking costs the API server little.
async fn all_ready(backends: &Api<Backend>) -> Result<()> {
    let changes = watcher(backends.clone(), watcher::Config::default()).applied_objects();
    let mut changes = std::pin::pin!(changes);
    let mut ready = BTreeSet::new();
    while ready.len() < BACKENDS {
        let backend = changes.try_next().await?.context("the watch has ended")?;
        if is_ready(&backend) {
            ready.insert(backend.name_any());
        }
    }
    Ok(())
}

fn is_ready(backend: &Backend) -> bool {
    let status = backend.status.iter();
    status
        .flat_map(|status| &status.conditions)
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// The pods go before the played nodes do, or they would be made again on the real one.
async fn remove(world: &World, backends: &Api<Backend>) -> Result<()> {
    let (mark, start) = (world.mark()?, Instant::now());
    backends
        .delete_collection(&DeleteParams::default(), &ListParams::default())
        .await?;
    let pods: Api<Pod> = Api::namespaced(world.cluster().client(), &world.namespace);
    wait::until("all pods to be gone", LIMIT, async || {
        let left = pods.list_metadata(&ListParams::default()).await?;
        ensure!(left.items.is_empty(), "{} pods", left.items.len());
        anyhow::Ok(())
    })
    .await?;
    let writes = world.requests(Some(mark))?.except(&APART).writes();
    world.figure(
        format!("{BACKENDS} Backends deleted"),
        format!(
            "gone after {:.1?}; {} writes",
            start.elapsed(),
            writes.len()
        ),
    );
    ensure!(writes.is_empty(), "the deletion cost:\n{}", writes.table());
    Ok(())
}
