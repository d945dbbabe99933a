//! What a person wrote runs as it was first seen, once it has all that it names.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::backend::Backend;
use crate::api::database::Database;
use crate::core::config_map::ConfigMapDigest;
use crate::core::migration::planned::planned;
use crate::core::migration::situation::Situation;
use crate::core::migration::{Seen, decide, report};
use crate::core::plan::Executed;

fn object<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("a valid object")
}

/// All that there is when it is looked at.
pub(in crate::core::migration) struct Life {
    pub migration: Value,
    pub backend: Option<Value>,
    pub database: Value,
    /// The only file of the ConfigMap `sql`, if that is there.
    pub files: Option<&'static str>,
}

impl Life {
    /// A repair of the Database `d` with these fields in its spec.
    pub fn of(fields: &Value) -> Self {
        let mut spec = json!({
            "backend": "orders", "name": "repair", "database": "d", "tool": "Goose", "phase": "BeforeRollout",
            "source": {"image": "orders:1", "path": "/m"},
        });
        for (name, value) in fields.as_object().into_iter().flatten() {
            spec[name] = value.clone();
        }
        Self {
            migration: json!({
                "apiVersion": "slipway.dev/v1alpha1", "kind": "Migration",
                "metadata": {"name": "repair", "namespace": "shop", "uid": "m", "generation": 1},
                "spec": spec,
            }),
            backend: Some(json!({
                "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend",
                "metadata": {"name": "orders", "namespace": "shop", "uid": "b"},
                "spec": {
                    "image": "orders:1", "databases": [{"name": "d"}],
                    "migrations": [{"name": "schema", "tool": "Goose", "source": {"path": "/m"}}],
                },
            })),
            database: json!({
                "apiVersion": "slipway.dev/v1alpha1", "kind": "Database", "metadata": {"name": "d", "namespace": "shop"},
                "spec": {"engine": "PostgreSQL", "host": "h", "name": "d", "credentials": {"secret": "s"}},
            }),
            files: Some("SELECT 1;"),
        }
    }

    pub fn seen(&self) -> Seen {
        let database: Database = object(self.database.clone());
        let name = database.metadata.name.clone().unwrap_or_default();
        Seen {
            backends: self
                .backend
                .iter()
                .map(|backend| Arc::new(object(backend.clone())))
                .collect(),
            databases: BTreeMap::from([(name, Arc::new(database))]),
            ..Seen::alone(Arc::new(object(self.migration.clone())))
        }
        .with_plan(&self.config_maps())
    }

    fn config_maps(&self) -> BTreeMap<String, Arc<ConfigMapDigest>> {
        let files = self.files.map(|content| {
            let config_map = json!({"metadata": {"name": "sql"}, "data": {"1_a.sql": content}});
            ("sql".to_owned(), object(config_map))
        });
        files.into_iter().collect()
    }

    /// One look, and the status that it leaves.
    pub fn look(&mut self) -> Situation {
        let (seen, now) = (self.seen(), Timestamp::UNIX_EPOCH);
        let decision = decide(&seen, now);
        let report = report(&seen, &decision, &Executed::default(), now);
        self.migration["status"] = report.status.expect("a status");
        decision.situation
    }

    pub fn message(&self) -> (Value, Value) {
        let ready = &self.migration["status"]["conditions"][0];
        (ready["reason"].clone(), ready["message"].clone())
    }
}

fn is_its_turn(situation: &Situation) -> bool {
    matches!(situation, Situation::Turn { .. })
}

#[test]
fn nothing_of_it_runs_before_its_key_is_kept_in_its_status() {
    let mut life = Life::of(&json!({}));
    let first = life.look();
    assert!(
        matches!(
            &first,
            Situation::Waiting {
                reason: "Planning",
                ..
            }
        ),
        "{first:?}"
    );
    let key = life.migration["status"]["planKey"].as_str().map(str::len);
    assert_eq!(key, Some(52));
    assert!(is_its_turn(&life.look()));
}

/// What the Backend's own plan did is not done again.
#[test]
fn the_same_files_on_the_same_database_are_the_plan_of_its_backend() {
    let mut life = Life::of(&json!({}));
    let seen = life.seen();
    let backend: Backend = object(life.backend.clone().expect("a Backend"));
    let key = &planned(&backend, &seen.databases, &BTreeMap::new()).migrations[0]
        .spec
        .plan_key
        .clone();
    life.look();
    assert_eq!(&life.migration["status"]["planKey"], key);
    life.database["status"] = json!({"ledger": {"entries": [{"planKey": key, "backend": "orders", "outcome": "Succeeded"}]}});
    let situation = life.look();
    assert!(
        matches!(situation, Situation::Ended { .. }),
        "{situation:?}"
    );
    assert_eq!(life.migration["status"]["phase"], "Skipped");
}

