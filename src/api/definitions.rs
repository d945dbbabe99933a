//! The CustomResourceDefinitions, as they are installed: what the derive makes of the types, put right in three places.

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

/// The derive turns each serde default into a default of the schema, which the API server would write into users' objects: all go. One
/// default comes in: a status says `observedGeneration: -1` before the first visit, so that kstatus does not take a new object for done.
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
        drop_defaults(&mut tree);
        if let Some(status) = tree
            .pointer_mut("/properties/status")
            .and_then(Value::as_object_mut)
        {
            status.insert("default".to_owned(), json!({ "observedGeneration": -1 }));
        }
        *schema = serde_json::from_value::<JSONSchemaProps>(tree)
            .expect("dropping and adding a default keeps a schema a schema");
    }
    definition
}

/// Removes the keyword `default` from a schema and all schemas below it. A property of that name is left alone.
fn drop_defaults(schema: &mut Value) {
    let Value::Object(keywords) = schema else {
        return;
    };
    keywords.remove("default");
    for (keyword, below) in keywords {
        match (keyword.as_str(), below) {
            ("properties", Value::Object(properties)) => {
                properties.values_mut().for_each(drop_defaults)
            }
            ("items" | "additionalProperties" | "not", below) => drop_defaults(below),
            ("allOf" | "anyOf" | "oneOf", Value::Array(branches)) => {
                branches.iter_mut().for_each(drop_defaults)
            }
            _ => {}
        }
    }
}
