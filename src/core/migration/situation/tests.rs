//! Whose turn it is on a database, and who does not stand in the way.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Situation, approval, situation};
use crate::api::backend::Backend;
use crate::api::database::{Database, RunMode};
use crate::api::migration::Migration;
use crate::core::config_map::ConfigMapDigest;
use crate::core::meta;
use crate::core::migration::Seen;
use crate::core::migration::planned::{Planned, planned};
use crate::core::settings::Settings;

fn object<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("a valid object")
}

fn databases() -> BTreeMap<String, Arc<Database>> {
    let database = |name: &str| {
        let database = object(json!({
            "apiVersion": "slipway.dev/v1alpha1", "kind": "Database", "metadata": {"name": name, "namespace": "shop"},
            "spec": {"engine": "PostgreSQL", "host": "h", "name": name, "credentials": {"secret": "s"}},
        }));
        (name.to_owned(), Arc::new(database))
    };
    ["first", "second"].map(database).into()
}

/// A Backend that migrates these databases in this order.
fn backend(name: &str, order: &[&str]) -> Backend {
    let bindings: Vec<Value> = order.iter().map(|name| json!({"name": name})).collect();
    let migrations: Vec<Value> = order
        .iter()
        .map(|database| {
            json!({"name": database, "database": database, "tool": "Goose", "source": {"path": "/m"}})
        })
        .collect();
    object(json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend",
        "metadata": {"name": name, "namespace": "shop", "uid": name},
        "spec": {"image": "image:1", "databases": bindings, "migrations": migrations},
    }))
}

/// A Backend's Migration of a database, made in this second.
fn migration(backend: &Backend, database: &str, second: u8, phase: &str) -> Arc<Migration> {
    let planned = planned(backend, &databases(), &files("SELECT 1;")).migrations;
    let plan = planned
        .into_iter()
        .find(|plan| plan.spec.database == database)
        .expect("a migration of that database");
    Arc::new(object(json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Migration",
        "metadata": {
            "name": plan.object_name, "namespace": "shop", "uid": plan.object_name,
            "creationTimestamp": format!("2026-11-24T12:00:{second:02}Z"),
            "ownerReferences": [meta::controller_reference(backend)],
        },
        "spec": plan.spec,
        "status": {"phase": phase},
    })))
}

fn of(migration: &Arc<Migration>, backend: &Backend, siblings: &[Arc<Migration>]) -> Situation {
    of_files(migration, backend, siblings, &BTreeMap::new())
}

/// The same where these ConfigMaps hold files.
fn of_files(
    migration: &Arc<Migration>,
    backend: &Backend,
    siblings: &[Arc<Migration>],
    config_maps: &BTreeMap<String, Arc<ConfigMapDigest>>,
) -> Situation {
    let seen = seen(migration, backend, siblings, config_maps);
    situation(&seen, Timestamp::UNIX_EPOCH)
}

fn seen(
    migration: &Arc<Migration>,
    backend: &Backend,
    siblings: &[Arc<Migration>],
    config_maps: &BTreeMap<String, Arc<ConfigMapDigest>>,
) -> Seen {
    Seen {
        migration: Arc::clone(migration),
        backend: Some(Arc::new(backend.clone())),
        databases: databases(),
        planned: Planned::default(),
        bound: 2,
        siblings: siblings.to_vec(),
        jobs: Vec::new(),
        pods: Vec::new(),
        settings: Arc::new(Settings::default()),
        term: String::new(),
    }
    .with_plan(config_maps)
}

/// The ConfigMap `sql` with one file.
fn files(content: &str) -> BTreeMap<String, Arc<ConfigMapDigest>> {
    let config_map = json!({"metadata": {"name": "sql"}, "data": {"1_a.sql": content}});
    BTreeMap::from([("sql".to_owned(), object(config_map))])
}

fn name(migration: &Migration) -> String {
    migration.metadata.name.clone().unwrap_or_default()
}

#[test]
fn of_two_backends_on_one_database_the_older_migration_goes_first() {
    let (orders, billing) = (
        backend("orders", &["first"]),
        backend("billing", &["first"]),
    );
    let older = migration(&orders, "first", 1, "Queued");
    let newer = migration(&billing, "first", 2, "Queued");
    let behind = Situation::Queued {
        behind: name(&older),
    };
    assert_eq!(of(&newer, &billing, &[Arc::clone(&older)]), behind);
    let turn = of(&older, &orders, &[newer]);
    assert!(
        matches!(turn, Situation::Turn { attempt: 1, .. }),
        "{turn:?}"
    );
}

