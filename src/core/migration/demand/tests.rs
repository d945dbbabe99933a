//! Which demands for an approval a Migration has to meet.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{By, Demanded, demanded, remember};
use crate::api::backend::Backend;
use crate::api::database::Database;
use crate::api::migration::{Approval, Migration};
use crate::core::meta;
use crate::core::migration::Seen;
use crate::core::migration::planned::planned;

fn object<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("a valid object")
}

/// A namespace with one Database and, where not said otherwise, one Backend.
struct Shop {
    databases: Vec<Database>,
    backends: Vec<Backend>,
    siblings: Vec<Migration>,
}

impl Shop {
    fn new(backends: &[Backend]) -> Self {
        Self {
            databases: vec![database("db", &json!({}))],
            backends: backends.to_vec(),
            siblings: Vec::new(),
        }
    }

    fn databases(&self) -> BTreeMap<String, Arc<Database>> {
        let of = |database: &Database| {
            let name = database.metadata.name.clone().unwrap_or_default();
            (name, Arc::new(database.clone()))
        };
        self.databases.iter().map(of).collect()
    }

    /// The Migration that a Backend plans.
    fn made_for(&self, backend: &Backend) -> Migration {
        let plan = planned(backend, &self.databases(), &BTreeMap::new());
        let plan = plan.migrations.into_iter().next().expect("one");
        object(json!({
            "metadata": {
                "name": plan.object_name, "namespace": "shop", "uid": plan.object_name,
                "ownerReferences": [meta::controller_reference(backend)],
            },
            "spec": plan.spec,
        }))
    }

    fn seen(&self, migration: &Migration) -> Seen {
        Seen {
            backends: self.backends.iter().cloned().map(Arc::new).collect(),
            databases: self.databases(),
            siblings: self.siblings.iter().cloned().map(Arc::new).collect(),
            ..Seen::alone(Arc::new(migration.clone()))
        }
        .with_plan(&BTreeMap::new())
    }

    fn demanded(&self, migration: &Migration) -> Demanded {
        let seen = self.seen(migration);
        let ledger = seen.ledger();
        demanded(&seen, seen.own_entry(&ledger))
    }

    /// This Migration waits from now on.
    fn waits(&mut self, migration: &Migration) {
        let ledger = remember(&self.seen(migration)).expect("a new demand");
        for database in &mut self.databases {
            if database.metadata.name.as_deref() == Some("db") {
                database.status.get_or_insert_default().ledger = Some(ledger.clone());
            }
        }
    }
}

fn with(mut base: Value, changes: &Value) -> Value {
    for (key, value) in changes.as_object().into_iter().flatten() {
        base[key] = value.clone();
    }
    base
}

fn database(name: &str, changes: &Value) -> Database {
    let spec =
        json!({"engine": "PostgreSQL", "host": "h", "name": "d", "credentials": {"secret": "s"}});
    object(json!({"metadata": {"name": name, "namespace": "shop"}, "spec": with(spec, changes)}))
}

/// A Backend of this name and uid, whose entry has these fields besides.
fn backend(name: &str, uid: &str, image: &str, entry: &Value) -> Backend {
    let base = json!({"name": "schema", "tool": "Goose", "source": {"path": "/m"}});
    object(json!({
        "metadata": {"name": name, "namespace": "shop", "uid": uid},
        "spec": {"image": image, "databases": [{"name": "db"}], "migrations": [with(base, entry)]},
    }))
}

/// A hand-written Migration that names this Backend.
fn hand_written(backend: &str, image: &str, fields: &Value) -> Migration {
    let spec = json!({
        "backend": backend, "name": "repair", "database": "db", "tool": "Goose", "phase": "BeforeRollout",
        "source": {"image": image, "path": "/m"},
    });
    object(
        json!({"metadata": {"name": "repair", "namespace": "shop", "uid": "repair"}, "spec": with(spec, fields)}),
    )
}

fn by(approval: Approval, by: By) -> Demanded {
    Demanded { approval, by }
}

const APPROVALS: [Approval; 3] = [Approval::None, Approval::OnDestructive, Approval::Always];

