//! What makes another plan, and what does not.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{MissingFiles, Planned, version_table};
use crate::api::backend::Backend;
use crate::api::common::Phase;
use crate::api::database::Database;
use crate::api::migration::{Approval, Migration};
use crate::core::config_map::ConfigMapDigest;
use crate::core::meta;
use crate::core::migration::Seen;

/// The Migration of the Backend's first entry, on a database that the Backend calls `d`.
pub(in crate::core::migration) fn first_seen(
    backend: Backend,
    database: Database,
    annotations: Option<&Value>,
) -> Seen {
    let databases = BTreeMap::from([("d".to_owned(), Arc::new(database))]);
    let plan = planned(&backend, &databases).migrations.remove(0);
    let migration: Migration = serde_json::from_value(json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Migration",
        "metadata": {
            "name": plan.object_name, "namespace": "team-a", "annotations": annotations,
            "ownerReferences": [meta::controller_reference(&backend)],
        },
        "spec": plan.spec,
    }))
    .expect("a valid Migration");
    Seen {
        backends: vec![Arc::new(backend)],
        databases,
        ..Seen::alone(Arc::new(migration))
    }
    .with_plan(&BTreeMap::new())
}

fn backend(migrations: &Value, image: &str) -> Backend {
    serde_json::from_value(json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend", "metadata": {"name": "orders", "namespace": "team-a"},
        "spec": {"image": image, "databases": [{"name": "orders-db"}], "migrations": migrations},
    }))
    .expect("a valid Backend")
}

fn databases(host: &str) -> BTreeMap<String, Arc<Database>> {
    let database: Database = serde_json::from_value(json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Database", "metadata": {"name": "orders-db", "namespace": "team-a"},
        "spec": {"engine": "PostgreSQL", "host": host, "name": "orders", "credentials": {"secret": "orders-db-app"}},
    }))
    .expect("a valid Database");
    BTreeMap::from([("orders-db".to_owned(), Arc::new(database))])
}

fn planned(backend: &Backend, databases: &BTreeMap<String, Arc<Database>>) -> Planned {
    super::planned(backend, databases, &BTreeMap::new())
}

/// The entry `schema` with options.
fn with(options: Value) -> Value {
    let mut entry = json!({"name": "schema", "tool": "Goose", "source": {"path": "/migrations"}});
    if let (Some(entry), Value::Object(options)) = (entry.as_object_mut(), options) {
        entry.extend(options);
    }
    json!([entry])
}

fn names(planned: &Planned) -> Vec<String> {
    planned
        .migrations
        .iter()
        .map(|migration| migration.object_name.clone())
        .collect()
}

#[test]
fn the_same_files_on_the_same_database_are_the_same_plan_and_anything_else_is_another() {
    let entry = json!([{"name": "schema", "tool": "Goose", "source": {"path": "/migrations"}}]);
    let renamed = json!([{"name": "tables", "tool": "Goose", "source": {"path": "/migrations"}}]);
    let target = json!([{"name": "schema", "tool": "Goose", "source": {"path": "/migrations"}, "target": "7"}]);
    let path = json!([{"name": "schema", "tool": "Goose", "source": {"path": "/sql"}}]);
    let first = names(&planned(&backend(&entry, "orders:1"), &databases("db")));
    assert_eq!(
        first,
        names(&planned(&backend(&renamed, "orders:1"), &databases("db")))
    );
    for other in [
        planned(&backend(&entry, "orders:2"), &databases("db")),
        planned(&backend(&target, "orders:1"), &databases("db")),
        planned(&backend(&path, "orders:1"), &databases("db")),
        planned(
            &backend(&with(json!({"versionTable": "audit.v"})), "orders:1"),
            &databases("db"),
        ),
        planned(
            &backend(&with(json!({"outOfOrder": "Allow"})), "orders:1"),
            &databases("db"),
        ),
        planned(
            &backend(
                &with(json!({"env": [{"name": "A", "value": "1"}]})),
                "orders:1",
            ),
            &databases("db"),
        ),
        planned(&backend(&entry, "orders:1"), &databases("elsewhere")),
    ] {
        assert_ne!(first, names(&other));
    }
}

/// migrations.md 4.2: what was done stays done, and what is written out means the same as what is left out.
#[test]
fn what_only_says_how_it_is_run_makes_no_other_plan() {
    let plan = |options: Value| {
        names(&planned(
            &backend(&with(options), "orders:1"),
            &databases("db"),
        ))
    };
    for same in [
        json!({"versionTable": "goose_db_version"}),
        json!({"outOfOrder": "Refuse"}),
        json!({"env": []}),
        json!({"toolPath": "/goose"}),
        json!({"timeouts": {"runSeconds": 7200}}),
        json!({"retry": {"attempts": 1}}),
    ] {
        assert_eq!(plan(same.clone()), plan(json!({})), "{same}");
    }
}

