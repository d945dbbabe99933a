//! The API server in miniature: it carries out a step as the real one would, with its preconditions, and each step is held against the rules.

use std::sync::{Arc, LazyLock};

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use serde_json::{Value, json};
use slipway::api::database::Database;
use slipway::core::database::ledger;
use slipway::core::meta;
use slipway::core::plan::{
    Confirm, Create, Delete, ObjectKind, Patch, Propagation, ReplaceDatabaseStatus, Step,
};
use slipway::core::run::evidence::is_suspended;
use slipway::core::run::ticket::ticket;

use crate::kept::{Changes, Kept, Stored, job_number, job_uid, object};
use crate::looks::WalkStep;
use crate::mistakes::Mistake;
use crate::rules::Rule;
use crate::world::{SHOWN_VERSION, World, is_kept};

/// The start deadline of the product, in seconds: before it nothing of ours may delete an armed Job.
const START_DEADLINE_SECONDS: i64 = 300;

/// Kubernetes' own finalizer of a foreground deletion.
pub const FOREGROUND: &str = "foregroundDeletion";

/// When a step reaches the server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Arrival {
    /// At once, after the steps before it.
    Prompt,
    Late,
}

/// A step on its way: by whom, and from what it was computed.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    pub step: &'a WalkStep,
    pub version: u32,
    pub term: u8,
    pub arrival: Arrival,
    pub mistake: Mistake,
}

impl Sent<'_> {
    fn checks_version(&self) -> bool {
        self.mistake.checks_version(&self.step.step)
    }
}

static JOBS: LazyLock<Changes<Job>> = Changes::new();
static DATABASES: LazyLock<Changes<Database>> = Changes::new();

impl World {
    /// Carries out a step; `false`: a precondition failed, and the plan ends.
    pub fn execute(&mut self, sent: Sent) -> bool {
        match &sent.step.step {
            // What a pod may reach is no matter of this walk.
            Step::Create(create) if create.key.kind == ObjectKind::NetworkPolicy => true,
            Step::Create(create) => self.create(create, sent),
            Step::Patch(patch) if patch.key.kind == ObjectKind::Job => self.patch(patch, sent),
            Step::Patch(patch) if patch.key.kind == ObjectKind::Database => {
                let lands = self.server.database.version == sent.version || !sent.checks_version();
                if lands {
                    self.patch_database(patch, sent.step.print);
                }
                lands
            }
            Step::Delete(delete) => self.delete(delete, sent),
            Step::ReplaceDatabaseStatus(replace) => {
                let lands = self.server.database.version == sent.version || !sent.checks_version();
                if lands {
                    self.replace(replace, sent.step.print);
                }
                lands
            }
            Step::Confirm(confirm) => self.confirms(confirm),
            Step::Patch(_) | Step::Apply(_) => {
                unreachable!("the protocol patches Jobs and Databases only")
            }
        }
    }

    fn confirms(&self, confirm: &Confirm) -> bool {
        let name = confirm.key.name.as_str();
        let objects = &self.server;
        let migration = objects.migrations.get(name);
        let backend = objects.backends.get(name);
        let current = match confirm.key.kind {
            ObjectKind::Migration => migration.map(|migration| &migration.object.metadata),
            _ => backend.map(|backend| &backend.kept.object.metadata),
        };
        current.is_some_and(|current| {
            let has = |name: &str| current.annotations.as_ref()?.get(name);
            let annotation = confirm.annotation.as_ref();
            current.uid.as_ref() == Some(&confirm.uid)
                && current.generation == Some(confirm.generation)
                && annotation.is_none_or(|(name, value)| has(name) == Some(value))
        })
    }

    pub fn breaks(&mut self, rule: Rule) {
        if self.only.is_none_or(|only| only == rule) {
            self.broken.get_or_insert(rule);
        }
    }

    pub fn put_job(&mut self, name: &str, job: Job) {
        self.store_job(name, Kept::new(job));
    }

