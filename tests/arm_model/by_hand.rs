//! A Migration that a person writes, beside what a Backend asks for, and takes away again.

use std::sync::Arc;

use serde_json::json;
use slipway::api::migration::Migration;
use slipway::core::plan::{ObjectKind, Step};

use crate::files::{CONFIG_MAP, Takes};
use crate::kept::{Kept, object};
use crate::looks::{Root, roots};
use crate::mistakes::Mistake;
use crate::museum::finds;
use crate::rules::Rule;
use crate::walks::{budget, holds, one};
use crate::world::{SHOWN_VERSION, World};

/// Its name.
const NAME: &str = "repair";

/// The image of another plan than the Backend's; and of the same.
const OTHER: &str = "repair:1";
const SAME: &str = "orders:1";

/// The images that a person may write while there is no such Migration.
pub fn to_write(world: &World) -> Vec<&'static str> {
    if world.left.writings == 0 || world.server.migrations.contains_key(NAME) {
        return Vec::new();
    }
    match world.kind.takes {
        Takes::Nobody => vec![OTHER, SAME],
        // Of files of a ConfigMap the image is no part of the plan.
        Takes::Entry | Takes::ByHand => vec![OTHER],
    }
}

/// What a person may take away.
pub fn to_erase(world: &World) -> Vec<Arc<str>> {
    let migrations = world.server.migrations.iter();
    let by_hand = migrations.filter(|(_, migration)| migration.object.is_by_hand());
    let names = by_hand.filter(|_| world.left.erasures > 0);
    names.map(|(name, _)| Arc::clone(name)).collect()
}

impl World {
    /// Written for the Backend `orders`. The uid is new each time.
    pub fn write_by_hand(&mut self, image: &str) {
        let uid = format!("uid-{NAME}-{}", self.left.writings);
        let mut source = json!({"image": image, "path": "/m"});
        if self.kind.takes != Takes::Nobody {
            source = json!({"image": image, "configMap": CONFIG_MAP});
        }
        let migration: Migration = object(json!({
            "apiVersion": "slipway.dev/v1alpha1", "kind": "Migration",
            "metadata": {"name": NAME, "namespace": "n", "uid": uid, "resourceVersion": SHOWN_VERSION, "generation": 1},
            "spec": {
                "backend": "orders", "name": "by-hand", "database": "db", "tool": self.kind.tool, "phase": self.kind.phase,
                "source": source,
            },
        }));
        Arc::make_mut(&mut self.server.migrations).insert(NAME.into(), Kept::new(migration));
    }

    pub fn erase(&mut self, name: &str) {
        Arc::make_mut(&mut self.server.migrations).remove(name);
    }
}

#[test]
fn one_that_a_person_writes_has_its_key_first_and_is_armed_only_while_it_is_there() {
    let scope = one(budget!(writings: 1));
    let mut world = World::new(&scope.backends, scope.kind, scope.left);
    world.write_by_hand(OTHER);
    let root = Root::Migration(NAME.into());
    let plan = scope.leader.plan(&world, &root, 0);
    assert!(plan.decided.steps.is_empty(), "{:?}", plan.decided.steps);
    scope.leader.look(&mut world, &root);
    assert_eq!(world.server.migrations[NAME].object.plan_key().len(), 52);
    let mut confirmed = Vec::new();
    for _ in 0..10 {
        for root in roots(&world.server) {
            let plan = scope.leader.plan(&world, &root, 0);
            confirmed.extend(
                plan.decided
                    .steps
                    .iter()
                    .filter_map(|step| match &step.step {
                        Step::Confirm(confirm) if confirm.key.name == NAME => {
                            Some(confirm.key.kind)
                        }
                        _ => None,
                    }),
            );
            scope.leader.look(&mut world, &root);
        }
        scope.programs_go_well(&mut world);
    }
    assert_eq!(
        (confirmed, world.broken),
        (vec![ObjectKind::Migration], None)
    );
    assert!(scope.comes_to_rest(&world));
}

#[test]
fn one_that_a_person_writes_and_takes_away_runs_nothing_twice_and_nothing_beside_another() {
    holds(one(budget!(writings: 1, erasures: 1, crashes: 1)));
    holds(one(budget!(writings: 1, erasures: 1, late: 1)));
    holds(one(budget!(writings: 2, erasures: 1, lags: 1)));
    holds(one(budget!(writings: 1, failures: 1, passes: 1)));
    holds(one(budget!(writings: 1, losses: 1)));
}

#[test]
fn trust_in_an_old_cache_that_shows_what_a_person_took_away_is_found() {
    finds(
        Rule::Wanted,
        Mistake::TrustsTheApprovalItSaw,
        one(budget!(writings: 1, erasures: 1, lags: 1)),
    );
}
