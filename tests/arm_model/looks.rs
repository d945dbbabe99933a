//! What the leader does at a look: the real deciding code of the product, on what the caches show. A look at the same is decided once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use kube::ResourceExt;
use slipway::api::migration::{Migration, MigrationPhase};
use slipway::core::database::retention;
use slipway::core::migration::planned::Planned;
use slipway::core::plan::{Executed, ObjectKind, Plan, Step};
use slipway::core::run::evidence::{SeenPod, has_unfinished_pod, is_suspended};
use slipway::core::run::ticket::ticket;
use slipway::core::settings::Settings;
use slipway::core::{database, migration, run};

use crate::kept::{job_uids, print_of};
use crate::mistakes::Mistake;
use crate::world::{Objects, Sight, World, pods_print};

/// What has a reconcile of its own.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Root {
    Database,
    Migration(Arc<str>),
    Run(Arc<str>),
}

/// One step, with a print that tells two apart.
#[derive(Clone, Debug)]
pub struct WalkStep {
    pub step: Step,
    pub print: u64,
}

/// What a look led to.
#[derive(Debug)]
pub struct Decided {
    pub steps: Vec<WalkStep>,
    /// The phase and the plan key that the status then shows, and what it says.
    pub phase: Option<MigrationPhase>,
    pub plan_key: String,
    pub message: String,
    /// The digest of the files that it asks for.
    pub made_of: Option<String>,
    /// Whether it looks again at a time of its own.
    pub wakes: bool,
    pub print: u64,
    pub uids: u64,
}

impl Decided {
    /// Whether the status gets the plan key of what a person wrote.
    pub fn fixes_the_key_of(&self, migration: &Migration) -> bool {
        migration.plan_key() != self.plan_key
    }
}

/// What was decided of what.
#[derive(Default)]
pub struct Looks {
    known: Mutex<HashMap<u64, Arc<Decided>>>,
}

impl Looks {
    /// Decides as the product does.
    pub fn decide(
        &self,
        world: &World,
        shown: &Objects,
        root: &Root,
        term: u8,
        mistake: Mistake,
    ) -> Arc<Decided> {
        let print = print_of((root, of_root(shown, root), world.now().as_second(), term));
        let known = |known: &Mutex<HashMap<u64, Arc<Decided>>>| {
            let known = known.lock().expect("no look panics with it");
            known.get(&print).cloned()
        };
        if let Some(decided) = known(&self.known) {
            return decided;
        }
        let decided = Arc::new(decide(world, shown, root, term, mistake));
        let mut known = self.known.lock().expect("no look panics with it");
        known.insert(print, Arc::clone(&decided));
        decided
    }

    /// Whether a status ever said so.
    pub fn has_said(&self, words: &str) -> bool {
        let known = self.known.lock().expect("no look panics with it");
        known
            .values()
            .any(|decided| decided.message.contains(words))
    }

    /// Of how many different looks it has decided.
    pub fn count(&self) -> usize {
        self.known.lock().expect("no look panics with it").len()
    }
}

/// What the decision on this root can depend on.
fn of_root(shown: &Objects, root: &Root) -> u64 {
    let database = shown.database.kept.print;
    match root {
        Root::Migration(_) => shown.print(),
        Root::Database => {
            let jobs: Vec<u64> = shown.jobs.values().map(|job| job.kept.print).collect();
            print_of((database, jobs, pods_print(&shown.pods)))
        }
        Root::Run(name) => match shown.jobs.get(name) {
            Some(job) if is_suspended(&job.kept.object) => print_of((name, shown.print())),
            Some(job) => {
                let migrations: Vec<&Arc<str>> = shown.migrations.keys().collect();
                let uids: Vec<Option<String>> = shown
                    .migrations
                    .values()
                    .map(|one| one.object.uid())
                    .collect();
                print_of((
                    database,
                    job.kept.print,
                    migrations,
                    uids,
                    pods_print(&shown.pods),
                ))
            }
            None => 0,
        },
    }
}

/// The roots that the caches show.
pub fn roots(shown: &Objects) -> Vec<Root> {
    let migrations = shown.migrations.keys().cloned().map(Root::Migration);
    let runs = shown.jobs.keys().cloned().map(Root::Run);
    migrations.chain(runs).chain([Root::Database]).collect()
}

fn decide(world: &World, shown: &Objects, root: &Root, term: u8, mistake: Mistake) -> Decided {
    let now = world.now();
    let (mut message, mut plan_key, mut made_of) = (String::new(), String::new(), None);
    let (plan, phase) = match root {
        Root::Migration(name) => {
            let now = mistake.clock(now);
            let seen = migration_seen(shown, name, term, mistake);
            made_of = made_of_in(&seen);
            let decision = migration::decide(&seen, now);
            let report = migration::report(&seen, &decision, &Executed::default(), now);
            let status = report.status.unwrap_or_default();
            let phase = serde_json::from_value(status["phase"].clone()).ok();
            let key = status["planKey"].as_str();
            key.unwrap_or_default().clone_into(&mut plan_key);
            let said = status["conditions"][0]["message"].as_str();
            said.unwrap_or_default().clone_into(&mut message);
            (decision.plan, phase)
        }
        Root::Database => {
            let seen = database_seen(shown, mistake);
            (database::decide(&seen, now).plan, None)
        }
        Root::Run(name) => (run_plan(shown, name, term, now, mistake), None),
    };
    let wakes = plan.wake.is_some();
    let steps: Vec<WalkStep> = mistake
        .steps(plan.steps, shown)
        .into_iter()
        .map(|step| WalkStep {
            print: print_of(format!("{step:?}")),
            step,
        })
        .collect();
    let prints: Vec<u64> = steps.iter().map(|step| step.print).collect();
    let uids = steps
        .iter()
        .fold(0, |mask, step| mask | job_uids(&format!("{:?}", step.step)));
    Decided {
        print: print_of(prints),
        steps,
        phase,
        plan_key,
        message,
        made_of,
        wakes,
        uids,
    }
}

