//! What a program does in the database, and what its runner says of it.

use std::sync::Arc;

use k8s_openapi::api::batch::v1::Job;
use serde_json::{Value, json};
use slipway::api::database::RunMode;
use slipway::core::migration::parameters::{PARAMETERS_VARIABLE, RunParameters};
use slipway::core::run::verdict::{PLAN_CHANGED, SOURCE_CHANGED};

use crate::users::digest;
use crate::world::{Truth, World};

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

impl World {
    /// The program ends; the kubelet tells the pod, the Job controller the Job. One that still waits for the lock takes it now, or leaves.
    pub fn end(&mut self, index: usize, ending: Ending) {
        let ticket = Arc::clone(&self.server.pods[index].ticket);
        let plan: Arc<str> = ticket.plan_key.as_str().into();
        let truth = self.truth.get(&plan).copied().unwrap_or_default();
        let list = digest(self.list);
        let pod = &self.server.pods[index];
        let holds = pod.holds || self.lock_is_free();
        let refuses = pod.found.is_some_and(|found| !found.is_as_told);
        let says = !matches!(ending, Ending::Transient | Ending::Silent(Truth::Untouched));
        if says && holds && !refuses {
            self.note_files(&self.server.pods[index].clone());
        }
        let pod = &self.server.pods[index];
        let (after, message) = match &pod.approved {
            _ if refuses => source_changed(ending, truth, ticket.mode),
            _ if !holds => outcome(ending.without_the_lock(), truth, ticket.mode),
            Some(approved) if truth == Truth::Untouched && *approved != list => plan_changed(truth),
            _ => outcome(ending, truth, ticket.mode),
        };
        if truth != after {
            self.note_run(&ticket, &list);
        }
        self.truth.insert(plan, after);
        let complete = message
            .as_ref()
            .is_some_and(|message| message["outcome"] == "Succeeded");
        let message = message.map(|mut message| {
            message["v"] = json!(1);
            message["planKey"] = json!(ticket.plan_key);
            message["attempt"] = json!(ticket.attempt);
            if after == Truth::Untouched {
                message["pendingDigest"] = json!(list);
            }
            message.to_string()
        });
        self.ended(index, message.as_deref(), complete);
    }
}

/// The runner refuses to run another list than the one that was approved.
fn plan_changed(truth: Truth) -> (Truth, Option<Value>) {
    let message = json!({"outcome": "Failed", "reason": PLAN_CHANGED});
    (truth, Some(message))
}

/// The runner refuses files that are not those of the plan, before anything else; a Check run has not looked.
fn source_changed(ending: Ending, truth: Truth, mode: RunMode) -> (Truth, Option<Value>) {
    let outcome = match mode {
        RunMode::Run => "Failed",
        RunMode::Check => "Unknown",
    };
    let message =
        json!({"outcome": outcome, "reason": SOURCE_CHANGED, "retrySafe": mode == RunMode::Run});
    let says = !matches!(ending, Ending::Silent(_));
    (truth, says.then_some(message))
}

/// What the Job tells its runner.
pub fn told(job: &Job) -> RunParameters {
    let pod = job
        .spec
        .as_ref()
        .and_then(|spec| spec.template.spec.as_ref());
    let containers = pod.into_iter().flat_map(|pod| &pod.containers);
    let mut variables = containers.flat_map(|container| container.env.iter().flatten());
    let told = variables.find(|variable| variable.name == PARAMETERS_VARIABLE);
    let told = told.and_then(|variable| variable.value.as_ref());
    serde_json::from_str(told.expect("every Job of the walk is ours")).expect("written as JSON")
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