/// A migration that waits for another of its own Backend's, which may never end well, keeps nobody else from the database.
#[test]
fn a_migration_that_waits_for_its_predecessor_is_not_in_the_queue_of_its_database() {
    let (orders, billing) = (
        backend("orders", &["first", "second"]),
        backend("billing", &["second"]),
    );
    let predecessor = migration(&orders, "first", 1, "Failed");
    let waiting = migration(&orders, "second", 1, "Queued");
    let other = migration(&billing, "second", 2, "Queued");
    let pending = Situation::Waiting {
        reason: "Queued",
        message: format!(
            "waits for migration {}, which comes before it in backend orders",
            name(&predecessor)
        ),
    };
    let siblings = [predecessor, Arc::clone(&other)];
    assert_eq!(of(&waiting, &orders, &siblings), pending);

    let pending = migration(&orders, "second", 1, "Pending");
    let turn = of(&other, &billing, &[pending]);
    assert!(
        matches!(turn, Situation::Turn { attempt: 1, .. }),
        "{turn:?}"
    );
}

/// migrations.md case 43: without it nobody can say which plan is meant, so nothing is given up and nothing runs.
#[test]
fn a_migration_waits_for_the_config_map_of_its_entry_and_of_those_before_it() {
    let mut orders = backend("orders", &["first", "second"]);
    for entry in orders.spec.migrations.iter_mut().take(1) {
        entry.source = object(json!({"configMap": "sql"}));
    }
    let first = migration(&orders, "first", 1, "Queued");
    let second = migration(&orders, "second", 2, "Queued");
    let missing = Situation::Waiting {
        reason: "ConfigMapMissing",
        message: "configmap sql not found (named by backend orders, spec.migrations[first].source.configMap). Next: kubectl get configmap sql -n shop"
            .to_owned(),
    };
    assert_eq!(of(&first, &orders, &[]), missing);
    assert_eq!(of(&second, &orders, &[]), missing);

    let turn = of_files(&first, &orders, &[], &files("SELECT 1;"));
    assert!(
        matches!(turn, Situation::Turn { attempt: 1, .. }),
        "{turn:?}"
    );
    let changed = of_files(&first, &orders, &[], &files("SELECT 2;"));
    assert_eq!(changed, Situation::Superseded);
}

/// migrations.md 4.1, 4.4, I-13: the attempt of an older image was killed and nobody knows how far it came. The plan of the newer one does not
/// start its tool on what may be half applied; it reads the database first.
#[test]
fn a_plan_reads_the_database_first_where_nobody_knows_how_an_older_plan_ended_on_its_table() {
    let orders = backend("orders", &["first"]);
    let newer = migration(&orders, "first", 2, "Queued");
    let mode = |entries: Value| {
        let mut databases = databases();
        if let Some(database) = databases.get_mut("first") {
            let database = Arc::make_mut(database);
            database.status = Some(object(json!({"ledger": {"entries": entries}})));
        }
        let seen = Seen {
            databases,
            ..seen(&newer, &orders, &[], &BTreeMap::new())
        };
        match situation(&seen, Timestamp::UNIX_EPOCH) {
            Situation::Turn { mode, attempt, .. } => {
                let entry = seen.ledger().entries.first().cloned();
                (mode, attempt, approval::lists(&seen, mode, entry.as_ref()))
            }
            other => panic!("{other:?}"),
        }
    };
    let entry = |plan: &str, outcome: &str, second: u8| json!({"planKey": plan, "versionTable": "goose_db_version", "outcome": outcome, "finishedAt": format!("2026-11-24T12:00:{second:02}Z")});
    let unknown = entry("older", "Unknown", 1);
    assert_eq!(mode(json!([unknown])), (RunMode::Check, 1, false));
    let read = entry("another", "Blocked", 2);
    assert_eq!(mode(json!([unknown, read])), (RunMode::Run, 1, false));
}

/// B-62: an attempt that is armed ends, nothing new begins.
#[test]
fn a_paused_backend_starts_no_migration_that_waits_for_its_turn() {
    let mut orders = backend("orders", &["first"]);
    let waiting = migration(&orders, "first", 1, "Queued");
    assert!(matches!(of(&waiting, &orders, &[]), Situation::Turn { .. }));
    orders.spec.rollout = Some(object(json!({"paused": true})));
    let Situation::NotDue(not_due) = of(&waiting, &orders, &[]) else {
        panic!("{:?}", of(&waiting, &orders, &[]));
    };
    assert_eq!(not_due.reason, "Paused");
}

/// An annotation may hold 256 KiB; a ledger that holds some of them would be refused, and with it each outcome.
#[test]
fn of_a_long_token_of_a_retry_the_ledger_keeps_a_hash() {
    let orders = backend("orders", &["first"]);
    let token = |token: &str| {
        let mut migration = migration(&orders, "first", 1, "Failed");
        Arc::make_mut(&mut migration).metadata.annotations =
            Some([(meta::RETRY_ANNOTATION.to_owned(), token.to_owned())].into());
        seen(&migration, &orders, &[], &BTreeMap::new()).retry_token()
    };
    let (one, other) = ("x".repeat(100_000), "y".repeat(100_000));
    assert_eq!(token("7").as_deref(), Some("7"));
    assert_eq!(token(&one).map(|token| token.len()), Some(52));
    assert_ne!(token(&one), token(&other));
}
