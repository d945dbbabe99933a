//! The fair run: from here on everything works, everybody is prompt, and time passes. Where does it come to rest?

use std::sync::Arc;

use kube::ResourceExt;
use slipway::api::common::Phase;
use slipway::api::database::{Entry, EntryOutcome};
use slipway::api::migration::{Migration, MigrationPhase};
use slipway::core::database::ledger;
use slipway::core::run::evidence::is_suspended;

use crate::Scope;
use crate::looks::{roots, wanted};
use crate::runner::Ending;
use crate::world::{World, is_kept};

/// Rounds within which it must be at rest.
const ROUNDS: usize = 100;

/// Passes of time in which nothing moves any more: then it rests.
const QUIET_PASSES: u8 = 4;

impl Scope {
    /// Whether the fair run ends well: nothing held, no Job kept, each plan ended, waiting for a person, or wanted by nobody; be it that a
    /// ConfigMap stays away and a Backend paused, or not.
    pub fn comes_to_rest(&self, world: &World) -> bool {
        let put_right = world.put_right();
        self.rests(world.clone()) && put_right.is_none_or(|world| self.rests(world))
    }

    fn rests(&self, mut world: World) -> bool {
        world.held.clear();
        world.lags.clear();
        world.left = self.left;
        world.stranger = false;
        let names: Vec<Arc<str>> = world.server.backends.keys().cloned().collect();
        if self.kind.phase == Phase::AfterRollout {
            for name in &names {
                world.turn(name, true);
            }
        }
        let mut quiet = 0;
        for _ in 0..ROUNDS {
            let before = world.server.print();
            self.fair_round(&mut world);
            if world.broken.is_some() {
                return false;
            }
            quiet = if world.server.print() == before {
                quiet + 1
            } else {
                0
            };
            if quiet == QUIET_PASSES {
                return is_at_rest(&world);
            }
            if quiet > 0 {
                world.pass();
            }
        }
        false
    }

    fn fair_round(&self, world: &mut World) {
        for root in roots(&world.server) {
            self.leader.look(world, &root);
        }
        approve_what_is_listed(world);
        self.programs_go_well(world);
    }

    /// Each program that runs ends as it should, each armed Job gets its pod.
    pub fn programs_go_well(&self, world: &mut World) {
        for index in 0..world.server.pods.len() {
            if world.server.pods[index].runs {
                world.end(index, Ending::Well);
            }
        }
        for name in world.jobs_to_start() {
            world.start(&name, true);
        }
    }
}

fn approve_what_is_listed(world: &mut World) {
    let ledger = ledger::of(&world.server.database.kept.object).into_owned();
    let names: Vec<Arc<str>> = world.server.migrations.keys().cloned().collect();
    for name in names {
        let plan = world.server.migrations[&name].object.plan_key();
        let entry = ledger::entry(&ledger, plan);
        let listed = entry.and_then(|entry| entry.listed.as_ref());
        if let Some(list) = listed.filter(|list| world.approval(&name) != Some(&list.digest)) {
            world.approve(&name, &list.digest);
        }
    }
}

fn is_at_rest(world: &World) -> bool {
    let jobs = world.server.jobs.values();
    let mut jobs = jobs.map(|job| job.kept.object.as_ref());
    let database = &world.server.database.kept.object;
    let free = ledger::holder_of(database).is_none() && database.finalizers().is_empty();
    let migrations = world.server.migrations.values();
    let mut migrations = migrations.map(|migration| {
        let status = migration.object.status.as_ref();
        (
            Arc::clone(&migration.object),
            status.and_then(|status| status.phase),
        )
    });
    let wanted = wanted(&world.server);
    // What a contract did is always read, but where only files that are missing could tell, a person must look first, or nobody is left to ask.
    let ledger = ledger::of(&world.server.database.kept.object);
    let lacks_files =
        |migration: &Migration| migration.spec.source.config_map.is_some() && world.lacks_files();
    let is_read = |entry: &Entry| {
        let waits = world.server.migrations.values().any(|migration| {
            let migration = &migration.object;
            let phase = migration.status.as_ref().and_then(|status| status.phase);
            migration.plan_key() == entry.plan_key
                && !lacks_files(migration)
                && phase != Some(MigrationPhase::Blocked)
        });
        entry.outcome != EntryOutcome::Unknown || !waits
    };
    let known = world.kind.phase == Phase::BeforeRollout || ledger.entries.iter().all(is_read);
    free && known
        && jobs.all(|job| !is_kept(job) && !is_suspended(job))
        && migrations.all(|(migration, phase)| match phase {
            Some(
                MigrationPhase::Succeeded
                | MigrationPhase::Skipped
                | MigrationPhase::Failed
                | MigrationPhase::Blocked,
            ) => true,
            Some(MigrationPhase::Pending) => {
                let key = migration.plan_key();
                let paused = world.is_paused(&migration.spec.backend);
                paused
                    || lacks_files(&migration)
                    || !wanted.contains(key)
                    || !world.has_its_files(key)
            }
            _ => false,
        })
}
