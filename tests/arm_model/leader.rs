//! The leader: it looks, decides, writes, reports; and what it does may be cut off, held up or repeated between any two writes.

use std::sync::Arc;

use kube::ResourceExt;
use serde_json::json;
use slipway::api::migration::{Migration, MigrationPhase};
use slipway::core::plan::{ObjectKind, Step};

use crate::kept::{Kept, object};
use crate::looks::{Looks, Root, version_of};
use crate::mistakes::Mistake;
use crate::server::{Arrival, Sent};
use crate::world::{Held, Watched, World};

/// What decides, and what is done wrong on purpose.
pub struct Leader {
    pub looks: Looks,
    pub mistake: Mistake,
}

impl Leader {
    pub fn plan(&self, world: &World, root: &Root, term: u8) -> Held {
        let shown = world.shown();
        let decided = self.looks.decide(world, &shown, root, term, self.mistake);
        Held {
            root: root.clone(),
            versions: decided
                .steps
                .iter()
                .map(|step| version_of(&shown, &step.step))
                .collect(),
            decided,
            next: 0,
            term,
        }
    }

    /// A look of the leader, from beginning to end.
    pub fn look(&self, world: &mut World, root: &Root) {
        let seen = shown_uid(world, root);
        let mut plan = self.plan(world, root, world.term);
        for _ in 0..plan.decided.steps.len() {
            if !self.step(world, &mut plan, Arrival::Prompt) {
                return;
            }
        }
        if let (Root::Migration(name), Some(phase)) = (root, plan.decided.phase)
            && let Some(migration) = world.server.migrations.get(name)
        {
            let mut migration: Migration = migration.object.as_ref().clone();
            let key = &plan.decided.plan_key;
            if migration.uid() != seen || !may_have(&migration, key) {
                return;
            }
            migration.status = Some(object(json!({"phase": phase, "planKey": key})));
            if !key.is_empty() {
                let key: Arc<str> = key.as_str().into();
                if phase == MigrationPhase::AwaitingApproval {
                    world.waited.insert(Arc::clone(&key));
                }
                if let (None, Some(digest)) = (known_key(world, name), &plan.decided.made_of) {
                    world.made_of.insert(Arc::clone(&key), digest.clone());
                }
                world.truth.entry(key).or_default();
            }
            Arc::make_mut(&mut world.server.migrations)
                .insert(Arc::clone(name), Kept::new(migration));
            wait_for(world, Watched::Migrations, root);
        }
    }

    pub fn step(&self, world: &mut World, plan: &mut Held, arrival: Arrival) -> bool {
        let (Some(step), Some(version)) = (
            plan.decided.steps.get(plan.next),
            plan.versions.get(plan.next),
        ) else {
            return false;
        };
        let sent = Sent {
            step,
            version: *version,
            term: plan.term,
            arrival,
            mistake: self.mistake,
        };
        plan.next += 1;
        let done = world.execute(sent);
        if done
            && plan.term == world.term
            && let Some(kind) = cached_as(&step.step)
        {
            wait_for(world, kind, &plan.root);
        }
        done
    }

    /// The next write of a held plan arrives, so many times.
    pub fn land(&self, world: &mut World, index: usize, times: usize) {
        let mut plan = world.held.remove(index);
        let next = plan.next;
        for time in 0..times {
            plan.next = next;
            let done = self.step(world, &mut plan, Arrival::Late);
            if time == 0 && !done {
                return;
            }
        }
        if plan.next < plan.decided.steps.len() {
            world.held.push(plan);
        }
    }
}

/// A status is written with the uid of what was looked at.
fn shown_uid(world: &World, root: &Root) -> Option<String> {
    let Root::Migration(name) = root else {
        return None;
    };
    world.shown().migrations.get(name)?.object.uid()
}

/// The plan key that stands in its status.
fn known_key(world: &World, name: &str) -> Option<String> {
    let key = world.server.migrations.get(name)?.object.plan_key();
    (!key.is_empty()).then(|| key.to_owned())
}

/// A plan key that stands in a status is never changed: the API server refuses that.
fn may_have(migration: &Migration, key: &str) -> bool {
    [key, ""].contains(&migration.plan_key())
}

/// Which cache shows what the step has written.
fn cached_as(step: &Step) -> Option<Watched> {
    let kind = match step {
        Step::Create(create) => create.key.kind,
        Step::Patch(patch) => patch.key.kind,
        Step::Delete(delete) => delete.key.kind,
        Step::ReplaceDatabaseStatus(replace) => replace.key.kind,
        Step::Confirm(_) | Step::Apply(_) => return None,
    };
    match kind {
        ObjectKind::Job => Some(Watched::Jobs),
        ObjectKind::Database => Some(Watched::Database),
        _ => None,
    }
}

/// The driver looks at a root again only when the caches show its own last write.
fn wait_for(world: &mut World, kind: Watched, root: &Root) {
    if let Some(lag) = world.lags.get_mut(&kind) {
        lag.waits.insert(root.clone());
    }
}
