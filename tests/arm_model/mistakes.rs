//! The museum of the arm protocol: mistakes planted on purpose, between the deciding code and its world, so that the product holds no switch
//! for them. Each is one that a real operator made, or that the protocol exists to exclude.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::{Job, JobCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use serde_json::{Value, json};
use slipway::api::backend::Backend;
use slipway::api::database::{Database, Ledger, RunMode};
use slipway::api::migration::Migration;
use slipway::core::database::ledger;
use slipway::core::meta::APPROVE_ANNOTATION;
use slipway::core::migration::parameters::PARAMETERS_VARIABLE;
use slipway::core::plan::{ObjectKind, Step};
use slipway::core::run::evidence::is_suspended;

use crate::kubernetes::is_condemned;
use crate::world::Objects;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mistake {
    None,
    /// A patch of a Job carries neither uid nor resourceVersion.
    PatchesWithoutPrecondition,
    /// A Job is deleted by its name and uid alone, on what an old cache showed.
    DeletesOnAnOldView,
    /// The ledger is PUT without a resourceVersion; or a 409 is answered by sending the old body again.
    WritesTheLedgerBlindly,
    /// The Job is armed first, the ledger then taken.
    ArmsBeforeTheLedger,
    /// The outcome is recorded as soon as the Job is armed: "it will end well".
    RecordsBeforeTheEnd,
    /// Clean-up first, outcome second.
    ReleasesBeforeTheRecord,
    /// The Job controller's aim is taken for the Job's end.
    TakesFailureTargetForTheEnd,
    /// The Job has no finalizer and a time to live from its birth.
    LivesOnlyForAWhile,
    /// The Job is born at work.
    BornArmed,
    /// The Job is made by apply, which lands on one that exists.
    AppliesTheJob,
    /// The Job has a random end of its name.
    NamesAtRandom,
    /// The Job controller may retry by itself.
    LetsTheJobRetry,
    /// The kubelet may restart the program.
    LetsThePodRestart,
    /// A new leader does not touch the Job that it finds.
    TouchesNothing,
    /// Nobody asks the API server itself whether the Backend still wants it.
    TrustsTheCache,
    /// The back-off is forgotten.
    ForgetsTheBackOff,
    /// A Job that is gone leaves no trace: the ledger is free, and the plan begins anew.
    TakesAbsenceForNothing,
    /// A Job that is gone has no pod.
    ForgetsPodsWithoutAJob,
    /// A program that ended without a word failed, and is tried again.
    TakesSilenceForFailure,
    /// A program that ended without a word has ended well.
    TakesSilenceForSuccess,
    /// What runs after the rollout does not wait for the end of its soak.
    ArmsBeforeItIsDue,
    /// Any approval is good, of whatever list.
    TakesAnyApproval,
    /// Nobody asks the API server itself whether the approval still stands.
    TrustsTheApprovalItSaw,
    /// The runner is not told which list was approved.
    TellsTheRunnerNoList,
    /// The ledger does not remember what waits for an approval.
    ForgetsWhatWaits,
    /// The ledger's holder is known by the name of its Job.
    KnowsByName,
    /// A Database may go while a migration is at work on it.
    LetsTheDatabaseGo,
    /// A program begins without the lock in the database.
    RunsWithoutTheLock,
    /// How an attempt ended is read by the files that there are now, whichever ran.
    ReadsByOtherFiles,
    /// Where no files are left by which an attempt could be judged, nobody says so.
    NeverGivesUpReading,
    /// A paused Backend is like any other.
    ForgetsThePause,
}

impl Mistake {
    /// The clock that decides.
    pub fn clock(self, now: Timestamp) -> Timestamp {
        match self {
            Self::ForgetsTheBackOff => now
                .checked_add(SignedDuration::from_hours(1))
                .expect("a small number of seconds"),
            _ => now,
        }
    }

    /// The term that a leader goes by.
    pub fn term(self, term: u8) -> u8 {
        match self {
            Self::TouchesNothing => 0,
            _ => term,
        }
    }

