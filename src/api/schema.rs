//! Schemas of what Kubernetes' own types bring, made small: the originals' descriptions are 2.3 kB for each amount of memory, and their
//! lists have no type.

use schemars::{Schema, SchemaGenerator, json_schema};

use super::patterns::{BYTES, LIMIT, PERCENT, QUANTITY};

/// Most replicas of a Backend; also the most that a rollout may add or miss.
pub const MOST_REPLICAS: i32 = 10_000;

/// An amount, as text (`500m`, `128Mi`) or as a whole number.
pub(super) fn quantity(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "x-kubernetes-int-or-string": true, "pattern": QUANTITY, "minimum": 0 })
}

/// An amount of bytes: as [`quantity`], without thousandths. A pattern, as a rule on a list of unbounded amounts costs more than is allowed.
pub(super) fn bytes(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "x-kubernetes-int-or-string": true, "pattern": BYTES, "minimum": 0 })
}

/// Amounts by the resource's name.
pub(super) fn quantities(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "maxProperties": 8, "additionalProperties": quantity(generator) })
}

/// A number of pods or a share of the replicas.
pub(super) fn pods_or_percent(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "x-kubernetes-int-or-string": true, "pattern": PERCENT, "minimum": 0, "maximum": MOST_REPLICAS })
}

/// A number of threads or the word `Limit`.
pub(super) fn threads_or_limit(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "x-kubernetes-int-or-string": true, "pattern": LIMIT, "minimum": 1, "maximum": 1024 })
}

/// Names of variables by what they hold.
pub(super) fn variable_names(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 8,
        "additionalProperties": { "type": "string", "minLength": 1, "maxLength": 128, "pattern": super::patterns::VARIABLE },
    })
}

/// Conditions as Kubernetes defines them, keyed by type.
pub(super) fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 16,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["type", "status", "reason", "message", "lastTransitionTime"],
            "properties": {
                "type": { "type": "string", "maxLength": 316, "description": "What the condition is about. Example: `Ready`." },
                "status": { "type": "string", "enum": ["True", "False", "Unknown"], "description": "Whether it holds: `True`, `False` or `Unknown`." },
                "reason": { "type": "string", "minLength": 1, "maxLength": 1024, "description": "Why, in one word for programs. Example: `Migrating`." },
                "message": { "type": "string", "maxLength": 32768, "description": "Why, for people: which field or object, what is wrong, what to type next." },
                "observedGeneration": { "type": "integer", "format": "int64", "minimum": 0, "description": "The `metadata.generation` that was judged." },
                "lastTransitionTime": { "type": "string", "format": "date-time", "description": "When `status` last changed; RFC 3339." },
            },
        },
    })
}

/// Requests and limits as a status shows them: without the rules that a spec has to keep.
pub(super) fn resources_in_force(generator: &mut SchemaGenerator) -> Schema {
    let amounts = |generator: &mut SchemaGenerator, description: &str| {
        let mut schema = quantities(generator);
        schema.insert("description".to_owned(), description.into());
        schema
    };
    json_schema!({
        "type": "object",
        "properties": {
            "requests": amounts(generator, "Requests in force, by the resource's name. Example: `{cpu: 100m, memory: 128Mi}`."),
            "limits": amounts(generator, "Limits in force, by the resource's name. Example: `{memory: 512Mi}`."),
        },
    })
}
