//! Every rule of the API, offline: what it accepts, what it refuses, and with which words. The rows are in `scenarios/inputs`; a scenario
//! sends the same ones to a real API server.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::core::cel::Validator;
use serde_json::{Value, json};
use slipway::api;
use slipway::api::backend::{Backend, BackendStatus, Effective};
use slipway::api::workload::Resources;
use slipway::core::backend::resolve;
use slipway::core::conditions::{Standing, settle};

#[path = "scenarios/inputs/mod.rs"]
mod inputs;
#[path = "structural/schema.rs"]
mod structural;

use inputs::{Answer, Input, Kind, base, inputs};

/// The schema of a kind, as the API server gets it; made once, as the tests ask for it some thousand times.
fn schema(kind: Kind) -> &'static Value {
    static SCHEMAS: LazyLock<[Value; 3]> =
        LazyLock::new(|| [Kind::Backend, Kind::Database, Kind::Migration].map(make_schema));
    &SCHEMAS[kind as usize]
}

fn make_schema(kind: Kind) -> Value {
    let definition = api::crds()
        .into_iter()
        .find(|definition| definition.spec.names.kind == format!("{kind:?}"))
        .expect("each kind has a definition");
    let version = definition
        .spec
        .versions
        .into_iter()
        .next()
        .expect("a definition has a version");
    serde_json::to_value(version.schema.and_then(|schema| schema.open_api_v3_schema))
        .expect("a schema is JSON")
}

/// Everything that is said against an object; empty if it passes.
fn faults(schema: &Value, object: &Value, before: Option<&Value>) -> Vec<String> {
    let object = &structural::without_nulls(object);
    let structural = structural::faults(schema, object);
    if !structural.is_empty() {
        return structural;
    }
    match Validator::new().validate(schema, object, before) {
        Ok(()) => Vec::new(),
        Err(errors) => errors
            .into_vec()
            .into_iter()
            .map(|error| error.message)
            .collect(),
    }
}

fn faults_of(input: &Input) -> Vec<String> {
    faults(schema(input.kind), &input.object, input.before.as_ref())
}

