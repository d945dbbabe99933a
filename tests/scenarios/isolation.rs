//! One object that harms whoever looks at it harms only itself.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cluster::operator::Operator;
use crate::cluster::wait;
use crate::world::{PATIENCE, World};

/// A time that the API server stores and that no clock shows: an offset of 99 hours.
const NO_TIME: &str = "2026-01-01T00:00:00+99:99";

/// F-53, I-19: a look that panics is caught and tried again, later each time; the others go on.
pub async fn an_object_whose_look_panics_harms_only_itself(world: World) -> Result<()> {
    let fault = format!("panic-for={}/broken", world.namespace);
    let operator = Operator::start(world.cluster(), world.faulty_options(&fault).await?).await?;
    world.apply(&worker(&world, "broken")).await?;
    let panics = wait::until("five panics", PATIENCE, async || {
        let panics = panics(&operator.log())?;
        ensure!(panics.len() >= 5, "{panics:?}");
        anyhow::Ok(panics)
    })
    .await?;
    world.apply(&worker(&world, "sound")).await?;
    world.ready("sound").await?;

    let gaps: Vec<Duration> = panics
        .windows(2)
        .filter_map(|pair| pair[1].duration_since(pair[0]).try_into().ok())
        .collect();
    ensure!(
        gaps[3] > 2 * gaps[0],
        "the looks at it do not become rarer: {gaps:?}"
    );
    ensure!(operator.is_alive(), "{}", operator.log());
    let broken = world.get("slb/broken").await?["status"]["conditions"].to_string();
    ensure!(!broken.contains(r#""reason":"Ready""#), "{broken}");
    Ok(())
}

/// I-19, B-60: an object that does not decode is told so and left alone; the others go on, also those that a new operator begins with.
pub async fn an_object_that_does_not_decode_harms_only_itself(world: World) -> Result<()> {
    world.apply(&worker(&world, "broken")).await?;
    break_status(&world).await?;
    world.apply(&worker(&world, "sound")).await?;
    let operator = world.operator().await?;
    world.ready("sound").await?;
    wait::until("the operator to tell of it", PATIENCE, async || {
        let log = operator.log();
        ensure!(
            log.contains("object does not decode; it is left alone"),
            "{log}"
        );
        anyhow::Ok(())
    })
    .await?;
    // What stood in the way was its status: that is written anew, and it is an object as any other again.
    world.ready("broken").await?;

    break_status(&world).await?;
    world.apply(&worker(&world, "later")).await?;
    world.ready("later").await?;
    world.ready("broken").await?;
    ensure!(operator.is_alive(), "{}", operator.log());
    Ok(())
}

fn worker(world: &World, name: &str) -> Value {
    json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend",
        "metadata": {"name": name, "namespace": world.namespace},
        "spec": {"type": "Worker", "image": "slipway.test/orders:1.0.0", "replicas": 0},
    })
}

async fn break_status(world: &World) -> Result<()> {
    let condition = json!({"type": "Ready", "status": "True", "reason": "Ready", "message": "", "lastTransitionTime": NO_TIME});
    let patch = json!({"status": {"conditions": [condition]}}).to_string();
    let arguments = ["patch", "slb/broken", "--subresource=status"];
    let arguments = [&arguments[..], &["--type=merge", "-p", &patch]].concat();
    world.kubectl(&arguments).await
}

/// When looks panicked, from the lines of the log.
fn panics(log: &str) -> Result<Vec<Timestamp>> {
    log.lines()
        .filter(|line| line.contains("the look panicked"))
        .map(|line| {
            let line: Value = serde_json::from_str(line)?;
            let time = line["ts"].as_str().context("a line without a time")?;
            Ok(time.parse()?)
        })
        .collect()
}
