//! The ControllerRevision: a release, kept. It is made before the Deployment gets its template, and is what the Deployment goes back to while
//! the gate is closed.

use serde_json::{Map, Value, json};

use super::super::release::Release;
use super::super::seen::Seen;
use super::child;
use crate::core::plan::ObjectKind;

/// Name of the ControllerRevision of a release.
#[must_use]
pub fn name_of(backend: &str, revision: i64) -> String {
    format!("{backend}-r{revision}")
}

/// `<backend>-r<revision>`; `release.rs` reads it back.
#[must_use]
pub fn controller_revision(seen: &Seen, release: &Release) -> Value {
    let migrations: Vec<Value> = release
        .migrations
        .iter()
        .map(|migration| json!({"name": migration.name, "object": migration.object, "planKey": migration.plan_key}))
        .collect();
    let rest = json!({
        "revision": release.revision,
        "data": {
            "image": release.image,
            "inputHash": release.input_hash,
            "generation": release.generation,
            "migrations": migrations,
            "template": release.template,
        },
    });
    child(
        seen,
        ObjectKind::ControllerRevision,
        &name_of(&seen.name(), release.revision),
        Map::new(),
        rest,
    )
}
