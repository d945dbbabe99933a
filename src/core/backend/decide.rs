//! The decision: whether a Backend can be worked on, and whether the new release goes out. Guard clauses first. The steps that follow from it
//! are in `steps`.

use jiff::Timestamp;
use kube::{Resource, ResourceExt};
use serde_json::Value;

use super::build::pod_template;
use super::children::{self, Whose};
use super::decision::{Considered, Decision, Outlook};
use super::gate::{self, Gate, Hold};
use super::input_hash;
use super::release::{self, Release, ReleaseMigration};
use super::report;
use super::resolve::{self, surroundings};
use super::resolved::{Bound, ResolvedBackend};
use super::seen::Seen;
use super::steps;
use crate::core::compare;
use crate::core::meta::PAUSED_ANNOTATION;
use crate::core::plan::{ObjectKey, ObjectKind, Plan};

/// Works out the plan.
#[must_use]
pub fn decide(seen: &Seen, now: Timestamp) -> Decision {
    let mut decision = plan(seen);
    decision.plan.wake = report::wake(seen, &decision, now);
    decision
}

fn plan(seen: &Seen) -> Decision {
    if seen.backend.metadata.deletion_timestamp.is_some() {
        return still(Outlook::Deleting);
    }
    let backend = match resolve::resolve(&seen.backend) {
        Ok(backend) => backend,
        Err(invalid) => return still(Outlook::Invalid(invalid)),
    };
    if let Some((key, whose)) = taken(seen) {
        return still(Outlook::Taken { key, whose });
    }
    let mut considered = consider(seen, backend);
    let mut steps = steps::steps(seen, &considered);
    if seen
        .backend
        .annotations()
        .get(PAUSED_ANNOTATION)
        .is_some_and(|value| value == "true")
    {
        considered.withheld = !steps.is_empty();
        steps.clear();
        considered.release =
            release::in_deployment(seen).and_then(|number| release::numbered(seen, number));
    }
    let (steps, purposes) = steps.into_iter().unzip();
    Decision {
        plan: Plan { steps, wake: None },
        purposes,
        outlook: Outlook::Considered(Box::new(considered)),
    }
}

fn still(outlook: Outlook) -> Decision {
    Decision {
        plan: Plan::default(),
        purposes: Vec::new(),
        outlook,
    }
}

/// The first child's name that an object of somebody else has.
fn taken(seen: &Seen) -> Option<(ObjectKey, Whose)> {
    taken_by(
        seen,
        ObjectKind::ServiceAccount,
        seen.service_account.as_deref(),
    )
    .or_else(|| taken_by(seen, ObjectKind::Service, seen.service.as_deref()))
    .or_else(|| taken_by(seen, ObjectKind::Service, seen.headless_service.as_deref()))
    .or_else(|| taken_by(seen, ObjectKind::Deployment, seen.deployment.as_deref()))
}

fn taken_by<K: Resource>(
    seen: &Seen,
    kind: ObjectKind,
    object: Option<&K>,
) -> Option<(ObjectKey, Whose)> {
    let object = object?;
    let whose = children::whose(seen, object);
    (whose != Whose::Ours).then(|| (ObjectKey::of(kind, object), whose))
}

/// Asks the gate where the spec wants another release than the last.
fn consider(seen: &Seen, backend: ResolvedBackend) -> Considered {
    let last = release::last(seen);
    let mut considered = Considered {
        backend,
        wanted: None,
        release: last,
        hold: None,
        update: Vec::new(),
        withheld: false,
    };
    match surroundings(
        &considered.backend,
        &seen.databases,
        &seen.config_maps,
        &seen.planned.missing_files,
    ) {
        Err(missing) => considered.hold = Some(Hold::Missing(missing)),
        Ok(bound) => consider_release(seen, &bound, &mut considered),
    }
    considered
}

fn consider_release(seen: &Seen, bound: &Bound, considered: &mut Considered) {
    let wanted = input_hash::input_hash(seen, bound);
    considered.wanted = Some(wanted.clone());
    if let Some(last) = considered
        .release
        .as_ref()
        .filter(|last| last.input_hash == wanted)
    {
        let built = pod_template::pod_template(seen, &considered.backend, bound, last.revision);
        considered.update = changed_paths(&built, &last.template);
        return;
    }
    if let Some(number) = out_but_not_kept(seen, &wanted) {
        considered.release = Some(made(seen, bound, considered, wanted, number));
        return;
    }
    match gate::gate(seen, considered.backend.rollout.paused) {
        Gate::Closed(hold) => considered.hold = Some(hold),
        Gate::Open => {
            let number = release::next_number(seen);
            considered.release = Some(made(seen, bound, considered, wanted, number));
        }
    }
}

/// The number of a release that is out and wanted, but whose ControllerRevision somebody deleted: it is kept again, not released again.
fn out_but_not_kept(seen: &Seen, wanted: &str) -> Option<i64> {
    let shown = seen.backend.status.as_ref()?.release.as_ref()?;
    let is_out = release::in_deployment(seen) == Some(shown.revision);
    let is_lost = release::numbered(seen, shown.revision).is_none();
    (is_out && is_lost && shown.input_hash == wanted).then_some(shown.revision)
}

/// A release of what the spec asks for.
fn made(
    seen: &Seen,
    bound: &Bound,
    considered: &Considered,
    input_hash: String,
    revision: i64,
) -> Release {
    Release {
        revision,
        image: considered.backend.program.image.as_str().to_owned(),
        input_hash,
        generation: seen.generation(),
        migrations: seen
            .planned
            .migrations
            .iter()
            .filter(|plan| plan.is_before_rollout())
            .map(|plan| ReleaseMigration {
                name: plan.name.clone(),
                object: plan.object_name.clone(),
                plan_key: plan.spec.plan_key.clone(),
            })
            .collect(),
        template: pod_template::pod_template(seen, &considered.backend, bound, revision),
    }
}

/// Paths in which two templates differ, whichever has more.
fn changed_paths(built: &Value, kept: &Value) -> Vec<String> {
    let mut paths = compare::differences(built, kept);
    paths.extend(compare::differences(kept, built));
    paths.sort();
    paths.dedup();
    paths
}
