//! The one real node: containerd with runc, the kubelet, kube-proxy and DNS, as processes of this machine.
//!
//! Facts that shape the files below. The kubelet wants containerd 2. A kubelet or kube-proxy file that starts with a brace is taken for strict
//! JSON, so they are block YAML. cgroup v1 is served too: the kubelet must be told to accept it, and containerd to use cgroupfs. All that
//! would lie elsewhere on the machine (network namespaces, addresses) is put below the cluster's state.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{Node, Service, ServiceAccount};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{Api, PostParams};
use kube::{Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::build::{PAUSE_IMAGE, Programs};
use super::certificates::Certificates;
use super::control_plane::{NODE_ADDRESS, NODE_NAME};
use super::debian::find_program;
use super::network;
use super::place::State;
use super::process::{self, Launch, Process};
use super::wait;

const DNS_SERVICE: &str = "10.96.0.10";

/// Starts containerd and gives it the pause image. Needs no API server.
pub async fn start_containerd(state: &State, programs: &Programs) -> Result<()> {
    let pod_network = network::write_pod_network(state)?;
    let configuration = state.path("containerd.toml");
    fs::write(
        &configuration,
        containerd_configuration(state, &pod_network)?,
    )?;
    let launch = Launch::new("containerd", programs.path("containerd")?)
        .argument("--config")
        .argument(configuration)
        .variable("PATH", programs.search_path());
    let containerd = start_one(state, launch)?;
    wait::until("containerd", Duration::from_secs(30), async || {
        if !containerd.is_alive() {
            return Err(format!(
                "it has ended; its log ends with:\n{}",
                process::tail(&containerd.log(), 5)
            ));
        }
        ctr(state, programs)
            .map_err(|error| error.to_string())?
            .arg("version")
            .output()
            .await
            .map_err(|error| error.to_string())
            .and_then(|output| {
                output
                    .status
                    .success()
                    .then_some(())
                    .ok_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned())
            })
    })
    .await?;
    let archive = state.path("pause.tar");
    programs.pause_image().write_archive(&archive)?;
    import_image(state, programs, &archive).await
}

