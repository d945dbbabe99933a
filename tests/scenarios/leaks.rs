//! Where the password of a scenario's databases stands in a namespace besides its Secrets: asked after every scenario, whatever it showed.

use anyhow::Result;
use futures::future::try_join_all;
use futures::stream::{self, StreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, LogParams};
use serde_json::Value;

use crate::aftermath::operator_logs;
use crate::cluster::canary::is_in;
use crate::cluster::history::IDENTITY;
use crate::cluster::read::{self, text};
use crate::cluster::session::Cluster;

/// All that a migration or a release makes or changes, and what is told of it.
const KINDS: [&str; 12] = [
    "slb",
    "sldb",
    "slm",
    "jobs",
    "pods",
    "events",
    "deployments",
    "replicasets",
    "controllerrevisions",
    "services",
    "configmaps",
    "leases",
];

/// Logs that are read at once.
const LOGS_AT_A_TIME: usize = 8;

/// I-39: the objects of these kinds, the logs of the namespace's operators and of its migration pods in which the password stands.
pub async fn leaks(cluster: &Cluster, namespace: &str) -> Result<Vec<String>> {
    let lists = KINDS.map(|kind| read::list(cluster, namespace, kind));
    let mut told = Vec::new();
    for (kind, list) in KINDS.iter().zip(try_join_all(lists).await?) {
        if *kind == "pods" {
            told.extend(migration_logs(cluster, namespace, &list).await);
        }
        told.extend(list.iter().map(|object| {
            let name = text(&object["metadata"]["name"]);
            (format!("{kind}/{name}"), object.to_string())
        }));
    }
    told.extend(operator_logs(cluster, namespace));
    let holds = told.into_iter().filter(|(_, text)| is_in(text));
    Ok(holds
        .map(|(name, _)| format!("a password stands in {name} of {namespace}"))
        .collect())
}

/// The logs of all containers of the migration pods. A container that has not begun has none, and a pod may go just now.
async fn migration_logs(
    cluster: &Cluster,
    namespace: &str,
    pods: &[Value],
) -> Vec<(String, String)> {
    let api: Api<Pod> = Api::namespaced(cluster.client(), namespace);
    let of_migrations = pods
        .iter()
        .filter(|pod| pod["metadata"]["labels"][IDENTITY].is_string());
    let containers: Vec<(String, String)> = of_migrations.flat_map(containers).collect();
    let read = containers.into_iter().map(async |(pod, container)| {
        let parameters = LogParams {
            container: Some(container.clone()),
            ..LogParams::default()
        };
        let log = api.logs(&pod, &parameters).await.unwrap_or_default();
        (format!("the log of {container} in pod {pod}"), log)
    });
    stream::iter(read)
        .buffer_unordered(LOGS_AT_A_TIME)
        .collect()
        .await
}

/// The containers of a pod, each with the pod's name.
fn containers(pod: &Value) -> Vec<(String, String)> {
    ["initContainers", "containers"]
        .into_iter()
        .flat_map(|field| pod["spec"][field].as_array().into_iter().flatten())
        .map(|container| {
            let pod = text(&pod["metadata"]["name"]);
            (pod, text(&container["name"]))
        })
        .collect()
}
