//! What the operator hands over to an attempt.

use serde_json::{Value, json};

use super::job_body;
use crate::api::backend::Backend;
use crate::api::database::{Database, RunMode, TakenForApplied};
use crate::core::meta;
use crate::core::migration::parameters::RunParameters;
use crate::core::migration::planned::tests::first_seen;

fn object<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("a valid object")
}

/// What the runner is told, of this entry of a Backend, where the ledger is this.
fn told(entry: &Value, ledger: &Value, retry: Option<&str>) -> RunParameters {
    let backend: Backend = object(json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend", "metadata": {"name": "orders", "namespace": "team-a", "uid": "u"},
        "spec": {"image": "orders:2", "databases": [{"name": "d"}], "migrations": [entry]},
    }));
    let database: Database = object(json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Database", "metadata": {"name": "d", "namespace": "team-a"},
        "spec": {"engine": "PostgreSQL", "host": "h", "name": "d", "credentials": {"secret": "s"}},
        "status": {"ledger": ledger},
    }));
    let annotations = retry.map(|token| json!({meta::RETRY_ANNOTATION: token}));
    let seen = first_seen(backend, database, annotations.as_ref());
    let job = job_body(&seen, 1, RunMode::Run).expect("a Job");
    let variables = job.pointer("/spec/template/spec/containers/0/env");
    let parameters = variables
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .find(|variable| variable["name"] == "SLIPWAY_RUN")
        .and_then(|variable| variable["value"].as_str())
        .expect("the runner's parameters");
    serde_json::from_str(parameters).expect("JSON")
}

/// What it is told of the files that ran, where another plan has succeeded on this tool's table.
fn known(tool: &str, table: &str, retry: Option<&str>) -> Option<TakenForApplied> {
    let entry = json!({"name": "schema", "tool": tool, "source": {"path": "/m"}});
    let ledger = json!({"entries": [{
        "planKey": "earlier", "versionTable": table, "outcome": "Succeeded", "finishedAt": "2026-11-24T12:00:00Z",
        "takenForApplied": {"version": 3, "files": 2, "digest": "x"},
    }]});
    told(&entry, &ledger, retry).known
}

/// migrations.md case 40: a person who asks again has looked; an annotation that a restore brought back has not.
#[test]
fn a_programs_runner_is_told_where_nobody_knows_whether_it_ran_before() {
    let program = |more: Value| {
        let mut entry = json!({"name": "seed", "tool": "Exec", "command": ["/seed"]});
        for (name, value) in more.as_object().into_iter().flatten() {
            entry[name] = value.clone();
        }
        entry
    };
    let plain = program(json!({}));
    let seen = first_seen_key(&plain);
    let blocked = json!({"entries": [{"planKey": seen, "tool": "Exec", "outcome": "Blocked", "reason": "OutcomeUnknown"}]});
    let new = json!({});
    let may_have_run =
        |entry: &Value, ledger: &Value, retry| told(entry, ledger, retry).may_have_run;
    assert_eq!(
        [
            may_have_run(&plain, &new, None),
            may_have_run(&plain, &new, Some("1")),
            may_have_run(&plain, &blocked, Some("1")),
            may_have_run(&program(json!({"idempotent": true})), &new, None),
            may_have_run(
                &json!({"name": "schema", "tool": "Goose", "source": {"path": "/m"}}),
                &new,
                None
            ),
        ],
        [true, true, false, false, false]
    );
}

fn first_seen_key(entry: &Value) -> String {
    told(entry, &json!({}), None).plan_key
}

/// migrations.md case 6: its own table does not tell golang-migrate's runner which files were there; a person who asks again has looked.
#[test]
fn golang_migrates_runner_is_told_which_files_ran_unless_a_person_asks_again() {
    let taken = TakenForApplied {
        version: 3,
        files: 2,
        digest: "x".to_owned(),
    };
    assert_eq!(
        [
            known("GolangMigrate", "schema_migrations", None),
            known("GolangMigrate", "schema_migrations", Some("1")),
            known("GolangMigrate", "other", None),
            known("Goose", "goose_db_version", None),
        ],
        [Some(taken), None, None, None]
    );
}
