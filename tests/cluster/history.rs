//! The history of a namespace's migration Jobs, their pods and its Databases: every version that the API server showed, in order for each
//! kind. What must hold at every moment is asked of it afterwards, not of the end alone.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use futures::StreamExt;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use kube::runtime::watcher::{Config, Event, watcher};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::read::text;
use super::session::Cluster;

/// On migration Jobs and their pods: which database of a server they are for.
pub const IDENTITY: &str = "slipway.dev/database-identity";

/// Kinds that are recorded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Recorded {
    Job,
    Pod,
    Database,
}

/// A version of an object, or its end.
#[derive(Clone, Debug)]
struct Version {
    kind: Recorded,
    object: Value,
    gone: bool,
}

/// A recorder; it ends when it is dropped.
pub struct History {
    versions: Arc<Mutex<Vec<Version>>>,
    _watches: JoinSet<()>,
}

impl History {
    /// Starts to record; what is there already is its beginning.
    pub async fn record(cluster: &Cluster, namespace: &str) -> Result<Self> {
        let versions = Arc::default();
        let mut watches = JoinSet::new();
        let database = GroupVersionKind::gvk("slipway.dev", "v1alpha1", "Database");
        for (kind, resource) in [
            (Recorded::Job, ApiResource::erase::<Job>(&())),
            (Recorded::Pod, ApiResource::erase::<Pod>(&())),
            (Recorded::Database, ApiResource::from_gvk(&database)),
        ] {
            let (started, starts) = oneshot::channel();
            let api = Api::namespaced_with(cluster.client(), namespace, &resource);
            watches.spawn(watch(api, kind, Arc::clone(&versions), started));
            starts.await.context("a watch ended before it began")?;
        }
        Ok(Self {
            versions,
            _watches: watches,
        })
    }

    /// Where two migration pods of one database were unfinished at once, or two armed Jobs that were not being deleted.
    pub fn overlaps(&self) -> Vec<String> {
        let mut found = self.at_once(Recorded::Job, is_job_at_work);
        found.extend(self.at_once(Recorded::Pod, is_pod_at_work));
        found
    }

    fn at_once(&self, kind: Recorded, is_at_work: fn(&Value) -> bool) -> Vec<String> {
        let mut at_work: BTreeMap<String, String> = BTreeMap::new();
        let mut found = Vec::new();
        for version in self.of(kind) {
            let Some(identity) = version.object["metadata"]["labels"][IDENTITY].as_str() else {
                continue;
            };
            let name = name_of(&version.object);
            if version.gone || !is_at_work(&version.object) {
                at_work.remove(&name);
                continue;
            }
            let others = at_work
                .iter()
                .filter(|(other, theirs)| **other != name && theirs.as_str() == identity);
            found.extend(others.map(|(other, _)| format!("{kind:?} {name} beside {other}")));
            at_work.insert(name, identity.to_owned());
        }
        found.dedup();
        found
    }

    /// The Jobs that were armed, by what follows the Migration's name, in that order: `1`, `c1` for a Check run, `2`.
    pub fn runs(&self, backend: &str) -> Vec<String> {
        let mut runs = Vec::new();
        for version in self.of(Recorded::Job) {
            let name = name_of(&version.object);
            let number = name
                .strip_prefix(&format!("{backend}-"))
                .and_then(|rest| rest.rsplit_once('-'));
            if let Some((_, number)) = number
                && version.object["spec"]["suspend"] == false
                && !runs.contains(&number.to_owned())
            {
                runs.push(number.to_owned());
            }
        }
        runs
    }

    /// What the ledger of a Database said one after the other, as `outcome/reason`, of all its plans. Only a record of another attempt is a new one.
    pub fn outcomes(&self, database: &str) -> Vec<String> {
        let mut outcomes: Vec<(Value, String)> = Vec::new();
        for version in self.of(Recorded::Database) {
            if name_of(&version.object) != database {
                continue;
            }
            let entries = version.object["status"]["ledger"]["entries"].as_array();
            for entry in entries.into_iter().flatten() {
                let text = format!("{}/{}", text(&entry["outcome"]), text(&entry["reason"]));
                let record = (entry["jobUid"].clone(), text);
                if !outcomes.contains(&record) {
                    outcomes.push(record);
                }
            }
        }
        outcomes.into_iter().map(|(_, text)| text).collect()
    }

    fn of(&self, kind: Recorded) -> Vec<Version> {
        let versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        versions
            .iter()
            .filter(|version| version.kind == kind)
            .cloned()
            .collect()
    }
}

async fn watch(
    api: Api<DynamicObject>,
    kind: Recorded,
    versions: Arc<Mutex<Vec<Version>>>,
    started: oneshot::Sender<()>,
) {
    let mut started = Some(started);
    let mut events = pin!(watcher(api, Config::default()));
    while let Some(event) = events.next().await {
        let (object, gone) = match event {
            Ok(Event::InitDone) => {
                // Nobody waits for it a second time.
                let _ = started.take().map(|started| started.send(()));
                continue;
            }
            Ok(Event::InitApply(object) | Event::Apply(object)) => (object, false),
            Ok(Event::Delete(object)) => (object, true),
            // The watch begins again by itself.
            Ok(Event::Init) | Err(_) => continue,
        };
        let object = asked_of(&serde_json::to_value(object).unwrap_or_default());
        versions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Version { kind, object, gone });
    }
}

/// What is asked of a version afterwards: every scenario has a history, and some have hundreds of pods.
fn asked_of(object: &Value) -> Value {
    let (metadata, status) = (&object["metadata"], &object["status"]);
    json!({
        "metadata": {
            "name": metadata["name"],
            "labels": metadata["labels"],
            "deletionTimestamp": metadata["deletionTimestamp"],
        },
        "spec": {"suspend": object["spec"]["suspend"]},
        "status": {
            "conditions": status["conditions"],
            "phase": status["phase"],
            "ledger": status["ledger"],
        },
    })
}

/// Armed and without an end. A Job that is being deleted gets no condition any more; there its pod tells.
fn is_job_at_work(job: &Value) -> bool {
    let conditions = job["status"]["conditions"].as_array();
    let has_ended = conditions.into_iter().flatten().any(|condition| {
        condition["status"] == "True"
            && (condition["type"] == "Complete" || condition["type"] == "Failed")
    });
    job["spec"]["suspend"] == false && !has_ended && job["metadata"]["deletionTimestamp"].is_null()
}

fn is_pod_at_work(pod: &Value) -> bool {
    let phase = &pod["status"]["phase"];
    phase != "Succeeded" && phase != "Failed"
}

fn name_of(object: &Value) -> String {
    text(&object["metadata"]["name"])
}
