//! The decision: which children to make, change or take away, and whether the new release goes out. Guard clauses first; then the children in
//! the order in which they need each other.

use jiff::Timestamp;
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde_json::Value;

use super::build::{
    controller_revision, deployment, headless_service, migration, pod_template, service,
    service_account,
};
use super::children::{self, Care, Cause, Live, Whose};
use super::gate::{self, Gate, Hold};
use super::input_hash;
use super::release::{self, Release, ReleaseMigration};
use super::report;
use super::resolve::{self, Invalid, Missing, surroundings};
use super::resolved::{Account, Bound, ResolvedBackend};
use super::seen::Seen;
use crate::core::compare;
use crate::core::meta::{self, PAUSED_ANNOTATION};
use crate::core::migration::planned::{self, PlannedMigration};
use crate::core::plan::{Confirm, Create, Delete, ObjectKey, ObjectKind, Plan, Propagation, Step};

/// What one look at a Backend leads to.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    pub plan: Plan,
    /// Why each step is done, in the order of the plan's steps.
    pub(super) purposes: Vec<Purpose>,
    pub(super) outlook: Outlook,
}

/// Why a step is done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Purpose {
    /// A child comes into place: made, changed as wished, or put back after somebody changed it.
    Child { key: ObjectKey, cause: Cause },
    /// The Deployment gets the template of a release that it did not have.
    Release,
    /// The Deployment had been taken back to an older release by hand.
    UndoRollback { to: i64 },
    /// What goes with another step: confirming, keeping the release, making a Migration, clearing away.
    Other,
}

/// How the Backend stands, apart from what the pods do.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outlook {
    /// It is being deleted: the garbage collector takes the children.
    Deleting,
    Invalid(Invalid),
    /// A child's name is taken.
    Taken {
        key: ObjectKey,
        whose: Whose,
    },
    Considered(Box<Considered>),
}

/// A Backend that can be worked on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Considered {
    pub backend: ResolvedBackend,
    pub planned: Vec<PlannedMigration>,
    /// Input hash of what the spec asks for; absent while something is missing.
    pub wanted: Option<String>,
    /// The release whose template is in force when the plan is done.
    pub release: Option<Release>,
    pub hold: Option<Hold>,
    /// Paths that a newer Slipway would build otherwise.
    pub update: Vec<String>,
    /// The annotation `slipway.dev/paused` keeps writes back.
    pub withheld: bool,
}

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
    let mut steps = steps(seen, &considered);
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
    (whose != Whose::Ours).then(|| (meta::key_of(kind, object), whose))
}

/// Asks the gate where the spec wants another release than the last.
fn consider(seen: &Seen, backend: ResolvedBackend) -> Considered {
    let planned = planned::planned(&seen.backend, &seen.databases).migrations;
    let last = release::last(seen);
    let mut considered = Considered {
        backend,
        planned,
        wanted: None,
        release: last,
        hold: None,
        update: Vec::new(),
        withheld: false,
    };
    match surroundings(&considered.backend, &seen.databases, &seen.config_maps) {
        Err(missing) => considered.hold = Some(Hold::Missing(missing)),
        Ok(bound) => consider_release(seen, &bound, &mut considered),
    }
    considered
}

