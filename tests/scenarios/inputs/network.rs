//! Ports and probes.

#![allow(clippy::too_many_lines, reason = "tables: a line is a row")]

use super::{Input, backend, backend_passes};

pub(super) fn ports() -> Vec<Input> {
    let many = |count: usize| {
        (0..count)
            .map(|n| format!("{{name: p{n}, port: {}}}", 8000 + n))
            .collect::<Vec<_>>()
            .join(", ")
    };
    vec![
        backend(
            "",
            "ports: []",
            "a Service (the type when absent) needs a port",
        ),
        backend(
            "",
            "type: Service, ports: []",
            "a Service (the type when absent) needs a port",
        ),
        backend_passes("type: Worker, ports: []"),
        backend("", "type: Agent", "spec.type"),
        backend("B-11", "ports: [{name: a, port: 0}]", "spec.ports[0].port"),
        backend(
            "B-11",
            "ports: [{name: a, port: 65536}]",
            "spec.ports[0].port",
        ),
        backend("B-11", "ports: [{name: a, port: -1}]", "spec.ports[0].port"),
        backend(
            "B-55",
            "ports: [{name: a, port: \"80\"}]",
            "spec.ports[0].port",
        ),
        backend(
            "B-12",
            "ports: [{name: a, port: 80}, {name: b, port: 80, protocol: GRPC}]",
            "have the same port and transport",
        ),
        backend(
            "B-12",
            "ports: [{name: a, port: 80}, {name: a, port: 81}]",
            "spec.ports[1]",
        ),
        backend(
            "B-12",
            "ports: [{name: a, port: 80}, {name: b, port: 81, servicePort: 80}]",
            "have the same servicePort",
        ),
        backend(
            "B-13",
            "ports: [{name: abcdefghijklmnop, port: 80}]",
            "spec.ports[0].name",
        ),
        backend(
            "B-13",
            "ports: [{name: HTTP, port: 80}]",
            "spec.ports[0].name",
        ),
        backend(
            "B-13",
            "ports: [{name: \"80\", port: 80}]",
            "spec.ports[0].name",
        ),
        backend(
            "B-13",
            "ports: [{name: a--b, port: 80}]",
            "spec.ports[0].name",
        ),
        backend(
            "",
            "ports: [{name: a, port: 80, protocol: SCTP}]",
            "spec.ports[0].protocol",
        ),
        backend("B-56", &format!("ports: [{}]", many(17)), "spec.ports"),
        backend("B-56", &format!("ports: [{}]", many(1000)), "spec.ports"),
        backend_passes(&format!("ports: [{}]", many(16))),
        backend_passes(
            "ports: [{name: 8080-http, port: 65535, servicePort: 80}, {name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53, protocol: TCP, headless: true}]",
        ),
    ]
}

pub(super) fn probes() -> Vec<Input> {
    let mut rows = vec![
        backend(
            "B-49",
            "probes: {readiness: {path: readyz}}",
            "spec.probes.readiness.path",
        ),
        backend(
            "B-49",
            "probes: {readiness: {path: \"/a b\"}}",
            "spec.probes.readiness.path",
        ),
        backend(
            "B-49",
            "probes: {readiness: {periodSeconds: 0}}",
            "spec.probes.readiness.periodSeconds",
        ),
        backend(
            "B-49",
            "probes: {readiness: {timeoutSeconds: 6}}",
            "timeoutSeconds (2 when absent) is above periodSeconds",
        ),
        backend(
            "B-49",
            "probes: {readiness: {periodSeconds: 1}}",
            "timeoutSeconds (2 when absent) is above periodSeconds",
        ),
        backend(
            "",
            "probes: {readiness: {failureThreshold: 0}}",
            "spec.probes.readiness.failureThreshold",
        ),
        backend(
            "",
            "probes: {liveness: {path: /, tcp: true}}",
            "at most one of path, service, tcp, command",
        ),
        backend(
            "",
            "probes: {liveness: {service: \"\", command: [/app]}}",
            "at most one of path, service, tcp, command",
        ),
        backend(
            "",
            "probes: {liveness: {command: [/app], port: http}}",
            "a probe by command takes no port",
        ),
        backend_passes(
            "probes: {startup: {tcp: true, failureThreshold: 60}, readiness: {path: \"/readyz?a=b\", port: http, periodSeconds: 3, timeoutSeconds: 3}, liveness: {command: [/app, \"\"]}}",
        ),
        backend_passes(
            "probes: {readiness: {service: orders.v1.Orders, tcp: false}, liveness: {disabled: true, port: none}}",
        ),
        backend_passes("type: Worker, ports: [], probes: {liveness: {command: [/app, health]}}"),
        backend_passes(
            "ports: [{name: u, port: 53, protocol: UDP}, {name: h, port: 80}], probes: {readiness: {path: /, port: h}}",
        ),
    ];
    for (probe, unknown, needs, udp) in [
        (
            "startup",
            "spec.probes.startup.port names no entry",
            "spec.probes.startup is asked over a port",
            "spec.probes.startup would be asked over a UDP port",
        ),
        (
            "readiness",
            "spec.probes.readiness.port names no entry",
            "spec.probes.readiness is asked over a port",
            "spec.probes.readiness would be asked over a UDP port",
        ),
        (
            "liveness",
            "spec.probes.liveness.port names no entry",
            "spec.probes.liveness is asked over a port",
            "spec.probes.liveness would be asked over a UDP port",
        ),
    ] {
        rows.push(backend(
            "B-14",
            &format!("probes: {{{probe}: {{port: grpc}}}}"),
            unknown,
        ));
        rows.push(backend(
            "B-14",
            &format!("type: Worker, ports: [], probes: {{{probe}: {{path: /}}}}"),
            needs,
        ));
        rows.push(backend(
            "B-14",
            &format!(
                "ports: [{{name: u, port: 53, protocol: UDP}}], probes: {{{probe}: {{tcp: true}}}}"
            ),
            udp,
        ));
        rows.push(backend(
            "B-14",
            &format!("ports: [{{name: h, port: 80}}, {{name: u, port: 53, protocol: UDP}}], probes: {{{probe}: {{port: u}}}}"),
            udp,
        ));
    }
    rows
}
