//! Good and bad input, and how it is answered: the one table for the offline rules (`tests/api_rules.rs`) and for a real API server.
//!
//! The numbers are those of the promise that a row belongs to: a row with one of them is a mistake that people make, and says who answers.
//! Rows without a number hold the other side of a rule: what it must let through.

mod databases;
mod migrations;
mod network;
mod program;
mod running;
mod shapes;

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

fn migration(spec: &str, refused: &'static str) -> Input {
    row(
        "",
        Kind::Migration,
        &format!("{{spec: {{{spec}}}}}"),
        Answer::Refused(refused),
    )
}

fn migration_passes(spec: &str) -> Input {
    row(
        "",
        Kind::Migration,
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
        program::images(),
        program::environment(),
        program::files(),
        network::ports(),
        network::probes(),
        running::resources(),
        running::rest(),
        databases::databases(),
        migrations::entries(),
        migrations::objects(),
        shapes::names(),
        shapes::shapes(),
        shapes::changes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
