//! Objects as JSON, read by the client of this process: a scenario looks every few milliseconds, and a kubectl each time would cost more
//! than what it looks at.

use anyhow::{Context, Result};
use http::Request;
use serde_json::Value;

use super::session::Cluster;

/// Names of kinds as scenarios write them, and where they are served.
const KINDS: [(&[&str], &str); 13] = [
    (&["slb", "backends"], "/apis/slipway.dev/v1alpha1 backends"),
    (
        &["sldb", "databases"],
        "/apis/slipway.dev/v1alpha1 databases",
    ),
    (
        &["slm", "migrations"],
        "/apis/slipway.dev/v1alpha1 migrations",
    ),
    (&["deployment", "deployments"], "/apis/apps/v1 deployments"),
    (&["replicaset", "replicasets"], "/apis/apps/v1 replicasets"),
    (
        &["controllerrevision", "controllerrevisions"],
        "/apis/apps/v1 controllerrevisions",
    ),
    (&["job", "jobs"], "/apis/batch/v1 jobs"),
    (&["pod", "pods"], "/api/v1 pods"),
    (&["event", "events"], "/api/v1 events"),
    (&["service", "services"], "/api/v1 services"),
    (
        &["serviceaccount", "serviceaccounts"],
        "/api/v1 serviceaccounts",
    ),
    (&["configmap", "configmaps"], "/api/v1 configmaps"),
    (&["lease", "leases"], "/apis/coordination.k8s.io/v1 leases"),
];

/// Reads `slb/orders`, or all objects of `jobs` as a list. Kinds that are not in the table are left to kubectl.
pub async fn get(cluster: &Cluster, namespace: &str, object: &str) -> Result<Value> {
    let (kind, name) = object.split_once('/').unwrap_or((object, ""));
    let Some((version, plural)) = served_at(kind) else {
        let arguments = ["get", object, "-n", namespace, "-o", "json"];
        return Ok(serde_json::from_str(
            &cluster.kubectl_ok(&arguments).await?,
        )?);
    };
    let path = format!("{version}/namespaces/{namespace}/{plural}/{name}");
    let request = Request::get(path.trim_end_matches('/')).body(Vec::new())?;
    cluster
        .client()
        .request::<Value>(request)
        .await
        .with_context(|| format!("read {object} in {namespace}"))
}

/// All objects of a kind.
pub async fn list(cluster: &Cluster, namespace: &str, kind: &str) -> Result<Vec<Value>> {
    let list = get(cluster, namespace, kind).await?;
    Ok(list["items"].as_array().cloned().unwrap_or_default())
}

/// A text in an object; empty where there is none.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn served_at(kind: &str) -> Option<(&'static str, &'static str)> {
    let (_, place) = KINDS.iter().find(|(names, _)| names.contains(&kind))?;
    place.split_once(' ')
}