fn consider_release(seen: &Seen, bound: &Bound, considered: &mut Considered) {
    let wanted = input_hash::input_hash(seen, bound, &considered.planned);
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
    match gate::gate(seen, considered.backend.rollout.paused, &considered.planned) {
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
        migrations: considered
            .planned
            .iter()
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

type Purposed = (Step, Purpose);

fn steps(seen: &Seen, considered: &Considered) -> Vec<Purposed> {
    let backend = &considered.backend;
    let mut steps = Vec::new();
    if wants_own_account(seen, considered) {
        let live = seen.service_account.as_deref().map(Live::of);
        steps.extend(child(
            ObjectKind::ServiceAccount,
            service_account::service_account(seen),
            live.as_ref(),
        ));
    }
    if !backend.ports.is_empty() {
        let live = seen.service.as_deref().map(Live::of);
        steps.extend(child(
            ObjectKind::Service,
            service::service(seen, backend),
            live.as_ref(),
        ));
    }
    if let Some(body) = headless_service::headless_service(seen, backend) {
        let live = seen.headless_service.as_deref().map(Live::of);
        steps.extend(child(ObjectKind::Service, body, live.as_ref()));
    }
    steps.extend(next_migration(seen, considered));
    steps.extend(release_steps(seen, considered));
    steps.extend(retire(seen, considered, !steps.is_empty()));
    steps
}

fn child(kind: ObjectKind, body: Value, live: Option<&Live>) -> Option<Purposed> {
    let (step, cause) = children::step(kind, body, live, Care::SameObject)?;
    let key = key_of_step(&step)?;
    Some((step, Purpose::Child { key, cause }))
}

fn key_of_step(step: &Step) -> Option<ObjectKey> {
    match step {
        Step::Apply(apply) => Some(apply.key.clone()),
        Step::Patch(patch) => Some(patch.key.clone()),
        _ => None,
    }
}

/// The account is there as long as a template that is in force, or that comes, names it.
fn wants_own_account(seen: &Seen, considered: &Considered) -> bool {
    let name = seen.name();
    let named_by = |template: &Value| {
        template
            .pointer("/spec/serviceAccountName")
            .and_then(Value::as_str)
            == Some(name.as_str())
    };
    considered.backend.account == Account::Own
        || considered
            .release
            .as_ref()
            .is_some_and(|release| named_by(&release.template))
}

/// The first migration of the plan that is not done, if it is not there yet: they run in their declared order.
fn next_migration(seen: &Seen, considered: &Considered) -> Option<Purposed> {
    let Some(Hold::Migration(held)) = &considered.hold else {
        return None;
    };
    let plan = considered
        .planned
        .iter()
        .find(|plan| held.missing && plan.object_name == held.migration)?;
    let body = migration::migration(seen, plan);
    let create = Create {
        key: children::key_of_body(ObjectKind::Migration, &body),
        hash: meta::hash_of(&body),
        body,
    };
    Some((Step::Create(create), Purpose::Other))
}

/// Confirm, keep the release, give it to the Deployment; or only what the Deployment needs apart from a release.
fn release_steps(seen: &Seen, considered: &Considered) -> Vec<Purposed> {
    let Some(release) = &considered.release else {
        return Vec::new();
    };
    let live = seen.deployment.as_deref().map(Live::of);
    let body = deployment::deployment(seen, &considered.backend, release);
    let changes_template = live.is_some() && template_differs(seen, release);
    let change = children::step(
        ObjectKind::Deployment,
        body,
        live.as_ref(),
        Care::SameVersion,
    );
    let is_new = release::numbered(seen, release.revision).is_none();
    let confirms = changes_template || (is_new && !considered.planned.is_empty());
    let mut steps = Vec::new();
    if confirms {
        steps.push((confirm(seen), Purpose::Other));
    }
    if is_new {
        steps.push(keep(seen, release));
    }
    if let Some((step, cause)) = change {
        let purpose = deployment_purpose(seen, release, &step, cause);
        steps.push((step, purpose));
    }
    if is_new {
        steps.extend(expired(seen, confirms));
    }
    steps
}

/// Keeps a release as a ControllerRevision.
fn keep(seen: &Seen, release: &Release) -> Purposed {
    let body = controller_revision::controller_revision(seen, release);
    let create = Create {
        key: children::key_of_body(ObjectKind::ControllerRevision, &body),
        hash: meta::hash_of(&body),
        body,
    };
    (Step::Create(create), Purpose::Other)
}

fn deployment_purpose(seen: &Seen, release: &Release, step: &Step, cause: Cause) -> Purpose {
    let shown = seen
        .backend
        .status
        .as_ref()
        .and_then(|status| status.release.as_ref());
    let was_out = shown.is_some_and(|shown| shown.revision == release.revision);
    match release::in_deployment(seen) {
        Some(number) if number == release.revision => match key_of_step(step) {
            Some(key) => Purpose::Child { key, cause },
            None => Purpose::Other,
        },
        Some(number) if was_out => Purpose::UndoRollback { to: number },
        _ => Purpose::Release,
    }
}

fn template_differs(seen: &Seen, release: &Release) -> bool {
    let live = seen
        .deployment
        .as_ref()
        .and_then(|deployment| deployment.spec.as_ref());
    let template = live
        .and_then(|spec| serde_json::to_value(&spec.template).ok())
        .unwrap_or(Value::Null);
    !compare::differences(&release.template, &template).is_empty()
}

fn confirm(seen: &Seen) -> Step {
    Step::Confirm(Confirm {
        key: meta::key_of(ObjectKind::Backend, seen.backend.as_ref()),
        uid: seen.uid(),
        generation: seen.generation(),
    })
}

/// ControllerRevisions beyond the last ten, the new one counted.
fn expired(seen: &Seen, confirmed: bool) -> Vec<Purposed> {
    let own = release::own(seen);
    let too_many = (own.len() + 1).saturating_sub(release::KEPT);
    let mut steps: Vec<Purposed> = own
        .into_iter()
        .take(too_many)
        .map(|revision| {
            (
                delete(ObjectKind::ControllerRevision, revision.as_ref()),
                Purpose::Other,
            )
        })
        .collect();
    if !steps.is_empty() && !confirmed {
        steps.insert(0, (confirm(seen), Purpose::Other));
    }
    steps
}

/// Children that the spec does not ask for any more; only when nothing else is to be done and no old pod needs them.
fn retire(seen: &Seen, considered: &Considered, busy: bool) -> Vec<Purposed> {
    if busy || considered.hold.is_some() || !report::is_rolled_out(seen, considered) {
        return Vec::new();
    }
    let backend = &considered.backend;
    let mut steps = Vec::new();
    if let Some(service) = seen.service.as_deref().filter(|_| backend.ports.is_empty()) {
        steps.push((delete(ObjectKind::Service, service), Purpose::Other));
    }
    if let Some(service) = seen
        .headless_service
        .as_deref()
        .filter(|_| !backend.ports.iter().any(|port| port.headless))
    {
        steps.push((delete(ObjectKind::Service, service), Purpose::Other));
    }
    if let Some(account) = seen
        .service_account
        .as_deref()
        .filter(|_| !wants_own_account(seen, considered))
    {
        steps.push((delete(ObjectKind::ServiceAccount, account), Purpose::Other));
    }
    if !steps.is_empty() {
        steps.insert(0, (confirm(seen), Purpose::Other));
    }
    steps
}

fn delete<K: Resource + Serialize>(kind: ObjectKind, object: &K) -> Step {
    Step::Delete(Delete {
        key: meta::key_of(kind, object),
        uid: object.uid().unwrap_or_default(),
        resource_version: object.resource_version().unwrap_or_default(),
        propagation: Propagation::Background,
    })
}

impl Considered {
    /// What is missing, if that holds the release.
    pub(super) fn missing(&self) -> Option<&Missing> {
        match &self.hold {
            Some(Hold::Missing(missing)) => Some(missing),
            _ => None,
        }
    }
}