/// Puts an OCI archive into the node's image store.
pub async fn import_image(state: &State, programs: &Programs, archive: &Path) -> Result<()> {
    let output = ctr(state, programs)?
        .args(["images", "import"])
        .arg(archive)
        .output()
        .await
        .context("start ctr")?;
    anyhow::ensure!(
        output.status.success(),
        "ctr cannot import {}: {}",
        archive.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

fn ctr(state: &State, programs: &Programs) -> Result<tokio::process::Command> {
    let mut command = tokio::process::Command::new(programs.path("ctr")?);
    command
        .arg("--address")
        .arg(state.containerd_socket())
        .args(["--namespace", "k8s.io"])
        .kill_on_drop(true);
    Ok(command)
}

/// Starts the kubelet, kube-proxy and DNS, and waits until pods can run.
pub async fn start(
    state: &State,
    programs: &Programs,
    certificates: &Certificates,
    client: &Client,
) -> Result<()> {
    start_one(state, kubelet(state, programs, certificates)?)?;
    start_one(state, kube_proxy(state, programs)?)?;
    start_one(state, coredns(state, programs)?)?;
    publish_dns(client).await?;
    wait_until_ready(client).await
}

fn start_one(state: &State, launch: Launch) -> Result<Process> {
    launch.start(&state.records(), &state.logs())
}

fn containerd_configuration(state: &State, pod_network: &Path) -> Result<String> {
    let runc = find_program("runc").context("no program `runc`")?;
    let [root, running, socket, opt] = [
        state.path("containerd"),
        state.path("containerd-run"),
        state.containerd_socket(),
        state.path("containerd-opt"),
    ];
    Ok(format!(
        r#"version = 3
root = "{root}"
state = "{running}"

[grpc]
address = "{socket}"

[plugins."io.containerd.internal.v1.opt"]
path = "{opt}"

[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{PAUSE_IMAGE}"

[plugins."io.containerd.cri.v1.runtime"]
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true

[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["/usr/lib/cni", "/opt/cni/bin"]
conf_dir = "{pod_network}"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
BinaryName = "{runc}"
Root = "{runc_state}"
SystemdCgroup = false
"#,
        root = root.display(),
        running = running.display(),
        socket = socket.display(),
        opt = opt.display(),
        pod_network = pod_network.display(),
        runc = runc.display(),
        runc_state = state.path("runc").display(),
    ))
}

fn kubelet(state: &State, programs: &Programs, certificates: &Certificates) -> Result<Launch> {
    let manifests = state.path("manifests");
    fs::create_dir_all(&manifests)?;
    let configuration = state.path("kubelet.yaml");
    let text = format!(
        "apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix://{socket}
staticPodPath: {manifests}
clusterDomain: cluster.local
clusterDNS:
- {DNS_SERVICE}
authentication:
  anonymous:
    enabled: false
  webhook:
    enabled: true
  x509:
    clientCAFile: {authority}
authorization:
  mode: Webhook
tlsCertFile: {certificate}
tlsPrivateKeyFile: {key}
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
enforceNodeAllocatable: []
localStorageCapacityIsolation: false
evictionHard: {{}}
imageGCHighThresholdPercent: 100
makeIPTablesUtilChains: false
serializeImagePulls: false
maxPods: 250
kubeAPIQPS: 200
kubeAPIBurst: 400
",
        socket = state.containerd_socket().display(),
        manifests = manifests.display(),
        authority = certificates.certificate("ca").display(),
        certificate = certificates.certificate("node").display(),
        key = certificates.key("node").display(),
    );
    fs::write(&configuration, text)?;
    Ok(Launch::new("kubelet", programs.path("kubelet")?)
        .option("config", configuration.display())
        .option("kubeconfig", state.kubeconfig("node").display())
        .option("root-dir", state.path("kubelet").display())
        .option("hostname-override", NODE_NAME)
        .option("node-ip", NODE_ADDRESS)
        .variable("PATH", programs.search_path()))
}

/// `masqueradeAll` sends answers of a pod behind a Service back through this machine: pods share a bridge and would else answer each other
/// past the translation of addresses.
fn kube_proxy(state: &State, programs: &Programs) -> Result<Launch> {
    let configuration = state.path("kube-proxy.yaml");
    let text = format!(
        "apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
hostnameOverride: {NODE_NAME}
clusterCIDR: 10.88.0.0/16
nftables:
  masqueradeAll: true
  minSyncPeriod: 100ms
clientConnection:
  kubeconfig: {kubeconfig}
conntrack:
  maxPerCore: 0
  min: 0
  tcpCloseWaitTimeout: 0s
  tcpEstablishedTimeout: 0s
",
        kubeconfig = state.kubeconfig("admin").display(),
    );
    fs::write(&configuration, text)?;
    Ok(Launch::new("kube-proxy", programs.path("kube-proxy")?)
        .option("config", configuration.display())
        .variable("PATH", programs.search_path()))
}

fn coredns(state: &State, programs: &Programs) -> Result<Launch> {
    let configuration = state.path("Corefile");
    let text = format!(
        ".:53 {{
  bind {NODE_ADDRESS}
  errors
  kubernetes cluster.local in-addr.arpa {{
    kubeconfig {kubeconfig}
    ttl 0
  }}
}}
",
        kubeconfig = state.kubeconfig("admin").display(),
    );
    fs::write(&configuration, text)?;
    Ok(Launch::new("coredns", programs.path("coredns")?)
        .argument("-conf")
        .argument(configuration))
}

/// The DNS server runs outside the cluster: a Service without selector, and its endpoint by hand.
async fn publish_dns(client: &Client) -> Result<()> {
    let service = json!({
        "metadata": {"name": "kube-dns", "namespace": "kube-system"},
        "spec": {
            "clusterIP": DNS_SERVICE,
            "ports": [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"}],
        },
    });
    let endpoints = json!({
        "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": {"kubernetes.io/service-name": "kube-dns"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [NODE_ADDRESS]}],
        "ports": [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"}],
    });
    // The namespace is made by the API server shortly after it is ready.
    wait::until(
        "the namespace kube-system",
        Duration::from_secs(30),
        async || create::<Service>(client, &service).await,
    )
    .await?;
    create::<EndpointSlice>(client, &endpoints)
        .await
        .context("publish the DNS server")
}

async fn create<K>(client: &Client, object: &serde_json::Value) -> Result<(), kube::Error>
where
    K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned
        + Serialize,
{
    let object: K = serde_json::from_value(object.clone()).map_err(kube::Error::SerdeError)?;
    Api::<K>::namespaced(client.clone(), "kube-system")
        .create(&PostParams::default(), &object)
        .await
        .map(|_| ())
}

async fn wait_until_ready(client: &Client) -> Result<()> {
    let nodes: Api<Node> = Api::all(client.clone());
    wait::until("the node", Duration::from_mins(1), async || {
        let node = nodes
            .get(NODE_NAME)
            .await
            .map_err(|error| error.to_string())?;
        let tainted = node
            .spec
            .and_then(|spec| spec.taints)
            .is_some_and(|taints| !taints.is_empty());
        let conditions = node
            .status
            .and_then(|status| status.conditions)
            .unwrap_or_default();
        let ready = conditions
            .iter()
            .any(|condition| condition.type_ == "Ready" && condition.status == "True");
        if ready && !tainted {
            Ok(())
        } else {
            Err(format!("ready: {ready}, tainted: {tainted}"))
        }
    })
    .await?;
    // A pod created before its namespace's `default` account is refused.
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "default");
    wait::until(
        "the ServiceAccount default",
        Duration::from_secs(30),
        async || accounts.get("default").await,
    )
    .await?;
    Ok(())
}
