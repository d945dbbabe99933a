//! What a Migration lacks before it can take part in the queue, in words: which object, who names it, what to type next. Pure.

use jiff::Timestamp;
use kube::ResourceExt;

use super::doubt;
use super::planned::MissingFiles;
use super::seen::Seen;
use super::situation::Situation;
use crate::core::conditions::{RECONCILING, STALLED};

/// Reason of a ledger that has no room for another attempt.
pub(super) const LEDGER_FULL: &str = "LedgerFull";

/// So long an object may be missing before that needs a person; seconds. What a Backend has by default for its rollout.
const PATIENCE_SECONDS: i64 = 600;

/// Until when it is normal that what this reason names is missing; `None` for other reasons. Counted from what the status already says, so that
/// no memory is needed between two looks.
pub(super) fn until(seen: &Seen, reason: &str, now: Timestamp) -> Option<Timestamp> {
    if !["DatabaseNotFound", "ConfigMapMissing", "BackendNotFound"].contains(&reason) {
        return None;
    }
    let conditions = seen.migration.status.as_ref();
    let conditions = conditions.map(|status| status.conditions.as_slice());
    let of = |type_: &str| {
        let mut conditions = conditions.unwrap_or_default().iter();
        conditions.find(|condition| {
            condition.type_ == type_ && condition.status == "True" && condition.reason == reason
        })
    };
    if let Some(stalled) = of(STALLED) {
        return Some(stalled.last_transition_time.0.min(now));
    }
    let since = of(RECONCILING).map_or(now, |condition| condition.last_transition_time.0);
    let until = Timestamp::from_second(since.as_second().saturating_add(PATIENCE_SECONDS));
    Some(until.unwrap_or(since))
}

/// Its Database is not there.
pub(super) fn database(seen: &Seen) -> Situation {
    let name = &seen.migration.spec.database;
    let named_by = named_by(seen, "spec.database", "spec.migrations");
    Situation::Waiting {
        reason: "DatabaseNotFound",
        message: format!(
            "database {name} not found (named by {named_by}). Next: kubectl get sldb/{name} -n {}",
            namespace(seen)
        ),
    }
}

/// The ConfigMap with its files is not there, or that of an entry before it: until it is there nobody can say whether this plan is still the one
/// that is meant.
pub(super) fn files(seen: &Seen, missing: &MissingFiles) -> Situation {
    let MissingFiles {
        config_map, entry, ..
    } = missing;
    let entry = format!("spec.migrations[{entry}].source.configMap");
    let named_by = named_by(seen, "spec.source.configMap", &entry);
    let namespace = namespace(seen);
    let is_missed = if doubt::waits_for_files(seen) {
        format!(
            ". Only with these files can be read how the last attempt ended, and releases of backend {} wait for that; if nobody has them any \
             more: kubectl delete slm/{} -n {namespace}",
            seen.migration.spec.backend,
            seen.migration.name_any()
        )
    } else {
        String::new()
    };
    Situation::Waiting {
        reason: "ConfigMapMissing",
        message: format!(
            "configmap {config_map} not found (named by {named_by}). Next: kubectl get configmap {config_map} -n {namespace}{is_missed}"
        ),
    }
}

/// The Backend that a person named is not there.
pub(super) fn backend(seen: &Seen) -> Situation {
    let name = &seen.migration.spec.backend;
    Situation::Waiting {
        reason: "BackendNotFound",
        message: format!(
            "backend {name} not found, or it is being deleted (named by migration {}, spec.backend). Next: kubectl get slb/{name} -n {}",
            seen.migration.name_any(),
            namespace(seen)
        ),
    }
}

/// The ledger has no room. What could be forgotten has been: only a person can make some.
pub(super) fn room(seen: &Seen) -> Situation {
    let (name, namespace) = (&seen.migration.spec.database, namespace(seen));
    Situation::Waiting {
        reason: LEDGER_FULL,
        message: format!(
            "the ledger of database {name} (status.ledger, at most 512 KiB) holds nothing that may be forgotten: what is blocked, wanted by a \
             backend or of tool Exec stays. Repair and retry what is blocked (kubectl get slm -n {namespace}); or begin a new ledger, which reads \
             from the version tables what ran, and asks a person about programs of which nothing proves it: apply the Database again after: \
             kubectl delete sldb/{name} -n {namespace}"
        ),
    }
}

/// Who names it: what a person wrote itself, else its Backend.
fn named_by(seen: &Seen, own_field: &str, field_of_backend: &str) -> String {
    if seen.migration.is_by_hand() {
        return format!("migration {}, {own_field}", seen.migration.name_any());
    }
    format!(
        "backend {}, {field_of_backend}",
        seen.migration.spec.backend
    )
}

fn namespace(seen: &Seen) -> String {
    seen.migration.namespace().unwrap_or_default()
}
