//! What lies in the repository and is made from the code: compared with it here. `UPDATE_GENERATED=1 cargo test --test generated` writes it anew.

#[path = "outcomes/mod.rs"]
mod outcomes;

use std::path::Path;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use serde_json::Value;
use slipway::{api, core};

/// Client-side apply keeps the whole object in an annotation, which ends at 262144 bytes; half of it leaves room to grow.
const MOST_BYTES: usize = 150_000;

/// Compares a generated file with the one in the repository, or writes it when asked to.
fn assert_committed(path: &str, generated: &str) {
    let full = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::create_dir_all(full.parent().expect("a file has a folder"))
            .expect("the folder can be made");
        std::fs::write(&full, generated).expect("the file can be written");
    }
    let committed = std::fs::read_to_string(&full).unwrap_or_default();
    assert!(
        committed == generated,
        "{path} is not what the code makes; run: UPDATE_GENERATED=1 cargo test --test generated, and commit"
    );
}

/// The schema of each kind, by the kind's name.
fn schemas() -> Vec<(String, Value)> {
    api::crds()
        .into_iter()
        .map(|definition| {
            let version = definition
                .spec
                .versions
                .into_iter()
                .next()
                .expect("a definition has a version");
            let schema: JSONSchemaProps = version
                .schema
                .and_then(|schema| schema.open_api_v3_schema)
                .expect("a version has a schema");
            (
                definition.spec.names.kind,
                serde_json::to_value(schema).expect("a schema is JSON"),
            )
        })
        .collect()
}

/// Visits a schema and everything below it with its path.
fn walk<'a>(path: &str, schema: &'a Value, visit: &mut dyn FnMut(&str, &'a Value)) {
    visit(path, schema);
    for (name, below) in schema["properties"].as_object().into_iter().flatten() {
        walk(&format!("{path}.{name}"), below, visit);
    }
    if schema["items"].is_object() {
        walk(&format!("{path}[]"), &schema["items"], visit);
    }
    if schema["additionalProperties"].is_object() {
        walk(
            &format!("{path}{{}}"),
            &schema["additionalProperties"],
            visit,
        );
    }
}

/// All places of all specs, or of all statuses, for which `wrong` gives a complaint.
fn complaints(part: &str, wrong: impl Fn(&str, &Value) -> Option<&'static str>) -> Vec<String> {
    let mut found = Vec::new();
    for (kind, schema) in schemas() {
        walk(part, &schema["properties"][part], &mut |path, below| {
            if let Some(complaint) = wrong(path, below) {
                found.push(format!("{kind} {path}: {complaint}"));
            }
        });
    }
    found
}

const NOTHING: [String; 0] = [];