#[test]
fn the_strictest_of_migration_entry_and_database_counts_and_is_named() {
    for made in APPROVALS {
        for now in APPROVALS {
            for of_database in APPROVALS {
                let entry = |approval| json!({"approval": approval});
                let mut shop = Shop::new(&[backend("orders", "1", "o:1", &entry(made))]);
                let migration = shop.made_for(&shop.backends[0]);
                shop.backends = vec![backend("orders", "1", "o:1", &entry(now))];
                shop.databases = vec![database("db", &json!({"approval": of_database}))];
                let own = made.max(now);
                let wanted = if of_database > own {
                    by(of_database, By::Database("db".to_owned()))
                } else {
                    by(own, By::Itself)
                };
                assert_eq!(shop.demanded(&migration), wanted, "{made:?} {now:?}");
            }
        }
    }
}

#[test]
fn a_second_database_object_of_the_same_address_does_not_lift_the_demand() {
    let orders = backend("orders", "1", "o:1", &json!({}));
    let demands = |changes: Value| {
        let mut shop = Shop::new(std::slice::from_ref(&orders));
        shop.databases.push(database(
            "strict",
            &with(changes, &json!({"approval": "Always"})),
        ));
        shop.demanded(&shop.made_for(&orders)).approval
    };
    assert_eq!(demands(json!({})), Approval::Always);
    assert_eq!(
        demands(json!({"host": "H.", "port": 5432})),
        Approval::Always
    );
    assert_eq!(demands(json!({"name": "e"})), Approval::None);
}

/// Each row: who comes with what, while the plan of image o:1 of the Backend of uid 1 waits.
#[test]
fn what_waits_is_remembered_for_its_plan_its_files_and_its_version_table() {
    let orders = backend("orders", "1", "o:1", &json!({"approval": "Always"}));
    let none = by(Approval::None, By::Itself);
    let mut shop = Shop::new(std::slice::from_ref(&orders));
    let waiting = shop.made_for(&orders);
    shop.waits(&waiting);
    let name = waiting.metadata.name.clone().unwrap_or_default();
    let held = by(
        Approval::Always,
        By::Ledger {
            database: "db".to_owned(),
            migration: name,
        },
    );
    assert_eq!(remember(&shop.seen(&waiting)), None);

    let other_table = json!({"versionTable": "t"});
    for (name, uid, image, changes, wanted) in [
        // The same plan of the same Backend waits on. For another plan of it, its entry speaks.
        ("orders", "1", "o:1", json!({}), &held),
        ("orders", "1", "o:2", json!({}), &none),
        // Made again, or a second one: the plan, its version table or its files are known.
        ("orders", "2", "o:1", json!({}), &held),
        ("orders", "2", "o:2", json!({}), &held),
        ("second", "2", "o:1", json!({}), &held),
        ("second", "2", "o:2", json!({"target": "1"}), &held),
        (
            "second",
            "2",
            "o:2",
            json!({"phase": "AfterRollout"}),
            &held,
        ),
        ("second", "2", "o:1", other_table.clone(), &held),
        ("second", "2", "o:2", other_table.clone(), &none),
    ] {
        shop.backends = vec![backend(name, uid, image, &changes)];
        let migration = shop.made_for(&shop.backends[0]);
        assert_eq!(&shop.demanded(&migration), wanted, "{:?}", migration.spec);
    }
    shop.backends = vec![backend("second", "2", "o:3", &other_table)];
    for (image, table, wanted) in [
        ("o:1", "t", &held),
        ("o:2", "goose_db_version", &held),
        ("o:2", "t", &none),
    ] {
        let written = hand_written("second", image, &json!({"versionTable": table}));
        assert_eq!(&shop.demanded(&written), wanted, "{image} {table}");
    }
}