    fn store_job(&mut self, name: &str, kept: Kept<Job>) {
        let stored = Stored {
            kept,
            version: self.version(),
        };
        Arc::make_mut(&mut self.server.jobs).insert(name.into(), stored);
    }

    /// Removes the object; what the garbage collector then does with its pod is another matter.
    pub fn remove_job(&mut self, name: &str) {
        if let Some(job) = Arc::make_mut(&mut self.server.jobs).remove(name) {
            let number = number(&job.kept.object);
            self.recorded &= !(1 << number);
        }
    }

    fn create(&mut self, create: &Create, sent: Sent) -> bool {
        let mistake = sent.mistake;
        let number = self.free_job_number();
        let name = match mistake {
            Mistake::NamesAtRandom => format!("{}-{number}", create.key.name),
            _ => create.key.name.clone(),
        };
        if !is_born_inert(&create.body) {
            self.breaks(Rule::BornInert);
        }
        if let Some(existing) = self.server.jobs.get(name.as_str()) {
            let existing = Arc::clone(&existing.kept.object);
            if mistake == Mistake::AppliesTheJob {
                let mut applied = serde_json::to_value(existing.as_ref()).expect("a Job is JSON");
                merge(&mut applied, &create.body);
                self.note_suspension(&existing, &object(applied.clone()));
                self.put_job(&name, object(applied));
            }
            return existing.annotations().get(meta::HASH_ANNOTATION) == Some(&create.hash);
        }
        let kept = JOBS.of(("create", sent.step.print, &name, number), || {
            let mut body = create.body.clone();
            body["metadata"]["name"] = json!(name);
            body["metadata"]["uid"] = json!(job_uid(number));
            body["metadata"]["resourceVersion"] = json!(SHOWN_VERSION);
            object(body)
        });
        let attempt = |job: &Job| {
            ticket(job).map(|ticket| (ticket.migration_uid, ticket.attempt, ticket.mode))
        };
        let new = attempt(&kept.object);
        let mut others = self.server.jobs.values();
        if others.any(|other| attempt(&other.kept.object) == new) {
            self.breaks(Rule::OneJobAnAttempt);
        }
        self.store_job(&name, kept);
        true
    }

    fn patch(&mut self, patch: &Patch, sent: Sent) -> bool {
        let Some(stored) = self.server.jobs.get(patch.key.name.as_str()) else {
            return false;
        };
        let Kept {
            object: before,
            print,
            ..
        } = stored.kept.clone();
        let fits = stored.version == sent.version && before.uid().as_ref() == Some(&patch.uid);
        if sent.checks_version() && !fits {
            return false;
        }
        let now = self.now();
        let after = JOBS.of((sent.step.print, print, now.as_second()), || {
            let mut body = serde_json::to_value(before.as_ref()).expect("a Job is JSON");
            merge(&mut body, &patch.body);
            let mut after: Job = object(body);
            if is_suspended(&before) && !is_suspended(&after) {
                after.status = Some(object(json!({"startTime": now.to_string()})));
            }
            after
        });
        self.note_suspension(&before, &after.object);
        if is_suspended(&before) && !is_suspended(&after.object) {
            self.note_arm(&before, sent);
        }
        let recorded = self.recorded & (1 << number(&before)) != 0;
        let let_go = is_kept(&before) && !is_kept(&after.object);
        if let_go && !is_suspended(&before) && !recorded {
            self.breaks(Rule::RecordedBeforeItGoes);
        }
        let name = patch.key.name.as_str();
        let is_deleted = after.object.metadata.deletion_timestamp.is_some();
        if after.object.finalizers().is_empty() && is_deleted {
            self.remove_job(name);
        } else {
            self.store_job(name, after);
        }
        true
    }

