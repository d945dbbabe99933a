//! The cluster's place in this machine's network: the bridge `slip0`, which carries the node's address, the pods and the databases, and the
//! kernel's settings, which are put back at the end.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::control_plane::NODE_ADDRESS;
use super::debian::find_program;
use super::place::State;
use super::process;

const BRIDGE: &str = "slip0";

/// A bridge without an address of its own takes that of a port, and another when the port goes: each pod that ends then leaves the others without an
/// answer for some seconds.
const BRIDGE_ADDRESS: &str = "0a:58:0a:58:00:01";

/// The pod network's name. Results of the CNI plugins are filed under it in a folder of all networks of the machine.
const POD_NETWORK: &str = "slipway-test-pods";
const PLUGIN_RESULTS: &str = "/var/lib/cni/results";

/// Settings that the harness or the kubelet changes.
const KERNEL_SETTINGS: [&str; 7] = [
    "net/ipv4/ip_forward",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
];

/// Makes the bridge and lets this machine forward, after remembering the kernel's settings.
pub fn create(state: &State) -> Result<()> {
    remember_kernel_settings(state)?;
    fs::write(kernel_file("net/ipv4/ip_forward"), "1")
        .context("let this machine forward packets")?;
    ip(&[
        "link",
        "add",
        BRIDGE,
        "address",
        BRIDGE_ADDRESS,
        "type",
        "bridge",
    ])?;
    ip(&[
        "address",
        "add",
        &format!("{NODE_ADDRESS}/16"),
        "dev",
        BRIDGE,
    ])?;
    ip(&["link", "set", BRIDGE, "up"])
}

/// Writes the configuration by which pods get their addresses. No masquerade and no host ports, so that no packet rule outlives a pod.
pub fn write_pod_network(state: &State) -> Result<PathBuf> {
    let folder = state.path("cni");
    fs::create_dir_all(&folder)?;
    let configuration = serde_json::json!({
        "cniVersion": "1.0.0",
        "name": POD_NETWORK,
        "plugins": [{
            "type": "bridge",
            "bridge": BRIDGE,
            "isGateway": true,
            "hairpinMode": true,
            "ipam": {
                "type": "host-local",
                "dataDir": state.path("cni-addresses"),
                "ranges": [[{"subnet": "10.88.0.0/16", "rangeStart": "10.88.1.0"}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        }],
    });
    fs::write(
        folder.join("10-pods.conflist"),
        serde_json::to_vec_pretty(&configuration)?,
    )?;
    Ok(folder)
}

/// Removes the bridge and kube-proxy's tables, and puts the kernel's settings back. What is not there is fine.
pub fn remove(state: &State) -> Result<()> {
    if Path::new("/sys/class/net").join(BRIDGE).exists() {
        ip(&["link", "delete", BRIDGE])?;
    }
    for protocol in ["ip", "ip6"] {
        let mut nft = Command::new(find_program("nft").unwrap_or_else(|| "nft".into()));
        // Fails where there is no such table.
        let _ = process::run(nft.args(["delete", "table", protocol, "kube-proxy"]));
    }
    remove_plugin_results();
    restore_kernel_settings(state);
    Ok(())
}

/// Removes what the CNI plugins noted of pods that were not deleted one by one: `NETWORK-CONTAINER-eth0`, and of the same container the loopback's.
fn remove_plugin_results() {
    for result in fs::read_dir(PLUGIN_RESULTS).into_iter().flatten().flatten() {
        let name = result.file_name().to_string_lossy().into_owned();
        let container = name
            .strip_prefix(POD_NETWORK)
            .and_then(|rest| rest.trim_start_matches('-').split('-').next());
        if let Some(container) = container {
            // A note that stays harms nobody.
            let _ = fs::remove_file(result.path());
            let _ = fs::remove_file(
                Path::new(PLUGIN_RESULTS).join(format!("cni-loopback-{container}-lo")),
            );
        }
    }
}

fn ip(arguments: &[&str]) -> Result<()> {
    let program = find_program("ip").context("no program `ip`")?;
    process::run(Command::new(program).args(arguments))
        .with_context(|| format!("ip {}", arguments.join(" ")))?;
    Ok(())
}

fn kernel_file(name: &str) -> PathBuf {
    Path::new("/proc/sys").join(name)
}

fn remembered(state: &State) -> PathBuf {
    state.path("kernel-settings.json")
}

fn remember_kernel_settings(state: &State) -> Result<()> {
    let values: BTreeMap<&str, String> = KERNEL_SETTINGS
        .iter()
        .filter_map(|name| Some((*name, fs::read_to_string(kernel_file(name)).ok()?)))
        .collect();
    fs::write(remembered(state), serde_json::to_vec_pretty(&values)?)
        .context("remember the kernel's settings")
}

fn restore_kernel_settings(state: &State) {
    let Ok(bytes) = fs::read(remembered(state)) else {
        return;
    };
    let values: BTreeMap<String, String> = serde_json::from_slice(&bytes).unwrap_or_default();
    for (name, value) in values {
        let file = kernel_file(&name);
        if fs::read_to_string(&file).is_ok_and(|now| now != value) {
            // A setting that this kernel does not let us write was not changed either.
            let _ = fs::write(file, value);
        }
    }
}
