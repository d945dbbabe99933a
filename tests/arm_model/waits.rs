//! Does anybody move on? In each state each migration has a write to make, a time at which it looks again, a program at work, or a message
//! that names whom or what it waits for, and that is there.

use kube::ResourceExt;
use slipway::api::database::Holder;
use slipway::api::migration::MigrationPhase;
use slipway::core::database::ledger;

use crate::Scope;
use crate::kept::Kept;
use crate::looks::{Decided, Root, roots};
use crate::world::World;

impl Scope {
    /// What an operator sees whose caches are up to date.
    pub fn names_what_it_waits_for(&self, world: &World) -> bool {
        let mut world = world.clone();
        world.lags.clear();
        let mut all = roots(&world.server).into_iter();
        all.all(|root| {
            let Root::Migration(name) = &root else {
                return true;
            };
            let decided = self.decided(&world, &root);
            // To look again at a time is no excuse for what only a person can bring.
            let of_people = waits_for_files_or_a_pause(&world, name, &decided);
            let says = of_people.unwrap_or_else(|| {
                self.moves(&world, name, &decided)
                    || says_why(&world, name, &decided)
                    || self.waits_for_what_is_taken_away(&world, &decided)
            });
            if !says {
                println!("{name}: {:?}: {}", decided.phase, decided.message);
            }
            says
        })
    }

    fn decided(&self, world: &World, root: &Root) -> std::sync::Arc<Decided> {
        let shown = world.shown();
        let leader = &self.leader;
        leader
            .looks
            .decide(world, &shown, root, world.term, leader.mistake)
    }

    /// Whether it waits for a holder that is gone, and whose Job goes or ends.
    fn waits_for_what_is_taken_away(&self, world: &World, decided: &Decided) -> bool {
        let holder = ledger::holder_of(&world.server.database.kept.object);
        holder.is_some_and(|holder| {
            let named = format!("waits for migration {} ", holder.migration);
            decided.message.contains(&named)
                && (is_at_work(world, holder) || self.moves(world, &holder.migration, decided))
        })
    }

    /// Whether something happens without a person: a write of its own or about a Job of its own, a look at a time, a program at work.
    fn moves(&self, world: &World, name: &str, decided: &Decided) -> bool {
        let goes_on = |decided: &Decided| !decided.steps.is_empty() || decided.wakes;
        let own = format!("{name}-");
        let jobs = world.server.jobs.keys();
        let mut jobs = jobs.filter(|job| job.starts_with(&own));
        let holder = ledger::holder_of(&world.server.database.kept.object);
        let own_holder = holder.filter(|holder| holder.migration == name);
        let migration = world.server.migrations.get(name);
        let fixes_the_key = |migration: &Kept<_>| decided.fixes_the_key_of(&migration.object);
        goes_on(decided)
            || migration.is_some_and(fixes_the_key)
            || jobs.any(|job| goes_on(&self.decided(world, &Root::Run(job.clone()))))
            || own_holder.is_some_and(|holder| {
                is_at_work(world, holder) || goes_on(&self.decided(world, &Root::Database))
            })
    }
}

/// Whether the holder's Job, or its pod that outlives it, has not ended.
fn is_at_work(world: &World, holder: &Holder) -> bool {
    let job = world.server.jobs.get(holder.job.as_str());
    let works = job.is_some_and(|job| world.is_at_work(&job.kept.object));
    let uid = Some(&holder.job_uid);
    let pods = &world.server.pods;
    works
        || pods.iter().any(|pod| {
            pod.runs
                && pod
                    .kept
                    .object
                    .labels()
                    .get("batch.kubernetes.io/controller-uid")
                    == uid
        })
}

/// What does not move by itself is at its end, or tells who must act: a person, by a command; its Backend; the
/// migration before it, or one that looks; the end of a Database that is being deleted.
fn says_why(world: &World, name: &str, decided: &Decided) -> bool {
    let says = |words: &str| decided.message.contains(words);
    let migrations = &world.server.migrations;
    match decided.phase {
        Some(MigrationPhase::Succeeded | MigrationPhase::Skipped) => true,
        Some(MigrationPhase::Failed | MigrationPhase::Blocked) => {
            says(&format!("kubectl annotate --overwrite slm/{name} "))
        }
        Some(MigrationPhase::AwaitingApproval) => {
            says(&format!("kubectl annotate --overwrite slm/{name} "))
                && says("slipway.dev/approve=")
        }
        Some(MigrationPhase::Queued) => {
            let mut others = migrations.keys().filter(|other| other.as_ref() != name);
            let stray = world.server.jobs.values();
            let mut stray = stray.filter(|job| world.is_at_work(&job.kept.object));
            says("Next: kubectl")
                || others.any(|other| says(&format!("waits for migration {other} ")))
                || says("waits for migration ") && stray.next().is_some()
        }
        Some(MigrationPhase::Pending) => {
            let backend = &migrations[name].object.spec.backend;
            let mut others = migrations.keys().filter(|other| other.as_ref() != name);
            let database = &world.server.database.kept.object.metadata;
            let goes = database.deletion_timestamp.is_some();
            says(&format!("backend {backend} "))
                || goes && says("database db is being deleted")
                || others.any(|other| says(&format!("how migration {other} ended")))
        }
        _ => false,
    }
}

/// Whether what it says of files or of a pause is so; `None`: it speaks of neither.
fn waits_for_files_or_a_pause(world: &World, name: &str, decided: &Decided) -> Option<bool> {
    let message = decided.message.as_str();
    if decided.phase != Some(MigrationPhase::Pending) {
        return None;
    }
    let backend = &world.server.migrations[name].object.spec.backend;
    if message.contains("configmap sql not found") {
        return Some(
            world.lacks_files() && message.contains("Next: kubectl get configmap sql -n n"),
        );
    }
    if message.contains("spec.rollout.paused") {
        let named = format!("Next: kubectl patch slb/{backend} -n n ");
        return Some(world.is_paused(backend) && message.contains(&named));
    }
    let key = world.server.migrations[name].object.plan_key();
    let overtaken = message.contains("was changed since its plan key was fixed");
    let command = format!("kubectl delete slm/{name} -n n");
    overtaken.then(|| !world.has_its_files(key) && message.contains(&command))
}
