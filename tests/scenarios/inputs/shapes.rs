//! Names, shapes of documents, and changes of stored objects.

#![allow(clippy::too_many_lines, reason = "tables: a line is a row")]

use super::{Answer, Input, Kind, backend, change, named, row};

pub(super) fn names() -> Vec<Input> {
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

pub(super) fn shapes() -> Vec<Input> {
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

pub(super) fn changes() -> Vec<Input> {
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
