//! The steps that a Backend needs: children in the order in which they need each other, the next migration, the release, and what is retired.

use kube::Resource;
use serde_json::Value;

use super::build::{
    controller_revision, deployment, headless_service, migration, service, service_account,
};
use super::children::{self, Care, Cause, Live};
use super::contract;
use super::decision::{Considered, Purpose};
use super::deployed::is_rolled_out;
use super::gate::{self, Hold};
use super::release::{self, Release};
use super::resolved::Account;
use super::seen::Seen;
use crate::core::compare;
use crate::core::meta;
use crate::core::migration::planned::PlannedMigration;
use crate::core::plan::{Confirm, Create, ObjectKey, ObjectKind, Precondition, Propagation, Step};

/// A step, and why it is done.
pub(super) type Purposed = (Step, Purpose);

pub(super) fn steps(seen: &Seen, considered: &Considered) -> Vec<Purposed> {
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
    steps.extend(later_migrations(seen, considered));
    steps.extend(retire(seen, considered, !steps.is_empty()));
    let confirmed = steps
        .iter()
        .position(|(step, _)| needs_confirmation(seen, considered, step));
    if let Some(first) = confirmed {
        steps.insert(first, (confirm(seen), Purpose::Other));
    }
    steps
}

/// What cannot be taken back, and what may only be done while the Backend is still there as it was seen:
/// - a deletion;
/// - a new template, and the record of a release that comes after migrations;
/// - a child that may have been there before: somebody deleted it, or the garbage collector did, because the Backend itself is gone and the
///   caches show that a moment later. Then nothing is made anew.
fn needs_confirmation(seen: &Seen, considered: &Considered, step: &Step) -> bool {
    let visited = || {
        let status = seen.backend.status.as_ref();
        // Before the first visit the definition's default stands there: -1.
        status
            .and_then(|status| status.observed_generation)
            .is_some_and(|generation| generation > 0)
    };
    match step {
        Step::Delete(_) => true,
        Step::Create(create) => {
            create.key.kind == ObjectKind::ControllerRevision
                && (visited()
                    || !seen.planned.migrations.is_empty()
                    || retemplates(seen, considered))
        }
        Step::Apply(apply) => {
            (apply.precondition == Precondition::Absent && visited())
                || (apply.key.kind == ObjectKind::Deployment && retemplates(seen, considered))
        }
        Step::Patch(patch) => {
            patch.key.kind == ObjectKind::Deployment && retemplates(seen, considered)
        }
        Step::ReplaceDatabaseStatus(_) | Step::Confirm(_) => false,
    }
}

/// Whether the live Deployment gets another template.
fn retemplates(seen: &Seen, considered: &Considered) -> bool {
    let (Some(deployment), Some(release)) = (&seen.deployment, &considered.release) else {
        return false;
    };
    let spec = deployment.spec.as_ref();
    let template = spec
        .and_then(|spec| serde_json::to_value(&spec.template).ok())
        .unwrap_or(Value::Null);
    !compare::differences(&release.template, &template).is_empty()
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
    let plan = seen
        .planned
        .migrations
        .iter()
        .find(|plan| held.missing && plan.object_name == held.migration)?;
    Some(make_migration(seen, plan))
}

/// The migrations after the rollout that are not there yet, once the release is out: each shows for itself what it waits for.
fn later_migrations(seen: &Seen, considered: &Considered) -> Vec<Purposed> {
    if considered.hold.is_some() || !is_rolled_out(seen, considered) {
        return Vec::new();
    }
    contract::entries(seen)
        .filter(|plan| gate::find(seen, plan).is_none())
        .map(|plan| make_migration(seen, plan))
        .collect()
}

fn make_migration(seen: &Seen, plan: &PlannedMigration) -> Purposed {
    let body = migration::migration(seen, plan);
    let create = Create {
        key: children::key_of_body(ObjectKind::Migration, &body),
        hash: meta::hash_of(&body),
        body,
    };
    (Step::Create(create), Purpose::Other)
}

/// Keep the release, give it to the Deployment; or only what the Deployment needs apart from a release.
fn release_steps(seen: &Seen, considered: &Considered) -> Vec<Purposed> {
    let Some(release) = &considered.release else {
        return Vec::new();
    };
    let live = seen.deployment.as_deref().map(Live::of);
    let body = deployment::deployment(seen, &considered.backend, release);
    let change = children::step(
        ObjectKind::Deployment,
        body,
        live.as_ref(),
        Care::SameVersion,
    );
    let is_new = release::numbered(seen, release.revision).is_none();
    let mut steps = Vec::new();
    if is_new {
        steps.push(keep(seen, release));
    }
    if let Some((step, cause)) = change {
        let purpose = deployment_purpose(seen, release, &step, cause);
        steps.push((step, purpose));
    }
    if is_new {
        steps.extend(expired(seen));
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

fn confirm(seen: &Seen) -> Step {
    Step::Confirm(Confirm {
        key: ObjectKey::of(ObjectKind::Backend, seen.backend.as_ref()),
        uid: seen.uid(),
        generation: seen.generation(),
        annotation: None,
    })
}

/// ControllerRevisions beyond the last ten, the new one counted.
fn expired(seen: &Seen) -> Vec<Purposed> {
    let own = release::own(seen);
    let too_many = (own.len() + 1).saturating_sub(release::KEPT);
    own.into_iter()
        .take(too_many)
        .map(|revision| {
            (
                delete(ObjectKind::ControllerRevision, revision.as_ref()),
                Purpose::Other,
            )
        })
        .collect()
}

/// Children that the spec does not ask for any more; only when nothing else is to be done and no old pod needs them.
fn retire(seen: &Seen, considered: &Considered, busy: bool) -> Vec<Purposed> {
    if busy || considered.hold.is_some() || !is_rolled_out(seen, considered) {
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
    steps
}

fn delete<K: Resource>(kind: ObjectKind, object: &K) -> Step {
    Step::delete(kind, object, Propagation::Background)
}
