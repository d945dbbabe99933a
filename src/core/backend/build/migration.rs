//! A child Migration: one plan that must be done before the release that asks for it.

use serde_json::{Map, Value, json};

use super::super::seen::Seen;
use super::child;
use crate::core::migration::planned::PlannedMigration;
use crate::core::plan::ObjectKind;

/// Under a name that follows from the plan key, so that the same plan is the same object.
#[must_use]
pub fn migration(seen: &Seen, planned: &PlannedMigration) -> Value {
    let spec = serde_json::to_value(&planned.spec).unwrap_or(Value::Null);
    child(
        seen,
        ObjectKind::Migration,
        &planned.object_name,
        Map::new(),
        json!({"spec": spec}),
    )
}
