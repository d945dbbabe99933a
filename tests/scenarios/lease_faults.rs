//! A Lease that cannot be renewed, or that somebody has laid hands on.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};

use crate::cluster::operator::Operator;
use crate::cluster::proxy::FaultProxy;
use crate::cluster::proxy::call::Verb;
use crate::cluster::proxy::rules::{Fault, Match};
use crate::cluster::wait;
use crate::supervisor::Supervised;
use crate::trace::released_once;
use crate::world::{PATIENCE, World};

/// client-go's renew deadline is 10 s after the last renewal was sent; ending takes up to one more (I-34).
const STEPS_DOWN: Duration = Duration::from_secs(11);

/// F-13, F-7: renewals are answered by 429 with a long hint; the leader steps down in time, the other replica takes over, and what the old
/// one had under way comes too late.
pub async fn a_leader_that_cannot_renew_steps_down_in_time(world: World) -> Result<()> {
    let proxy = FaultProxy::start(world.cluster()).await?;
    let options = world.operator_options().through(proxy.url());
    let leader = Operator::start(world.cluster(), options).await?;
    world.database("orders-db").await?;
    world.condition("sldb/orders-db", "Ready", "True").await?;
    let standby = world.operator().await?;
    wait::until("the other one to stand by", PATIENCE, async || {
        let log = standby.log();
        ensure!(log.contains("standing by"), "{log}");
        anyhow::Ok(())
    })
    .await?;

    let arm = Match::verb(Verb::Patch).resource("jobs").subresource("");
    let arm = proxy.add(arm.only(1), Fault::Hold);
    let retry_after = Some(30);
    let overload = Fault::Answer {
        code: 429,
        retry_after,
    };
    let renewals = proxy.add(Match::verb(Verb::Update).resource("leases"), overload);
    let refused = Instant::now();
    let mut backend = world.orders("orders", "1.0.0", "orders-db");
    backend["spec"]["replicas"] = 1.into();
    world.apply(&backend).await?;
    arm.reached(1, PATIENCE).await?;
    leader.wait(STEPS_DOWN).await?;
    println!(
        "without a renewal the leader ended after {:.1?}",
        refused.elapsed()
    );
    ensure!(renewals.hits() > 1, "one renewal was tried");
    ensure!(
        leader
            .log()
            .contains("no renewal of the Lease succeeded in time"),
        "{}",
        leader.log()
    );

    world.ready("orders").await?;
    world.jobs_let_go().await?;
    arm.release();
    wait::until("the late arm to be refused", PATIENCE, async || {
        let patches = world.requests(None)?.on("jobs");
        let codes: Vec<u16> = patches
            .filter(|entry| entry.verb == "patch")
            .0
            .iter()
            .map(|entry| entry.code)
            .collect();
        ensure!(codes == [200, 200, 200, 409], "{codes:?}");
        anyhow::Ok(())
    })
    .await?;
    released_once(&world).await
}

/// F-12: whatever stands in the Lease, or if it is gone: somebody leads again, and nobody panics.
pub async fn a_lease_that_was_tampered_with_does_not_end_the_election(world: World) -> Result<()> {
    let operator = Supervised::start(&world, world.operator_options()).await?;
    let backend = json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend",
        "metadata": {"name": "mailer", "namespace": world.namespace},
        "spec": {"type": "Worker", "image": "slipway.test/orders:1.0.0", "replicas": 0},
    });
    world.apply(&backend).await?;
    world.ready("mailer").await?;

    let tampered = [
        json!({"holderIdentity": "ghost", "leaseDurationSeconds": 1}),
        json!({"holderIdentity": ""}),
        json!({"holderIdentity": "x".repeat(900_000), "leaseDurationSeconds": 1}),
        json!({"leaseTransitions": i32::MAX}),
        json!({"renewTime": "2106-01-01T00:00:00.000000Z", "acquireTime": null}),
        Value::Null,
    ];
    for (round, spec) in (1..).zip(tampered) {
        let lease: Api<Lease> = Api::namespaced(world.cluster().client(), &world.namespace);
        let patch = Patch::Merge(json!({"spec": spec}));
        lease
            .patch("slipway", &PatchParams::default(), &patch)
            .await
            .with_context(|| format!("tamper with the Lease, round {round}"))?;
        leads(&world, &format!("round {round}")).await?;
    }
    let arguments = ["delete", "lease/slipway", "-n", &world.namespace];
    world.cluster().kubectl_ok(&arguments).await?;
    leads(&world, "the Lease was deleted").await?;
    let log = operator.log();
    ensure!(!log.contains("panic"), "{log}");
    println!(
        "operators started while the Lease was tampered with: {}",
        operator.starts()
    );
    operator.end().await;
    Ok(())
}

/// Somebody carries out a change of the Backend.
async fn leads(world: &World, greeting: &str) -> Result<()> {
    let change = json!({"spec": {"env": [{"name": "GREETING", "value": greeting}]}});
    world.patch("slb/mailer", &change).await?;
    world
        .ready("mailer")
        .await
        .with_context(|| greeting.to_owned())
}
