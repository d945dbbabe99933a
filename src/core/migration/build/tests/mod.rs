//! What a migration's options make of its Job: the first one of a Backend's only migration.

mod files;
mod network;
mod options;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::attempt::Attempt;
use super::job::job;
use crate::api::backend::Backend;
use crate::api::database::{Database, RunMode};
use crate::api::migration::Migration;
use crate::core::config_map::ConfigMapDigest;
use crate::core::migration::parameters::RunParameters;
use crate::core::migration::planned::planned;
use crate::core::settings::{Images, Settings, ToolImages};

/// A platform that has these images of tools.
fn with_tools(tools: ToolImages) -> Settings {
    Settings {
        images: Images {
            tools,
            ..Images::default()
        },
        ..Settings::default()
    }
}

/// The first Job of a Backend's only migration, with these options.
fn made(options: &Value, settings: &Settings) -> Value {
    made_on(&json!({"engine": "PostgreSQL"}), options, settings)
}

/// The same on a Database of which something else is said.
fn made_on(more: &Value, options: &Value, settings: &Settings) -> Value {
    attempted(more, options, settings, job)
}

/// What a builder makes of this attempt.
fn attempted<T>(
    more: &Value,
    options: &Value,
    settings: &Settings,
    make: impl FnOnce(&Attempt) -> T,
) -> T {
    let mut spec = json!({"host": "db.acme.test", "name": "orders", "credentials": {"secret": "orders-db-app"}});
    if let (Some(spec), Some(more)) = (spec.as_object_mut(), more.as_object()) {
        spec.extend(more.clone());
    }
    let mut entry = json!({"name": "schema", "tool": "Goose", "source": {"path": "/migrations"}});
    if let (Some(entry), Some(options)) = (entry.as_object_mut(), options.as_object()) {
        entry.extend(options.clone());
    }
    let backend: Backend = object(&json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend", "metadata": {"name": "orders", "namespace": "team-a"},
        "spec": {"image": "orders:1", "databases": [{"name": "db"}], "migrations": [entry]},
    }));
    let database: Database = object(&json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Database", "metadata": {"name": "db", "namespace": "team-a"},
        "spec": spec,
    }));
    let databases = BTreeMap::from([("db".to_owned(), Arc::new(database.clone()))]);
    let config_maps = BTreeMap::from([("sql".to_owned(), Arc::new(config_map()))]);
    let plan = planned(&backend, &databases, &config_maps)
        .migrations
        .pop()
        .expect("one migration");
    let migration: Migration = object(&json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Migration",
        "metadata": {"name": plan.object_name, "namespace": "team-a", "uid": "uid"}, "spec": plan.spec,
    }));
    make(&Attempt {
        spec: &migration.spec,
        known: None,
        may_have_run: false,
        migration: &migration,
        backend: &backend,
        database: &database,
        settings,
        term: "",
        number: 1,
        mode: RunMode::Run,
        lists: false,
        approved: None,
    })
}

/// The ConfigMap `sql`.
fn config_map() -> ConfigMapDigest {
    object(&json!({"metadata": {"name": "sql"}, "data": {"1_a.sql": "SELECT 1;"}}))
}

fn object<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).expect("a valid object")
}

/// The variables of the container that runs the tool, by name in their order: a plain value, or where it comes from.
fn environment(job: &Value) -> Vec<(String, String)> {
    let variables = job.pointer("/spec/template/spec/containers/0/env");
    let text = |variable: &Value| {
        let secret = variable.pointer("/valueFrom/secretKeyRef");
        secret.map_or_else(
            || variable["value"].as_str().unwrap_or("...").to_owned(),
            |secret| format!("{}", secret["key"]),
        )
    };
    let all = variables.and_then(Value::as_array).into_iter().flatten();
    all.map(|variable| {
        (
            variable["name"].as_str().unwrap_or_default().to_owned(),
            text(variable),
        )
    })
    .filter(|(name, _)| !name.starts_with("SLIPWAY_"))
    .collect()
}

fn parameters(job: &Value) -> RunParameters {
    let variables = job.pointer("/spec/template/spec/containers/0/env");
    let found = variables
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .find(|variable| variable["name"] == "SLIPWAY_RUN")
        .and_then(|variable| variable["value"].as_str());
    serde_json::from_str(found.expect("the runner is told")).expect("parameters")
}
