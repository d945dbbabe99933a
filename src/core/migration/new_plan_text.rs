//! What messages say of another plan: why this one is none any more, and how other files come. What a Backend asks for is changed in its spec,
//! its image or its ConfigMap; what a person wrote is never changed, as it is the record of what was done, so another is written. Pure.

use kube::ResourceExt;

use super::message_text;
use crate::api::database::Entry;
use crate::api::migration::Migration;

/// How other files come.
pub(super) fn new_files(migration: &Migration) -> String {
    if migration.is_by_hand() {
        return "write another migration with the mended files".to_owned();
    }
    migration.spec.source.config_map.as_ref().map_or_else(
        || "push a new image".to_owned(),
        |name| format!("change configmap {name}"),
    )
}

/// How the files may stay as they are.
pub(super) fn allowed_order(migration: &Migration) -> String {
    if migration.is_by_hand() {
        return "write another migration with outOfOrder: Allow".to_owned();
    }
    format!(
        "set outOfOrder: Allow in entry {} of spec.migrations of backend {}",
        migration.spec.name, migration.spec.backend
    )
}

/// How the database's version gets its file.
pub(super) fn the_file_that_holds_it(migration: &Migration) -> &'static str {
    if migration.is_by_hand() {
        "Write another migration with the file that holds it"
    } else if migration.spec.source.config_map.is_some() {
        "Put the file that holds it into the configmap"
    } else {
        "Ship the image that holds it"
    }
}

/// How a program that may begin anew is told so for all times.
pub(super) fn idempotent_for_ever(migration: &Migration) -> &'static str {
    if migration.is_by_hand() {
        ""
    } else {
        " (then set idempotent: true)"
    }
}

/// What succeeded never runs again: whoever writes the same once more is told so.
pub(super) fn done_before(entry: &Entry) -> String {
    format!(
        "the same plan was run as migration {} until {}: {}. Nothing was run now; to run it once more, change something in it, such as a variable of \
         env",
        entry.migration,
        entry.finished_at.as_deref().unwrap_or("an unknown time"),
        message_text::succeeded(entry)
    )
}

/// Why it never runs.
pub(super) fn superseded(migration: &Migration) -> String {
    if migration.is_by_hand() {
        return overtaken(migration);
    }
    if migration.owner_references().is_empty() {
        return "no backend owns it, so nobody asks for it; it never runs. To run it by hand, apply it under another name without \
                spec.planKey and spec.source.digest"
            .to_owned();
    }
    format!(
        "backend {} does not ask for it any more; it never runs unless the backend asks again",
        migration.spec.backend
    )
}

/// What a person wrote is kept as it was first seen: whoever wants what there is now says so anew.
fn overtaken(migration: &Migration) -> String {
    if migration.metadata.deletion_timestamp.is_some() {
        return "it is being deleted; it starts nothing more".to_owned();
    }
    format!(
        "{}; it never runs unless that is put back. To run what is there now, apply it again after: kubectl delete slm/{} -n {}",
        what_was_changed(migration),
        migration.name_any(),
        migration.namespace().unwrap_or_default()
    )
}

/// What is not as it was when the plan was made.
pub(super) fn what_was_changed(migration: &Migration) -> String {
    let database = format!("the address of database {}", migration.spec.database);
    match &migration.spec.source.config_map {
        Some(files) if migration.is_by_hand() => {
            format!("configmap {files} or {database} was changed since its plan key was fixed")
        }
        Some(files) => format!("configmap {files} is gone"),
        None => format!("{database} was changed since its plan key was fixed"),
    }
}
