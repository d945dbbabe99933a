//! A walk through every order of events that two Backends with one Database can meet at small size: the leader looks at an object, dies
//! between two writes, a deposed leader's plan lands late, a Job starts, ends well, badly or without a word, is removed by force. The
//! deciding code is the real one; only the API server is a few lines of memory.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::{Value, json};

use super::planned::planned;
use super::{Seen, decide, report};
use crate::api::backend::Backend;
use crate::api::database::{Database, EntryOutcome};
use crate::api::migration::{Migration, MigrationPhase};
use crate::core::database;
use crate::core::hash;
use crate::core::plan::{Executed, Plan, Step};
use crate::core::run::evidence::{self, JobState, SeenPod};
use crate::core::run::{self, ticket};
use crate::core::settings::Settings;

const START: i64 = 1_800_000_000;

/// Longer than one step of time, shorter than two; seconds.
const SOAK: i64 = 3000;

/// How a Job's program can end, seen from outside.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Succeeded,
    Transient,
    SqlError,
    Half,
    Silent,
    RemovedByForce,
}

const ENDINGS: [Ending; 6] = [
    Ending::Succeeded,
    Ending::Transient,
    Ending::SqlError,
    Ending::Half,
    Ending::Silent,
    Ending::RemovedByForce,
];

#[derive(Clone, Debug)]
enum Action {
    Look {
        root: Root,
        steps: usize,
        status: bool,
    },
    Hold {
        root: Root,
    },
    LandLate,
    Start(String),
    End(String, Ending),
    TimePasses,
    /// The release is out and undisturbed, or no more so, by the Backend's status.
    Disturb(bool),
    /// A newer spec asks for another plan.
    Supersede,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Root {
    Migration(String),
    Run(String),
    Database,
}

#[derive(Clone)]
struct World {
    now: i64,
    version: u64,
    database: Database,
    backends: BTreeMap<String, Arc<Backend>>,
    migrations: BTreeMap<String, Migration>,
    jobs: BTreeMap<String, Job>,
    pods: Vec<SeenPod>,
    held: Option<Plan>,
    /// A new leader took over: its term differs from that of the held plan.
    term: u8,
    /// Plan keys of bodies that ended well and were recorded.
    armed_total: usize,
    ended: usize,
    /// How often the release was disturbed; `None`: the plan runs before the rollout.
    disturbed: Option<usize>,
}

impl World {
    fn new(backends: &[&str]) -> Self {
        let database: Database = object(json!({
            "apiVersion": "slipway.dev/v1alpha1", "kind": "Database",
            "metadata": {"name": "db", "namespace": "n", "uid": "uid-db", "resourceVersion": "1", "generation": 1},
            "spec": {"engine": "PostgreSQL", "host": "h", "name": "d", "credentials": {"secret": "s"}},
        }));
        let mut world = Self {
            now: START,
            version: 10,
            database,
            backends: BTreeMap::new(),
            migrations: BTreeMap::new(),
            jobs: BTreeMap::new(),
            pods: Vec::new(),
            held: None,
            term: 0,
            armed_total: 0,
            ended: 0,
            disturbed: None,
        };
        let before = json!({"name": "schema", "tool": "Goose", "source": {"path": "/m"}});
        for name in backends {
            world.add_backend(name, "1", &before);
        }
        world
    }

    /// A Backend whose only migration runs after the rollout, with a soak that is longer than one step of time.
    fn after_rollout() -> Self {
        let mut world = Self::new(&[]);
        let after = json!({
            "name": "contract", "tool": "Goose", "source": {"path": "/m"}, "phase": "AfterRollout", "soakSeconds": SOAK,
        });
        world.add_backend("orders", "1", &after);
        world.disturbed = Some(0);
        world
    }