    /// A Job as it is seen.
    pub fn job(self, job: &Arc<Job>) -> Arc<Job> {
        let end = match self {
            Self::RecordsBeforeTheEnd if !is_suspended(job) => "Complete",
            Self::TakesFailureTargetForTheEnd if is_condemned(job) => "Failed",
            _ => return Arc::clone(job),
        };
        let mut job = job.as_ref().clone();
        let end = JobCondition {
            type_: end.to_owned(),
            status: "True".to_owned(),
            last_transition_time: Some(Time(Timestamp::UNIX_EPOCH)),
            ..JobCondition::default()
        };
        job.status
            .get_or_insert_default()
            .conditions
            .get_or_insert_default()
            .push(end);
        Arc::new(job)
    }

    /// A Backend as it is seen.
    pub fn backend(self, backend: &Arc<Backend>) -> Arc<Backend> {
        let mut backend = Arc::clone(backend);
        if self == Self::ForgetsThePause {
            Arc::make_mut(&mut backend).spec.rollout = None;
        }
        if self == Self::ArmsBeforeItIsDue
            && let Some(status) = Arc::make_mut(&mut backend).status.as_mut()
            && let Some(soak) = status.soak.as_mut()
        {
            soak.since = Timestamp::UNIX_EPOCH.to_string();
        }
        backend
    }

    /// A Migration as it is seen.
    pub fn migration(self, migration: &Arc<Migration>, ledger: &Ledger) -> Arc<Migration> {
        let mut migration = Arc::clone(migration);
        let approved = migration.annotations().contains_key(APPROVE_ANNOTATION);
        if self == Self::TakesAnyApproval && approved {
            let entry = ledger::entry(ledger, migration.plan_key());
            if let Some(list) = entry.and_then(|entry| entry.listed.as_ref()) {
                let annotations = Arc::make_mut(&mut migration).annotations_mut();
                annotations.insert(APPROVE_ANNOTATION.to_owned(), list.digest.clone());
            }
        }
        migration
    }

    /// A Database as it is seen beside this Job.
    pub fn database(self, database: &Arc<Database>, job: &Job) -> Arc<Database> {
        let mut database = Arc::clone(database);
        if self == Self::KnowsByName {
            let status = Arc::make_mut(&mut database).status.as_mut();
            let ledger = status.and_then(|status| status.ledger.as_mut());
            let holder = ledger.and_then(|ledger| ledger.holder.as_mut());
            if let Some(holder) = holder.filter(|holder| holder.job == job.name_any()) {
                holder.job_uid = job.uid().unwrap_or_default();
            }
        }
        database
    }

    /// Whether a step of this kind carries the version that it was computed from.
    pub fn checks_version(self, step: &Step) -> bool {
        match step {
            Step::Patch(_) => self != Self::PatchesWithoutPrecondition,
            Step::Delete(_) => self != Self::DeletesOnAnOldView,
            Step::ReplaceDatabaseStatus(_) => self != Self::WritesTheLedgerBlindly,
            Step::Create(_) | Step::Confirm(_) | Step::Apply(_) => true,
        }
    }

    /// The steps as they are carried out.
    pub fn steps(self, mut steps: Vec<Step>, shown: &Objects) -> Vec<Step> {
        match self {
            Self::ReleasesBeforeTheRecord => {
                if let [Step::ReplaceDatabaseStatus(_), Step::Patch(_)] = steps.as_slice() {
                    steps.reverse();
                }
            }
            Self::LetsTheDatabaseGo => steps.retain(|step| {
                !matches!(step, Step::Patch(patch) if patch.key.kind == ObjectKind::Database)
            }),
            Self::TrustsTheCache => steps.retain(|step| !confirms(step, ObjectKind::Backend)),
            Self::TakesAnyApproval | Self::TrustsTheApprovalItSaw => {
                steps.retain(|step| !confirms(step, ObjectKind::Migration));
            }
            Self::ArmsBeforeTheLedger => arm_first(&mut steps, shown),
            Self::TakesAbsenceForNothing => take_for_free(&mut steps, shown),
            Self::ForgetsWhatWaits => steps.iter_mut().for_each(forget_what_waits),
            Self::NeverGivesUpReading => steps.retain(|step| !gives_up_reading(step)),
            Self::TakesSilenceForFailure => rewrite_unknown(&mut steps, "RetryWait"),
            Self::TakesSilenceForSuccess => rewrite_unknown(&mut steps, "Succeeded"),
            _ => {}
        }
        for step in &mut steps {
            self.spoil(step, shown);
        }
        steps
    }

