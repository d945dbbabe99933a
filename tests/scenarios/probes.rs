//! Probes that fail: the status says what they asked and were answered, and the deadline that it told stays.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::StreamExt;
use jiff::Timestamp;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use kube::runtime::watcher::{Config, Event, watcher};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::cluster::read::text;
use crate::cluster::wait;
use crate::objects::tells;
use crate::world::World;

/// `spec.rollout.progressDeadlineSeconds`: the shortest that is allowed.
const DEADLINE: i64 = 60;

/// I-47: from the first failure until the cause stands in the status, in seconds.
const SOON: i64 = 15;

/// How late a status may show that a deadline has passed, in seconds.
const LATE: i64 = 5;

/// How far a watch may be behind a read.
const SHOWN: Duration = Duration::from_secs(10);

/// What is wrong.
const CAUSE: &str = "readiness probe GET :8080/no-such-path answers 404";

/// I-47, I-48: a new release asks for a path that is not there. The old one serves, and a release with another path goes out.
pub async fn a_failing_probe_is_told_soon_and_the_told_deadline_stays(world: World) -> Result<()> {
    let _operator = world.operator().await?;
    world.apply(&asking(&world, "/livez")).await?;
    world.apply(&commanding(&world)).await?;
    world.ready("asked").await?;
    let statuses = Statuses::record(&world);
    world.apply(&asking(&world, "/no-such-path")).await?;
    let message = tells(&world, "slb/asked", "RollingOut", CAUSE).await?;
    let told = statuses.first(CAUSE).await?;
    let began = first_failure(&world).await?;
    let after = told.as_second() - began.as_second();
    world.figure(
        "from the first failure of a probe to its cause in the status (wanted < 15 s)",
        format!("{after} s"),
    );
    ensure!(after < SOON, "told after {after} s: {message}");
    world.look_for(&message, "\"msg\":\"serving\"").await?;

    let words = "readiness probe command /orders fails";
    let command = tells(&world, "slb/commanded", "RollingOut", words).await?;
    world.look_for(&command, "Readiness probe failed").await?;

    let stalled = tells(&world, "slb/asked", "NotReady", "passed").await?;
    ensure!(stalled.contains(CAUSE), "{stalled}");
    let passed = statuses.first("passed").await?;
    let (deadline, seen) = (deadline(&message)?, self::deadline(&stalled)?);
    ensure!(deadline == seen, "{message} became {stalled}");
    statuses.hold_one_deadline(passed)?;
    world.condition("slb/asked", "Available", "True").await?;

    world.apply(&asking(&world, "/version")).await?;
    world.ready("asked").await
}

/// A service whose readiness is asked for by this path.
fn asking(world: &World, path: &str) -> Value {
    json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend",
        "metadata": {"name": "asked", "namespace": world.namespace},
        "spec": {
            "image": "slipway.test/orders:1.0.0", "replicas": 1,
            "ports": [{"name": "http", "port": 8080}],
            "probes": {"readiness": {"path": path}},
            "rollout": {"progressDeadlineSeconds": DEADLINE},
            "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
            "shutdown": {"drainSeconds": 1, "graceSeconds": 2},
        },
    })
}

/// A service whose readiness is asked for by a command that prints how it is used, and fails.
fn commanding(world: &World) -> Value {
    let mut backend = asking(world, "/");
    backend["metadata"]["name"] = json!("commanded");
    backend["spec"]["probes"] = json!({"readiness": {"command": ["/orders", "no-such-word"]}});
    backend["spec"]["rollout"] = json!({});
    backend
}

/// When the probe of the new release failed for the first time.
async fn first_failure(world: &World) -> Result<Timestamp> {
    let events = world.list("events").await?;
    let of_it = events.iter().filter(|event| {
        event["reason"] == "Unhealthy" && text(&event["message"]).ends_with("statuscode: 404")
    });
    let times = of_it.filter_map(|event| text(&event["firstTimestamp"]).parse().ok());
    times.min().context("no Event of the kubelet")
}

/// `08:49` of a message.
fn deadline(message: &str) -> Result<String> {
    let (_, rest) = message
        .split_once("deadline ")
        .context(message.to_owned())?;
    Ok(rest.chars().take(5).collect())
}

/// Every status of the Backend `asked`, and when it came.
struct Statuses {
    seen: Arc<Mutex<Vec<(Timestamp, Value)>>>,
    _watch: JoinSet<()>,
}

impl Statuses {
    fn record(world: &World) -> Self {
        let seen: Arc<Mutex<Vec<(Timestamp, Value)>>> = Arc::default();
        let kind = GroupVersionKind::gvk("slipway.dev", "v1alpha1", "Backend");
        let client = world.cluster().client();
        let resource = ApiResource::from_gvk(&kind);
        let api: Api<DynamicObject> = Api::namespaced_with(client, &world.namespace, &resource);
        let record = Arc::clone(&seen);
        let mut watch = JoinSet::new();
        watch.spawn(async move {
            let config = Config::default().fields("metadata.name=asked");
            let mut events = pin!(watcher(api, config));
            while let Some(event) = events.next().await {
                if let Ok(Event::InitApply(object) | Event::Apply(object)) = event {
                    let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
                    record.push((Timestamp::now(), object.data["status"].clone()));
                }
            }
        });
        Self {
            seen,
            _watch: watch,
        }
    }

    fn all(&self) -> Vec<(Timestamp, Value)> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.clone()
    }

    /// When `Ready` first had a message with these words.
    async fn first(&self, words: &str) -> Result<Timestamp> {
        wait::until("the watch to show it", SHOWN, async || {
            let all = self.all();
            let mut with = all
                .iter()
                .filter(|(_, status)| ready(status).contains(words));
            let (time, _) = with.next().context("no status")?;
            anyhow::Ok(*time)
        })
        .await
    }

    /// From the first status of the rollout on, all count from the same moment, and the deadline passes one deadline after it. The first
    /// status is written with the Deployment; its pods are made within the next two seconds.
    fn hold_one_deadline(&self, passed: Timestamp) -> Result<()> {
        let all = self.all();
        let waiting = all
            .iter()
            .filter(|(_, status)| !status["waiting"].is_null());
        let since =
            waiting.map(|(_, status)| text(&status["waiting"]["since"]).parse::<Timestamp>());
        let since = since.collect::<Result<Vec<_>, _>>()?;
        let first = since.first().context("no rollout")?.as_second();
        let last = since.last().context("no rollout")?.as_second();
        ensure!(since.len() > 2 && last - first <= 2, "{since:?}");
        let late = passed.as_second() - last - DEADLINE;
        ensure!((0..LATE).contains(&late), "{late} s late: {all:#?}");
        Ok(())
    }
}

fn ready(status: &Value) -> String {
    let conditions = status["conditions"].as_array();
    let mut ready = conditions
        .into_iter()
        .flatten()
        .filter(|condition| condition["type"] == "Ready");
    ready
        .next()
        .map_or_else(String::new, |ready| text(&ready["message"]))
}
