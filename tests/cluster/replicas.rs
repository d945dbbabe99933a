//! The replicas of an installed Slipway: which one leads by the Lease, its process on the own node, and who comes after it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::Api;

use super::pod_process::PodProcess;
use super::session::Cluster;
use super::wait;

/// Where Slipway's program is in its image.
const PROGRAM: &str = "/slipway";

/// The replicas that share one Lease.
pub struct Replicas<'a> {
    cluster: &'a Cluster,
    namespace: String,
    leases: Api<Lease>,
    lease: String,
}

impl<'a> Replicas<'a> {
    pub fn new(cluster: &'a Cluster, namespace: &str, lease: &str) -> Self {
        Self {
            cluster,
            namespace: namespace.to_owned(),
            leases: Api::namespaced(cluster.client(), namespace),
            lease: lease.to_owned(),
        }
    }

    /// The identity that the Lease names.
    pub async fn leader(&self) -> Result<String> {
        let lease = self.leases.get(&self.lease).await?;
        let holder = lease.spec.and_then(|spec| spec.holder_identity);
        holder
            .filter(|holder| !holder.is_empty())
            .context("nobody leads")
    }

    /// The process of a replica.
    pub async fn process(&self, identity: &str) -> Result<PodProcess> {
        self.cluster
            .process_of_pod(&self.namespace, pod_of(identity), PROGRAM)
            .await
    }

    /// Waits until another one leads; returns its identity and when that was seen.
    pub async fn successor(&self, former: &str, limit: Duration) -> Result<(String, Instant)> {
        wait::until(&format!("a successor of {former}"), limit, async || {
            let leader = self.leader().await?;
            ensure!(leader != former, "{leader} leads");
            anyhow::Ok((leader, Instant::now()))
        })
        .await
    }
}

/// The pod of a replica: an identity is the pod's name and chance, `POD_CHANCE`.
pub fn pod_of(identity: &str) -> &str {
    identity
        .rsplit_once('_')
        .map_or(identity, |(pod, _chance)| pod)
}
