//! The finalizer on a Database while a migration holds it, so that the ledger outlives the run whose end belongs in it (`migrations.md` 4.2).
//! At rest there is none: a Database must be deletable where no Slipway runs any more. Pure.

use serde_json::json;

use crate::api::database::Database;
use crate::core::meta::{self, HELD_FINALIZER};
use crate::core::plan::{ObjectKind, Step};

/// Sets it; `None` where it is set. The step is bound to the version that names the holder, so nothing is armed on a ledger that has changed.
#[must_use]
pub fn hold(database: &Database) -> Option<Step> {
    let mut finalizers = meta::finalizers_without(database, HELD_FINALIZER);
    finalizers.push(HELD_FINALIZER);
    (!is_set(database)).then(|| patch(database, &finalizers))
}

/// Takes it away; `None` where there is none.
#[must_use]
pub fn let_go(database: &Database) -> Option<Step> {
    let others = meta::finalizers_without(database, HELD_FINALIZER);
    is_set(database).then(|| patch(database, &others))
}

fn is_set(database: &Database) -> bool {
    meta::has_finalizer(database, HELD_FINALIZER)
}

fn patch(database: &Database, finalizers: &[&str]) -> Step {
    let body = json!({"metadata": {"finalizers": finalizers}});
    Step::patch(ObjectKind::Database, database, body)
}