/// Whoever applies a repair once more may believe that it ran once more.
#[test]
fn the_same_once_more_is_skipped_and_says_when_it_was_run() {
    let mut life = Life::of(&json!({}));
    life.look();
    let key = life.migration["status"]["planKey"].clone();
    life.database["status"] = json!({"ledger": {"entries": [{
        "planKey": key, "backend": "orders", "migration": "repair", "migrationUid": "u", "outcome": "Succeeded", "reason": "Succeeded",
        "before": "1", "after": "2", "finishedAt": "2026-11-24T12:00:00Z",
    }]}});
    let mut phase_of_uid = |uid: &str| {
        life.migration["metadata"]["uid"] = json!(uid);
        life.look();
        (life.migration["status"]["phase"].clone(), life.message().1)
    };
    let (phase, _) = phase_of_uid("u");
    assert_eq!(phase, "Succeeded");
    let expected = "the same plan was run as migration repair until 2026-11-24T12:00:00Z: the schema went from version 1 to 2. Nothing was run now; to \
                    run it once more, change something in it, such as a variable of env";
    let skipped = (json!("Skipped"), json!(expected));
    assert_eq!(phase_of_uid("v"), skipped);
}

#[test]
fn it_waits_for_its_backend_its_database_and_its_files_and_says_which() {
    let waits = |life: &mut Life| {
        life.look();
        let (reason, message) = life.message();
        let key = life.migration["status"].get("planKey").cloned();
        (reason, message, key)
    };
    let mut life = Life::of(&json!({}));
    life.backend = None;
    let expected = "backend orders not found, or it is being deleted (named by migration repair, spec.backend). Next: kubectl get slb/orders -n shop";
    assert_eq!(
        waits(&mut life),
        (json!("BackendNotFound"), json!(expected), None)
    );
    let mut life = Life::of(&json!({"database": "e"}));
    let expected = "database e not found (named by migration repair, spec.database). Next: kubectl get sldb/e -n shop";
    assert_eq!(
        waits(&mut life),
        (json!("DatabaseNotFound"), json!(expected), None)
    );
    let mut life = Life::of(&json!({"source": {"image": "orders:1", "configMap": "sql"}}));
    life.files = None;
    let expected = "configmap sql not found (named by migration repair, spec.source.configMap). Next: kubectl get configmap sql -n shop";
    assert_eq!(
        waits(&mut life),
        (json!("ConfigMapMissing"), json!(expected), None)
    );
    life.files = Some("SELECT 1;");
    life.look();
    assert!(is_its_turn(&life.look()));
}

/// `experience.md` 3: who waits for what never comes needs a person in the end.
#[test]
fn what_is_missing_for_long_stalls_it_until_it_comes() {
    let mut life = Life::of(&json!({}));
    life.backend = None;
    let mut told = Vec::new();
    for second in [0, 1, 599, 600, 5_000] {
        let now = Timestamp::from_second(second).expect("a time");
        let seen = life.seen();
        let decision = decide(&seen, now);
        let report = report(&seen, &decision, &Executed::default(), now);
        life.migration["status"] = report.status.expect("a status");
        let stalled = &life.migration["status"]["conditions"][2];
        told.push((
            stalled["status"] == "True",
            decision.plan.wake.map(|wake| wake.as_secs()),
        ));
    }
    let waits = |seconds| (false, Some(seconds));
    assert_eq!(
        told,
        [waits(600), waits(599), waits(1), (true, None), (true, None)]
    );
    life.backend = Life::of(&json!({})).backend;
    life.look();
    assert_eq!(life.message().0, "Planning");
}

/// migrations.md case 43, of one that a person wrote.
#[test]
fn it_runs_what_there_was_when_it_was_first_seen_or_nothing() {
    let mut life = Life::of(&json!({"source": {"image": "orders:1", "configMap": "sql"}}));
    life.look();
    assert!(is_its_turn(&life.look()));
    life.files = Some("SELECT 2;");
    assert_eq!(life.look(), Situation::Superseded);
    let expected = "configmap sql or the address of database d was changed since its plan key was fixed; it never runs unless that is put back. To run \
                    what is there now, apply it again after: kubectl delete slm/repair -n shop";
    assert_eq!(life.message(), (json!("Superseded"), json!(expected)));
    life.files = Some("SELECT 1;");
    assert!(is_its_turn(&life.look()));
    life.database["spec"]["host"] = json!("another");
    assert_eq!(life.look(), Situation::Superseded);
}

#[test]
fn one_that_is_being_deleted_starts_nothing_more() {
    let mut life = Life::of(&json!({}));
    life.look();
    life.migration["metadata"]["deletionTimestamp"] = json!("2026-11-24T12:00:00Z");
    assert_eq!(life.look(), Situation::Superseded);
    assert_eq!(
        life.message().1,
        json!("it is being deleted; it starts nothing more")
    );
}

/// As a restore leaves one behind, or a copy of one: its key says that Slipway made it.
#[test]
fn one_with_a_key_that_no_backend_owns_never_runs() {
    let mut life = Life::of(&json!({"planKey": "k".repeat(52)}));
    assert_eq!(life.look(), Situation::Superseded);
    let expected = "no backend owns it, so nobody asks for it; it never runs. To run it by hand, apply it under another name without \
                    spec.planKey and spec.source.digest";
    assert_eq!(life.message(), (json!("Superseded"), json!(expected)));
}

/// Whoever pauses a Backend wants its database left alone.
#[test]
fn it_waits_while_its_backend_is_paused() {
    let mut life = Life::of(&json!({}));
    life.look();
    if let Some(backend) = &mut life.backend {
        backend["spec"]["rollout"] = json!({"paused": true});
    }
    life.look();
    assert_eq!(life.message().0, json!("Paused"));
}
