//! However large a legal spec is, what Slipway makes of it has a bound.

use serde_json::{Value, json};
use similar_asserts::assert_eq;

use super::looks::{look, message, settle};
use super::server::{Server, backend};
use crate::api::backend::MOST_PROBLEMS;
use crate::core::size::{self, LARGEST, LARGEST_SPEC};

/// The status of a Worker with this environment, as it is sent.
fn status(env: &Value) -> Value {
    let spec = json!({"type": "Worker", "image": "orders:1", "replicas": 0, "env": env});
    let mut server = Server::default();
    let mut backend = backend(&spec);
    backend.spec.image = format!("orders@sha256:{}", "0".repeat(64));
    look(&mut server, &mut backend);
    serde_json::to_value(&backend.status).expect("a status is JSON")
}

/// Case a01: the same name 2,000 times.
#[test]
fn a_name_that_no_variable_has_is_one_problem_however_often_it_is_there() {
    let status = status(&json!([
        {"name": "V", "value": "$(A)".repeat(2000)},
        {"name": "W", "value": "$(A) and $(B)"},
    ]));
    let problem = |variable: &str, name: &str| {
        let path = format!("spec.env[{variable}]");
        let message =
            format!("{path}: $({name}) is not defined before it and stays as it is written");
        json!({"code": "SLP0106", "path": path, "severity": "warning", "message": message})
    };
    assert_eq!(
        status["problems"],
        json!([problem("V", "A"), problem("W", "A"), problem("W", "B")])
    );
}

/// I-45.
#[test]
fn more_problems_than_a_status_has_room_for_are_counted_by_its_last() {
    let names: Vec<String> = (0..1000).map(|number| format!("$(N{number})")).collect();
    let status = status(&json!([
        {"name": "V", "value": names.concat()},
        {"name": "W", "value": format!("$({})", "x".repeat(20_000))},
    ]));
    let problems = status["problems"].as_array().expect("a list");
    assert_eq!(problems.len(), MOST_PROBLEMS);
    let last = problems.last().map(|problem| problem["message"].clone());
    assert_eq!(
        last,
        Some(json!(
            "and 982 more; correct those above, and the next ones are shown"
        ))
    );
    assert!(size::of(&status) < LARGEST / 4, "{}", size::of(&status));
}

/// I-45: the name in a warning is cut.
#[test]
fn a_reference_without_an_end_does_not_fill_the_status() {
    let env: Vec<Value> = (0..4)
        .map(|number| json!({"name": format!("V{number}"), "value": format!("$({})", "x".repeat(10_000))}))
        .collect();
    let status = status(&json!(env));
    assert_eq!(status["problems"].as_array().map(Vec::len), Some(4));
    assert!(size::of(&status) < LARGEST / 8, "{}", size::of(&status));
}

/// I-45, case a01 at its largest: 43 values of 32 KiB, 350,000 references.
#[test]
fn a_spec_that_is_too_large_makes_nothing_and_its_field_is_named() {
    let value = "$(A)".repeat(8192);
    let env: Vec<Value> = (0..43)
        .map(|number| json!({"name": format!("V{number}"), "value": value}))
        .collect();
    let mut backend = backend(&json!({"type": "Worker", "image": "orders:1", "env": env}));
    let bytes = size::of(&backend.spec);
    let mut server = Server::default();
    assert_eq!(settle(&mut server, &mut backend), ["status InvalidSpec"]);
    assert_eq!(
        message(&backend),
        format!(
            "spec.env: the spec has {bytes} bytes of JSON, most of them here, and Slipway takes at most {LARGEST_SPEC}. Move long values into a ConfigMap or Secret, and name it in spec.envFrom or spec.files"
        )
    );
    assert!(size::of(&backend.status) < 4096);
}
