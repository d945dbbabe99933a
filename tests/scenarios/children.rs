//! The children of a Backend: what it no longer wants goes, what was made without an answer is recognised.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::cluster::operator::Operator;
use crate::cluster::proxy::FaultProxy;
use crate::cluster::proxy::call::Verb;
use crate::cluster::proxy::rules::{Fault, Match};
use crate::cluster::wait;
use crate::world::{PATIENCE, World};

/// Releases that are kept.
const HISTORY: usize = 10;

/// A port that is given up takes its Services along, a ServiceAccount of the user's that of Slipway's, an eleventh release the first.
pub async fn what_a_backend_no_longer_wants_is_taken_away(world: World) -> Result<()> {
    let _operator = world.operator().await?;
    world.apply(&worker(&world)).await?;
    world.ready("worker").await?;
    ensure!(
        names(&world, "services").await? == ["worker", "worker-headless"],
        "{:?}",
        names(&world, "services").await?
    );

    let less = json!({"spec": {"ports": null, "serviceAccountName": "default"}});
    world.patch("slb/worker", &less).await?;
    world.until_gone("services").await?;
    wait::until("its ServiceAccount to go", PATIENCE, async || {
        let accounts = names(&world, "serviceaccounts").await?;
        ensure!(!accounts.contains(&"worker".to_owned()), "{accounts:?}");
        anyhow::Ok(())
    })
    .await?;

    for release in 1..=HISTORY {
        world
            .ship("worker", &format!("slipway.test/none:{release}"))
            .await?;
        world.ready("worker").await?;
    }
    wait::until("the first releases to go", PATIENCE, async || {
        let revisions = names(&world, "controllerrevisions").await?;
        ensure!(
            revisions.len() == HISTORY && !revisions.contains(&"worker-r1".to_owned()),
            "{revisions:?}"
        );
        anyhow::Ok(())
    })
    .await
}

/// F-32: the number is Slipway's; raised by hand it opens no release, and is put back, while the gate is closed and while it is open.
pub async fn a_release_number_that_is_raised_by_hand_is_put_back(world: World) -> Result<()> {
    let _operator = world.operator().await?;
    world.apply(&worker(&world)).await?;
    world.ready("worker").await?;
    number_comes_back(&world).await?;
    let paused = json!({"spec": {"image": "slipway.test/none:1", "rollout": {"paused": true}}});
    world.patch("slb/worker", &paused).await?;
    world.condition("slb/worker", "Ready", "False").await?;
    number_comes_back(&world).await?;
    let revisions = names(&world, "controllerrevisions").await?;
    ensure!(revisions == ["worker-r1"], "{revisions:?}");
    let shown = world.get("slb/worker").await?["status"]["release"].clone();
    ensure!(shown["revision"] == 1, "{shown}");
    Ok(())
}

async fn number_comes_back(world: &World) -> Result<()> {
    let labels = json!({"slipway.dev/release": "99"});
    let raised = json!({"spec": {"template": {"metadata": {"labels": labels}}}});
    world.patch("deployment/worker", &raised).await?;
    wait::until("the number to come back", PATIENCE, async || {
        let deployment = world.get("deployment/worker").await?;
        let template = &deployment["spec"]["template"];
        let number = &template["metadata"]["labels"]["slipway.dev/release"];
        ensure!(number == "1", "{number}");
        anyhow::Ok(())
    })
    .await
}

/// A Worker that needs no image, as it has no pods.
fn worker(world: &World) -> Value {
    json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend",
        "metadata": {"name": "worker", "namespace": world.namespace},
        "spec": {
            "type": "Worker",
            "image": "slipway.test/none:0",
            "replicas": 0,
            "ports": [{"name": "grpc", "port": 9090, "protocol": "GRPC", "headless": true}],
        },
    })
}

/// migrations.md case 36.
/// F-2, F-24: of each child the first creation is done and not answered, and its watch is silent: Slipway asks, finds its own, and goes on.
pub async fn what_was_made_without_an_answer_is_recognised(world: World) -> Result<()> {
    let proxy = FaultProxy::start(world.cluster()).await?;
    let options = world.operator_options().through(proxy.url());
    let operator = Operator::start(world.cluster(), options).await?;
    wait::until("the operator to stand by", PATIENCE, async || {
        ensure!(operator.log().contains("leading"), "{}", operator.log());
        anyhow::Ok(())
    })
    .await?;
    let mut silences = Vec::new();
    for (resource, verb) in MADE {
        let silence = proxy.add(Match::verb(Verb::Watch).resource(resource), Fault::Hang);
        let made = Match::verb(verb).resource(resource).subresource("");
        let unanswered = proxy.add(made.first(1), Fault::DropAfter);
        silences.push((resource, silence, unanswered));
    }
    world.ask_for_orders().await?;
    for (resource, silence, unanswered) in silences {
        unanswered.reached(1, PATIENCE).await?;
        wait::until(&format!("a look for {resource}"), PATIENCE, async || {
            let requests = world.requests(None)?.on(resource);
            let looks = requests.filter(|entry| entry.verb == "get");
            ensure!(!looks.is_empty(), "{}", requests.table());
            anyhow::Ok(())
        })
        .await?;
        silence.remove();
    }
    world.ready("orders").await?;
    let made: Vec<usize> = [
        names(&world, "jobs").await?.len(),
        names(&world, "slm").await?.len(),
        names(&world, "controllerrevisions").await?.len(),
        names(&world, "deployments").await?.len(),
    ]
    .to_vec();
    ensure!(
        made == [1, 1, 1, 1],
        "Jobs, Migrations, ControllerRevisions, Deployments: {made:?}"
    );
    Ok(())
}

/// The children of a first release in the order in which they are made, and by what.
const MADE: [(&str, Verb); 6] = [
    ("serviceaccounts", Verb::Patch),
    ("services", Verb::Patch),
    ("migrations", Verb::Create),
    ("jobs", Verb::Create),
    ("controllerrevisions", Verb::Create),
    ("deployments", Verb::Patch),
];

async fn names(world: &World, kind: &str) -> Result<Vec<String>> {
    let objects = world.list(kind).await?;
    objects
        .iter()
        .map(|object| {
            let name = object["metadata"]["name"].as_str();
            Ok(name.context("an object has a name")?.to_owned())
        })
        .collect()
}
