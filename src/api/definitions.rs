//! The CustomResourceDefinitions, as they are installed: what the derive makes of the types, put right.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps,
};
use kube::CustomResourceExt;
use serde_json::{Value, json};

use super::backend::Backend;
use super::database::Database;
use super::migration::Migration;

/// The definitions of all kinds, in the order in which they are installed.
///
/// # Panics
/// Never: the derived schemas are JSON, and stay so. A test makes them all.
#[must_use]
pub fn crds() -> Vec<CustomResourceDefinition> {
    [Backend::crd(), Database::crd(), Migration::crd()]
        .into_iter()
        .map(finished)
        .collect()
}

/// What the derive makes of the types, and what is put right:
/// - Each serde default became a default of the schema, which the API server would write into users' objects: all go.
/// - Each optional field became nullable. The API server drops a null where a field is *not* nullable, so that it means "absent", as people who
///   template their YAML expect; where it is, an enum refuses it and the `scale` subresource fails on it. So no field is.
/// - Doc comments are broken where the editor's line ends; `kubectl explain` breaks lines by itself.
/// - A status says `observedGeneration: -1` before the first visit, so that kstatus does not take a new object for done.
fn finished(mut definition: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut definition.spec.versions {
        let Some(schema) = version
            .schema
            .as_mut()
            .and_then(|schema| schema.open_api_v3_schema.as_mut())
        else {
            continue;
        };
        let mut tree = serde_json::to_value(&*schema).expect("a schema is JSON");
        put_right(&mut tree);
        if let Some(status) = tree
            .pointer_mut("/properties/status")
            .and_then(Value::as_object_mut)
        {
            status.insert("default".to_owned(), json!({ "observedGeneration": -1 }));
        }
        *schema = serde_json::from_value::<JSONSchemaProps>(tree)
            .expect("what is left of a schema is a schema");
    }
    definition
}

/// Removes defaults, nulls and line breaks from a schema and all schemas below it. Properties that bear a keyword's name are left alone.
fn put_right(schema: &mut Value) {
    let Value::Object(keywords) = schema else {
        return;
    };
    keywords.remove("default");
    keywords.remove("nullable");
    if let Some(Value::String(description)) = keywords.get_mut("description") {
        *description = description.replace('\n', " ");
    }
    if let Some(Value::Array(words)) = keywords.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    for (keyword, below) in keywords {
        match (keyword.as_str(), below) {
            ("properties", Value::Object(properties)) => {
                properties.values_mut().for_each(put_right);
            }
            ("items" | "additionalProperties" | "not", below) => put_right(below),
            ("allOf" | "anyOf" | "oneOf", Value::Array(branches)) => {
                branches.iter_mut().for_each(put_right);
            }
            _ => {}
        }
    }
}
