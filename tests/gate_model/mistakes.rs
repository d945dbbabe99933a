//! The museum of the gate: mistakes planted on purpose, between the deciding code and its world, so that the product holds no switch for them.

use std::sync::Arc;

use kube::ResourceExt;
use serde_json::{Value, json};
use slipway::api::database::{Entry, EntryOutcome};
use slipway::api::migration::MigrationPhase;
use slipway::core::backend::Seen;
use slipway::core::backend::build::migration;
use slipway::core::meta::{RELEASE_LABEL, hash_of};
use slipway::core::plan::{Create, ObjectKey, ObjectKind, Plan, Step};

use crate::kept::object;

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mistake {
    #[default]
    None,
    /// The Deployment gets its template first, the release is kept afterwards.
    KeepsItAfterwards,
    /// The status of a Migration is believed without the ledger.
    BelievesTheStatus,
    /// Only the first migration of the plan is asked.
    AsksTheFirstOnly,
    /// All Migrations of the plan are made at once.
    MakesAllAtOnce,
    /// What the spec asks for is applied whole when the replicas change.
    ReleasesWithTheReplicas,
    /// An apply carries no resourceVersion.
    AppliesBlindly,
    /// Nobody asks the API server itself whether the spec is still so.
    TrustsTheCache,
    /// While the gate is closed nothing is written.
    FreezesBehindTheGate,
    /// The status tells what will be when all steps are done and have had their effect.
    ReportsItsWish,
    /// The number in the template alone says which release is out.
    BelievesTheLabel,
    /// Only what the caches show of the Deployment says that a later release is out.
    ForgetsTheStatus,
}

impl Mistake {
    /// What a look sees.
    pub fn seen(self, mut seen: Seen) -> Seen {
        match self {
            Self::BelievesTheStatus => believe(&mut seen),
            Self::AsksTheFirstOnly => seen.planned.migrations.truncate(1),
            Self::BelievesTheLabel => number_as_labelled(&mut seen),
            Self::ForgetsTheStatus => {
                if let Some(status) = &mut Arc::make_mut(&mut seen.backend).status {
                    status.release = None;
                }
            }
            _ => {}
        }
        seen
    }

    /// The steps as they are carried out.
    pub fn steps(self, mut steps: Vec<Step>, seen: &Seen) -> Vec<Step> {
        match self {
            Self::KeepsItAfterwards => steps.sort_by_key(|step| {
                matches!(step, Step::Create(create) if create.key.kind == ObjectKind::ControllerRevision)
            }),
            Self::MakesAllAtOnce => make_all(&mut steps, seen),
            Self::ReleasesWithTheReplicas => release_along(&mut steps, seen),
            Self::TrustsTheCache => steps.retain(|step| !matches!(step, Step::Confirm(_))),
            Self::FreezesBehindTheGate if !is_released(seen) => steps.clear(),
            _ => {}
        }
        steps
    }

    /// What would be seen after the plan, if all goes well.
    pub fn wished(self, seen: &Seen, plan: &Plan) -> Option<Seen> {
        if self != Self::ReportsItsWish || plan.steps.is_empty() {
            return None;
        }
        let mut wished = seen.clone();
        for step in &plan.steps {
            match step {
                Step::Create(create) if create.key.kind == ObjectKind::ControllerRevision => {
                    wished.revisions.push(Arc::new(object(create.body.clone())));
                }
                Step::Apply(apply) if apply.key.kind == ObjectKind::Deployment => {
                    let mut body = apply.body.clone();
                    let replicas = &apply.body["spec"]["replicas"];
                    body["status"] = json!({
                        "replicas": replicas, "updatedReplicas": replicas, "availableReplicas": replicas, "observedGeneration": 1,
                    });
                    wished.deployment = Some(Arc::new(object(body)));
                }
                _ => {}
            }
        }
        Some(wished)
    }
}

/// The ledger is taken to say what the statuses say.
fn believe(seen: &mut Seen) {
    for migration in &seen.migrations {
        let status = migration.status.as_ref();
        let phase = status.and_then(|status| status.phase);
        let database = seen.databases.get_mut(&migration.spec.database);
        if let (Some(MigrationPhase::Succeeded), Some(database)) = (phase, database) {
            let status = Arc::make_mut(database).status.get_or_insert_default();
            let entries = &mut status.ledger.get_or_insert_default().entries;
            entries.retain(|entry| entry.plan_key != migration.spec.plan_key);
            entries.push(Entry {
                plan_key: migration.spec.plan_key.clone(),
                migration: migration.name_any(),
                outcome: EntryOutcome::Succeeded,
                ..Entry::default()
            });
        }
    }
}

/// The Deployment is taken to bear the number that its template has.
fn number_as_labelled(seen: &mut Seen) {
    let Some(deployment) = &mut seen.deployment else {
        return;
    };
    let template = deployment.spec.as_ref().map(|spec| &spec.template);
    let metadata = template.and_then(|template| template.metadata.clone());
    let label = metadata.and_then(|metadata| metadata.labels?.remove(RELEASE_LABEL));
    let annotations = Arc::make_mut(deployment).annotations_mut();
    annotations.extend(label.map(|label| (RELEASE_LABEL.to_owned(), label)));
}

fn make_all(steps: &mut Vec<Step>, seen: &Seen) {
    let makes = |step: &Step| matches!(step, Step::Create(create) if create.key.kind == ObjectKind::Migration);
    if !steps.iter().any(makes) {
        return;
    }
    steps.retain(|step| !makes(step));
    for plan in &seen.planned.migrations {
        let body = migration::migration(seen, plan);
        steps.push(Step::Create(Create {
            key: ObjectKey {
                kind: ObjectKind::Migration,
                namespace: seen.namespace(),
                name: plan.object_name.clone(),
            },
            hash: hash_of(&body),
            body,
        }));
    }
}

fn release_along(steps: &mut [Step], seen: &Seen) {
    for step in steps {
        if let Step::Apply(apply) = step
            && apply.key.kind == ObjectKind::Deployment
        {
            let image = &mut apply.body["spec"]["template"]["spec"]["containers"][0]["image"];
            *image = json!(seen.backend.spec.image);
        }
    }
}

/// Whether the live Deployment has the image that the spec asks for.
fn is_released(seen: &Seen) -> bool {
    let live = serde_json::to_value(&seen.deployment).expect("JSON");
    let image: &Value = &live["spec"]["template"]["spec"]["containers"][0]["image"];
    live.is_null() || *image == seen.backend.spec.image
}
