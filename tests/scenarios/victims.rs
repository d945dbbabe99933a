//! What a scenario ends by force: a migration's pod by its API, and the processes in it from outside.

use anyhow::{Context, Result};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::cluster::pod_process::{self, PodProcess};
use crate::cluster::read::text;
use crate::cluster::wait;
use crate::world::{PATIENCE, World};

/// The pod of a Backend's migration whose runner is at work.
pub async fn running_pod(world: &World, backend: &str) -> Result<Value> {
    wait::until("the migration's pod to run", PATIENCE, async || {
        let pods = world.list("pods").await?;
        let found = pods.into_iter().find(|pod| {
            let name = text(&pod["metadata"]["name"]);
            name.starts_with(&format!("{backend}-"))
                && !pod["status"]["containerStatuses"][0]["state"]["running"].is_null()
        });
        found.context("no pod runs")
    })
    .await
}

/// SIGKILL to the runner of a pod, and so to all in it.
pub fn kill_the_runner(pod: &Value) -> Result<()> {
    kill_process(pod, "/slipway-runner/slipway")
}

/// The same, when its message has been written over.
pub fn kill_the_runner_over(pod: &Value, message: &str) -> Result<()> {
    let runner = process_in(pod, "/slipway-runner/slipway")?;
    let file = format!("/proc/{}/root/dev/termination-log", runner.pid());
    std::fs::write(&file, message).with_context(|| format!("write {file}"))?;
    runner.signal(Signal::KILL)
}

/// SIGKILL to the one process of a pod that runs this program.
pub fn kill_process(pod: &Value, program: &str) -> Result<()> {
    process_in(pod, program)?.signal(Signal::KILL)
}

/// The process of a pod that runs this program, by its path in the container.
pub fn process_in(pod: &Value, program: &str) -> Result<PodProcess> {
    let processes = pod_process::of_pod(&text(&pod["metadata"]["uid"]))?;
    let process = processes.iter().find(|process| {
        process
            .command()
            .first()
            .is_some_and(|path| path == program)
    });
    process
        .cloned()
        .with_context(|| format!("no {program} among {processes:?}"))
}

/// Without waiting for its end.
pub async fn delete(world: &World, kind: &str, name: &str, how: &[&str]) -> Result<()> {
    let mut arguments = vec!["delete", kind, name, "--wait=false"];
    arguments.extend(how);
    world.kubectl(&arguments).await
}

/// By the subresource, as a drain does, but with a second of grace: the body cannot end in it.
pub async fn evict(world: &World, pod: &str) -> Result<()> {
    let namespace = &world.namespace;
    let eviction = json!({
        "apiVersion": "policy/v1", "kind": "Eviction",
        "metadata": {"name": pod, "namespace": namespace},
        "deleteOptions": {"gracePeriodSeconds": 1},
    });
    let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}/eviction");
    world
        .cluster()
        .kubectl_with_input(
            &["create", "--raw", &path, "-f", "-"],
            &eviction.to_string(),
        )
        .await?
        .success("evict")?;
    Ok(())
}