/// A program has no version table of its own: its plan and its words are known.
#[test]
fn a_program_that_waits_is_remembered_by_its_image_and_its_command() {
    let program = |uid: &str, word: &str, approval: Value| {
        let entry = json!({"tool": "Exec", "source": {}, "command": [word], "approval": approval});
        backend("orders", uid, "o:1", &entry)
    };
    let waits = program("1", "drop", json!("OnDestructive"));
    let mut shop = Shop::new(std::slice::from_ref(&waits));
    let migration = shop.made_for(&waits);
    shop.waits(&migration);
    for (uid, word, wanted) in [
        ("1", "drop", Approval::OnDestructive),
        ("2", "drop", Approval::OnDestructive),
        ("2", "other", Approval::None),
    ] {
        shop.backends = vec![program(uid, word, json!("None"))];
        let migration = shop.made_for(&shop.backends[0]);
        assert_eq!(shop.demanded(&migration).approval, wanted, "{uid} {word}");
    }
}

#[test]
fn a_hand_written_migration_meets_the_demand_of_every_backend_on_its_database() {
    let strict = backend("orders", "1", "o:1", &json!({"approval": "OnDestructive"}));
    let second = backend("second", "2", "s:1", &json!({}));
    let mut shop = Shop::new(&[strict, second]);
    let repair = hand_written(
        "second",
        "repair:1",
        &json!({"tool": "Exec", "source": {"image": "repair:1"}, "command": ["/repair"]}),
    );
    assert_eq!(
        shop.demanded(&repair),
        by(Approval::OnDestructive, By::Backend("orders".to_owned()))
    );
    shop.databases = vec![
        database("db", &json!({"name": "other"})),
        database("strict", &json!({})),
    ];
    shop.backends[0].spec.databases[0].name = "strict".to_owned();
    assert_eq!(shop.demanded(&repair), by(Approval::None, By::Itself));
}

#[test]
fn another_migration_of_the_same_plan_keeps_the_demand_it_was_made_with() {
    let strict = backend("orders", "1", "o:1", &json!({"approval": "Always"}));
    let second = backend("second", "2", "o:1", &json!({}));
    let mut shop = Shop::new(&[strict.clone(), second.clone()]);
    let sibling = shop.made_for(&strict);
    let name = sibling.metadata.name.clone().unwrap_or_default();
    shop.siblings = vec![sibling];
    assert_eq!(
        shop.demanded(&shop.made_for(&second)),
        by(Approval::Always, By::Migration(name))
    );
}

/// Until its demand is in the ledger, as after an update of Slipway, the list itself shows that one was made.
#[test]
fn what_was_listed_for_an_approval_needs_one_where_it_is_destructive() {
    let orders = backend("orders", "1", "o:1", &json!({}));
    let mut shop = Shop::new(std::slice::from_ref(&orders));
    let migration = shop.made_for(&orders);
    let entry = json!({"planKey": migration.spec.plan_key, "outcome": "Listed", "listed": {"digest": "one", "findingsTotal": 1}});
    shop.databases[0].status = Some(object(json!({"ledger": {"entries": [entry]}})));
    assert_eq!(
        shop.demanded(&migration),
        by(Approval::OnDestructive, By::Itself)
    );
}

/// Ways past a plan that waits: its version table spelled otherwise, and the same files under another entry of its own Backend.
#[test]
fn neither_another_spelling_nor_a_sibling_entry_passes_what_waits() {
    let orders = backend("orders", "1", "o:1", &json!({"approval": "Always"}));
    let mut shop = Shop::new(std::slice::from_ref(&orders));
    let waiting = shop.made_for(&orders);
    shop.waits(&waiting);
    let demanded = |backend: Backend| {
        let shop = Shop {
            databases: shop.databases.clone(),
            ..Shop::new(std::slice::from_ref(&backend))
        };
        shop.demanded(&shop.made_for(&backend)).approval
    };
    let spelled = json!({"versionTable": "public.GOOSE_db_version"});
    assert_eq!(
        demanded(backend("other", "2", "x:9", &spelled)),
        Approval::Always
    );
    let sibling = json!({"name": "again", "env": [{"name": "X", "value": "y"}]});
    assert_eq!(
        demanded(backend("orders", "1", "o:1", &sibling)),
        Approval::Always
    );
    // A later release of the same Backend is a plan of its own.
    assert_eq!(
        demanded(backend("orders", "1", "o:2", &json!({}))),
        Approval::None
    );
}
