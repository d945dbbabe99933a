//! When a run is over, and whose pods are whose.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::{
    JobState, SeenPod, has_unfinished_pod, is_stopped, main_never_ran, main_ran, pods_are_behind,
    pods_of, state,
};

fn job() -> Job {
    let job = json!({"metadata": {"name": "m-1", "uid": "j"}, "spec": {"suspend": false, "template": {}}});
    serde_json::from_value(job).expect("a Job")
}

fn pod(deletion: &Value, phase: &str) -> SeenPod {
    let pod = json!({
        "metadata": {"name": "m-1-x", "deletionTimestamp": deletion},
        "spec": {"containers": [], "nodeName": "far"},
        "status": {"phase": phase},
    });
    let pod: Pod = serde_json::from_value(pod).expect("a Pod");
    SeenPod {
        pod: Arc::new(pod),
        gone: false,
    }
}

fn at(time: &str) -> Timestamp {
    time.parse().expect("a time")
}

/// F-35: the Job gets no condition while its node is away.
#[test]
fn a_run_is_over_when_its_pod_is_lost() {
    let dying = pod(&json!("2026-01-01T00:00:00Z"), "Running");
    let states = ["2026-01-01T00:00:59Z", "2026-01-01T00:01:00Z"]
        .map(|now| state(&job(), &[&dying], at(now)));
    assert_eq!(states, [JobState::Active, JobState::Finished]);
}

fn made_pod(owners: &Value, phase: &str) -> Pod {
    let labels = json!({"batch.kubernetes.io/job-name": "orders-1", "batch.kubernetes.io/controller-uid": "job-uid"});
    serde_json::from_value(json!({
        "metadata": {"name": "orders-1-x", "labels": labels, "ownerReferences": owners},
        "status": {"phase": phase},
    }))
    .expect("it is a pod")
}

fn owner(uid: &str) -> Value {
    json!([{"apiVersion": "batch/v1", "kind": "Job", "name": "orders-1", "uid": uid, "controller": true}])
}

