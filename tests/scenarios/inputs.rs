//! Good and bad input, and how it is answered: the one table for the offline rules (`tests/api_rules.rs`) and for a real API server.
//!
//! The numbers are those of the promise that a row belongs to: a row with one of them is a mistake that people make, and says who answers.
//! Rows without a number hold the other side of a rule: what it must let through.

use serde_json::{Value, json};

/// Which kind a row is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    Backend,
    Database,
    Migration,
}

/// What the API server says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    Accepted,
    /// Part of the refusal's text: the field's path where the schema refuses, words of the rule's message where a rule does.
    Refused(&'static str),
}

/// One row: an object, or a change of one, and the answer.
#[derive(Clone, Debug)]
pub struct Input {
    /// Number of the promise, such as `B-12`; empty for what must pass.
    pub promise: &'static str,
    /// What is written, in words. Unique.
    pub says: String,
    pub kind: Kind,
    /// The object that is there before, for a row about a change. A `status` in it has to be written through the subresource.
    pub before: Option<Value>,
    /// The object that is sent.
    pub object: Value,
    pub answer: Answer,
}

/// A small object of each kind that passes.
pub fn base(kind: Kind) -> Value {
    match kind {
        Kind::Backend => json!({
            "apiVersion": "slipway.dev/v1alpha1",
            "kind": "Backend",
            "metadata": { "name": "orders" },
            "spec": { "image": "registry.example/orders:1.4.0", "ports": [{ "name": "http", "port": 8080 }] },
        }),
        Kind::Database => json!({
            "apiVersion": "slipway.dev/v1alpha1",
            "kind": "Database",
            "metadata": { "name": "orders-db" },
            "spec": { "engine": "PostgreSQL", "host": "db.acme.test", "name": "orders", "credentials": { "secret": "orders-db-app" } },
        }),
        Kind::Migration => json!({
            "apiVersion": "slipway.dev/v1alpha1",
            "kind": "Migration",
            "metadata": { "name": "orders-k3f4x2m7qa" },
            "spec": {
                "backend": "orders", "name": "schema", "database": "orders-db", "tool": "Goose", "phase": "BeforeRollout",
                "source": { "image": "registry.example/orders:1.4.0", "path": "/migrations" },
                "planKey": "a".repeat(52),
            },
        }),
    }
}

/// The base with a patch in YAML laid over it: maps are merged, anything else is replaced, null removes. A patch with an apiVersion stands
/// for itself.
fn patched(kind: Kind, patch: &str) -> Value {
    let patch: Value =
        serde_yaml::from_str(patch).unwrap_or_else(|error| panic!("not YAML: {error}\n{patch}"));
    if patch.get("apiVersion").is_some() {
        return patch;
    }
    let mut object = base(kind);
    merge(&mut object, patch);
    object
}

