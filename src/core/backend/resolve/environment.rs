//! Environment variables as the user gives them.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::super::resolved::{EnvironmentFrom, SourceKind, Variable, VariableValue};
use super::{Invalid, invalid};
use crate::api::workload::{EnvironmentSource, EnvironmentVariable, KeyReference, ValueSource};
use crate::core::quantity::Amount;

/// Variables with this prefix are Slipway's own.
const RESERVED: &str = "SLIPWAY_";

/// The variables of a field, in their order: `$(NAME)` sees what stands before it.
pub(super) fn variables(
    field: &str,
    env: &[EnvironmentVariable],
    most: usize,
) -> Result<Vec<Variable>, Invalid> {
    let mut names = BTreeSet::new();
    if env.len() > most {
        return Err(invalid(
            field,
            format!("more than {most} variables"),
            "Put them into a file that the program reads",
        ));
    }
    env.iter()
        .map(|variable| {
            check_name(field, &variable.name)?;
            let field = format!("{field}[{}]", variable.name);
            if !names.insert(variable.name.as_str()) {
                return Err(invalid(
                    field,
                    "the name is there twice",
                    "Remove one of the two",
                ));
            }
            one(field, variable)
        })
        .collect()
}

fn check_name(field: &str, name: &str) -> Result<(), Invalid> {
    let field = format!("{field}[{name}].name");
    if name.is_empty() || name.contains(['=', '\0']) || name.chars().any(char::is_control) {
        return Err(invalid(
            field,
            "empty, or holds `=` or a control character",
            "Use letters, digits and underscores",
        ));
    }
    if name.starts_with(RESERVED) {
        return Err(invalid(
            field,
            format!("names with {RESERVED} in front belong to Slipway"),
            "Choose another name",
        ));
    }
    Ok(())
}

fn one(field: String, variable: &EnvironmentVariable) -> Result<Variable, Invalid> {
    let value = match (&variable.value, &variable.value_from) {
        (Some(value), None) => VariableValue::Plain(value.clone()),
        (None, Some(source)) => {
            VariableValue::From(value_from(&format!("{field}.valueFrom"), source)?)
        }
        (Some(_), Some(_)) => {
            return Err(invalid(
                field,
                "value and valueFrom exclude each other",
                "Remove one of the two",
            ));
        }
        (None, None) => {
            return Err(invalid(
                field,
                "neither value nor valueFrom",
                "Give one of the two",
            ));
        }
    };
    Ok(Variable {
        name: variable.name.clone(),
        value,
    })
}

/// `valueFrom` in Kubernetes' own shape.
fn value_from(field: &str, source: &ValueSource) -> Result<Value, Invalid> {
    let ValueSource {
        config_map_key_ref,
        secret_key_ref,
        field_ref,
        resource_field_ref,
    } = source;
    let mut from = Map::new();
    if let Some(reference) = config_map_key_ref {
        from.insert("configMapKeyRef".to_owned(), key_reference(reference));
    }
    if let Some(reference) = secret_key_ref {
        from.insert("secretKeyRef".to_owned(), key_reference(reference));
    }
    if let Some(reference) = field_ref {
        from.insert(
            "fieldRef".to_owned(),
            json!({"apiVersion": "v1", "fieldPath": reference.field_path}),
        );
    }
    if let Some(reference) = resource_field_ref {
        let divisor = reference
            .divisor
            .as_ref()
            .map_or("0", |divisor| divisor.0.as_str());
        let divisor = Amount::parse(divisor).ok_or_else(|| {
            invalid(
                format!("{field}.resourceFieldRef.divisor"),
                "no amount",
                "Give one like 1 or 1Mi",
            )
        })?;
        let reference = json!({"containerName": "app", "resource": reference.resource, "divisor": divisor.canonical()});
        from.insert("resourceFieldRef".to_owned(), reference);
    }
    if from.len() == 1 {
        return Ok(Value::Object(from));
    }
    let remedy = "Give exactly one of configMapKeyRef, secretKeyRef, fieldRef, resourceFieldRef";
    Err(invalid(field, format!("{} sources", from.len()), remedy))
}

fn key_reference(reference: &KeyReference) -> Value {
    let mut value = json!({"name": reference.name, "key": reference.key});
    if let (Some(optional), Some(members)) = (reference.optional, value.as_object_mut()) {
        members.insert("optional".to_owned(), Value::Bool(optional));
    }
    value
}

/// `spec.envFrom`.
pub(super) fn sources(sources: &[EnvironmentSource]) -> Result<Vec<EnvironmentFrom>, Invalid> {
    sources
        .iter()
        .enumerate()
        .map(|(index, source)| {
            let (kind, name) = match (&source.config_map, &source.secret) {
                (Some(name), None) => (SourceKind::ConfigMap, name),
                (None, Some(name)) => (SourceKind::Secret, name),
                _ => {
                    let field = format!("spec.envFrom[{index}]");
                    return Err(invalid(
                        field,
                        "not exactly one of configMap and secret",
                        "Name one of the two",
                    ));
                }
            };
            Ok(EnvironmentFrom {
                kind,
                name: name.clone(),
                prefix: source.prefix.clone().filter(|prefix| !prefix.is_empty()),
                optional: source.optional == Some(true),
            })
        })
        .collect()
}