#[test]
fn every_input_is_answered_as_written() {
    let mut wrong = Vec::new();
    for input in inputs() {
        let faults = faults_of(&input);
        let right = match &input.answer {
            Answer::Accepted => faults.is_empty(),
            Answer::Refused(words) => faults.iter().any(|fault| fault.contains(words)),
        };
        if !right {
            wrong.push(format!(
                "{} {}\n    wanted: {:?}\n    got: {faults:?}",
                input.promise, input.says, input.answer
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} inputs are answered otherwise:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// What is there before a change has to pass too, or the change would prove nothing.
#[test]
fn every_object_before_a_change_passes() {
    for input in inputs() {
        if let Some(before) = &input.before {
            assert_eq!(
                faults(schema(input.kind), before, None),
                Vec::<String>::new(),
                "{}",
                input.says
            );
        }
    }
}

/// The messages of all rules on what people write.
fn messages(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(fields) => {
            for rule in schema["x-kubernetes-validations"]
                .as_array()
                .into_iter()
                .flatten()
            {
                found.insert(rule["message"].as_str().unwrap_or_default().to_owned());
            }
            let written = fields.iter().filter(|(name, _)| *name != "status");
            written.for_each(|(_, below)| messages(below, found));
        }
        Value::Array(items) => items.iter().for_each(|below| messages(below, found)),
        _ => {}
    }
}

#[test]
fn every_rule_refuses_something_in_the_table() {
    let mut rules = BTreeSet::new();
    for kind in [Kind::Backend, Kind::Database, Kind::Migration] {
        messages(schema(kind), &mut rules);
    }
    assert!(rules.len() > 30, "only {} rules were found", rules.len());
    let said: BTreeSet<String> = inputs().iter().flat_map(faults_of).collect();
    let silent: Vec<&String> = rules.iter().filter(|rule| !said.contains(*rule)).collect();
    assert!(silent.is_empty(), "rules that no row provokes: {silent:#?}");
}

/// A message names the field, says what is wrong and what to write instead; the API server takes no line breaks.
#[test]
fn every_message_names_the_field_and_the_remedy() {
    for kind in [Kind::Backend, Kind::Database, Kind::Migration] {
        let mut found = BTreeSet::new();
        messages(schema(kind), &mut found);
        for message in found {
            assert!(
                message.starts_with("spec") || message.starts_with("metadata.name"),
                "names no field: {message}"
            );
            assert!(message.contains("; "), "names no remedy: {message}");
            assert!(
                !message.contains('\n') && message.len() < 300,
                "too long for one line: {message}"
            );
        }
    }
}

/// A password in a host must not come back in the answer, as it would lie in the log of whatever applied it.
#[test]
fn a_refused_host_is_not_quoted() {
    let mut database = base(Kind::Database);
    database["spec"]["host"] = "postgres://admin:canary-word@db.acme.test/orders".into();
    let faults = faults(schema(Kind::Database), &database, None);
    assert!(!faults.is_empty());
    assert!(!faults.join("\n").contains("canary-word"), "{faults:?}");
    assert!(
        schema(Kind::Database)["properties"]["spec"]["properties"]["host"]["pattern"].is_null()
    );
}

/// The rules on what Slipway itself writes: a leader of before may have seen other files, or none.
#[test]
fn a_plan_key_that_is_fixed_is_never_changed_nor_taken_away() {
    let with = |key: Option<&str>| {
        let mut migration = base(Kind::Migration);
        migration["status"] = key.map_or(json!({}), |key| json!({"planKey": key}));
        migration
    };
    let refused = |before: Option<&str>, after: Option<&str>| {
        let faults = faults(schema(Kind::Migration), &with(after), Some(&with(before)));
        faults
            .iter()
            .any(|fault| fault.starts_with("status.planKey is fixed once and for all"))
    };
    let first = [refused(None, Some("a")), refused(Some("a"), Some("a"))];
    let later = [refused(Some("a"), Some("b")), refused(Some("a"), None)];
    assert_eq!((first, later), ([false, false], [true, true]));
}

/// Conditions and resources have schemas of our own making: a field that is missing there would be dropped by the server without a word.
#[test]
fn a_status_as_the_operator_writes_it_fits_the_schema() {
    let now = "2026-09-02T17:31:00Z".parse().expect("it is a timestamp");
    let standing = Standing::Working {
        reason: "Migrating".to_owned(),
        message: "migration orders-k3f4x2m7qa runs".to_owned(),
    };
    let amounts = || BTreeMap::from([("memory".to_owned(), Quantity("512Mi".to_owned()))]);
    let status = BackendStatus {
        observed_generation: Some(3),
        conditions: settle(&[], standing.drafts(), 3, now),
        effective: Some(Effective {
            resources: Some(Resources {
                requests: amounts(),
                limits: amounts(),
            }),
            ..Effective::default()
        }),
        ..BackendStatus::default()
    };
    let mut backend = base(Kind::Backend);
    backend["status"] = serde_json::to_value(status).expect("a status is JSON");
    assert_eq!(
        faults(schema(Kind::Backend), &backend, None),
        Vec::<String>::new()
    );
}

/// I-41: what the rules let through also resolves. The other way round resolve may be milder: it also meets what was stored before a rule.
#[test]
fn what_the_rules_let_through_resolves() {
    for input in inputs() {
        let object = structural::without_nulls(&input.object);
        if input.kind == Kind::Backend && input.answer == Answer::Accepted {
            let backend: Backend =
                serde_json::from_value(object).expect("what fits the schema decodes");
            let fault = resolve(&backend).err().map(|invalid| invalid.to_string());
            assert_eq!(fault, None, "{}", input.says);
        }
    }
}
