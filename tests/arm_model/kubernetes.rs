//! What others do: the Job controller, the kubelet, programs inside pods, users, and time.

use std::sync::Arc;

use k8s_openapi::api::batch::v1::{Job, JobStatus};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use serde_json::{Value, json};
use slipway::core::plan::Propagation;
use slipway::core::run::evidence::{JOB_NAME_LABEL, MAIN_CONTAINER};
use slipway::core::run::ticket::ticket;

use crate::kept::{Kept, object};
use crate::runner::told;
use crate::server::{FOREGROUND, number};
use crate::world::{Sight, WalkPod, World};

/// A pod's grace period, in seconds.
const GRACE_SECONDS: i64 = 300;

/// The condition that comes before the end of a Job that fails.
const FAILURE_TARGET: &str = "FailureTarget";

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
        let told = told(&job);
        let pod = WalkPod {
            kept: Kept::new(pod),
            gone: false,
            job: number(&job),
            ticket: Arc::new(ticket),
            found: self.finds(&told),
            approved: told.approved,
            runs,
            holds: runs && self.lock_is_free(),
            sight: Sight::Plain,
        };
        Arc::make_mut(&mut self.server.pods).push(pod);
        self.count_pod(name, |status| status.active = Some(1));
        self.note_pods();
    }

    /// The Job controller counts each pod that it makes, and each that has ended.
    fn count_pod(&mut self, name: &str, count: impl FnOnce(&mut JobStatus)) {
        let mut job = self.server.jobs[name].kept.object.as_ref().clone();
        count(job.status.get_or_insert_default());
        self.put_job(name, job);
    }

    /// The image is there at last.
    pub fn recover(&mut self, index: usize) {
        self.change_pod(index, |pod| {
            pod.status = Some(object(pod_status("Running", &json!({"running": {}}))));
        });
        let holds = self.lock_is_free();
        let pod = &mut Arc::make_mut(&mut self.server.pods)[index];
        (pod.runs, pod.holds) = (true, holds);
        self.note_pods();
    }

    /// Armed Jobs with a program at work whose deadline has not passed yet.
    pub fn jobs_with_time_left(&self) -> Vec<Arc<str>> {
        let jobs = self.server.jobs.iter();
        jobs.filter(|(_, job)| {
            let job = &job.kept.object;
            self.server
                .pods
                .iter()
                .any(|pod| pod.runs && !pod.gone && pod.job == number(job))
                && job.metadata.deletion_timestamp.is_none()
                && !is_condemned(job)
        })
        .map(|(name, _)| Arc::clone(name))
        .collect()
    }

    /// The run deadline passes: the Job controller says that the Job will have failed, its pod has its grace (KEP-3939).
    pub fn condemn(&mut self, name: &str) {
        let mut job = self.server.jobs[name].kept.object.as_ref().clone();
        let now = self.now().to_string();
        let condition =
            json!({"type": FAILURE_TARGET, "status": "True", "lastTransitionTime": now});
        let status = job.status.get_or_insert_default();
        status.conditions = Some(vec![object(condition)]);
        let number = number(&job);
        self.put_job(name, job);
        self.ask_pod_to_end(number);
    }

    /// The program has ended, with a message or without, with 0 or not.
    pub fn ended(&mut self, index: usize, message: Option<&str>, complete: bool) {
        let pod = &mut Arc::make_mut(&mut self.server.pods)[index];
        (pod.runs, pod.holds) = (false, false);
        if pod.gone {
            return;
        }
        let job = pod.job;
        let now = self.now().to_string();
        let code = i32::from(!complete);
        let phase = if complete { "Succeeded" } else { "Failed" };
        let state = json!({"terminated": {
            "exitCode": code, "startedAt": now, "finishedAt": now, "message": message,
        }});
        self.change_pod(index, |pod| {
            pod.status = Some(object(pod_status(phase, &state)));
        });
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
            let status = job.status.get_or_insert_default();
            (status.active, status.failed) = (None, Some(1));
        } else {
            let now = self.now().to_string();
            let condition = if is_condemned(&job) {
                "Failed"
            } else {
                condition
            };
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
            if pod.job == job && pod.runs && !pod.gone {
                self.change_pod(index, |pod| {
                    pod.metadata.deletion_timestamp = Some(end.clone());
                });
            }
        }
    }

    /// Whether a pod that was told to end has not yet: no time passes beyond its grace, but on a lost node.
    pub fn waits_for_grace(&self) -> bool {
        let mut pods = self.server.pods.iter().filter(|pod| !pod.gone);
        pods.any(|pod| pod.runs && pod.kept.object.metadata.deletion_timestamp.is_some())
    }

    pub fn change_pod(&mut self, index: usize, change: impl FnOnce(&mut Pod)) {
        let walk_pod = &mut Arc::make_mut(&mut self.server.pods)[index];
        let mut pod = walk_pod.kept.object.as_ref().clone();
        change(&mut pod);
        walk_pod.kept = Kept::new(pod);
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
                let pods = Arc::make_mut(&mut self.server.pods);
                pods.retain(|pod| pod.job != number || pod.gone && pod.runs);
            }
        }
    }

    /// Another leader takes over. What was gone before it looked, it has not seen.
    pub fn take_over(&mut self) {
        self.term += 1;
        let pods = Arc::make_mut(&mut self.server.pods);
        pods.retain(|pod| !pod.gone || pod.runs);
        for pod in pods.iter_mut().filter(|pod| pod.gone) {
            pod.sight = Sight::Never;
        }
        for lag in self.lags.values_mut() {
            lag.waits.clear();
            Arc::make_mut(&mut lag.shown.pods).retain(|pod| !pod.gone);
        }
    }
}

/// Whether the Job controller is about to let it fail.
pub fn is_condemned(job: &Job) -> bool {
    let status = job.status.as_ref();
    let mut conditions = status
        .into_iter()
        .flat_map(|status| status.conditions.iter().flatten());
    conditions.any(|condition| condition.type_ == FAILURE_TARGET)
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
