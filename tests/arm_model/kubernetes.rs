//! What others do: the Job controller, the kubelet, programs inside pods, users, and time.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use serde_json::{Value, json};
use slipway::api::backend::Backend;
use slipway::api::database::{DatabaseStatus, Entry, EntryOutcome, Ledger, RunMode};
use slipway::core::meta;
use slipway::core::plan::Propagation;
use slipway::core::run::evidence::{JOB_NAME_LABEL, MAIN_CONTAINER};
use slipway::core::run::ticket::ticket;

use crate::kept::{Kept, Stored, object};
use crate::rules::Rule;
use crate::server::{FOREGROUND, number};
use crate::world::{Truth, WalkPod, World};

/// A pod's grace period, in seconds.
const GRACE_SECONDS: i64 = 300;

/// How a program ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ending {
    /// As it should: it brings the database to its target, or finds it there, or half changed; and says so.
    Well,
    /// It could not begin: a lock, a connection. Safe to repeat.
    Transient,
    /// Its statement failed, and was rolled back.
    SqlError,
    /// It stopped in the middle, and says so.
    Half,
    /// It was killed without a word, before, in or after its work.
    Silent(Truth),
}

pub const FAILURES: [Ending; 6] = [
    Ending::Transient,
    Ending::SqlError,
    Ending::Half,
    Ending::Silent(Truth::Untouched),
    Ending::Silent(Truth::Half),
    Ending::Silent(Truth::Done),
];

/// How a user deletes a Job.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Deletion {
    Background,
    Foreground,
    Orphan,
    Force,
}

pub const DELETIONS: [Deletion; 4] = [
    Deletion::Background,
    Deletion::Foreground,
    Deletion::Orphan,
    Deletion::Force,
];

impl World {
    /// Armed Jobs that have no pod yet.
    pub fn jobs_to_start(&self) -> Vec<Arc<str>> {
        let jobs = self.server.jobs.iter();
        jobs.filter(|(_, job)| {
            let job = &job.kept.object;
            let pods = &self.server.pods;
            self.is_at_work(job)
                && job.metadata.deletion_timestamp.is_none()
                && !pods.iter().any(|pod| pod.job == number(job))
        })
        .map(|(name, _)| Arc::clone(name))
        .collect()
    }

    /// The Job controller makes the pod; its program starts, or cannot.
    pub fn start(&mut self, name: &str, runs: bool) {
        let job = Arc::clone(&self.server.jobs[name].kept.object);
        let state = if runs {
            json!({"running": {}})
        } else {
            json!({"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}})
        };
        let uid = job.uid();
        let pod: Pod = object(json!({
            "metadata": {
                "name": format!("{name}-pod"), "namespace": "n",
                "labels": {JOB_NAME_LABEL: name, "batch.kubernetes.io/controller-uid": uid},
                "ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": uid, "controller": true}],
            },
            "status": pod_status("Running", &state),
        }));
        let ticket = ticket(&job).expect("every Job of the walk is ours");
        let pod = WalkPod {
            kept: Kept::new(pod),
            gone: false,
            job: number(&job),
            ticket: Arc::new(ticket),
            runs,
        };
        Arc::make_mut(&mut self.server.pods).push(pod);
        self.note_pods();
    }

    /// The image is there at last.
    pub fn recover(&mut self, index: usize) {
        self.change_pod(index, |pod| {
            pod.status = Some(object(pod_status("Running", &json!({"running": {}}))));
        });
        Arc::make_mut(&mut self.server.pods)[index].runs = true;
        self.note_pods();
    }

    fn note_pods(&mut self) {
        if self.server.pods.iter().filter(|pod| pod.runs).count() > 1 {
            self.breaks(Rule::OnePod);
        }
    }