#[test]
fn a_program_is_known_by_its_words_and_how_it_is_read_back_may_be_said_later() {
    let plan = |options: Value| {
        let mut entry = json!({"name": "schema", "tool": "Exec", "command": ["/app", "migrate"]});
        if let (Some(entry), Value::Object(options)) = (entry.as_object_mut(), options) {
            entry.extend(options);
        }
        let planned = planned(&backend(&json!([entry]), "orders:1"), &databases("db"));
        let table = planned
            .migrations
            .first()
            .map(|migration| version_table(&migration.spec).to_owned());
        (names(&planned), table.unwrap_or_default())
    };
    let (first, table) = plan(json!({}));
    assert_eq!(table, "");
    let (same, table) = plan(json!({"readBack": "Goose", "idempotent": true}));
    assert_eq!((same, table.as_str()), (first.clone(), "goose_db_version"));
    assert_ne!(first, plan(json!({"command": ["/app migrate"]})).0);
}

#[test]
fn an_entry_whose_database_is_missing_is_named_and_left_out() {
    let entry = json!([{"name": "schema", "tool": "Goose", "database": "audit", "source": {"path": "/migrations"}}]);
    let planned = planned(&backend(&entry, "orders:1"), &databases("db"));
    assert_eq!(
        (
            planned.migrations.len(),
            planned.missing.into_iter().collect::<Vec<_>>()
        ),
        (0, vec!["audit".to_owned()])
    );
}

#[test]
fn two_entries_that_mean_the_same_plan_run_once_and_by_the_stricter_approval() {
    let entry = |name: &str, approval: &str| json!({"name": name, "tool": "Goose", "source": {"path": "/migrations"}, "approval": approval});
    for (first, second) in [("None", "Always"), ("Always", "OnDestructive")] {
        let twice = json!([entry("schema", first), entry("again", second)]);
        let planned = planned(&backend(&twice, "orders:1"), &databases("db"));
        let approvals = planned.migrations.iter();
        let approvals = approvals.map(|one| (one.name.as_str(), one.spec.options.approval));
        assert_eq!(
            approvals.collect::<Vec<_>>(),
            [("schema", Some(Approval::Always))]
        );
    }
}

/// Plans of a Backend where these ConfigMaps exist, each with one file.
fn from_config_maps(migrations: &Value, image: &str, config_maps: &[(&str, &str)]) -> Planned {
    let digest = |(name, content): &(&str, &str)| {
        let config_map = json!({"metadata": {"name": name}, "data": {"1_a.sql": content}});
        let digest: ConfigMapDigest = serde_json::from_value(config_map).expect("a ConfigMap");
        ((*name).to_owned(), Arc::new(digest))
    };
    let config_maps = config_maps.iter().map(digest).collect();
    super::planned(&backend(migrations, image), &databases("db"), &config_maps)
}

/// migrations.md 4.2: a ConfigMap's data are the plan, not its name, and not the image in which the tool lies.
#[test]
fn another_content_of_a_config_map_is_another_plan_and_another_image_is_not() {
    let entry =
        |name: &str| json!([{"name": "schema", "tool": "Goose", "source": {"configMap": name}}]);
    let plan = |name: &str, image: &str, content: &str| {
        names(&from_config_maps(&entry(name), image, &[(name, content)]))
    };
    let first = plan("sql", "orders:1", "SELECT 1;");
    assert_eq!(first.len(), 1);
    assert_eq!(first, plan("sql", "orders:2", "SELECT 1;"));
    assert_eq!(first, plan("tables", "orders:1", "SELECT 1;"));
    assert_ne!(first, plan("sql", "orders:1", "SELECT 2;"));
}

/// The image holds the program.
#[test]
fn another_image_is_another_plan_of_a_program_though_its_files_come_from_a_config_map() {
    let entry = json!([{"name": "schema", "tool": "Exec", "command": ["/app"], "source": {"configMap": "sql"}}]);
    let plan =
        |image: &str, content: &str| names(&from_config_maps(&entry, image, &[("sql", content)]));
    let first = plan("orders:1", "SELECT 1;");
    assert_ne!(first, plan("orders:2", "SELECT 1;"));
    assert_ne!(first, plan("orders:1", "SELECT 2;"));
}

#[test]
fn an_entry_whose_config_map_is_missing_is_named_and_left_out() {
    let entries = json!([
        {"name": "schema", "tool": "Goose", "source": {"path": "/m"}},
        {"name": "audit", "tool": "Goose", "versionTable": "audit", "source": {"configMap": "audit-sql"}},
        {"name": "data", "tool": "Goose", "versionTable": "data", "source": {"configMap": "sql"}},
    ]);
    let planned = from_config_maps(&entries, "orders:1", &[("sql", "SELECT 1;")]);
    let entries: Vec<&str> = planned
        .migrations
        .iter()
        .map(|plan| plan.name.as_str())
        .collect();
    assert_eq!(entries, ["schema", "data"]);
    let missing = MissingFiles {
        entry: "audit".to_owned(),
        phase: Phase::BeforeRollout,
        config_map: "audit-sql".to_owned(),
        after: 1,
    };
    assert_eq!(planned.missing_files, [missing]);
}
