//! A probe in Kubernetes' shape. Ports are given by number: the kubelet's gRPC probe knows no names.

use serde_json::{Map, Value, json};

use super::super::resolved::{Check, ResolvedProbe};
use super::put;

/// `null` for a probe that is not there.
pub(super) fn probe(probe: Option<&ResolvedProbe>) -> Value {
    let Some(ResolvedProbe {
        check,
        period_seconds,
        timeout_seconds,
        failure_threshold,
    }) = probe
    else {
        return Value::Null;
    };
    let mut members = Map::new();
    match check {
        Check::Get { path, port } => put(
            &mut members,
            "httpGet",
            json!({"path": path, "port": port, "scheme": "HTTP"}),
        ),
        Check::Grpc { service, port } => {
            let mut grpc = json!({"port": port});
            if let (Some(service), Some(inner)) = (service, grpc.as_object_mut()) {
                inner.insert("service".to_owned(), json!(service));
            }
            put(&mut members, "grpc", grpc);
        }
        Check::Connect { port } => put(&mut members, "tcpSocket", json!({"port": port})),
        Check::Run { command } => put(&mut members, "exec", json!({"command": command})),
    }
    put(&mut members, "periodSeconds", json!(period_seconds));
    put(&mut members, "timeoutSeconds", json!(timeout_seconds));
    put(&mut members, "failureThreshold", json!(failure_threshold));
    Value::Object(members)
}
