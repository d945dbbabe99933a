//! The part of a structural schema that CEL does not see, checked as the API server does under strict field validation: types, required and
//! unknown fields, enums, lengths, patterns, ranges, keys of lists. Only the keywords that our definitions use.

use regex::Regex;
use serde_json::Value;

/// The object as the API server keeps it: a null in a field means that it is absent, as no field of ours is nullable.
pub fn without_nulls(object: &Value) -> Value {
    match object {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), without_nulls(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(items) => items.iter().map(without_nulls).collect::<Vec<_>>().into(),
        other => other.clone(),
    }
}

/// All faults of an object, each with the path of its field.
pub fn faults(schema: &Value, object: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (name, below) in schema["properties"].as_object().into_iter().flatten() {
        match object.get(name) {
            // The API server knows these by itself.
            _ if ["apiVersion", "kind", "metadata"].contains(&name.as_str()) => {}
            Some(value) => check(name, below, value, &mut found),
            None if required(schema, name) => found.push(format!("{name}: Required value")),
            None => {}
        }
    }
    found
}

fn required(schema: &Value, name: &str) -> bool {
    schema["required"]
        .as_array()
        .is_some_and(|names| names.iter().any(|required| required == name))
}

fn check(path: &str, schema: &Value, value: &Value, found: &mut Vec<String>) {
    let mixed = schema["x-kubernetes-int-or-string"] == true;
    match value {
        Value::Object(fields) if schema["type"] == "object" => {
            check_object(path, schema, fields, found);
        }
        Value::Array(items) if schema["type"] == "array" => check_list(path, schema, items, found),
        Value::String(text) if schema["type"] == "string" || mixed => {
            check_text(path, schema, text, found);
        }
        Value::Number(number) if number.is_i64() && (schema["type"] == "integer" || mixed) => {
            check_number(path, schema, number.as_i64(), found);
        }
        Value::Bool(_) if schema["type"] == "boolean" => {}
        _ => found.push(format!(
            "{path}: Invalid value: must be of type {}",
            if mixed {
                "integer or string"
            } else {
                schema["type"].as_str().unwrap_or("?")
            }
        )),
    }
}

fn check_object(
    path: &str,
    schema: &Value,
    fields: &serde_json::Map<String, Value>,
    found: &mut Vec<String>,
) {
    let below = |name: &str| match &schema["properties"][name] {
        Value::Null => &schema["additionalProperties"],
        known => known,
    };
    for (name, value) in fields {
        match below(name) {
            Value::Null => found.push(format!("unknown field \"{path}.{name}\"")),
            schema => check(&format!("{path}.{name}"), schema, value, found),
        }
    }
    for name in schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        if !fields.contains_key(name) {
            found.push(format!("{path}.{name}: Required value"));
        }
    }
    if schema["maxProperties"]
        .as_u64()
        .is_some_and(|most| fields.len() as u64 > most)
    {
        found.push(format!("{path}: Too many"));
    }
}

fn check_list(path: &str, schema: &Value, items: &[Value], found: &mut Vec<String>) {
    if schema["maxItems"]
        .as_u64()
        .is_some_and(|most| items.len() as u64 > most)
    {
        found.push(format!("{path}: Too many"));
        return;
    }
    if schema["minItems"]
        .as_u64()
        .is_some_and(|least| (items.len() as u64) < least)
    {
        found.push(format!(
            "{path}: should have at least {} items",
            schema["minItems"]
        ));
    }
    let keys: Option<Vec<&str>> = schema["x-kubernetes-list-map-keys"]
        .as_array()
        .map(|keys| keys.iter().filter_map(Value::as_str).collect());
    let identity = |item: &Value| match (&keys, schema["x-kubernetes-list-type"].as_str()) {
        (Some(keys), _) => Some(
            keys.iter()
                .map(|key| item[*key].clone())
                .collect::<Vec<Value>>(),
        ),
        (None, Some("set")) => Some(vec![item.clone()]),
        _ => None,
    };
    for (index, item) in items.iter().enumerate() {
        check(&format!("{path}[{index}]"), &schema["items"], item, found);
        if let Some(this) = identity(item)
            && items[..index]
                .iter()
                .any(|earlier| identity(earlier).as_ref() == Some(&this))
        {
            found.push(format!("{path}[{index}]: Duplicate value"));
        }
    }
}

fn check_text(path: &str, schema: &Value, text: &str, found: &mut Vec<String>) {
    let length = text.chars().count() as u64;
    if schema["maxLength"]
        .as_u64()
        .is_some_and(|most| length > most)
    {
        found.push(format!("{path}: Too long"));
        return;
    }
    if schema["minLength"]
        .as_u64()
        .is_some_and(|least| length < least)
    {
        found.push(format!("{path}: Invalid value: too short"));
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        let pattern = Regex::new(pattern).expect("patterns of the schema are regular expressions");
        if !pattern.is_match(text) {
            found.push(format!("{path}: Invalid value: does not match"));
        }
    }
    if schema["enum"]
        .as_array()
        .is_some_and(|words| !words.iter().any(|word| word == text))
    {
        found.push(format!("{path}: Unsupported value"));
    }
}

fn check_number(path: &str, schema: &Value, number: Option<i64>, found: &mut Vec<String>) {
    let Some(number) = number else { return };
    // The bounds may be written as 1.0.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the schema's bounds are whole and small"
    )]
    let bound = |name: &str| schema[name].as_f64().map(|bound| bound as i64);
    if bound("minimum").is_some_and(|least| number < least)
        || bound("maximum").is_some_and(|most| number > most)
    {
        found.push(format!("{path}: Invalid value: out of range"));
    }
}