    fn add_backend(&mut self, name: &str, image: &str, migration: &Value) {
        let backend: Backend = object(json!({
            "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend",
            "metadata": {"name": name, "namespace": "n", "uid": format!("uid-{name}"), "generation": 1},
            "spec": {
                "image": format!("{name}:{image}"), "databases": [{"name": "db"}],
                "migrations": [migration],
            },
        }));
        for planned in planned(&backend, &self.databases()).migrations {
            let migration: Migration = object(json!({
                "apiVersion": "slipway.dev/v1alpha1", "kind": "Migration",
                "metadata": {
                    "name": planned.object_name, "namespace": "n", "uid": format!("uid-{}", planned.object_name), "generation": 1,
                    "ownerReferences": [crate::core::meta::controller_reference(&backend)],
                },
                "spec": planned.spec,
            }));
            self.migrations.insert(planned.object_name, migration);
        }
        self.backends.insert(name.to_owned(), Arc::new(backend));
    }

    fn databases(&self) -> BTreeMap<String, Arc<Database>> {
        BTreeMap::from([("db".to_owned(), Arc::new(self.database.clone()))])
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.now).expect("a small number of seconds")
    }

    fn seen(&self, name: &str) -> Seen {
        let migration = self
            .migrations
            .get(name)
            .expect("a Migration of this world");
        Seen {
            migration: Arc::new(migration.clone()),
            backend: self.backends.get(&migration.spec.backend).cloned(),
            databases: self.databases(),
            bound: 1,
            siblings: self
                .migrations
                .values()
                .filter(|other| other.name_any() != name)
                .cloned()
                .map(Arc::new)
                .collect(),
            jobs: self.jobs.values().cloned().map(Arc::new).collect(),
            pods: self.pods.clone(),
            settings: Arc::new(Settings::default()),
            term: self.term.to_string(),
        }
    }

    fn plan(&self, root: &Root) -> Plan {
        match root {
            Root::Migration(name) => decide(&self.seen(name), self.now()).plan,
            Root::Database => {
                let ledger = self
                    .database
                    .status
                    .as_ref()
                    .and_then(|status| status.ledger.as_ref());
                let holder = ledger.and_then(|ledger| ledger.holder.as_ref());
                let exists = holder.is_none_or(|holder| self.jobs.contains_key(&holder.job));
                let seen = database::Seen {
                    database: Arc::new(self.database.clone()),
                    bound: 1,
                    ledger_write_ahead: false,
                    holder_lives: exists,
                };
                database::decide(&seen, self.now()).plan
            }
            Root::Run(name) => {
                let Some(job) = self.jobs.get(name) else {
                    return Plan::default();
                };
                let ticket = ticket::ticket(job).expect("every Job of this world is ours");
                let migration = self.migrations.get(&ticket.migration);
                let seen = run::Seen {
                    job: Arc::new(job.clone()),
                    database: Some(Arc::new(self.database.clone())),
                    bound: 1,
                    migration: migration.cloned().map(Arc::new),
                    asks: migration.map(|migration| self.seen(&migration.name_any())),
                    pods: self.pods.clone(),
                    settings: Arc::new(Settings::default()),
                };
                run::decide(&seen, self.now()).plan
            }
        }
    }

