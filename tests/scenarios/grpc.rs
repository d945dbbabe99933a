//! A gRPC service: its health through the headless Service, where each pod has an address of its own, and its JSON gateway through the other.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::cluster::application::Application;
use crate::cluster::wait;
use crate::world::{PATIENCE, World};

/// `grpc.health.v1` is asked by the kubelet (Ready), from this machine by the addresses of the EndpointSlice, and from a pod by the DNS name; by a
/// real gRPC client each time, which is the service's own program.
pub async fn a_grpc_service_answers_through_its_headless_service_and_its_gateway(
    world: World,
) -> Result<()> {
    let greeter = Application::build("greeter", "1.0.0").await?;
    world
        .cluster()
        .load_image(&greeter.image("migrations")?)
        .await?;
    let _operator = world.operator().await?;
    world.database("words").await?;
    world.apply(&backend(&world)).await?;
    world.ready("greeter").await?;

    // Kubernetes writes the slice down after the pods are ready.
    let addresses = wait::until("both pods behind the Service", PATIENCE, async || {
        let addresses = headless_addresses(&world).await?;
        ensure!(addresses.len() == 2, "{addresses:?}");
        anyhow::Ok(addresses)
    })
    .await?;
    let mut probe = tokio::process::Command::new(greeter.program());
    probe.arg("probe").args(&addresses);
    let output = probe.output().await.context("start the client")?;
    let expected: Vec<String> = addresses
        .iter()
        .map(|address| format!("{address} SERVING"))
        .collect();
    for told in [
        String::from_utf8_lossy(&output.stdout).into_owned(),
        probe_from_a_pod(&world).await?,
    ] {
        let mut told: Vec<&str> = told.lines().collect();
        told.sort_unstable();
        ensure!(told == expected, "{told:?}, not {expected:?}");
    }

    world
        .answers("greeter", "/v1/greet/Ada?language=is", "Halló")
        .await
}

fn backend(world: &World) -> Value {
    json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend",
        "metadata": {"name": "greeter", "namespace": world.namespace},
        "spec": {
            "image": "slipway.test/greeter:1.0.0",
            "replicas": 2,
            "ports": [
                {"name": "grpc", "port": 9090, "protocol": "GRPC", "headless": true},
                {"name": "http", "port": 8080},
            ],
            "shutdown": {"drainSeconds": 2, "graceSeconds": 5},
            "databases": [{"name": "words"}],
            "migrations": [{"name": "schema", "tool": "Goose", "source": {"path": "/migrations"}}],
        },
    })
}

/// `address:port` of each pod behind the headless Service, sorted.
async fn headless_addresses(world: &World) -> Result<Vec<String>> {
    let service = world.get("service/greeter-headless").await?;
    ensure!(service["spec"]["clusterIP"] == "None", "{service}");
    let slices = world.list("endpointslices").await?;
    let slice = slices
        .iter()
        .find(|slice| {
            slice["metadata"]["labels"]["kubernetes.io/service-name"] == "greeter-headless"
        })
        .context("no EndpointSlice of the headless Service")?;
    ensure!(slice["ports"][0]["port"] == 9090, "{slice}");
    let endpoints = slice["endpoints"].as_array().into_iter().flatten();
    let mut addresses: Vec<String> = endpoints
        .filter_map(|endpoint| endpoint["addresses"][0].as_str())
        .map(|address| format!("{address}:9090"))
        .collect();
    addresses.sort();
    Ok(addresses)
}

/// What the client says that asks each host behind the headless Service's name.
async fn probe_from_a_pod(world: &World) -> Result<String> {
    let namespace = &world.namespace;
    let name = format!("greeter-headless.{namespace}.svc.cluster.local:9090");
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "client", "namespace": namespace},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": false,
            "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "client",
                "image": "slipway.test/greeter:1.0.0",
                "args": ["probe", name],
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            }],
        },
    });
    world.apply(&pod).await?;
    wait::until("the client's pod to end", PATIENCE, async || {
        let status = world.get("pod/client").await?["status"].clone();
        ensure!(
            status["phase"] == "Succeeded" || status["phase"] == "Failed",
            "{status}"
        );
        anyhow::Ok(())
    })
    .await?;
    let arguments = ["logs", "client", "-n", namespace];
    world.cluster().kubectl_ok(&arguments).await
}