/// Of what a person wrote.
fn made_of_in(seen: &migration::Seen) -> Option<String> {
    let planned = seen.planned.migrations.first()?;
    let spec = seen.migration.is_by_hand().then_some(&planned.spec)?;
    spec.source.digest.clone()
}

fn migration_seen(shown: &Objects, name: &str, term: u8, mistake: Mistake) -> migration::Seen {
    let ledger = database::ledger::of(&shown.database.kept.object);
    let migration = mistake.migration(&shown.migrations[name].object, &ledger);
    let backends = shown.backends.values();
    migration::Seen {
        backends: backends
            .map(|backend| mistake.backend(&backend.kept.object))
            .collect(),
        databases: BTreeMap::from([("db".to_owned(), Arc::clone(&shown.database.kept.object))]),
        planned: Planned::default(),
        has_config_map: false,
        bound: 1,
        siblings: shown
            .migrations
            .iter()
            .filter(|(other, _)| other.as_ref() != name)
            .map(|(_, other)| Arc::clone(&other.object))
            .collect(),
        jobs: shown
            .jobs
            .values()
            .map(|job| mistake.job(&job.kept.object))
            .collect(),
        pods: pods(shown),
        settings: Arc::new(Settings::default()),
        term: mistake.term(term).to_string(),
        migration,
    }
    .with_plan(&shown.files.config_maps())
}

fn database_seen(shown: &Objects, mistake: Mistake) -> database::Seen {
    let database = Arc::clone(&shown.database.kept.object);
    let holder = database::ledger::holder_of(&database).cloned();
    let lives = holder.is_none_or(|holder| {
        let job = shown.jobs.get(holder.job.as_str());
        let there = job.is_some_and(|job| job.kept.object.uid().as_ref() == Some(&holder.job_uid));
        let pods = shown.pods.iter().filter(|pod| !pod.gone);
        let mut pods = pods.map(|pod| pod.kept.object.as_ref());
        there
            || mistake != Mistake::ForgetsPodsWithoutAJob
                && has_unfinished_pod(&holder.job_uid, &mut pods)
    });
    database::Seen {
        database,
        bound: 1,
        ledger_write_ahead: false,
        last_news: None,
        holder_lives: lives,
        wanted: retention::is_due(&database::ledger::of(&shown.database.kept.object))
            .then(|| wanted(shown)),
    }
}

/// The plan keys that Backends ask for, and people.
pub fn wanted(shown: &Objects) -> BTreeSet<String> {
    let backends = shown.backends.values();
    let of_backends = backends
        .flat_map(|backend| shown.planned(&backend.kept.object))
        .map(|planned| planned.spec.plan_key);
    let migrations = shown.migrations.values();
    let by_hand = migrations.filter(|migration| migration.object.is_by_hand());
    let by_hand = by_hand.map(|migration| migration.object.plan_key().to_owned());
    of_backends.chain(by_hand).collect()
}

fn run_plan(shown: &Objects, name: &str, term: u8, now: jiff::Timestamp, mistake: Mistake) -> Plan {
    let Some(job) = shown.jobs.get(name) else {
        return Plan::default();
    };
    let job = mistake.job(&job.kept.object);
    let ticket = ticket(&job).expect("every Job of the walk is ours");
    let migration = shown
        .migrations
        .get(ticket.migration.as_str())
        .filter(|migration| migration.object.uid().as_ref() == Some(&ticket.migration_uid));
    let seen = run::Seen {
        database: Some(mistake.database(&shown.database.kept.object, &job)),
        bound: 1,
        migration: migration.map(|migration| Arc::clone(&migration.object)),
        asks: migration
            .filter(|_| is_suspended(&job))
            .map(|migration| migration_seen(shown, &migration.object.name_any(), term, mistake)),
        pods: pods(shown),
        settings: Arc::new(Settings::default()),
        job,
    };
    run::decide(&seen, now).plan
}

fn pods(shown: &Objects) -> Vec<SeenPod> {
    shown
        .pods
        .iter()
        .filter(|pod| pod.sight != Sight::Never)
        .map(|pod| SeenPod {
            pod: Arc::clone(&pod.kept.object),
            gone: pod.gone,
        })
        .collect()
}

/// The object that a step is computed from: its version, as the caches show it.
pub fn version_of(shown: &Objects, step: &Step) -> u32 {
    let job = |name: &str| shown.jobs.get(name).map_or(0, |job| job.version);
    match step {
        Step::Patch(patch) if patch.key.kind == ObjectKind::Job => job(&patch.key.name),
        Step::Delete(delete) => job(&delete.key.name),
        Step::Patch(patch) if patch.key.kind == ObjectKind::Database => shown.database.version,
        Step::ReplaceDatabaseStatus(_) => shown.database.version,
        Step::Patch(_) | Step::Create(_) | Step::Confirm(_) | Step::Apply(_) => 0,
    }
}
