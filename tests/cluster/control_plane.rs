//! The control plane: etcd, the API server with its audit log, the controller-manager and the scheduler, as processes of this machine.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use kube::Client;

use super::build::Programs;
use super::certificates::Certificates;
use super::kubeconfig::client_of;
use super::place::State;
use super::process::{Launch, Process};
use super::wait;

/// The address of the bridge: the node, DNS and the databases stand there.
pub const NODE_ADDRESS: &str = "10.88.0.1";
pub const NODE_NAME: &str = "node-1";
pub const SERVER: &str = "https://127.0.0.1:6443";

const ETCD: &str = "http://127.0.0.1:2379";
const ETCD_PEERS: &str = "http://127.0.0.1:2380";
const SERVICE_RANGE: &str = "10.96.0.0/16";

/// Every request once, when it is answered, without bodies.
const AUDIT_POLICY: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n- level: Metadata\n";

/// Size in megabytes at which the API server would turn the audit log over; never, as readers hold offsets into it.
const AUDIT_LOG_MEGABYTES: u32 = 100_000;

/// Makes all certificates and kubeconfig files.
pub fn create_identities(state: &State) -> Result<Certificates> {
    let certificates = Certificates::create(&state.certificates())?;
    let names = [
        "DNS:localhost",
        "DNS:kubernetes",
        "DNS:kubernetes.default",
        "DNS:kubernetes.default.svc",
        "IP:127.0.0.1",
        "IP:10.88.0.1",
        "IP:10.96.0.1",
    ];
    certificates.server("apiserver", &names)?;
    certificates.client("admin", "/O=system:masters/CN=admin")?;
    certificates.client("controller-manager", "/CN=system:kube-controller-manager")?;
    certificates.client("scheduler", "/CN=system:kube-scheduler")?;
    let node_names = ["DNS:node-1", "IP:10.88.0.1"];
    certificates.client_and_server(
        "node",
        &format!("/O=system:nodes/CN=system:node:{NODE_NAME}"),
        &node_names,
    )?;
    certificates.token_key("tokens")?;
    for user in ["admin", "controller-manager", "scheduler", "node"] {
        certificates.write_kubeconfig(user, SERVER, &state.kubeconfig(user))?;
    }
    Ok(certificates)
}

/// Starts etcd and the API server and waits until it is ready; then starts the other two.
pub async fn start(
    state: &State,
    programs: &Programs,
    certificates: &Certificates,
) -> Result<Client> {
    start_one(state, etcd(state, programs)?)?;
    let api_server = start_one(state, api_server(state, programs, certificates)?)?;
    let client = client_of(&state.kubeconfig("admin"), None).await?;
    wait_until_ready(&client, &api_server).await?;
    start_one(state, controller_manager(state, programs, certificates)?)?;
    start_one(state, scheduler(state, programs)?)?;
    Ok(client)
}

fn start_one(state: &State, launch: Launch) -> Result<Process> {
    launch.start(&state.records(), &state.logs())
}

async fn wait_until_ready(client: &Client, api_server: &Process) -> Result<()> {
    wait::until("the API server", Duration::from_mins(1), async || {
        if !api_server.is_alive() {
            return Err(format!(
                "it has ended; its log ends with:\n{}",
                super::process::tail(&api_server.log(), 5)
            ));
        }
        let request = hyper::Request::get("/readyz")
            .body(Vec::new())
            .map_err(|error| error.to_string())?;
        client
            .request_text(request)
            .await
            .map_err(|error| error.to_string())
    })
    .await?;
    Ok(())
}

fn etcd(state: &State, programs: &Programs) -> Result<Launch> {
    Ok(Launch::new("etcd", programs.path("etcd")?)
        .option("data-dir", state.path("etcd").display())
        .option("listen-client-urls", ETCD)
        .option("advertise-client-urls", ETCD)
        .option("listen-peer-urls", ETCD_PEERS)
        .argument("--unsafe-no-fsync"))
}

fn api_server(state: &State, programs: &Programs, certificates: &Certificates) -> Result<Launch> {
    let policy = state.path("audit-policy.yaml");
    fs::write(&policy, AUDIT_POLICY).context("write the audit policy")?;
    Ok(Launch::new("apiserver", programs.path("kube-apiserver")?)
        .option("etcd-servers", ETCD)
        .option("secure-port", 6443)
        .option("bind-address", "0.0.0.0")
        .option("advertise-address", NODE_ADDRESS)
        .option("service-cluster-ip-range", SERVICE_RANGE)
        .option(
            "tls-cert-file",
            certificates.certificate("apiserver").display(),
        )
        .option(
            "tls-private-key-file",
            certificates.key("apiserver").display(),
        )
        .option("client-ca-file", certificates.certificate("ca").display())
        .option(
            "kubelet-client-certificate",
            certificates.certificate("admin").display(),
        )
        .option("kubelet-client-key", certificates.key("admin").display())
        .option("kubelet-preferred-address-types", "InternalIP")
        .option("service-account-issuer", "https://kubernetes.default.svc")
        .option(
            "service-account-key-file",
            certificates.key("tokens").display(),
        )
        .option(
            "service-account-signing-key-file",
            certificates.key("tokens").display(),
        )
        .option("authorization-mode", "Node,RBAC")
        .option("enable-admission-plugins", "NodeRestriction")
        .option("allow-privileged", true)
        .option("audit-policy-file", policy.display())
        .option("audit-log-path", state.audit_log().display())
        .option("audit-log-maxsize", AUDIT_LOG_MEGABYTES))
}

/// Its limits on requests are wide, so that two hundred Backends at once measure the operator and not the test cluster.
fn controller_manager(
    state: &State,
    programs: &Programs,
    certificates: &Certificates,
) -> Result<Launch> {
    Ok(Launch::new(
        "controller-manager",
        programs.path("kube-controller-manager")?,
    )
    .option(
        "kubeconfig",
        state.kubeconfig("controller-manager").display(),
    )
    .option(
        "service-account-private-key-file",
        certificates.key("tokens").display(),
    )
    .option("root-ca-file", certificates.certificate("ca").display())
    .option("use-service-account-credentials", true)
    .option("leader-elect", false)
    .option("bind-address", "127.0.0.1")
    .option("kube-api-qps", 300)
    .option("kube-api-burst", 600))
}

fn scheduler(state: &State, programs: &Programs) -> Result<Launch> {
    Ok(Launch::new("scheduler", programs.path("kube-scheduler")?)
        .option("kubeconfig", state.kubeconfig("scheduler").display())
        .option("leader-elect", false)
        .option("bind-address", "127.0.0.1")
        .option("kube-api-qps", 300)
        .option("kube-api-burst", 600))
}