#[test]
fn the_committed_definitions_are_those_of_the_code() {
    for file in core::crds::files() {
        assert_committed(&format!("crds/{}", file.name), &file.yaml);
    }
    let mut lying: Vec<String> =
        std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("crds"))
            .expect("crds/ exists")
            .map(|entry| {
                entry
                    .expect("crds/ can be read")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
    lying.retain(|name| name.ends_with(".slipway.dev.yaml"));
    lying.sort();
    assert_eq!(
        lying,
        [
            "backends.slipway.dev.yaml",
            "databases.slipway.dev.yaml",
            "migrations.slipway.dev.yaml"
        ]
    );
}

#[test]
fn each_definition_fits_a_client_side_apply() {
    for definition in api::crds() {
        let size = serde_json::to_vec(&definition)
            .expect("a definition is JSON")
            .len();
        println!("{}: {size} bytes", definition.spec.names.kind);
        assert!(
            size < MOST_BYTES,
            "{} has {size} bytes, at most {MOST_BYTES} are wanted",
            definition.spec.names.kind
        );
    }
}

/// `kubectl explain` covers all fields: whoever adds one has to say what it is for.
#[test]
fn every_field_is_explained() {
    let undescribed = |path: &str, schema: &Value| {
        let named = !path.ends_with("[]") && !path.ends_with("{}");
        (named
            && schema["description"]
                .as_str()
                .unwrap_or_default()
                .is_empty())
        .then_some("has no description")
    };
    assert_eq!(complaints("spec", undescribed), NOTHING);
    assert_eq!(complaints("status", undescribed), NOTHING);
}

/// A description of a field that people write holds an example, and its default unless it is required.
#[test]
fn every_field_of_a_spec_has_an_example_and_a_default() {
    let mut found = Vec::new();
    for (kind, schema) in schemas() {
        walk("spec", &schema["properties"]["spec"], &mut |path, below| {
            let required: Vec<&str> = below["required"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            for (name, field) in below["properties"].as_object().into_iter().flatten() {
                let text = field["description"].as_str().unwrap_or_default();
                let group = field["properties"].is_object();
                if !group && !text.contains("Example: ") {
                    found.push(format!("{kind} {path}.{name}: no example"));
                }
                if !required.contains(&name.as_str()) && !text.to_lowercase().contains("default") {
                    found.push(format!("{kind} {path}.{name}: no default"));
                }
            }
        });
    }
    assert_eq!(found, NOTHING);
}

/// A default in a schema is written into users' objects; only the status has one, for kstatus.
#[test]
fn no_spec_has_a_default() {
    assert_eq!(
        complaints("spec", |_, schema| (!schema["default"].is_null())
            .then_some("has a default")),
        NOTHING
    );
    for (kind, schema) in schemas() {
        let status = &schema["properties"]["status"];
        assert_eq!(
            status["default"],
            serde_json::json!({ "observedGeneration": -1 }),
            "{kind}"
        );
        let below = complaints("status", |path, schema| {
            (path != "status" && !schema["default"].is_null()).then_some("has a default")
        });
        assert_eq!(below, NOTHING);
    }
}

/// The API server drops a null from a field that is not nullable; a nullable enum would refuse it, and `kubectl scale` fail on it.
#[test]
fn a_null_means_absent_in_every_field() {
    let nullable =
        |_: &str, schema: &Value| (!schema["nullable"].is_null()).then_some("is nullable");
    assert_eq!(complaints("spec", nullable), NOTHING);
    assert_eq!(complaints("status", nullable), NOTHING);
}

/// The API server estimates the cost of a rule by the largest object that the schema lets through.
#[test]
fn every_text_list_and_map_of_a_spec_is_bounded() {
    let unbounded = |_: &str, schema: &Value| match schema["type"].as_str() {
        Some("string") if schema["enum"].is_null() && schema["maxLength"].is_null() => {
            Some("text without maxLength")
        }
        Some("array") if schema["maxItems"].is_null() => Some("list without maxItems"),
        Some("array") if schema["x-kubernetes-list-type"].is_null() => {
            Some("list without a list type")
        }
        Some("object")
            if schema["additionalProperties"].is_object() && schema["maxProperties"].is_null() =>
        {
            Some("map without maxProperties")
        }
        Some("integer") if schema["minimum"].is_null() || schema["maximum"].is_null() => {
            Some("number without a range")
        }
        Some("string")
            if schema["enum"].is_null()
                && schema["pattern"].is_null()
                && !schema["x-kubernetes-validations"].is_array() =>
        {
            Some("text without a pattern")
        }
        _ => None,
    };
    // The host's form is said by rules, so that a password in it is not quoted (see `api/database_rules.rs`).
    let found: Vec<String> = complaints("spec", unbounded)
        .into_iter()
        .filter(|line| {
            !["spec.host", "spec.direct.host"]
                .iter()
                .any(|host| line.starts_with(&format!("Database {host}: text without a pattern")))
        })
        .collect();
    assert_eq!(found, NOTHING);
}

/// I-45: what fills a list of a status keeps to the same bound.
#[test]
fn every_list_and_map_of_a_status_is_bounded() {
    let unbounded = |_: &str, schema: &Value| match schema["type"].as_str() {
        Some("array") if schema["maxItems"].is_null() => Some("list without maxItems"),
        Some("object")
            if schema["additionalProperties"].is_object() && schema["maxProperties"].is_null() =>
        {
            Some("map without maxProperties")
        }
        _ => None,
    };
    assert_eq!(complaints("status", unbounded), NOTHING);
}

/// An embedded type's own description would be 2.3 kB for each amount.
#[test]
fn no_embedded_kubernetes_text_is_carried_along() {
    for (kind, schema) in schemas() {
        let text = schema.to_string();
        for foreign in [
            "fixed-point representation",
            "IntOrString is a type",
            "CustomResource",
        ] {
            assert!(
                !text.contains(foreign),
                "{kind} carries a description of Kubernetes' own: {foreign}"
            );
        }
    }
}

/// migrations.md 4.4: a reader sees each combination's outcome; a change of one is a change of this page.
#[test]
fn the_page_of_outcomes_is_that_of_the_judges() {
    assert_committed("src/core/migration/outcomes.md", &outcomes::page());
}
