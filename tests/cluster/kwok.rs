//! Volume without containers: KWOK plays nodes whose pods become ready by themselves. The real node is cordoned meanwhile.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::json;

use super::control_plane::NODE_NAME;
use super::place;
use super::process::{Launch, Process};
use super::session::Cluster;
use super::wait;

/// The annotation by which KWOK knows the nodes it plays, also their label.
const PLAYED: &str = "kwok.x-k8s.io/node";
const PLAYED_SELECTOR: &str = "kwok.x-k8s.io/node=fake";

/// The pods that one played node takes.
const PODS_PER_NODE: &str = "250";

/// Validity of a played node's Lease in seconds, the kubelet's default; without Leases the controller-manager finds the nodes dead.
const LEASE_SECONDS: u32 = 40;

/// Played nodes. Call [`Kwok::stop`] at the end; a dropped value ends the player and leaves its nodes to the teardown.
#[derive(Debug)]
pub struct Kwok {
    process: Process,
    nodes: Api<Node>,
}

impl Kwok {
    /// Starts the player, makes `count` nodes, waits until they are ready and cordons the real node.
    pub async fn start(cluster: &Cluster, count: u32) -> Result<Self> {
        let launch = Launch::new("kwok", cluster.program("kwok")?)
            .option("kubeconfig", cluster.admin_kubeconfig().display())
            .option("manage-all-nodes", false)
            .option("manage-nodes-with-annotation-selector", PLAYED_SELECTOR)
            .option("cidr", "10.99.0.0/16")
            .option("node-lease-duration-seconds", LEASE_SECONDS)
            .option("config", stages().display());
        let process = launch.start(&cluster.state().records(), &cluster.state().logs())?;
        let kwok = Self {
            process,
            nodes: Api::all(cluster.client()),
        };
        for number in 1..=count {
            kwok.create_node(number).await?;
        }
        kwok.wait_until_ready(count).await?;
        kwok.cordon_real_node(true).await?;
        Ok(kwok)
    }

    /// The player's process, for its log.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Uncordons the real node, deletes the played ones with what is left of their pods, and ends the player.
    pub async fn stop(self, cluster: &Cluster) -> Result<()> {
        self.cordon_real_node(false).await?;
        let list = ListParams::default().labels(PLAYED_SELECTOR);
        for node in self.nodes.list(&list).await? {
            if let Some(name) = node.metadata.name {
                delete_pods(cluster, &name).await?;
                self.nodes.delete(&name, &DeleteParams::default()).await?;
            }
        }
        self.process.kill()
    }

    async fn create_node(&self, number: u32) -> Result<()> {
        let name = format!("kwok-{number}");
        let resources = json!({"cpu": "64", "memory": "256Gi", "pods": PODS_PER_NODE});
        let node: Node = serde_json::from_value(json!({
            "metadata": {
                "name": name,
                "annotations": {PLAYED: "fake"},
                "labels": {PLAYED: "fake", "kubernetes.io/hostname": name, "kubernetes.io/os": "linux"},
            },
            "status": {"allocatable": resources, "capacity": resources},
        }))?;
        self.nodes
            .create(&PostParams::default(), &node)
            .await
            .with_context(|| format!("create node {name}"))?;
        Ok(())
    }

    async fn wait_until_ready(&self, count: u32) -> Result<()> {
        let list = ListParams::default().labels(PLAYED_SELECTOR);
        wait::until("the played nodes", Duration::from_mins(1), async || {
            let nodes = self
                .nodes
                .list(&list)
                .await
                .map_err(|error| error.to_string())?;
            let ready = nodes.iter().filter(|node| is_ready(node)).count();
            if ready == count as usize {
                Ok(())
            } else {
                Err(format!("{ready} of {count} are ready"))
            }
        })
        .await
    }

    async fn cordon_real_node(&self, cordoned: bool) -> Result<()> {
        let patch = Patch::Merge(json!({"spec": {"unschedulable": cordoned}}));
        self.nodes
            .patch(NODE_NAME, &PatchParams::default(), &patch)
            .await
            .context("cordon the real node")?;
        Ok(())
    }
}

impl Drop for Kwok {
    fn drop(&mut self) {
        // The teardown ends it too.
        let _ = self.process.kill();
    }
}

/// The file that tells KWOK how to play.
fn stages() -> PathBuf {
    place::project().join("tests/cluster/kwok-stages.yaml")
}

async fn delete_pods(cluster: &Cluster, node: &str) -> Result<()> {
    let pods: Api<Pod> = Api::all(cluster.client());
    for pod in pods
        .list(&ListParams::default().fields(&format!("spec.nodeName={node}")))
        .await?
    {
        if let (Some(namespace), Some(name)) = (pod.metadata.namespace, pod.metadata.name) {
            let pods: Api<Pod> = Api::namespaced(cluster.client(), &namespace);
            match pods
                .delete(&name, &DeleteParams::default().grace_period(0))
                .await
            {
                Ok(_) => {}
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("delete pod {namespace}/{name}"));
                }
            }
        }
    }
    Ok(())
}

fn is_ready(node: &Node) -> bool {
    let conditions = node
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    let tainted = node
        .spec
        .as_ref()
        .and_then(|spec| spec.taints.as_ref())
        .is_some_and(|taints| !taints.is_empty());
    !tainted
        && conditions.is_some_and(|list| {
            list.iter()
                .any(|condition| condition.type_ == "Ready" && condition.status == "True")
        })
}