    /// Carries out a step as the API server would; `false`: a precondition failed.
    fn execute(&mut self, step: &Step) -> bool {
        self.version += 1;
        let version = self.version.to_string();
        match step {
            Step::Create(create) => {
                if self.jobs.contains_key(&create.key.name) {
                    return false;
                }
                let mut body = create.body.clone();
                set(
                    &mut body,
                    "uid",
                    json!(format!("uid-{}-{version}", create.key.name)),
                );
                set(&mut body, "resourceVersion", json!(version));
                self.jobs.insert(create.key.name.clone(), object(body));
                true
            }
            Step::Patch(patch) => {
                let Some(job) = self
                    .jobs
                    .get(&patch.key.name)
                    .filter(|job| fits(*job, &patch.uid, &patch.resource_version))
                else {
                    return false;
                };
                let was_inert = job.spec.as_ref().and_then(|spec| spec.suspend) == Some(true);
                let mut body = serde_json::to_value(job).expect("a Job is JSON");
                merge(&mut body, &patch.body);
                set(&mut body, "resourceVersion", json!(version));
                let mut patched: Job = object(body);
                if was_inert && patched.spec.as_ref().and_then(|spec| spec.suspend) == Some(false) {
                    self.armed_total += 1;
                    let started = Value::String(self.now().to_string());
                    patched.status = Some(object(json!({"startTime": started})));
                }
                if patched.finalizers().is_empty() && patched.metadata.deletion_timestamp.is_some()
                {
                    self.jobs.remove(&patch.key.name);
                } else {
                    self.jobs.insert(patch.key.name.clone(), patched);
                }
                true
            }
            Step::Delete(delete) => {
                let now = self.now();
                let Some(job) = self
                    .jobs
                    .get_mut(&delete.key.name)
                    .filter(|job| fits(*job, &delete.uid, &delete.resource_version))
                else {
                    return false;
                };
                job.metadata.deletion_timestamp =
                    Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(now));
                job.metadata.resource_version = Some(version);
                true
            }
            Step::ReplaceDatabaseStatus(replace) => {
                if !fits(&self.database, &replace.uid, &replace.resource_version) {
                    return false;
                }
                self.database.status = Some(replace.status.clone());
                self.database.metadata.resource_version = Some(version);
                true
            }
            Step::Confirm(confirm) => self
                .backends
                .get(&confirm.key.name)
                .is_some_and(|backend| backend.metadata.generation == Some(confirm.generation)),
            Step::Apply(_) => unreachable!("a migration applies nothing"),
        }
    }

    /// As the driver looks: the status is made from what was seen before the writes.
    fn look(&mut self, root: &Root, steps: usize, status: bool) {
        let seen = match root {
            Root::Migration(name) => Some((name, self.seen(name))),
            Root::Run(_) | Root::Database => None,
        };
        let plan = self.plan(root);
        let whole = steps >= plan.steps.len();
        let done = plan.steps.iter().take(steps).all(|step| self.execute(step));
        if let (Some((name, seen)), true) = (seen, status && whole && done) {
            let decision = decide(&seen, self.now());
            let report = report(&seen, &decision, &Executed::default(), self.now());
            if let Some(migration) = self.migrations.get_mut(name) {
                migration.status = report.status.map(object);
            }
        }
    }

    fn end(&mut self, name: &str, ending: Ending) {
        let job = self.jobs.get(name).expect("a Job that runs").clone();
        self.ended += 1;
        let ticket = ticket::ticket(&job).expect("ours");
        let (message, complete) = match ending {
            Ending::RemovedByForce => {
                self.jobs.remove(name);
                self.pods
                    .retain(|seen| evidence::pods_of(&job, std::slice::from_ref(seen)).is_empty());
                return;
            }
            Ending::Succeeded => (
                Some(json!({"outcome": "Succeeded", "reason": "Succeeded", "after": "2"})),
                true,
            ),
            Ending::Transient => (
                Some(json!({"outcome": "Failed", "reason": "LockTimeout", "retrySafe": true})),
                false,
            ),
            Ending::SqlError => (
                Some(json!({"outcome": "Failed", "reason": "SqlError"})),
                false,
            ),
            Ending::Half => (
                Some(json!({"outcome": "Blocked", "reason": "PartiallyApplied"})),
                false,
            ),
            Ending::Silent => (None, false),
        };
        let message = message.map(|mut message| {
            message["v"] = json!(1);
            message["planKey"] = json!(ticket.plan_key);
            message["attempt"] = json!(ticket.attempt);
            message.to_string()
        });
        let now = self.now().to_string();
        self.pods = self
            .pods
            .iter()
            .map(|seen| {
                if evidence::pods_of(&job, std::slice::from_ref(seen)).is_empty() {
                    return seen.clone();
                }
                SeenPod {
                    pod: Arc::new(ended_pod(&seen.pod, message.as_deref(), &now)),
                    gone: true,
                }
            })
            .collect();
        self.version += 1;
        let type_ = if complete { "Complete" } else { "Failed" };
        let job = self.jobs.get_mut(name).expect("still there");
        job.status = Some(object(json!({
            "startTime": now, "conditions": [{"type": type_, "status": "True", "lastTransitionTime": now}],
        })));
        job.metadata.resource_version = Some(self.version.to_string());
    }

    fn start(&mut self, name: &str) {
        let job = self.jobs.get(name).expect("a Job that is armed");
        let pod: Pod = object(json!({
            "metadata": {
                "name": format!("{name}-pod"), "namespace": "n", "labels": {"batch.kubernetes.io/job-name": name},
                "ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": job.uid(), "controller": true}],
            },
            "status": {"phase": "Running", "containerStatuses": [{
                "name": "migrate", "image": "", "imageID": "", "ready": true, "restartCount": 0, "state": {"running": {}},
            }]},
        }));
        self.pods.push(SeenPod {
            pod: Arc::new(pod),
            gone: false,
        });
    }

    fn state_of(&self, job: &Job) -> JobState {
        evidence::state(job, &evidence::pods_of(job, &self.pods), self.now())
    }

    fn has_pod(&self, job: &Job) -> bool {
        !evidence::pods_of(job, &self.pods).is_empty()
    }

    fn active(&self) -> Vec<String> {
        self.jobs
            .values()
            .filter(|job| self.state_of(job) == JobState::Active)
            .map(kube::ResourceExt::name_any)
            .collect()
    }

    fn roots(&self) -> Vec<Root> {
        let migrations = self.migrations.keys().cloned().map(Root::Migration);
        let runs = self.jobs.keys().cloned().map(Root::Run);
        migrations.chain(runs).chain([Root::Database]).collect()
    }

    fn actions(&self, limits: Limits) -> Vec<Action> {
        let mut actions = Vec::new();
        for root in self.roots() {
            let steps = self.plan(&root).steps.len();
            for done in 0..steps {
                actions.push(Action::Look {
                    root: root.clone(),
                    steps: done,
                    status: false,
                });
            }
            actions.push(Action::Look {
                root: root.clone(),
                steps,
                status: true,
            });
            if limits.late && self.held.is_none() && self.term == 0 && steps > 0 {
                actions.push(Action::Hold { root });
            }
        }
        if self.held.is_some() {
            actions.push(Action::LandLate);
        }
        for job in self.jobs.values() {
            let name = job.name_any();
            if self.state_of(job) == JobState::Active && !self.has_pod(job) {
                actions.push(Action::Start(name));
            } else if self.state_of(job) == JobState::Active && self.ended < limits.runs {
                actions.extend(ENDINGS.map(|ending| Action::End(name.clone(), ending)));
            }
        }
        if self.now < START + 4000 {
            actions.push(Action::TimePasses);
        }
        if let Some(times) = self.disturbed.filter(|_| !self.is_superseded()) {
            let undisturbed = self.undisturbed_since().is_some();
            if !undisturbed || times < 1 {
                actions.push(Action::Disturb(undisturbed));
            }
            actions.push(Action::Supersede);
        }
        actions
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::Look {
                root,
                steps,
                status,
            } => self.look(root, *steps, *status),
            Action::Hold { root } => {
                self.held = Some(self.plan(root));
                self.term = 1;
            }
            Action::LandLate => {
                if let Some(plan) = self.held.take() {
                    let _ = plan.steps.iter().all(|step| self.execute(step));
                }
            }
            Action::Start(name) => self.start(&name.clone()),
            Action::End(name, ending) => self.end(&name.clone(), *ending),
            Action::TimePasses => self.now += 2000,
            Action::Disturb(disturb) => self.disturb(*disturb),
            Action::Supersede => self.supersede(),
        }
    }

    fn disturb(&mut self, disturb: bool) {
        self.disturbed = self.disturbed.map(|times| times + usize::from(disturb));
        let since = self.now().to_string();
        self.edit_backend(|backend| {
            backend.status = Some(object(json!({
                "observedGeneration": backend.metadata.generation, "release": {"revision": 1},
                "soak": (!disturb).then(|| json!({"release": 1, "since": since})),
            })));
        });
    }

    fn supersede(&mut self) {
        self.edit_backend(|backend| {
            backend.spec.image = "orders:2".to_owned();
            backend.metadata.generation = Some(2);
        });
    }

    fn edit_backend(&mut self, edit: impl FnOnce(&mut Backend)) {
        let backend = self.backends.get_mut("orders").expect("its only Backend");
        let mut edited = Backend::clone(backend);
        edit(&mut edited);
        *backend = Arc::new(edited);
    }

    fn is_superseded(&self) -> bool {
        self.backends
            .values()
            .any(|backend| backend.metadata.generation == Some(2))
    }

    fn undisturbed_since(&self) -> Option<i64> {
        let soak = self
            .backends
            .get("orders")?
            .status
            .as_ref()?
            .soak
            .as_ref()?;
        Some(soak.since.parse::<Timestamp>().ok()?.as_second())
    }

    /// What makes two worlds the same: everything but the numbers of versions, of which only those that the held plan waits for count.
    fn fingerprint(&self) -> String {
        let mut jobs = serde_json::to_value(&self.jobs).expect("JSON");
        for (name, job) in &self.jobs {
            let awaited = self
                .held_versions()
                .contains(&job.resource_version().unwrap_or_default());
            jobs[name]["metadata"]["resourceVersion"] = json!(awaited);
            jobs[name]["metadata"]["uid"] = json!(0);
        }
        let mut database = serde_json::to_value(&self.database).expect("JSON");
        let awaited = self
            .held_versions()
            .contains(&self.database.resource_version().unwrap_or_default());
        database["metadata"]["resourceVersion"] = json!(awaited);
        strip_uids(&mut database);
        let phases: Vec<Option<MigrationPhase>> = self
            .migrations
            .values()
            .map(|m| m.status.as_ref().and_then(|s| s.phase))
            .collect();
        let pods: Vec<(String, bool)> = self
            .pods
            .iter()
            .map(|seen| (seen.pod.name_any(), seen.gone))
            .collect();
        let held = self.held.as_ref().map(|plan| {
            format!(
                "{:?}",
                plan.steps
                    .iter()
                    .map(std::mem::discriminant)
                    .collect::<Vec<_>>()
            )
        });
        hash::of(&json!([
            jobs,
            database,
            format!("{phases:?}"),
            pods,
            held,
            self.term,
            self.now,
            self.ended,
            self.undisturbed_since(),
            self.disturbed,
            self.is_superseded(),
        ]))
    }

    fn held_versions(&self) -> Vec<String> {
        let steps = self.held.iter().flat_map(|plan| &plan.steps);
        steps
            .filter_map(|step| match step {
                Step::Patch(patch) => Some(patch.resource_version.clone()),
                Step::Delete(delete) => Some(delete.resource_version.clone()),
                Step::ReplaceDatabaseStatus(replace) => Some(replace.resource_version.clone()),
                Step::Create(_) | Step::Confirm(_) | Step::Apply(_) => None,
            })
            .collect()
    }

    fn outcomes(&self) -> BTreeMap<String, EntryOutcome> {
        let ledger = self
            .database
            .status
            .as_ref()
            .and_then(|status| status.ledger.clone())
            .unwrap_or_default();
        ledger
            .entries
            .into_iter()
            .map(|entry| (entry.plan_key, entry.outcome))
            .collect()
    }

    /// Runs the leader and the Job controller fairly, every program ending well, until nothing moves.
    fn settle(&mut self) {
        for _ in 0..200 {
            let before = (self.fingerprint(), self.version);
            for root in self.roots() {
                self.look(&root, usize::MAX, true);
            }
            for name in self.active() {
                let job = self.jobs.get(&name).expect("listed").clone();
                if self.has_pod(&job) {
                    self.end(&name, Ending::Succeeded);
                } else {
                    self.start(&name);
                }
            }
            if (self.fingerprint(), self.version) == before {
                if self.now > START + 20_000 {
                    return;
                }
                self.now += 2000;
            }
        }
        panic!("does not settle: {:?}", self.database.status);
    }
}