    fn delete(&mut self, delete: &Delete, sent: Sent) -> bool {
        let Some(stored) = self.server.jobs.get(delete.key.name.as_str()) else {
            return true;
        };
        let job = Arc::clone(&stored.kept.object);
        let same = job.uid().as_ref() == Some(&delete.uid);
        if !same || (sent.checks_version() && stored.version != sent.version) {
            return false;
        }
        let started = job
            .status
            .as_ref()
            .and_then(|status| status.start_time.as_ref());
        let age = started.map(|started| self.now().as_second() - started.0.as_second());
        if self.is_at_work(&job) && age.is_none_or(|age| age < START_DEADLINE_SECONDS) {
            self.breaks(Rule::NeverKilled);
        }
        self.delete_job(&delete.key.name, delete.propagation);
        true
    }

    /// As the server and the garbage collector do it together.
    pub fn delete_job(&mut self, name: &str, propagation: Propagation) {
        let Some(stored) = self.server.jobs.get(name) else {
            return;
        };
        let mut job = stored.kept.object.as_ref().clone();
        let number = number(&job);
        job.metadata
            .deletion_timestamp
            .get_or_insert(Time(self.now()));
        if propagation == Propagation::Foreground {
            self.end_stuck_pod(number);
            self.ask_pod_to_end(number);
            if self.has_unfinished_pod(number) {
                job.finalizers_mut().push(FOREGROUND.to_owned());
            }
        }
        if job.finalizers().is_empty() {
            if !is_suspended(&job) && self.recorded & (1 << number) == 0 {
                self.breaks(Rule::RecordedBeforeItGoes);
            }
            self.remove_job(name);
        } else {
            self.put_job(name, job);
        }
    }

    fn patch_database(&mut self, patch: &Patch, print: u64) {
        let before = self.server.database.kept.clone();
        let after = DATABASES.of((print, before.print), || {
            let mut body = serde_json::to_value(before.object.as_ref()).expect("JSON");
            merge(&mut body, &patch.body);
            object(body)
        });
        self.store_database(after);
    }

    /// What is being deleted goes with its last finalizer.
    pub fn store_database(&mut self, kept: Kept<Database>) {
        let metadata = &kept.object.metadata;
        let goes = metadata.deletion_timestamp.is_some() && kept.object.finalizers().is_empty();
        self.server.database = Stored {
            kept,
            version: self.version(),
        };
        if goes {
            self.note_loss();
            self.remake_database();
        }
    }

    fn replace(&mut self, replace: &ReplaceDatabaseStatus, print: u64) {
        let before = self.server.database.kept.clone();
        let after = DATABASES.of((print, before.print), || {
            let mut database = before.object.as_ref().clone();
            database.status = Some(replace.status.clone());
            database
        });
        let (old, new) = (ledger::of(&before.object), ledger::of(&after.object));
        self.note_entries(&old, &new);
        self.note_holder(&old, &new);
        self.store_database(after);
    }

    /// Armed and not ended, as the Job controller sees it.
    pub fn is_at_work(&self, job: &Job) -> bool {
        let conditions = job
            .status
            .as_ref()
            .and_then(|status| status.conditions.as_ref());
        let ended = conditions.is_some_and(|conditions| {
            conditions
                .iter()
                .any(|condition| matches!(condition.type_.as_str(), "Complete" | "Failed"))
        });
        let deleted = job.metadata.deletion_timestamp.is_some();
        let pod = self.has_unfinished_pod(number(job));
        !is_suspended(job) && !ended && (!deleted || pod)
    }
}

fn is_born_inert(body: &Value) -> bool {
    let finalizers = &body["metadata"]["finalizers"];
    body["spec"]["suspend"] == json!(true)
        && *finalizers == json!([meta::OUTCOME_FINALIZER])
        && body["metadata"]["ownerReferences"].is_null()
        && body["spec"]["ttlSecondsAfterFinished"].is_null()
        && body["spec"]["backoffLimit"] == json!(0)
        && body["spec"]["parallelism"] == json!(1)
        && body["spec"]["completions"] == json!(1)
        && body["spec"]["template"]["spec"]["restartPolicy"] == json!("Never")
}

pub fn number(job: &Job) -> u32 {
    job_number(&job.uid().unwrap_or_default())
}

/// A merge patch.
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
