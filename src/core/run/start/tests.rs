//! When a run that has no pod is missed, and when it is sure that it never had one.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use serde_json::{Value, json};

use super::{never_had_a_pod, no_pod_in, start_trouble};

const STARTED: &str = "2026-01-01T00:00:00Z";

fn job(deleted: bool, status: &Value) -> Job {
    let deletion = deleted.then_some(STARTED);
    let job = json!({
        "metadata": {"name": "m-1", "uid": "j", "deletionTimestamp": deletion},
        "spec": {"template": {}}, "status": status,
    });
    serde_json::from_value(job).expect("a Job")
}

fn at(seconds: i64) -> Timestamp {
    let started: Timestamp = STARTED.parse().expect("a time");
    Timestamp::from_second(started.as_second() + seconds).expect("a small number of seconds")
}

/// migrations.md case 42: a quota tells the Job controller alone, in events that Slipway does not read.
#[test]
fn a_pod_that_is_not_made_is_missed_after_ten_seconds() {
    let job = job(false, &json!({"startTime": STARTED}));
    let reason = |seconds| start_trouble(&job, &[], at(seconds)).map(|trouble| trouble.reason);
    assert_eq!(no_pod_in(&job, &[], at(4)), Some(Duration::from_secs(6)));
    assert_eq!((reason(9), reason(10)), (None, Some("NoPod".to_owned())));
}

/// migrations.md case 42: what the Job controller has ever counted may have run.
#[test]
fn only_a_job_without_any_count_that_is_being_deleted_is_sure_to_have_had_no_pod() {
    let never = |deleted, status: &Value| never_had_a_pod(&job(deleted, status), &[]);
    assert!(never(true, &json!({"startTime": STARTED})));
    assert!(never(
        true,
        &json!({"active": 0, "terminating": 0, "uncountedTerminatedPods": {}})
    ));
    for counted in [
        json!({"active": 1}),
        json!({"terminating": 1}),
        json!({"failed": 1}),
        json!({"succeeded": 1}),
        json!({"uncountedTerminatedPods": {"failed": ["uid"]}}),
    ] {
        assert!(!never(true, &counted), "{counted}");
    }
    assert!(!never(false, &json!({"startTime": STARTED})));
}