    /// The program ends; the kubelet tells the pod, the Job controller the Job.
    pub fn end(&mut self, index: usize, ending: Ending) {
        let ticket = Arc::clone(&self.server.pods[index].ticket);
        let plan: Arc<str> = ticket.plan_key.as_str().into();
        let truth = self.truth.get(&plan).copied().unwrap_or_default();
        let (truth, message) = outcome(ending, truth, ticket.mode);
        self.truth.insert(plan, truth);
        let complete = message
            .as_ref()
            .is_some_and(|message| message["outcome"] == "Succeeded");
        let message = message.map(|mut message| {
            message["v"] = json!(1);
            message["planKey"] = json!(ticket.plan_key);
            message["attempt"] = json!(ticket.attempt);
            message.to_string()
        });
        self.ended(index, message.as_deref(), complete);
    }

    /// The program has ended, with a message or without, with 0 or not.
    pub fn ended(&mut self, index: usize, message: Option<&str>, complete: bool) {
        let job = self.server.pods[index].job;
        let now = self.now().to_string();
        let code = i32::from(!complete);
        let phase = if complete { "Succeeded" } else { "Failed" };
        let state = json!({"terminated": {
            "exitCode": code, "startedAt": now, "finishedAt": now, "message": message,
        }});
        self.change_pod(index, |pod| {
            pod.status = Some(object(pod_status(phase, &state)));
        });
        Arc::make_mut(&mut self.server.pods)[index].runs = false;
        self.conclude(index, job, if complete { "Complete" } else { "Failed" });
    }

    /// A Job that is being deleted never gets a condition; one that is gone takes its pod along.
    pub fn conclude(&mut self, index: usize, number_of_job: u32, condition: &str) {
        let mut jobs = self.server.jobs.iter();
        let found = jobs.find(|(_, job)| number(&job.kept.object) == number_of_job);
        let Some((name, job)) = found.map(|(name, job)| (Arc::clone(name), job.clone())) else {
            Arc::make_mut(&mut self.server.pods)[index].gone = true;
            return;
        };
        let mut job = job.kept.object.as_ref().clone();
        if job.metadata.deletion_timestamp.is_some() {
            job.finalizers_mut()
                .retain(|finalizer| finalizer != FOREGROUND);
        } else {
            let now = self.now().to_string();
            job.status = Some(object(json!({
                "startTime": now,
                "conditions": [{"type": condition, "status": "True", "lastTransitionTime": now}],
            })));
        }
        if job.finalizers().is_empty() && job.metadata.deletion_timestamp.is_some() {
            self.remove_job(&name);
        } else {
            self.put_job(&name, job);
        }
    }

    pub fn has_unfinished_pod(&self, job: u32) -> bool {
        let mut pods = self.server.pods.iter();
        pods.any(|pod| pod.job == job && !pod.gone && (pod.runs || is_stuck(&pod.kept.object)))
    }

    /// A pod whose program never started is gone at once when it is deleted.
    pub fn end_stuck_pod(&mut self, job: u32) {
        for pod in Arc::make_mut(&mut self.server.pods) {
            if pod.job == job && !pod.runs && is_stuck(&pod.kept.object) {
                pod.gone = true;
            }
        }
    }

    /// A pod whose program runs gets SIGTERM, and its grace.
    pub fn ask_pod_to_end(&mut self, job: u32) {
        let end = self
            .now()
            .checked_add(jiff::SignedDuration::from_secs(GRACE_SECONDS));
        let end = Time(end.expect("a small number of seconds"));
        let pods = self.server.pods.len();
        for index in 0..pods {
            let pod = &self.server.pods[index];
            if pod.job == job && pod.runs {
                self.change_pod(index, |pod| {
                    pod.metadata.deletion_timestamp = Some(end.clone());
                });
            }
        }
    }

    /// Whether a pod that was told to end has not yet: no time passes beyond its grace, as this walk has no lost nodes.
    pub fn waits_for_grace(&self) -> bool {
        let mut pods = self.server.pods.iter();
        pods.any(|pod| pod.runs && pod.kept.object.metadata.deletion_timestamp.is_some())
    }

