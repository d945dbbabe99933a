//! Whether a document says only what its kind knows. The API types themselves take unknown fields in silence, so that an older
//! operator can read newer objects; a person who mistyped a field wants to hear it, with its path. Pure.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use serde_json::Value;

use crate::api;

/// The complaints about a custom resource of ours, one text each, starting with the field's path. Empty: none. Of another kind: none.
#[must_use]
pub fn complaints(document: &Value) -> Vec<String> {
    let mut complaints = Vec::new();
    if let Some(schema) = schema_of(document) {
        let parts = document.as_object().into_iter().flatten();
        for (key, value) in parts {
            match (
                key.as_str(),
                schema
                    .properties
                    .as_ref()
                    .and_then(|fields| fields.get(key)),
            ) {
                ("apiVersion" | "kind" | "metadata" | "status", _) => {}
                (_, Some(field)) => check(field, value, key, &mut complaints),
                (_, None) => complaints.push(format!("{key}: unknown field")),
            }
        }
    }
    complaints
}

fn schema_of(document: &Value) -> Option<JSONSchemaProps> {
    let kind = document.get("kind")?.as_str()?;
    let (group, version) = document.get("apiVersion")?.as_str()?.split_once('/')?;
    api::crds()
        .into_iter()
        .filter(|definition| definition.spec.group == group && definition.spec.names.kind == kind)
        .flat_map(|definition| definition.spec.versions)
        .find(|served| served.name == version)
        .and_then(|served| served.schema?.open_api_v3_schema)
}

fn check(schema: &JSONSchemaProps, value: &Value, path: &str, complaints: &mut Vec<String>) {
    if let Some(fault) = fault(schema, value) {
        complaints.push(format!("{path}: {fault}"));
        return;
    }
    match value {
        Value::Object(fields) => check_fields(schema, fields, path, complaints),
        Value::Array(items) => {
            let Some(JSONSchemaPropsOrArray::Schema(of_items)) = &schema.items else {
                return;
            };
            for (index, item) in items.iter().enumerate() {
                check(of_items, item, &format!("{path}[{index}]"), complaints);
            }
        }
        _ => {}
    }
}

fn check_fields(
    schema: &JSONSchemaProps,
    fields: &serde_json::Map<String, Value>,
    path: &str,
    complaints: &mut Vec<String>,
) {
    for missing in schema
        .required
        .iter()
        .flatten()
        .filter(|name| !fields.contains_key(*name))
    {
        complaints.push(format!("{path}.{missing}: required, but not there"));
    }
    let keeps_all = schema.x_kubernetes_preserve_unknown_fields == Some(true);
    for (key, value) in fields {
        let path = format!("{path}.{key}");
        let known = schema.properties.as_ref().and_then(|known| known.get(key));
        match (known, &schema.additional_properties) {
            (Some(field), _) => check(field, value, &path, complaints),
            (None, Some(JSONSchemaPropsOrBool::Schema(field))) => {
                check(field, value, &path, complaints);
            }
            (None, Some(JSONSchemaPropsOrBool::Bool(true))) => {}
            _ if keeps_all => {}
            (None, _) => complaints.push(format!("{path}: unknown field; {}", known_names(schema))),
        }
    }
}

fn known_names(schema: &JSONSchemaProps) -> String {
    let names: Vec<&str> = schema
        .properties
        .iter()
        .flat_map(|known| known.keys())
        .map(String::as_str)
        .collect();
    format!("here may stand {}", names.join(", "))
}

/// A value of the wrong type, or none of those allowed.
fn fault(schema: &JSONSchemaProps, value: &Value) -> Option<String> {
    if let Some(allowed) = &schema.enum_ {
        let allowed: Vec<&Value> = allowed.iter().map(|json| &json.0).collect();
        if !allowed.contains(&value) {
            let words: Vec<String> = allowed
                .iter()
                .filter(|word| !word.is_null())
                .map(ToString::to_string)
                .collect();
            return Some(format!(
                "{value} is not allowed; take one of {}",
                words.join(", ")
            ));
        }
    }
    if schema.x_kubernetes_int_or_string == Some(true) {
        let fits = value.is_string() || value.is_i64();
        return (!fits).then(|| format!("must be a whole number or a string, not {value}"));
    }
    let fits = match schema.type_.as_deref() {
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        _ => true,
    };
    let nullable = schema.nullable == Some(true) && value.is_null();
    (!fits && !nullable).then(|| {
        format!(
            "must be of type {}, not {}",
            schema.type_.as_deref().unwrap_or_default(),
            short(value)
        )
    })
}

/// A value for a message, cut so that the message stays one line.
fn short(value: &Value) -> String {
    match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        flat => flat.to_string().chars().take(60).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::complaints;
    use serde_json::json;

    #[test]
    fn a_mistyped_field_is_told_with_its_path() {
        let backend = json!({
            "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend", "metadata": {"name": "orders"},
            "spec": {"image": 3, "type": "Server", "ports": [{"name": "http", "prot": 80}], "databases": [{}]}
        });
        let told = complaints(&backend);
        let starts: Vec<&str> = told
            .iter()
            .map(|text| text.split([';', ',']).next().unwrap_or_default())
            .collect();
        assert_eq!(
            starts,
            [
                "spec.databases[0].name: required",
                "spec.image: must be of type string",
                "spec.ports[0].port: required",
                "spec.ports[0].prot: unknown field",
                "spec.type: \"Server\" is not allowed",
            ],
            "{told:#?}"
        );
    }

    #[test]
    fn a_kind_of_others_is_not_judged() {
        assert_eq!(
            complaints(&json!({"apiVersion": "v1", "kind": "ConfigMap", "x": 1})),
            Vec::<String>::new()
        );
    }
}