fn merge(into: &mut Value, patch: Value) {
    match patch {
        Value::Object(fields) => {
            if !into.is_object() {
                *into = json!({});
            }
            let map = into.as_object_mut().expect("it was just made one");
            for (key, value) in fields {
                if value.is_null() {
                    map.remove(&key);
                } else {
                    merge(map.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        other => *into = other,
    }
}

fn row(promise: &'static str, kind: Kind, patch: &str, answer: Answer) -> Input {
    Input {
        promise,
        says: format!("{kind:?} {}", short(patch)),
        kind,
        before: None,
        object: patched(kind, patch),
        answer,
    }
}

fn short(patch: &str) -> String {
    patch.chars().take(120).collect()
}

fn backend(promise: &'static str, spec: &str, refused: &'static str) -> Input {
    row(
        promise,
        Kind::Backend,
        &format!("{{spec: {{{spec}}}}}"),
        Answer::Refused(refused),
    )
}

fn backend_passes(spec: &str) -> Input {
    row(
        "",
        Kind::Backend,
        &format!("{{spec: {{{spec}}}}}"),
        Answer::Accepted,
    )
}

fn database(promise: &'static str, spec: &str, refused: &'static str) -> Input {
    row(
        promise,
        Kind::Database,
        &format!("{{spec: {{{spec}}}}}"),
        Answer::Refused(refused),
    )
}

fn database_passes(spec: &str) -> Input {
    row(
        "",
        Kind::Database,
        &format!("{{spec: {{{spec}}}}}"),
        Answer::Accepted,
    )
}

fn named(promise: &'static str, kind: Kind, name: &str, answer: Answer) -> Input {
    row(
        promise,
        kind,
        &format!("{{metadata: {{name: \"{name}\"}}}}"),
        answer,
    )
}

fn change(promise: &'static str, kind: Kind, before: &str, after: &str, answer: Answer) -> Input {
    Input {
        says: format!("{kind:?} {} -> {}", short(before), short(after)),
        before: Some(patched(kind, before)),
        ..row(promise, kind, after, answer)
    }
}

/// All rows.
pub fn inputs() -> Vec<Input> {
    [
        names(),
        images(),
        environment(),
        files(),
        ports(),
        probes(),
        resources(),
        rest(),
        databases(),
        migrations(),
        shapes(),
        changes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn names() -> Vec<Input> {
    let refused = Answer::Refused("metadata.name of a Backend: at most 40 characters");
    vec![
        named("B-1", Kind::Backend, &"a".repeat(41), refused.clone()),
        named("B-2", Kind::Backend, "1orders", refused.clone()),
        named("B-2", Kind::Backend, "orders.v2", refused),
        named("", Kind::Backend, &"a".repeat(40), Answer::Accepted),
        named("", Kind::Backend, "a", Answer::Accepted),
        named(
            "B-1",
            Kind::Migration,
            &"a".repeat(53),
            Answer::Refused("metadata.name of a Migration: at most 52 characters"),
        ),
        named("", Kind::Migration, &"a".repeat(52), Answer::Accepted),
    ]
}

fn images() -> Vec<Input> {
    let digest = "a".repeat(64);
    let mut rows: Vec<Input> = [
        "",
        " ",
        "Orders",
        "registry.example/",
        ":1.4",
        "a b",
        "orders:",
        "orders@sha1:0123",
        "-orders",
        "orders:1.4\\u202e",
    ]
    .iter()
    .map(|image| {
        backend(
            if image.contains('@') { "B-9" } else { "B-7" },
            &format!("image: \"{image}\""),
            "spec.image",
        )
    })
    .collect();
    for digits in [63, 65] {
        rows.push(backend(
            "B-9",
            &format!("image: \"orders@sha256:{}\"", "a".repeat(digits)),
            "spec.image",
        ));
    }
    rows.push(backend(
        "B-10",
        &format!("image: \"{}\"", "a".repeat(5000)),
        "spec.image",
    ));
    rows.push(row(
        "",
        Kind::Backend,
        &format!("{{spec: {{image: \"{}\"}}}}", "a".repeat(512)),
        Answer::Accepted,
    ));
    for image in [
        "orders",
        "orders:latest",
        "localhost:5000/a/b_c/d--e:V1.0-x",
        "[::1]:5000/orders:1",
        &format!("r.example/orders:1@sha256:{digest}"),
    ] {
        rows.push(backend_passes(&format!("image: \"{image}\"")));
    }
    rows.extend([
        backend("B-32", "args: [\"a\\0b\"]", "spec.args"),
        backend(
            "B-32",
            &format!("args: [\"{}\"]", "a".repeat(1_048_576)),
            "spec.args",
        ),
        backend("B-31", "command: [\"\"]", "spec.command"),
        backend(
            "B-31",
            &format!("args: [{}]", vec!["a"; 65].join(", ")),
            "spec.args",
        ),
        backend_passes(&format!(
            "command: [/app], args: [serve, \"\", \"two\\nlines\", {}]",
            vec!["a"; 61].join(", ")
        )),
        backend("", "imagePullPolicy: Sometimes", "spec.imagePullPolicy"),
        backend(
            "",
            "imagePullSecrets: [{name: a}, {name: a}]",
            "spec.imagePullSecrets",
        ),
        backend_passes("imagePullPolicy: Always, imagePullSecrets: [{name: a}, {name: b.c}]"),
    ]);
    rows
}

fn environment() -> Vec<Input> {
    let many = |count: usize| {
        (0..count)
            .map(|n| format!("{{name: V{n}, value: x}}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    vec![
        backend("B-15", "env: [{name: \"\", value: x}]", "spec.env[0].name"),
        backend(
            "B-15",
            "env: [{name: \"A=B\", value: x}]",
            "spec.env[0].name",
        ),
        backend(
            "B-15",
            "env: [{name: \"A\\0\", value: x}]",
            "spec.env[0].name",
        ),
        backend("B-15", "env: [{name: 1A, value: x}]", "spec.env[0].name"),
        backend(
            "B-15",
            "env: [{name: A, value: \"x\\0\"}]",
            "spec.env[0].value",
        ),
        backend(
            "B-16",
            "env: [{name: A, value: x}, {name: A, value: y}]",
            "spec.env[1]",
        ),
        backend(
            "B-17",
            "env: [{name: A}]",
            "a variable has either value or valueFrom",
        ),
        backend(
            "B-17",
            "env: [{name: A, value: x, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]",
            "a variable has either value or valueFrom",
        ),
        backend(
            "B-19",
            "env: [{name: SLIPWAY_RUN, value: x}]",
            "names that begin with SLIPWAY_ are Slipway's own; choose another name",
        ),
        backend(
            "B-17",
            "env: [{name: A, valueFrom: {}}]",
            "valueFrom needs exactly one of",
        ),
        backend(
            "B-17",
            "env: [{name: A, valueFrom: {fieldRef: {fieldPath: status.podIP}, secretKeyRef: {name: a, key: b}}}]",
            "valueFrom needs exactly one of",
        ),
        backend(
            "",
            "env: [{name: A, valueFrom: {fieldRef: {fieldPath: spec.hostNetwork}}}]",
            "fieldPath",
        ),
        backend(
            "",
            "env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.gpu}}}]",
            "resource",
        ),
        backend(
            "B-24",
            "env: [{name: A, valueFrom: {secretKeyRef: {name: other/keys, key: b}}}]",
            "secretKeyRef.name",
        ),
        backend("B-56", &format!("env: [{}]", many(201)), "spec.env"),
        backend("B-56", &format!("env: [{}]", many(5000)), "spec.env"),
        backend_passes(&format!("env: [{}]", many(200))),
        backend_passes(
            "env: [{name: PGHOST, value: \"\"}, {name: a.b-c, value: \"$(PGHOST)\\nzwei\"}]",
        ),
        backend_passes(
            "env: [{name: A, valueFrom: {fieldRef: {fieldPath: \"metadata.labels['a.b/c']\"}}}, {name: B, valueFrom: {secretKeyRef: {name: s, key: k, optional: true}}}, {name: C, valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: 1Mi}}}]",
        ),
        backend(
            "",
            "envFrom: [{configMap: a, secret: b}]",
            "an entry names either configMap or secret",
        ),
        backend(
            "",
            "envFrom: [{prefix: A_}]",
            "an entry names either configMap or secret",
        ),
        backend(
            "B-19",
            "envFrom: [{configMap: a, prefix: SLIPWAY_}]",
            "choose another prefix",
        ),
        backend_passes("envFrom: [{configMap: a, prefix: A_, optional: true}, {secret: b}]"),
    ]
}

fn files() -> Vec<Input> {
    vec![
        backend(
            "",
            "files: [{mountPath: /etc/a}]",
            "exactly one of configMap, secret, emptyDir, persistentVolumeClaim",
        ),
        backend(
            "",
            "files: [{mountPath: /etc/a, emptyDir: {}, secret: {name: b}}]",
            "exactly one of configMap, secret, emptyDir",
        ),
        backend(
            "",
            "files: [{mountPath: /etc/../a, emptyDir: {}}]",
            "must not contain . or .. as a folder",
        ),
        backend(
            "",
            "files: [{mountPath: /etc/., emptyDir: {}}]",
            "must not contain . or .. as a folder",
        ),
        backend(
            "",
            "files: [{mountPath: etc, emptyDir: {}}]",
            "spec.files[0].mountPath",
        ),
        backend(
            "",
            "files: [{mountPath: /, emptyDir: {}}]",
            "spec.files[0].mountPath",
        ),
        backend(
            "",
            "files: [{mountPath: \"/a:b\", emptyDir: {}}]",
            "spec.files[0].mountPath",
        ),
        backend(
            "",
            "files: [{mountPath: /a, emptyDir: {}}, {mountPath: /a, secret: {name: b}}]",
            "spec.files[1]",
        ),
        backend(
            "B-22",
            "files: [{mountPath: /a, emptyDir: {sizeLimit: 128m}}]",
            "sizeLimit",
        ),
        backend(
            "",
            "files: [{mountPath: /a, emptyDir: {medium: Disk}}]",
            "medium",
        ),
        backend(
            "",
            "files: [{mountPath: /a, configMap: {name: b, keys: [x, x]}}]",
            "keys",
        ),
        backend(
            "B-44",
            "files: [{mountPath: /a, hostPath: {path: /}}]",
            "spec.files[0]",
        ),
        backend_passes(
            "files: [{mountPath: /a/.b/..c, emptyDir: {medium: Memory, sizeLimit: 64Mi}}, {mountPath: /b, configMap: {name: c, keys: [x, y.z]}}, {mountPath: /c, secret: {name: d, optional: true}}, {mountPath: /d, persistentVolumeClaim: {claimName: e, readOnly: true}}]",
        ),
    ]
}

fn ports() -> Vec<Input> {
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

fn probes() -> Vec<Input> {
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

fn resources() -> Vec<Input> {
    let mut rows: Vec<Input> = [
        "1 core", "-100m", "1e400", "0.0001m", "", "1.Gi", "1Mb", ".5",
    ]
    .iter()
    .map(|amount| {
        backend(
            "B-20",
            &format!("resources: {{requests: {{cpu: \"{amount}\"}}}}"),
            "spec.resources.requests",
        )
    })
    .collect();
    rows.extend([
        backend("B-20", "resources: {requests: {cpu: -1}}", "spec.resources.requests"),
        backend("B-20", "resources: {requests: {cpu: 0.5}}", "spec.resources.requests"),
        backend("B-21", "resources: {requests: {cpu: 2}, limits: {cpu: 1500m}}", "a request is above its limit"),
        backend("B-21", "resources: {requests: {memory: 1025Mi}, limits: {memory: 1Gi}}", "a request is above its limit"),
        backend("B-22", "resources: {requests: {memory: 128m}}", "did you mean Mi?"),
        backend("B-22", "resources: {limits: {memory: 128m}}", "did you mean Mi?"),
        backend("", "resources: {requests: {mem: 128Mi}}", "spec.resources.requests knows cpu, memory"),
        backend("", "resources: {limits: {CPU: 1}}", "spec.resources.limits knows cpu, memory"),
        backend_passes("resources: {requests: {cpu: 1, memory: 1Gi}, limits: {cpu: \"1.5\", memory: 1024Mi, example.com/gpu: 1}}"),
        backend_passes("resources: {requests: {memory: 4Gi}}"),
        backend_passes("resources: {limits: {memory: 32Mi, ephemeral-storage: 1G}}"),
        backend("", "go: {memoryLimitPercent: 9}", "10 to 100; write 0 to switch GOMEMLIMIT off"),
        backend("", "go: {memoryLimitPercent: 101}", "spec.go.memoryLimitPercent"),
        backend("", "go: {maxProcs: 0}", "spec.go.maxProcs"),
        backend("", "go: {maxProcs: limit}", "spec.go.maxProcs"),
        backend("", "go: {maxProcs: Limit}", "Limit needs a CPU limit"),
        backend("", "go: {maxProcs: Limit}, resources: {limits: {memory: 1Gi}}", "Limit needs a CPU limit"),
        backend_passes("go: {memoryLimitPercent: 0, maxProcs: Limit}, resources: {limits: {cpu: 2}}"),
        backend_passes("go: {memoryLimitPercent: 10, maxProcs: 4}"),
    ]);
    rows
}

fn rest() -> Vec<Input> {
    vec![
        backend("B-5", "replicas: -1", "spec.replicas"),
        backend("B-5", "replicas: 2147483648", "spec.replicas"),
        backend("B-5", "replicas: 10001", "spec.replicas"),
        backend("B-5", "replicas: 1.5", "spec.replicas"),
        backend("B-5", "replicas: \"3\"", "spec.replicas"),
        row(
            "B-6",
            Kind::Backend,
            "{spec: {replicas: 0}}",
            Answer::Accepted,
        ),
        backend_passes("replicas: 10000"),
        backend(
            "",
            "shutdown: {drainSeconds: 601}",
            "spec.shutdown.drainSeconds",
        ),
        backend(
            "",
            "shutdown: {graceSeconds: 0}",
            "spec.shutdown.graceSeconds",
        ),
        backend(
            "",
            "type: Worker, ports: [], shutdown: {drainSeconds: 5}",
            "spec.shutdown.drainSeconds needs spec.ports",
        ),
        backend_passes("type: Worker, ports: [], shutdown: {drainSeconds: 0, graceSeconds: 3600}"),
        backend_passes("shutdown: {drainSeconds: 600, graceSeconds: 1}"),
        backend(
            "B-44",
            "security: {runAsUser: 0}",
            "is root, which is refused",
        ),
        backend("", "security: {runAsUser: -1}", "spec.security.runAsUser"),
        backend(
            "",
            "security: {runAsUser: 5, useImageUser: true}",
            "runAsUser and useImageUser exclude each other",
        ),
        backend("B-44", "security: {privileged: true}", "spec.security"),
        backend("B-44", "hostNetwork: true", "spec"),
        backend("B-45", "podTemplate: {}", "spec"),
        backend_passes(
            "security: {runAsUser: 1, runAsGroup: 0, fsGroup: 0, useImageUser: false, writableRootFilesystem: true}",
        ),
        backend("", "serviceAccountName: Cleaner", "spec.serviceAccountName"),
        backend_passes("serviceAccountName: cleaner"),
        backend(
            "B-50",
            "rollout: {strategy: {maxSurge: 0}}",
            "are both 0, so no pod could be replaced",
        ),
        backend(
            "B-50",
            "rollout: {strategy: {maxSurge: 0%, maxUnavailable: 0}}",
            "are both 0, so no pod could be replaced",
        ),
        backend(
            "",
            "rollout: {strategy: {type: Recreate, maxSurge: 1}}",
            "Recreate takes neither maxSurge nor maxUnavailable",
        ),
        backend(
            "B-51",
            "rollout: {strategy: {maxUnavailable: 101%}}",
            "spec.rollout.strategy.maxUnavailable",
        ),
        backend(
            "B-51",
            "rollout: {strategy: {maxUnavailable: \"-1\"}}",
            "spec.rollout.strategy.maxUnavailable",
        ),
        backend(
            "B-51",
            "rollout: {strategy: {maxUnavailable: -1}}",
            "spec.rollout.strategy.maxUnavailable",
        ),
        backend(
            "B-51",
            "rollout: {strategy: {maxSurge: ten}}",
            "spec.rollout.strategy.maxSurge",
        ),
        backend(
            "B-52",
            "rollout: {minReadySeconds: 600}",
            "progressDeadlineSeconds (600 when absent) must be above minReadySeconds",
        ),
        backend(
            "B-52",
            "rollout: {progressDeadlineSeconds: 60, minReadySeconds: 60}",
            "progressDeadlineSeconds (600 when absent) must be above",
        ),
        backend(
            "",
            "rollout: {progressDeadlineSeconds: 59}",
            "spec.rollout.progressDeadlineSeconds",
        ),
        backend(
            "",
            "rollout: {progressDeadlineSeconds: 7201}",
            "spec.rollout.progressDeadlineSeconds",
        ),
        backend("B-62", "rollout: {paused: \"yes\"}", "spec.rollout.paused"),
        backend_passes(
            "rollout: {strategy: {maxSurge: 0, maxUnavailable: 1}, progressDeadlineSeconds: 60, minReadySeconds: 59, paused: true}",
        ),
        backend_passes(
            "rollout: {strategy: {type: RollingUpdate, maxSurge: 100%, maxUnavailable: 0%}}",
        ),
        backend_passes("rollout: {strategy: {type: Recreate}}, restartOnConfigChange: false"),
    ]
}

fn databases() -> Vec<Input> {
    let entries = |count: usize| {
        (0..count)
            .map(|n| {
                if n == 0 {
                    "{name: d0}".to_owned()
                } else {
                    format!("{{name: d{n}, envPrefix: D{n}_}}")
                }
            })
            .collect::<Vec<_>>()
            .join(", ")
    };
    vec![
        backend(
            "B-23",
            "databases: [{name: \"\"}]",
            "spec.databases[0].name",
        ),
        backend(
            "B-23",
            "databases: [{name: \"..\"}]",
            "spec.databases[0].name",
        ),
        backend(
            "B-24",
            "databases: [{name: other/orders-db}]",
            "spec.databases[0].name",
        ),
        backend(
            "B-24",
            "databases: [{name: orders-db, namespace: other}]",
            "spec.databases[0]",
        ),
        backend(
            "B-23",
            &format!("databases: [{{name: {}}}]", "a".repeat(300)),
            "spec.databases[0].name",
        ),
        backend(
            "",
            &format!("databases: [{}]", entries(5)),
            "spec.databases",
        ),
        backend(
            "",
            "databases: [{name: a, envPrefix: A_}]",
            "the first entry has the plain variables",
        ),
        backend(
            "",
            "databases: [{name: a}, {name: b}]",
            "every entry but the first needs an envPrefix",
        ),
        backend(
            "",
            "databases: [{name: a}, {name: b, envPrefix: X_}, {name: c, envPrefix: X_}]",
            "two entries have the same envPrefix",
        ),
        backend(
            "",
            "databases: [{name: a}, {name: a, envPrefix: X_}]",
            "spec.databases[1]",
        ),
        backend(
            "B-19",
            "databases: [{name: a}, {name: b, envPrefix: SLIPWAY_}]",
            "choose another envPrefix",
        ),
        backend(
            "",
            "databases: [{name: a, env: {hostname: H}}]",
            "env renames host, port, database",
        ),
        backend(
            "B-19",
            "databases: [{name: a, env: {host: SLIPWAY_H}}]",
            "choose another name in env",
        ),
        backend(
            "",
            "databases: [{name: a, env: {host: \"A=B\"}}]",
            "spec.databases[0].env",
        ),
        backend(
            "",
            "databases: [{name: a, pool: {maxOpen: 0}}]",
            "pool.maxOpen",
        ),
        backend(
            "",
            "databases: [{name: a, pool: {maxIdle: 11}}]",
            "pool.maxIdle is above maxOpen",
        ),
        backend(
            "",
            "databases: [{name: a, pool: {maxOpen: 2, maxIdle: 3}}]",
            "pool.maxIdle is above maxOpen",
        ),
        backend_passes(
            "databases: [{name: a, pool: {maxOpen: 12, maxIdle: 12, maxLifetimeSeconds: 240}, env: {host: DB_HOST, sslMode: DB_TLS}}]",
        ),
        backend_passes(&format!("databases: [{}]", entries(4))),
        database("B-23", "name: \"\"", "spec.name"),
        database("B-23", "name: \"..\"", "spec.name"),
        database("B-23", "name: a/b", "spec.name"),
        database("B-23", &format!("name: {}", "a".repeat(300)), "spec.name"),
        database("", "name: -c", "spec.name"),
        database(
            "B-29",
            "host: \"user:pass@db.acme.test\"",
            "user and password belong in the Secret",
        ),
        database(
            "B-29",
            "host: \"postgres://db.acme.test\"",
            "user and password belong in the Secret",
        ),
        database(
            "",
            "host: \"db.acme.test:5432\"",
            "the port belongs in spec.port",
        ),
        database("", "host: \"a b\"", "is one host name or IP address"),
        database(
            "",
            "host: \"a.test,b.test\"",
            "is one host name or IP address",
        ),
        database("", "host: \"\"", "spec.host"),
        database("B-11", "port: 0", "spec.port"),
        database("B-11", "port: 65536", "spec.port"),
        database("", "engine: Oracle", "spec.engine"),
        database("B-30", "credentials: null", "spec.credentials"),
        database("B-30", "url: postgres://a", "spec"),
        database(
            "B-24",
            "credentials: {secret: other/s}",
            "spec.credentials.secret",
        ),
        database("", "tls: {mode: Maybe}", "spec.tls.mode"),
        database_passes("host: 10.1.2.3, port: 65535, name: orders_v2.eu, tls: {mode: VerifyFull}"),
        database_passes(
            "host: \"2001:db8::1\", credentials: {secret: s, keys: {username: u, password: p.w}}",
        ),
        database_passes("host: my_db.acme.test., port: 1"),
    ]
}

fn migrations() -> Vec<Input> {
    let with = |migration: &str| {
        format!("databases: [{{name: d}}, {{name: e, envPrefix: E_}}], migrations: [{migration}]")
    };
    vec![
        backend(
            "",
            "migrations: [{name: schema, tool: Goose, source: {path: /m}}]",
            "spec.migrations needs spec.databases",
        ),
        backend(
            "",
            &with("{name: s, tool: Goose, source: {path: /m}, database: f}"),
            "database names no entry of spec.databases",
        ),
        backend(
            "",
            &with("{name: s, tool: Liquibase, source: {path: /m}}"),
            "tool",
        ),
        backend("", &with("{name: s, tool: Goose}"), "source"),
        backend(
            "",
            &with("{name: s, tool: Goose, source: {path: m}}"),
            "source.path",
        ),
        backend(
            "",
            &with("{name: s, tool: Goose, source: {path: /m/../n}}"),
            "source.path must not contain",
        ),
        backend(
            "",
            &with("{name: s, tool: Goose, source: {path: /m, image: A}}"),
            "source.image",
        ),
        backend(
            "",
            &with("{name: s, tool: Goose, source: {path: /m}, target: \"7a\"}"),
            "target",
        ),
        backend(
            "",
            &with("{name: s, tool: Goose, source: {path: /m}, target: \"0\"}"),
            "target",
        ),
        backend(
            "B-55",
            &with("{name: s, tool: Goose, source: {path: /m}, target: 7}"),
            "target",
        ),
        backend(
            "",
            &with("{name: S, tool: Goose, source: {path: /m}}"),
            "spec.migrations[0].name",
        ),
        backend(
            "B-38",
            &with(
                "{name: s, tool: Goose, source: {path: /m}}, {name: s, tool: Goose, source: {path: /n}}",
            ),
            "spec.migrations[1]",
        ),
        backend_passes(&with(
            "{name: s, tool: Goose, source: {path: /m, image: \"r.example/sql:9\"}, target: \"20240102030405\", database: e}, {name: t, tool: Goose, source: {path: /n/o.p}}",
        )),
        row(
            "",
            Kind::Migration,
            "{spec: {planKey: short}}",
            Answer::Refused("spec.planKey"),
        ),
        row(
            "",
            Kind::Migration,
            "{spec: {database: a/b}}",
            Answer::Refused("spec.database"),
        ),
        row(
            "",
            Kind::Migration,
            "{spec: {source: {path: m}}}",
            Answer::Refused("spec.source.path"),
        ),
        row(
            "",
            Kind::Migration,
            "{spec: {target: \"7\"}}",
            Answer::Accepted,
        ),
    ]
}

fn shapes() -> Vec<Input> {
    let whole = |rest: &str| {
        format!(
            "{{apiVersion: slipway.dev/v1alpha1, kind: Backend, metadata: {{name: orders}}{rest}}}"
        )
    };
    vec![
        row("B-54", Kind::Backend, &whole(""), Answer::Refused("spec")),
        row(
            "B-54",
            Kind::Backend,
            &whole(", spec: null"),
            Answer::Refused("spec"),
        ),
        row(
            "B-54",
            Kind::Backend,
            &whole(", spec: {}"),
            Answer::Refused("spec.image"),
        ),
        row(
            "B-54",
            Kind::Backend,
            &whole(", spec: {image: a, type: null, ports: null}"),
            Answer::Refused("needs a port"),
        ),
        row(
            "B-54",
            Kind::Backend,
            &whole(
                ", spec: {image: a, type: Worker, env: null, replicas: null, imagePullPolicy: null, probes: {startup: null}, resources: {limits: null}}",
            ),
            Answer::Accepted,
        ),
        backend("B-53", "Image: orders", "spec"),
        backend(
            "B-53",
            "restartOnConfigChange: \"no\"",
            "spec.restartOnConfigChange",
        ),
        backend("B-55", "replicas: 1e12", "spec.replicas"),
    ]
}

fn changes() -> Vec<Input> {
    let schema = |databases: &str, rest: &str| {
        format!(
            "{{spec: {{databases: [{databases}], migrations: [{{name: s, tool: Goose, source: {{path: /m}}{rest}}}]}}}}"
        )
    };
    let type_stays = Answer::Refused("spec.type (Service when absent) cannot be changed");
    let database_stays = Answer::Refused(
        "the database of an entry (the first of spec.databases when absent) cannot be changed",
    );
    let bound_stays = Answer::Refused("cannot be changed while Backends are bound");
    let bound = |backends: i32, rest: &str| {
        format!("{{spec: {{host: db.acme.test{rest}}}, status: {{backends: {backends}}}}}")
    };
    let (d, e) = (
        "{name: d}, {name: e, envPrefix: E_}",
        "{name: e}, {name: d, envPrefix: D_}",
    );
    let backend = Kind::Backend;
    vec![
        change(
            "",
            backend,
            "{spec: {type: Worker}}",
            "{spec: {type: Service}}",
            type_stays.clone(),
        ),
        change(
            "",
            backend,
            "{spec: {type: Worker}}",
            "{spec: {image: a}}",
            type_stays.clone(),
        ),
        change(
            "",
            backend,
            "{spec: {image: a}}",
            "{spec: {type: Worker}}",
            type_stays,
        ),
        change(
            "",
            backend,
            "{spec: {image: a}}",
            "{spec: {type: Service, image: b}}",
            Answer::Accepted,
        ),
        change(
            "B-27",
            backend,
            &schema(d, ""),
            &schema(d, ", database: e"),
            database_stays.clone(),
        ),
        change(
            "B-27",
            backend,
            &schema(d, ""),
            &schema(e, ""),
            database_stays.clone(),
        ),
        change(
            "B-27",
            backend,
            &schema(d, ", database: e"),
            &schema(d, ""),
            database_stays,
        ),
        change(
            "",
            backend,
            &schema(d, ""),
            &schema(d, ", database: d"),
            Answer::Accepted,
        ),
        change(
            "",
            backend,
            &schema(d, ", database: e"),
            &schema(e, ""),
            Answer::Accepted,
        ),
        change(
            "B-37",
            backend,
            &schema(d, ""),
            "{spec: {image: a}}",
            Answer::Accepted,
        ),
        change(
            "B-27",
            Kind::Database,
            &bound(1, ""),
            &bound(1, ", name: other"),
            bound_stays.clone(),
        ),
        change(
            "B-27",
            Kind::Database,
            &bound(2, ""),
            "{spec: {host: other.acme.test}, status: {backends: 2}}",
            bound_stays,
        ),
        change(
            "",
            Kind::Database,
            &bound(1, ""),
            &bound(1, ", port: 6432, credentials: {secret: other}"),
            Answer::Accepted,
        ),
        change(
            "",
            Kind::Database,
            &bound(0, ""),
            &bound(0, ", name: other"),
            Answer::Accepted,
        ),
        change(
            "",
            Kind::Database,
            "{spec: {name: a}}",
            "{spec: {name: b}}",
            Answer::Accepted,
        ),
        change(
            "",
            Kind::Migration,
            "{spec: {name: a}}",
            "{spec: {name: b}}",
            Answer::Refused("spec of a Migration cannot be changed"),
        ),
        change(
            "",
            Kind::Migration,
            "{spec: {name: a}}",
            "{spec: {name: a, target: \"7\"}}",
            Answer::Refused("spec of a Migration cannot be changed"),
        ),
        change(
            "",
            Kind::Migration,
            "{spec: {name: a}}",
            "{spec: {name: a}, metadata: {annotations: {slipway.dev/retry: \"1\"}}}",
            Answer::Accepted,
        ),
    ]
}