    fn change_pod(&mut self, index: usize, change: impl FnOnce(&mut Pod)) {
        let walk_pod = &mut Arc::make_mut(&mut self.server.pods)[index];
        let mut pod = walk_pod.kept.object.as_ref().clone();
        change(&mut pod);
        walk_pod.kept = Kept::new(pod);
    }

    pub fn user_deletes(&mut self, name: &str, deletion: Deletion) {
        let job = Arc::clone(&self.server.jobs[name].kept.object);
        let number = number(&job);
        match deletion {
            Deletion::Background => self.delete_job(name, Propagation::Background),
            Deletion::Foreground => self.delete_job(name, Propagation::Foreground),
            Deletion::Orphan => {
                for index in 0..self.server.pods.len() {
                    if self.server.pods[index].job == number {
                        self.change_pod(index, |pod| pod.metadata.owner_references = None);
                    }
                }
                self.delete_job(name, Propagation::Background);
            }
            Deletion::Force => {
                self.end_stuck_pod(number);
                self.ask_pod_to_end(number);
                for pod in Arc::make_mut(&mut self.server.pods) {
                    pod.gone |= pod.job == number && !pod.runs;
                }
                self.remove_job(name);
            }
        }
    }

    /// Back and forth between two images.
    pub fn edit(&mut self, name: &str) {
        let backend = Arc::clone(&self.server.backends[name].kept.object);
        let image = match backend.spec.image.strip_suffix('2') {
            Some(front) => format!("{front}1"),
            None => format!("{}2", backend.spec.image.trim_end_matches('1')),
        };
        let generation = backend.metadata.generation.unwrap_or_default() + 1;
        self.put_backend(name, &image, incarnation(&backend), generation);
    }

    /// The release of a Backend is out and undisturbed from now on, or is disturbed; its status tells.
    pub fn turn(&mut self, name: &str, rests: bool) {
        let mut backend = self.server.backends[name].kept.object.as_ref().clone();
        let soak = rests.then(|| json!({"release": 1, "since": self.now().to_string()}));
        backend.status = Some(object(json!({
            "observedGeneration": backend.metadata.generation, "release": {"revision": 1}, "soak": soak,
        })));
        self.store_backend(name, backend);
    }

    /// Since when the release has been undisturbed.
    pub fn undisturbed_since(&self, name: &str) -> Option<i64> {
        let backend = &self.server.backends.get(name)?.kept.object;
        let soak = backend.status.as_ref()?.soak.as_ref()?;
        let since: Timestamp = soak.since.parse().ok()?;
        Some(since.as_second())
    }

    /// Deleted and made again under the same name; its Migrations go with it.
    pub fn remake(&mut self, name: &str) {
        let backend = Arc::clone(&self.server.backends[name].kept.object);
        Arc::make_mut(&mut self.server.migrations)
            .retain(|_, migration| migration.object.spec.backend != name);
        self.put_backend(name, &backend.spec.image, incarnation(&backend) + 1, 1);
    }

    /// A person asks for another try.
    pub fn ask_again(&mut self, name: &str, token: u8) {
        let mut migration = self.server.migrations[name].object.as_ref().clone();
        migration
            .annotations_mut()
            .insert(meta::RETRY_ANNOTATION.to_owned(), token.to_string());
        Arc::make_mut(&mut self.server.migrations).insert(name.into(), Kept::new(migration));
    }

    /// A restore without status, as most tools do it.
    pub fn lose_ledger(&mut self) {
        let mut database = self.server.database.kept.object.as_ref().clone();
        database.status = None;
        self.server.database = Stored {
            kept: Kept::new(database),
            version: self.version(),
        };
        self.recorded = u64::MAX;
        self.lost = true;
    }

    /// The ledger of a database that has seen much.
    pub fn fill_ledger(&mut self, outcome: EntryOutcome, count: usize) {
        let mut database = self.server.database.kept.object.as_ref().clone();
        let entry = |number: usize| Entry {
            plan_key: format!("plan{number}"),
            backend: format!("backend{number}"),
            outcome,
            message: Some("x".repeat(300)),
            finished_at: Some(self.now().to_string()),
            ..Entry::default()
        };
        database.status = Some(DatabaseStatus {
            ledger: Some(Ledger {
                entries: (0..count).map(entry).collect(),
                ..Ledger::default()
            }),
            ..DatabaseStatus::default()
        });
        self.server.database = Stored {
            kept: Kept::new(database),
            version: self.version(),
        };
    }

