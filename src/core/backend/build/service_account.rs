//! The ServiceAccount of a Backend that names none: it has no rights, and its token is not mounted.

use serde_json::{Map, Value, json};

use super::super::seen::Seen;
use super::child;
use crate::core::plan::ObjectKind;

/// Under the Backend's name.
#[must_use]
pub fn service_account(seen: &Seen) -> Value {
    let rest = json!({"automountServiceAccountToken": false});
    child(
        seen,
        ObjectKind::ServiceAccount,
        &seen.name(),
        Map::new(),
        rest,
    )
}
