//! What keeps the pods of a release from being made, from starting and from staying: each is told with a command that finds it, and when it is
//! mended, the release goes on.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cluster::wait;
use crate::objects::tells;
use crate::world::{PATIENCE, World};

/// F-38. One Backend from refusal to refusal until it serves, beside another one whose rollout somebody has stopped by hand.
pub async fn what_keeps_pods_from_serving_is_found_by_the_command_of_its_message(
    world: World,
) -> Result<()> {
    let _operator = world.operator().await?;
    world.apply(&worker(&world, "held", 1)).await?;
    world.ready("held").await?;
    world
        .kubectl(&["rollout", "pause", "deployment/held"])
        .await?;
    world.apply(&worker(&world, "held", 2)).await?;
    refused(&world).await?;
    started_and_ended(&world).await?;
    world.ready("clerk").await?;
    world.ready("more").await?;

    let message = tells(&world, "slb/held", "NotReady", "deadline").await?;
    world.look_for(&message, "DeploymentPaused").await?;
    world
        .kubectl(&["rollout", "resume", "deployment/held"])
        .await?;
    world.ready("held").await
}

/// No Deployment may be made; then no pod that is as large, by a policy that Slipway knows nothing of; then none at all. That
/// meets another Backend, as the conditions of ReplicaSet and Deployment keep the words of the first refusal.
async fn refused(world: &World) -> Result<()> {
    quota(world, "count/deployments.apps").await?;
    world.apply(&worker(world, "clerk", 1)).await?;
    let words = "deployment clerk is refused";
    let message = tells(world, "slb/clerk", "QuotaExceeded", words).await?;
    world.look_for(&message, "count/deployments.apps").await?;

    world
        .apply(&json!({
            "apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "small", "namespace": world.namespace},
            "spec": {"limits": [{"type": "Container", "max": {"memory": "64Mi"}}]},
        }))
        .await?;
    world.kubectl(&["delete", "resourcequota", "few"]).await?;
    let words = "maximum memory usage";
    let message = tells(world, "slb/clerk", "Forbidden", words).await?;
    world.look_for(&message, "FailedCreate").await?;

    quota(world, "pods").await?;
    world.apply(&small(world, "more", 1)).await?;
    let words = "pods are refused";
    let message = tells(world, "slb/more", "QuotaExceeded", words).await?;
    world.look_for(&message, "pods").await?;
    world
        .kubectl(&["delete", "resourcequota/few", "limitrange/small"])
        .await
}

/// A program that ends at once, and one that the kubelet does not start.
async fn started_and_ended(world: &World) -> Result<()> {
    let mut crashing = small(world, "clerk", 3);
    crashing["spec"]["args"] = json!(["no-such-word"]);
    world.apply(&crashing).await?;
    let message = tells(world, "slb/clerk", "CrashLooping", "exits 2").await?;
    let what = "the log of the program that ended";
    wait::until(what, PATIENCE, async || {
        // Until it is started again, which is at once, there is none before this one.
        world.look_for(&message, "print the version").await
    })
    .await?;

    let mut root = small(world, "clerk", 4);
    root["spec"]["security"] = json!({"useImageUser": true});
    world.apply(&root).await?;
    let words = "cannot start: container has runAsNonRoot";
    let message = tells(world, "slb/clerk", "NotReady", words).await?;
    world.look_for(&message, "runAsNonRoot").await?;
    world.apply(&small(world, "clerk", 5)).await
}

/// A program that needs nothing; each release is one of its own.
fn worker(world: &World, name: &str, release: i64) -> Value {
    json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend",
        "metadata": {"name": name, "namespace": world.namespace},
        "spec": {
            "type": "Worker", "image": "slipway.test/orders:1.0.0", "replicas": 1,
            "env": [{"name": "RELEASE", "value": release.to_string()}],
            "rollout": {"progressDeadlineSeconds": 60},
            "shutdown": {"graceSeconds": 1},
        },
    })
}

/// The same with less memory.
fn small(world: &World, name: &str, release: i64) -> Value {
    let mut small = worker(world, name, release);
    small["spec"]["resources"] =
        json!({"requests": {"memory": "32Mi"}, "limits": {"memory": "64Mi"}});
    small
}

/// Lets the namespace have one of these, and waits until the API server counts them.
async fn quota(world: &World, what: &str) -> Result<()> {
    world
        .apply(&json!({
            "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few", "namespace": world.namespace},
            "spec": {"hard": {what: "1"}},
        }))
        .await?;
    wait::until("the quota to count", PATIENCE, async || {
        let status = world.get("resourcequota/few").await?["status"].clone();
        ensure!(
            status["hard"] == json!({what: "1"}) && status["used"][what] == "1",
            "{status}"
        );
        anyhow::Ok(())
    })
    .await
}