#[derive(Clone, Copy)]
struct Limits {
    runs: usize,
    late: bool,
}

/// Walks all worlds; checks each against the invariants, and that each still settles well.
fn walk(start: World, limits: Limits) -> usize {
    let mut known = HashSet::from([start.fingerprint()]);
    let mut queue = VecDeque::from([(start, Vec::<String>::new())]);
    while let Some((world, path)) = queue.pop_front() {
        for action in world.actions(limits) {
            let mut next = world.clone();
            next.act(&action);
            let mut path = path.clone();
            path.push(format!("{action:?}"));
            check(&world, &next, &path);
            if known.insert(next.fingerprint()) {
                if known.len().is_multiple_of(13) {
                    check_settles(next.clone(), &path);
                }
                queue.push_back((next, path));
            }
        }
    }
    known.len()
}

/// I-1, I-6, I-8: one at a time, none after success, a recorded success never changes.
fn check(before: &World, after: &World, path: &[String]) {
    assert!(
        after.active().len() <= 1,
        "two runs at once: {:?} by {path:#?}",
        after.active()
    );
    let (old, new) = (before.outcomes(), after.outcomes());
    for (plan, outcome) in &old {
        if *outcome == EntryOutcome::Succeeded {
            assert_eq!(
                new.get(plan),
                Some(outcome),
                "a success was lost by {path:#?}"
            );
        }
    }
    if after.armed_total > before.armed_total {
        let armed = after
            .active()
            .into_iter()
            .find(|name| !before.active().contains(name));
        let plan = armed
            .and_then(|name| ticket::ticket(after.jobs.get(&name)?))
            .map(|ticket| ticket.plan_key);
        assert!(
            plan.is_some_and(|plan| old.get(&plan) != Some(&EntryOutcome::Succeeded)),
            "ran after its success by {path:#?}"
        );
        check_soak(before, after, path);
    }
}

