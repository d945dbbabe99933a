//! What the program is and gets: image, variables, files.

#![allow(clippy::too_many_lines, reason = "tables: a line is a row")]

use super::{Answer, Input, Kind, backend, backend_passes, row};

pub(super) fn images() -> Vec<Input> {
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

pub(super) fn environment() -> Vec<Input> {
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

pub(super) fn files() -> Vec<Input> {
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
