//! The memory of the operator under what tenants may legally write, in a control group with the limit of the chart.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use serde_json::{Value, json};
use slipway::api::backend::Backend;
use slipway::core::quantity::Amount;

use crate::cluster::memory::MemoryGroup;
use crate::cluster::operator::Operator;
use crate::cluster::place;
use crate::world::World;

/// Backends of one tenant, each as large as etcd takes.
const LARGE_BACKENDS: usize = 20;

/// References to no variable in one value of 32 KiB, and such values in one Backend: 360,000 in 1.4 MB.
const REFERENCES: usize = 8192;
const VALUES: usize = 44;

/// As many ConfigMaps of this size are in the namespaces of others (kubernetes-sigs/controller-runtime#1491).
const CONFIG_MAPS: usize = 400;
const CONFIG_MAP_BYTES: usize = 900 * 1024;

/// Requests that the test itself has under way.
const AT_ONCE: usize = 16;

/// I-45, case a01 at its largest.
pub async fn backends_of_the_largest_spec_harm_only_themselves(world: World) -> Result<()> {
    let limited = Limited::new(&world)?;
    let first = limited.start(&world).await?;
    let backends: Api<Backend> = Api::namespaced(world.cluster().client(), &world.namespace);
    create(LARGE_BACKENDS, async |number| {
        let large = large(&format!("large-{number}"))?;
        backends.create(&PostParams::default(), &large).await?;
        Ok(())
    })
    .await?;
    world.apply(&worker(&world, "neighbour")).await?;
    world.ready("neighbour").await?;
    let mut repeated = worker(&world, "repeated");
    repeated["spec"]["env"] = json!([{"name": "V", "value": "$(A)".repeat(2000)}]);
    world.apply(&repeated).await?;
    world.ready("repeated").await?;
    let repeated = world.get("slb/repeated").await?["status"].to_string();
    ensure!(repeated.matches("$(A)").count() == 1, "{repeated}");
    world.figure(
        "status of a Backend with 2,000 times one unknown variable",
        format!("{} bytes", repeated.len()),
    );
    for number in 0..LARGE_BACKENDS {
        let name = format!("slb/large-{number}");
        world.condition(&name, "Stalled", "True").await?;
    }
    let large = world.get("slb/large-0").await?;
    let (spec, status) = (large["spec"].to_string().len(), &large["status"]);
    let message = status["conditions"][0]["message"].to_string();
    ensure!(
        message.contains("spec.env") && message.contains("ConfigMap"),
        "{message}"
    );
    ensure!(status.to_string().len() < 4096, "{status}");
    limited.check(&first)?;

    // A successor begins with all of them.
    first.kill()?;
    world.free_the_lease().await?;
    let second = limited.start(&world).await?;
    world.apply(&worker(&world, "later")).await?;
    world.ready("later").await?;
    limited.check(&second)?;
    world.figure(
        format!(
            "memory with {LARGE_BACKENDS} Backends of {} KiB",
            spec / 1024
        ),
        format!(
            "{}; a status of {} bytes each",
            limited.used(&second)?,
            status.to_string().len()
        ),
    );
    Ok(())
}

/// Issue kubernetes-sigs/controller-runtime#1491.
pub async fn config_maps_of_others_do_not_fill_the_memory_of_the_operator(
    world: World,
) -> Result<()> {
    let limited = Limited::new(&world)?;
    let config_maps: Api<ConfigMap> = Api::namespaced(world.cluster().client(), &world.namespace);
    let text = "a line of sixty-three letters, as a file of settings has many.\n";
    let text = text.repeat(CONFIG_MAP_BYTES / text.len());
    create(CONFIG_MAPS, async |number| {
        let config_map = ConfigMap {
            metadata: ObjectMeta {
                name: Some(format!("large-{number:03}")),
                ..ObjectMeta::default()
            },
            data: Some(BTreeMap::from([("file".to_owned(), text.clone())])),
            ..ConfigMap::default()
        };
        config_maps
            .create(&PostParams::default(), &config_map)
            .await?;
        Ok(())
    })
    .await?;
    let mark = world.mark()?;
    let operator = limited.start(&world).await?;
    world.apply(&worker(&world, "orders")).await?;
    world.ready("orders").await?;
    limited.check(&operator)?;
    let lists = world.requests(Some(mark))?.on("configmaps");
    let lists = lists.filter(|entry| entry.verb == "list").len();
    world.figure(
        format!(
            "memory with {CONFIG_MAPS} ConfigMaps of {} KiB",
            CONFIG_MAP_BYTES / 1024
        ),
        format!("{}; read by {lists} requests", limited.used(&operator)?),
    );
    config_maps
        .delete_collection(&DeleteParams::default(), &ListParams::default())
        .await?;
    Ok(())
}

/// The limit of the chart, and the group that has it.
struct Limited {
    group: MemoryGroup,
    limit: u64,
}

impl Limited {
    fn new(world: &World) -> Result<Self> {
        let limit = limit_of_the_chart()?;
        let name = format!("slipway-{}", world.namespace);
        let group = MemoryGroup::create(&name, limit)?;
        Ok(Self { group, limit })
    }

    async fn start(&self, world: &World) -> Result<Operator> {
        let options = world.operator_options().in_group(self.group.processes());
        Operator::start(world.cluster(), options).await
    }

    /// That it runs, and that the kernel has killed none before it.
    fn check(&self, operator: &Operator) -> Result<()> {
        self.group.ensure_no_kill()?;
        ensure!(operator.is_alive(), "{}", operator.log());
        Ok(())
    }

    fn used(&self, operator: &Operator) -> Result<String> {
        let mebibytes = |bytes: u64| bytes / 1024 / 1024;
        let (peak, now) = (self.group.peak()?, operator.resident_memory()?);
        Ok(format!(
            "at most {} MiB of {} MiB; in the end {} MiB are resident",
            mebibytes(peak),
            mebibytes(self.limit),
            mebibytes(now)
        ))
    }
}

fn limit_of_the_chart() -> Result<u64> {
    let values = fs::read_to_string(place::project().join("charts/slipway/values.yaml"))?;
    let values: Value = serde_yaml::from_str(&values)?;
    let text = values["resources"]["limits"]["memory"]
        .as_str()
        .context("the chart has no limit of memory")?;
    let amount = Amount::parse(text).context("the chart's limit is no amount")?;
    Ok(amount.ceil().try_into()?)
}

async fn create(count: usize, one: impl AsyncFn(usize) -> Result<()>) -> Result<()> {
    let one = &one;
    stream::iter(0..count)
        .map(move |number| one(number))
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;
    Ok(())
}

/// Sent as it is: `kubectl apply` would keep a second copy in an annotation, for which it is too large.
fn large(name: &str) -> Result<Backend> {
    let value = "$(A)".repeat(REFERENCES);
    let env: Vec<Value> = (0..VALUES)
        .map(|number| json!({"name": format!("V{number}"), "value": value}))
        .collect();
    Ok(serde_json::from_value(json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend",
        "metadata": {"name": name},
        "spec": {"type": "Worker", "image": "slipway.test/orders:1.0.0", "replicas": 0, "env": env},
    }))?)
}

fn worker(world: &World, name: &str) -> Value {
    json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend",
        "metadata": {"name": name, "namespace": world.namespace},
        "spec": {"type": "Worker", "image": "slipway.test/orders:1.0.0", "replicas": 0},
    })
}