/// `migrations.md` 4.6: a migration after the rollout is armed only at the end of an undisturbed soak, by a Backend that still asks for it.
fn check_soak(before: &World, after: &World, path: &[String]) {
    let armed = after.active();
    let armed = armed.iter().find(|name| !before.active().contains(name));
    let reads = armed.is_some_and(|name| name.contains("-c"));
    if before.disturbed.is_none() || reads {
        return;
    }
    let soaked = before
        .undisturbed_since()
        .is_some_and(|since| before.now - since >= SOAK);
    assert!(
        soaked && !before.is_superseded(),
        "armed too early by {path:#?}"
    );
}

/// From every world a fair future comes to rest: nothing held, nothing half done, every plan ended or waiting for a person.
fn check_settles(mut world: World, path: &[String]) {
    world.held = None;
    if world.disturbed.is_some() && !world.is_superseded() {
        world.disturb(false);
    }
    world.settle();
    let ledger = world
        .database
        .status
        .clone()
        .unwrap_or_default()
        .ledger
        .unwrap_or_default();
    assert_eq!(ledger.holder, None, "held for ever by {path:#?}");
    for migration in world.migrations.values() {
        let phase = migration.status.as_ref().and_then(|status| status.phase);
        let at_rest = [
            MigrationPhase::Succeeded,
            MigrationPhase::Failed,
            MigrationPhase::Blocked,
        ]
        .map(Some);
        let superseded = world.is_superseded() && phase == Some(MigrationPhase::Pending);
        assert!(
            at_rest.contains(&phase) || superseded,
            "{} rests at {phase:?} by {path:#?}\n{ledger:#?}",
            migration.name_any()
        );
    }
    if world.disturbed.is_some() {
        let outcomes = world.outcomes();
        assert!(
            !outcomes
                .values()
                .any(|outcome| *outcome == EntryOutcome::Unknown),
            "what a contract did is never read by {path:#?}"
        );
    }
    let leaked: Vec<&Job> = world
        .jobs
        .values()
        .filter(|job| !job.finalizers().is_empty())
        .collect();
    assert!(leaked.is_empty(), "Jobs leak by {path:#?}: {leaked:#?}");
}