/// F-30: `kubectl delete job --cascade=orphan` takes the owner off the pod, which goes on.
#[test]
fn a_pod_that_lost_its_owner_is_still_its_jobs_and_one_of_another_job_is_not() {
    let deleted: Job = serde_json::from_value(json!({
        "metadata": {"name": "orders-1", "uid": "job-uid", "deletionTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"suspend": false, "template": {}},
    }))
    .expect("it is a Job");
    let of = |owners: &Value, phase| {
        let pods = [SeenPod {
            pod: Arc::new(made_pod(owners, phase)),
            gone: false,
        }];
        state(
            &deleted,
            &pods_of(&deleted, &pods),
            at("2026-01-01T00:00:00Z"),
        )
    };
    let states = [
        of(&json!([]), "Running"),
        of(&owner("job-uid"), "Running"),
        of(&json!([]), "Succeeded"),
        of(&owner("another-uid"), "Running"),
    ];
    let expected = [
        JobState::Active,
        JobState::Active,
        JobState::Finished,
        JobState::Finished,
    ];
    assert_eq!(states, expected);
}

/// I-11: a Job that was removed by force leaves its pod at work.
#[test]
fn a_run_whose_job_is_gone_is_over_when_its_pod_is() {
    let unfinished = |pods: &[Pod]| has_unfinished_pod("job-uid", pods);
    assert!(unfinished(&[made_pod(&owner("job-uid"), "Running")]));
    assert!(unfinished(&[made_pod(&json!([]), "Pending")]));
    assert!(!unfinished(&[made_pod(&owner("job-uid"), "Failed")]));
    assert!(!unfinished(&[made_pod(&owner("another-uid"), "Running")]));
    assert!(!unfinished(&[]));
}

/// F-42: FailureTarget and SuccessCriteriaMet are set while the pod still runs (KEP-3939).
#[test]
fn of_a_job_only_complete_and_failed_are_its_end() {
    let states = ["FailureTarget", "SuccessCriteriaMet", "Failed", "Complete"].map(|type_| {
        let mut job = serde_json::to_value(job()).expect("a Job");
        job["spec"] = json!({"suspend": false, "template": {}});
        job["status"] = json!({"conditions": [{"type": type_, "status": "True"}]});
        let job: Job = serde_json::from_value(job).expect("a Job");
        state(
            &job,
            &[&pod(&Value::Null, "Running")],
            Timestamp::UNIX_EPOCH,
        )
    });
    let (active, finished) = (JobState::Active, JobState::Finished);
    assert_eq!(states, [active, active, finished, finished]);
}

/// F-16: after an outage the cache of Jobs may be current before that of pods, which then shows the pod at work, or not at all.
#[test]
fn a_job_that_has_ended_is_ahead_of_a_cache_without_its_ended_pod() {
    let mut ended = serde_json::to_value(job()).expect("a Job");
    ended["status"] = json!({"conditions": [{"type": "Complete", "status": "True"}]});
    let ended: Job = serde_json::from_value(ended).expect("a Job");
    let (running, done) = (pod(&Value::Null, "Running"), pod(&Value::Null, "Succeeded"));
    let behind = [&[][..], &[&running][..], &[&done][..]];
    assert_eq!(
        behind.map(|pods| pods_are_behind(&ended, pods)),
        [true, true, false]
    );
    assert_eq!(
        behind.map(|pods| pods_are_behind(&job(), pods)),
        [true, false, false],
        "a Job that was armed had a pod, also one that is deleted before its end"
    );
}

/// A pod whose main container looks like this, on this node.
fn ended(phase: &str, node: Option<&str>, main: &Value) -> SeenPod {
    let mut status =
        json!({"name": "migrate", "image": "", "imageID": "", "ready": false, "restartCount": 0});
    for (name, value) in main.as_object().into_iter().flatten() {
        status[name.as_str()] = value.clone();
    }
    let pod = json!({
        "metadata": {"name": "m-1-x"}, "spec": {"containers": [], "nodeName": node},
        "status": {"phase": phase, "containerStatuses": [status]},
    });
    SeenPod {
        pod: Arc::new(serde_json::from_value(pod).expect("a Pod")),
        gone: true,
    }
}

/// migrations.md 4.1: the kubelet gives the code 137 and no start to a container that it cannot find when the pod ends, whether it never ran
/// or ran and was lost (`ContainerStatusUnknown`, as after a shutdown of the node). Only the first is safe to repeat.
#[test]
fn that_a_program_never_ran_is_believed_only_where_the_kubelet_saw_the_pods_end() {
    let unfound = json!({"terminated": {"exitCode": 137, "reason": "ContainerStatusUnknown"}});
    let main = |more: &Value| {
        let mut main = json!({"state": unfound});
        for (name, value) in more.as_object().into_iter().flatten() {
            main[name.as_str()] = value.clone();
        }
        ended("Failed", Some("far"), &main)
    };
    let waiting = json!({"state": {"waiting": {"reason": "PodInitializing"}}});
    let pods = [
        main(&json!({})),
        ended("Pending", None, &waiting),
        main(&json!({"containerID": "containerd://1"})),
        main(&json!({"restartCount": 1})),
        main(&json!({"lastState": unfound})),
        ended("Pending", Some("far"), &waiting),
        ended("Failed", Some("far"), &waiting),
        ended("Running", Some("far"), &json!({"state": {"running": {}}})),
    ];
    let told = pods
        .each_ref()
        .map(|pod| (main_never_ran(&[pod]), main_ran(&[pod])));
    let (never, ran, unsure) = ((true, false), (false, true), (false, false));
    assert_eq!(told, [never, never, ran, ran, ran, unsure, unsure, ran]);
    assert!(!main_never_ran(&[]));
}

/// A queueing system or a user may suspend an armed Job: its pod is ended, the Job gets no condition, and it is not as if nothing had run.
#[test]
fn an_armed_job_that_is_suspended_again_has_ended_when_its_pod_has() {
    let of = |annotations: &Value| -> Job {
        serde_json::from_value(json!({
            "metadata": {"name": "m-1", "uid": "j"},
            "spec": {"suspend": true, "template": {"metadata": {"annotations": annotations}}},
        }))
        .expect("a Job")
    };
    let (inert, stopped) = (of(&json!({})), of(&json!({"slipway.dev/armed": "now"})));
    let (running, ended) = (pod(&Value::Null, "Running"), pod(&Value::Null, "Failed"));
    let states = [
        state(&inert, &[], Timestamp::UNIX_EPOCH),
        state(&stopped, &[&running], Timestamp::UNIX_EPOCH),
        state(&stopped, &[&ended], Timestamp::UNIX_EPOCH),
        state(&stopped, &[], Timestamp::UNIX_EPOCH),
    ];
    assert_eq!(
        states,
        [
            JobState::Inert,
            JobState::Active,
            JobState::Finished,
            JobState::Finished
        ]
    );
    assert_eq!([is_stopped(&inert), is_stopped(&stopped)], [false, true]);
}

/// migrations.md case 42, as seen on 1.37: a pod whose second init container never got its image is ended with both its containers waiting. Of
/// one that somebody else calls Failed the sandbox is up in the last status: its program may have been started since.
#[test]
fn a_pod_that_the_kubelet_ended_before_its_init_containers_were_through_never_ran_its_program() {
    let pod = |sandbox: &str, initialised: &str| {
        let waiting = json!({"state": {"waiting": {"reason": "PodInitializing"}}});
        let mut seen = ended("Failed", Some("far"), &waiting);
        let status = Arc::make_mut(&mut seen.pod).status.as_mut();
        let conditions = json!([
            {"type": "PodReadyToStartContainers", "status": sandbox}, {"type": "Initialized", "status": initialised},
        ]);
        status.expect("made with one").conditions =
            serde_json::from_value(conditions).expect("conditions");
        seen
    };
    let never = |seen: &SeenPod| main_never_ran(&[seen]);
    assert!(never(&pod("False", "False")));
    assert!(!never(&pod("True", "False")));
    assert!(!never(&pod("False", "True")));
}

/// A main container is started only after all init containers have ended well.
#[test]
fn a_pod_with_a_failed_init_container_never_ran_its_program() {
    let with_init = |code: i64| {
        let waiting = json!({"state": {"waiting": {"reason": "PodInitializing"}}});
        let mut seen = ended("Failed", Some("far"), &waiting);
        let status = Arc::make_mut(&mut seen.pod).status.as_mut();
        let init = json!([{
            "name": "source", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": {"terminated": {"exitCode": code}},
        }]);
        status.expect("made with one").init_container_statuses =
            serde_json::from_value(init).expect("statuses");
        main_never_ran(&[&seen])
    };
    assert_eq!([with_init(137), with_init(0)], [true, false]);
}
