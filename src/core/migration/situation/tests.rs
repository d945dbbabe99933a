//! Whose turn it is on a database, and who does not stand in the way.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Situation, approval, ledger, situation};
use crate::api::backend::Backend;
use crate::api::database::{Database, RunMode};
use crate::api::migration::Migration;
use crate::core::config_map::ConfigMapDigest;
use crate::core::meta;
use crate::core::migration::Seen;
use crate::core::migration::planned::planned;

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
        backends: vec![Arc::new(backend.clone())],
        databases: databases(),
        bound: 2,
        siblings: siblings.to_vec(),
        ..Seen::alone(Arc::clone(migration))
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

/// What the ledger of the first database says of a plan on goose's table.
fn ended(plan: &str, outcome: &str, second: u8) -> Value {
    json!({"planKey": plan, "versionTable": "goose_db_version", "outcome": outcome, "finishedAt": format!("2026-11-24T12:00:{second:02}Z")})
}

/// The same Migration where that ledger holds these entries.
fn with_entries(seen: Seen, entries: &[Value]) -> Seen {
    let mut databases = databases();
    if let Some(database) = databases.get_mut("first") {
        Arc::make_mut(database).status = Some(object(json!({"ledger": {"entries": entries}})));
    }
    Seen { databases, ..seen }
}

fn turn(seen: &Seen) -> (RunMode, bool) {
    match situation(seen, Timestamp::UNIX_EPOCH) {
        Situation::Turn { mode, .. } => {
            let ledger = seen.ledger();
            let own = ledger::entry(&ledger, &seen.migration.spec.plan_key);
            (mode, approval::lists(seen, mode, own))
        }
        other => panic!("{other:?}"),
    }
}

/// migrations.md 4.1, 4.4, I-13: the attempt of an older image was killed and nobody knows how far it came. The plan of the newer one does not
/// start its tool on what may be half applied; it reads the database first.
#[test]
fn a_plan_reads_the_database_first_where_nobody_knows_how_an_older_plan_ended_on_its_table() {
    let orders = backend("orders", &["first"]);
    let newer = migration(&orders, "first", 2, "Queued");
    let after = |entries: &[Value]| {
        turn(&with_entries(
            seen(&newer, &orders, &[], &BTreeMap::new()),
            entries,
        ))
    };
    let unknown = ended("older", "Unknown", 1);
    assert_eq!(
        after(std::slice::from_ref(&unknown)),
        (RunMode::Check, false)
    );
    let read = ended("another", "Blocked", 2);
    assert_eq!(after(&[unknown, read]), (RunMode::Run, false));
}

/// The older plan judges by its own files, also where nobody asks for it any more; but it is not waited for once it has looked in vain, nor where
/// it never looks, as its Backend is gone.
#[test]
fn an_older_plan_that_can_still_read_how_it_ended_is_waited_for() {
    let orders = backend("orders", &["first"]);
    let mut before = orders.clone();
    "image:0".clone_into(&mut before.spec.image);
    let (older, newer) = (
        migration(&before, "first", 1, "Unknown"),
        migration(&orders, "first", 2, "Queued"),
    );
    let unknown = ended(&older.spec.plan_key, "Unknown", 1);
    let of = |migration: &Arc<Migration>, sibling: &Arc<Migration>, entry: &Value| {
        let seen = seen(migration, &orders, &[Arc::clone(sibling)], &BTreeMap::new());
        with_entries(seen, std::slice::from_ref(entry))
    };
    assert_eq!(turn(&of(&older, &newer, &unknown)), (RunMode::Check, false));
    let waiting = Situation::Waiting {
        reason: "Queued",
        message: format!(
            "waits until database first was read to find out how migration {} ended",
            name(&older)
        ),
    };
    assert_eq!(
        situation(&of(&newer, &older, &unknown), Timestamp::UNIX_EPOCH),
        waiting
    );
    let both = [unknown.clone(), ended(&newer.spec.plan_key, "Unknown", 2)];
    let of_newer = seen(&newer, &orders, &[Arc::clone(&older)], &BTreeMap::new());
    assert_eq!(
        turn(&with_entries(of_newer, &both)),
        (RunMode::Check, false)
    );
    let mut orphan = Arc::unwrap_or_clone(older.clone());
    if let Some(owners) = &mut orphan.metadata.owner_references {
        "gone".clone_into(&mut owners[0].uid);
    }
    assert_eq!(
        turn(&of(&newer, &Arc::new(orphan), &unknown)),
        (RunMode::Check, false)
    );
    let mut in_vain = unknown;
    in_vain["nextAttemptAfter"] = json!("2026-11-24T12:10:00Z");
    assert_eq!(turn(&of(&newer, &older, &in_vain)), (RunMode::Check, false));
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