fn ended_pod(pod: &Pod, message: Option<&str>, now: &str) -> Pod {
    let mut body = serde_json::to_value(pod).expect("JSON");
    body["status"] = json!({"phase": "Failed", "containerStatuses": [{
        "name": "migrate", "image": "", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"terminated": {"exitCode": 1, "startedAt": now, "finishedAt": now, "message": message}},
    }]});
    object(body)
}

fn object<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("a valid object")
}

fn set(body: &mut Value, field: &str, value: Value) {
    body["metadata"][field] = value;
}

fn fits<K: ResourceExt>(object: &K, uid: &str, version: &str) -> bool {
    object.uid().as_deref() == Some(uid) && object.resource_version().as_deref() == Some(version)
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            target.as_object_mut().expect("made one above").remove(key);
        } else {
            merge(&mut target[key.as_str()], value);
        }
    }
}

fn strip_uids(database: &mut Value) {
    for pointer in [
        "/status/ledger/holder/jobUid",
        "/status/ledger/entries/0/jobUid",
        "/status/ledger/entries/1/jobUid",
    ] {
        if let Some(uid) = database.pointer_mut(pointer) {
            *uid = json!(0);
        }
    }
}

#[test]
fn a_first_migration_is_these_moves_and_no_more() {
    let mut world = World::new(&["orders"]);
    let name = world.migrations.keys().next().expect("one").clone();
    let job = format!("{name}-1");
    let mut moves = Vec::new();
    world.look(&Root::Database, usize::MAX, true);
    for _ in 0..40 {
        for root in world.roots() {
            let plan = world.plan(&root);
            moves.extend(plan.steps.iter().map(|step| match step {
                Step::Create(create) => format!("create {}", create.key.kind.kind()),
                Step::Patch(patch) => format!("patch {}", patch.key.kind.kind()),
                Step::ReplaceDatabaseStatus(_) => "put ledger".to_owned(),
                Step::Confirm(_) => "get Backend".to_owned(),
                other => format!("{other:?}"),
            }));
            world.look(&root, usize::MAX, true);
        }
        if world.active().contains(&job) {
            let at_work = world.jobs.get(&job).expect("active").clone();
            if world.has_pod(&at_work) {
                world.end(&job, Ending::Succeeded);
            } else {
                world.start(&job);
            }
        }
    }
    assert_eq!(
        moves,
        [
            "create Job",
            "put ledger",
            "get Backend",
            "patch Job",
            "put ledger",
            "patch Job"
        ]
    );
    let phase = world
        .migrations
        .get(&name)
        .and_then(|m| m.status.as_ref())
        .and_then(|status| status.phase);
    assert_eq!(phase, Some(MigrationPhase::Succeeded));
}

#[test]
fn whatever_dies_or_comes_late_one_migration_runs_at_a_time_and_none_after_its_success() {
    let worlds = walk(
        World::new(&["orders"]),
        Limits {
            runs: 2,
            late: true,
        },
    );
    println!("one Backend, two runs, one late plan of a deposed leader: {worlds} worlds");
    assert!(worlds > 500, "{worlds}");
}

/// migrations.md case 48.
#[test]
fn a_migration_after_the_rollout_starts_only_at_the_end_of_its_soak_and_its_end_is_always_read() {
    let worlds = walk(
        World::after_rollout(),
        Limits {
            runs: 1,
            late: false,
        },
    );
    println!("one Backend, a migration after its rollout: {worlds} worlds");
    assert!(worlds > 500, "{worlds}");
}

#[test]
fn two_backends_on_one_database_never_migrate_at_once() {
    let worlds = walk(
        World::new(&["orders", "billing"]),
        Limits {
            runs: 1,
            late: false,
        },
    );
    println!("two Backends: {worlds} worlds");
    assert!(worlds > 500, "{worlds}");
}
