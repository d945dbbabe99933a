//! The finalizer on a Database while a migration holds it, so that the ledger outlives the run whose end belongs in it (`migrations.md` 4.2).
//! At rest there is none: a Database must be deletable where no Slipway runs any more. Pure.

use kube::ResourceExt;
use serde_json::json;

use crate::api::database::Database;
use crate::core::meta::HELD_FINALIZER;
use crate::core::plan::{ObjectKind, Step};

/// Sets it; `None` where it is set. The step is bound to the version that names the holder, so nothing is armed on a ledger that has changed.
#[must_use]
pub fn hold(database: &Database) -> Option<Step> {
    let held = others(database).chain([HELD_FINALIZER]).collect::<Vec<_>>();
    (!is_set(database)).then(|| patch(database, &held))
}

/// Takes it away; `None` where there is none.
#[must_use]
pub fn let_go(database: &Database) -> Option<Step> {
    let others = others(database).collect::<Vec<_>>();
    is_set(database).then(|| patch(database, &others))
}

fn is_set(database: &Database) -> bool {
    let mut finalizers = database.finalizers().iter();
    finalizers.any(|finalizer| finalizer == HELD_FINALIZER)
}

fn others(database: &Database) -> impl Iterator<Item = &str> {
    let finalizers = database.finalizers().iter().map(String::as_str);
    finalizers.filter(|finalizer| *finalizer != HELD_FINALIZER)
}

fn patch(database: &Database, finalizers: &[&str]) -> Step {
    let body = json!({"metadata": {"finalizers": finalizers}});
    Step::patch(ObjectKind::Database, database, body)
}
