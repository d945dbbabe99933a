//! The last move before a program may start: the leader's own word on the Job, the finalizer on its Database, the quorum reads, and then the
//! arm (`migrations.md` 4.3, steps 4 and 5). Pure.

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use serde_json::json;

use super::approval;
use super::seen::Seen;
use super::situation;
use crate::api::backend::Backend;
use crate::api::database::{Holder, RunMode};
use crate::core::conditions;
use crate::core::database;
use crate::core::meta;
use crate::core::plan::{Confirm, ObjectKey, ObjectKind, Step};

/// A new leader changes the Job first, so that an arm of the old one gets 409. Only at a later look, which shows that change, it arms.
#[must_use]
pub fn touch_or_arm(seen: &Seen, holder: &Holder, job: &Job, now: Timestamp) -> Vec<Step> {
    let may = situation::may_be_armed(seen, holder.mode, job, now);
    let Some(backend) = seen.live_backend().filter(|_| may) else {
        return Vec::new();
    };
    // A ledger that was lost does not name it, and yet it runs.
    let stray = situation::stray_run(seen, now);
    if job.metadata.deletion_timestamp.is_some() || stray.is_some() {
        return Vec::new();
    }
    if job.annotations().get(meta::LEADER_ANNOTATION) != Some(&seen.term) {
        return vec![touch(seen, job)];
    }
    let held = seen
        .database()
        .and_then(|database| database::finalizer::hold(database));
    held.into_iter()
        .chain(confirmations(seen, holder.mode, backend))
        .chain([arm(job, now)])
        .collect()
}

fn touch(seen: &Seen, job: &Job) -> Step {
    let body = json!({"metadata": {"annotations": {meta::LEADER_ANNOTATION: seen.term}}});
    Step::patch(ObjectKind::Job, job, body)
}

/// Whether it is still wanted, and still approved, by quorum.
fn confirmations(seen: &Seen, mode: RunMode, backend: &Backend) -> Vec<Step> {
    let wanted = Confirm {
        key: ObjectKey::of(ObjectKind::Backend, backend),
        uid: backend.uid().unwrap_or_default(),
        generation: backend.metadata.generation.unwrap_or_default(),
        annotation: None,
    };
    let ledger = seen.ledger();
    let approved = (mode == RunMode::Run)
        .then(|| approval::confirm(seen, seen.own_entry(&ledger)))
        .flatten();
    // One read of the Migration proves both.
    let by_hand = seen.migration.is_by_hand();
    let written = approved.or_else(|| by_hand.then(|| seen.confirm(None)));
    [Some(wanted), written]
        .into_iter()
        .flatten()
        .map(Step::Confirm)
        .collect()
}

fn arm(job: &Job, now: Timestamp) -> Step {
    let armed = conditions::to_seconds(now).to_string();
    let body = json!({
        "spec": {
            "suspend": false,
            "template": {"metadata": {"annotations": {meta::ARMED_ANNOTATION: armed}}},
        },
    });
    Step::patch(ObjectKind::Job, job, body)
}
