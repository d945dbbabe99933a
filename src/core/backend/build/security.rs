//! Pod Security "restricted": what a pod may not do.

use serde_json::{Map, Value, json};

use super::super::resolved::{ResolvedPort, ResolvedSecurity};
use super::put;

/// Ports below this one are the kernel's privileged ports.
const FIRST_UNPRIVILEGED_PORT: i32 = 1024;

/// For all containers of the pod.
pub(super) fn pod(security: &ResolvedSecurity, ports: &[ResolvedPort]) -> Value {
    let mut context = Map::new();
    put(&mut context, "runAsNonRoot", json!(true));
    put(&mut context, "runAsUser", json!(security.user));
    put(&mut context, "runAsGroup", json!(security.group));
    put(&mut context, "fsGroup", json!(security.fs_group));
    if security.fs_group.is_some() {
        // A big disk is not walked again at every start.
        put(&mut context, "fsGroupChangePolicy", json!("OnRootMismatch"));
    }
    put(
        &mut context,
        "seccompProfile",
        json!({"type": "RuntimeDefault"}),
    );
    put(&mut context, "sysctls", sysctls(ports));
    Value::Object(context)
}

/// Lets a program without rights listen below 1024: one of the sysctls that Kubernetes calls safe.
fn sysctls(ports: &[ResolvedPort]) -> Value {
    let lowest = ports
        .iter()
        .map(|port| port.number)
        .min()
        .filter(|number| *number < FIRST_UNPRIVILEGED_PORT);
    lowest.map_or(Value::Null, |number| {
        json!([{"name": "net.ipv4.ip_unprivileged_port_start", "value": number.to_string()}])
    })
}

/// For the program's container.
pub(super) fn container(security: ResolvedSecurity) -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": !security.writable_root,
        "capabilities": {"drop": ["ALL"]},
    })
}
