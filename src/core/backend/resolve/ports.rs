//! Ports, and the times that follow from what is spoken on them.

use std::collections::BTreeSet;

use super::super::resolved::{ResolvedPort, Seconds};
use super::{Invalid, invalid};
use crate::api::backend::{BackendSpec, BackendType};
use crate::api::ports::{Port, Protocol};
use crate::api::workload::Shutdown;

/// The ports in the order of the spec.
pub(super) fn resolve(
    spec: &BackendSpec,
    shape: BackendType,
) -> Result<Vec<ResolvedPort>, Invalid> {
    if spec.ports.is_empty() && shape == BackendType::Service {
        let remedy = "Add one like {name: http, port: 8080}, or set spec.type to Worker";
        return Err(invalid(
            "spec.ports",
            "a Service needs at least one port",
            remedy,
        ));
    }
    if spec.ports.len() > 16 {
        return Err(invalid(
            "spec.ports",
            "more than 16 ports",
            "Give at most 16",
        ));
    }
    let ports: Vec<ResolvedPort> = spec.ports.iter().map(one).collect::<Result<_, _>>()?;
    let mut names = BTreeSet::new();
    let mut numbers = BTreeSet::new();
    let mut service_numbers = BTreeSet::new();
    for port in &ports {
        let field = format!("spec.ports[{}]", port.name);
        if !names.insert(port.name.clone()) {
            return Err(invalid(
                field,
                "the name is there twice",
                "Give each port its own name",
            ));
        }
        if !numbers.insert((port.number, port.transport())) {
            return Err(invalid(
                field,
                format!("{} is there twice", port.number),
                "Give each port its own number",
            ));
        }
        if !service_numbers.insert((port.service_port, port.transport())) {
            let fault = format!("the Service's port {} is there twice", port.service_port);
            return Err(invalid(
                field,
                fault,
                "Give each servicePort its own number",
            ));
        }
    }
    Ok(ports)
}

fn one(port: &Port) -> Result<ResolvedPort, Invalid> {
    let field = format!("spec.ports[{}]", port.name);
    let letters = port
        .name
        .chars()
        .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-');
    let has_letter = port.name.chars().any(|letter| letter.is_ascii_lowercase());
    let dashes = port.name.starts_with('-') || port.name.ends_with('-') || port.name.contains("--");
    if port.name.len() > 15 || !letters || !has_letter || dashes {
        let remedy = "Use at most 15 lower case letters, digits and single dashes, with at least one letter. Example: http";
        return Err(invalid(
            format!("{field}.name"),
            format!("`{}` cannot name a port", port.name),
            remedy,
        ));
    }
    for (part, number) in [
        ("port", Some(port.port)),
        ("servicePort", port.service_port),
    ] {
        if number.is_some_and(|number| !(1..=65535).contains(&number)) {
            return Err(invalid(
                format!("{field}.{part}"),
                "out of range",
                "Give 1 to 65535",
            ));
        }
    }
    Ok(ResolvedPort {
        name: port.name.clone(),
        number: port.port,
        protocol: port.protocol.unwrap_or(Protocol::HTTP),
        service_port: port.service_port.unwrap_or(port.port),
        headless: port.headless == Some(true),
    })
}

/// Times of a pod's end: the user's, else the longest of the protocols' (`backend.md` section 3).
pub(super) fn seconds(
    shutdown: Option<&Shutdown>,
    ports: &[ResolvedPort],
) -> Result<Seconds, Invalid> {
    let drain = ports
        .iter()
        .map(|port| times(port.protocol).drain)
        .max()
        .unwrap_or(0);
    let grace = ports
        .iter()
        .map(|port| times(port.protocol).grace)
        .max()
        .unwrap_or(60);
    let asked = shutdown.cloned().unwrap_or_default();
    if asked
        .drain_seconds
        .is_some_and(|seconds| !(0..=600).contains(&seconds))
    {
        return Err(invalid(
            "spec.shutdown.drainSeconds",
            "out of range",
            "Give 0 to 600 seconds",
        ));
    }
    if asked.drain_seconds.is_some_and(|seconds| seconds > 0) && ports.is_empty() {
        let remedy = "Remove it: without ports no request arrives while the pod drains";
        return Err(invalid("spec.shutdown.drainSeconds", "needs ports", remedy));
    }
    if asked
        .grace_seconds
        .is_some_and(|seconds| !(1..=3600).contains(&seconds))
    {
        return Err(invalid(
            "spec.shutdown.graceSeconds",
            "out of range",
            "Give 1 to 3600 seconds",
        ));
    }
    Ok(Seconds {
        drain: asked.drain_seconds.unwrap_or(drain),
        grace: asked.grace_seconds.unwrap_or(grace),
    })
}

const fn times(protocol: Protocol) -> Seconds {
    match protocol {
        Protocol::HTTP | Protocol::GRPC | Protocol::UDP => Seconds {
            drain: 5,
            grace: 30,
        },
        Protocol::WebSocket | Protocol::TCP => Seconds {
            drain: 10,
            grace: 120,
        },
    }
}