    /// A moment passes.
    pub fn moment(&mut self) {
        self.moments += 1;
    }

    /// Time passes: watches that hang are noticed, what was let go long ago is removed.
    pub fn pass(&mut self) {
        self.passed += 1;
        self.lags.clear();
        let jobs = self.server.jobs.iter();
        let old: Vec<(Arc<str>, u32)> = jobs
            .filter(|(_, job)| {
                let job = &job.kept.object;
                let limit = job
                    .spec
                    .as_ref()
                    .and_then(|spec| spec.ttl_seconds_after_finished);
                limit.is_some() && !self.is_at_work(job)
            })
            .map(|(name, job)| (Arc::clone(name), number(&job.kept.object)))
            .collect();
        for (name, number) in old {
            self.delete_job(&name, Propagation::Background);
            if !self.server.jobs.contains_key(&name) {
                Arc::make_mut(&mut self.server.pods).retain(|pod| pod.job != number);
            }
        }
    }

    /// Another leader takes over. What was gone before it looked, it has not seen.
    pub fn take_over(&mut self) {
        self.term += 1;
        Arc::make_mut(&mut self.server.pods).retain(|pod| !pod.gone);
        for lag in self.lags.values_mut() {
            lag.waits.clear();
            Arc::make_mut(&mut lag.shown.pods).retain(|pod| !pod.gone);
        }
    }
}

/// What is true afterwards, and what the runner says, which it has read in the database.
fn outcome(ending: Ending, truth: Truth, mode: RunMode) -> (Truth, Option<Value>) {
    let done = json!({"outcome": "Succeeded", "reason": "Succeeded", "after": "2"});
    let half = json!({"outcome": "Blocked", "reason": "PartiallyApplied"});
    let safe = |reason: &str| json!({"outcome": "Failed", "reason": reason, "retrySafe": true});
    match (ending, mode, truth) {
        (Ending::Silent(end), RunMode::Run, Truth::Untouched) => (end, None),
        (Ending::Silent(_), _, _) => (truth, None),
        (Ending::Transient, _, _) => (truth, Some(safe("LockTimeout"))),
        (_, _, Truth::Done) => (truth, Some(done)),
        (_, _, Truth::Half) => (truth, Some(half)),
        (_, RunMode::Check, Truth::Untouched) => (truth, Some(safe("OutcomeUnknown"))),
        (Ending::Well, RunMode::Run, Truth::Untouched) => (Truth::Done, Some(done)),
        (Ending::SqlError, RunMode::Run, Truth::Untouched) => (
            truth,
            Some(json!({"outcome": "Failed", "reason": "SqlError"})),
        ),
        (Ending::Half, RunMode::Run, Truth::Untouched) => (Truth::Half, Some(half)),
    }
}

fn is_stuck(pod: &Pod) -> bool {
    let statuses = pod
        .status
        .as_ref()
        .and_then(|status| status.container_statuses.as_ref());
    statuses.is_some_and(|statuses| {
        statuses.iter().any(|status| {
            status
                .state
                .as_ref()
                .is_some_and(|state| state.waiting.is_some())
        })
    })
}

fn pod_status(phase: &str, state: &Value) -> Value {
    json!({"phase": phase, "containerStatuses": [{
        "name": MAIN_CONTAINER, "image": "", "imageID": "", "ready": true, "restartCount": 0, "state": state,
    }]})
}

fn incarnation(backend: &Backend) -> i64 {
    let uid = backend.uid().unwrap_or_default();
    let (_, number) = uid.rsplit_once('-').expect("a uid of the walk");
    number.parse().expect("a uid of the walk")
}