    fn spoil(self, step: &mut Step, shown: &Objects) {
        let Step::Create(create) = step else {
            return;
        };
        if create.key.kind != ObjectKind::Job {
            return;
        }
        let body = &mut create.body;
        match self {
            Self::BornArmed => body["spec"]["suspend"] = json!(false),
            Self::LetsTheJobRetry => body["spec"]["backoffLimit"] = json!(6),
            Self::LetsThePodRestart => {
                body["spec"]["template"]["spec"]["restartPolicy"] = json!("OnFailure");
            }
            Self::LivesOnlyForAWhile => {
                body["metadata"]["finalizers"] = json!([]);
                body["spec"]["ttlSecondsAfterFinished"] = json!(0);
            }
            Self::TellsTheRunnerNoList => tell(body, |told| told["approved"] = Value::Null),
            Self::ReadsByOtherFiles => tell(body, |told| {
                if told["mode"] == json!(RunMode::Check) && told["configMap"].is_object() {
                    told["configMap"]["digest"] = json!(shown.files.digest());
                }
            }),
            _ => {}
        }
    }
}

/// Changes what the runner is told.
fn tell(body: &mut Value, change: impl Fn(&mut Value)) {
    let containers = &mut body["spec"]["template"]["spec"]["containers"];
    for container in containers.as_array_mut().into_iter().flatten() {
        for variable in container["env"].as_array_mut().into_iter().flatten() {
            if variable["name"] == PARAMETERS_VARIABLE {
                let told = variable["value"].as_str().unwrap_or_default();
                let mut told: Value = serde_json::from_str(told).expect("written as JSON");
                change(&mut told);
                variable["value"] = json!(told.to_string());
            }
        }
    }
}

fn gives_up_reading(step: &Step) -> bool {
    let Step::ReplaceDatabaseStatus(replace) = step else {
        return false;
    };
    let ledger = replace.status.ledger.as_ref();
    let mut entries = ledger.into_iter().flat_map(|ledger| &ledger.entries);
    let says = |message: &String| message.contains("cannot be read any more");
    entries.any(|entry| entry.message.as_ref().is_some_and(says))
}

fn confirms(step: &Step, kind: ObjectKind) -> bool {
    matches!(step, Step::Confirm(confirm) if confirm.key.kind == kind)
}

/// Whoever takes the ledger for a Job has armed it before.
fn arm_first(steps: &mut Vec<Step>, shown: &Objects) {
    let [.., Step::ReplaceDatabaseStatus(replace)] = steps.as_slice() else {
        return;
    };
    let ledger = replace.status.ledger.as_ref();
    let Some(job) = ledger
        .and_then(|ledger| ledger.holder.as_ref())
        .and_then(|holder| shown.jobs.get(holder.job.as_str()))
        .filter(|job| is_suspended(&job.kept.object))
    else {
        return;
    };
    let arm = Step::patch(
        ObjectKind::Job,
        job.kept.object.as_ref(),
        json!({"spec": {"suspend": false}}),
    );
    steps.insert(0, arm);
}

/// An attempt whose Job is gone is struck out instead of being called unknown.
fn take_for_free(steps: &mut [Step], shown: &Objects) {
    for step in steps {
        let Step::ReplaceDatabaseStatus(replace) = step else {
            continue;
        };
        let Some(ledger) = replace.status.ledger.as_mut() else {
            continue;
        };
        ledger.entries.retain(|entry| {
            let is_there = |uid: &str| {
                let mut jobs = shown.jobs.values();
                jobs.any(|job| job.kept.object.uid().as_deref() == Some(uid))
            };
            entry.reason != "OutcomeUnknown" || is_there(&entry.job_uid)
        });
    }
}

fn forget_what_waits(step: &mut Step) {
    if let Step::ReplaceDatabaseStatus(replace) = step
        && let Some(ledger) = replace.status.ledger.as_mut()
    {
        ledger.demands.clear();
    }
}

fn rewrite_unknown(steps: &mut [Step], word: &str) {
    for step in steps {
        let Step::ReplaceDatabaseStatus(replace) = step else {
            continue;
        };
        let ledger = replace.status.ledger.as_mut();
        for entry in ledger.into_iter().flat_map(|ledger| &mut ledger.entries) {
            if entry.reason == "OutcomeUnknown" {
                entry.outcome = serde_json::from_value(json!(word)).expect("a word of the ledger");
            }
        }
    }
}
