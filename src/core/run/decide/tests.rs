//! What the ledger is told of a finished run, by what its pod left behind.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::{Value, json};

use super::{Seen, decide};
use crate::api::database::{Database, EntryOutcome};
use crate::core::plan::Step;
use crate::core::run::evidence::SeenPod;
use crate::core::settings::Settings;

const NOW: &str = "2026-01-01T01:00:00Z";
const LONG_AGO: &str = "2026-01-01T00:00:00Z";

fn now() -> Timestamp {
    NOW.parse().expect("a time")
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("an object")
}

fn ticket() -> Value {
    json!({
        "migration": "m", "migrationUid": "u", "backend": "orders", "database": "db", "databaseIdentity": "i", "planKey": "p",
        "attempt": 1, "mode": "Run", "tool": "Goose", "phase": "BeforeRollout", "versionTable": "goose_db_version", "secret": "s",
    })
}

fn job(condition: &str) -> Job {
    read(json!({
        "metadata": {
            "name": "m-1", "namespace": "team-a", "uid": "j", "resourceVersion": "1", "finalizers": ["slipway.dev/outcome"],
            "annotations": {"slipway.dev/run": ticket().to_string()},
        },
        "spec": {"suspend": false, "template": {}},
        "status": {"conditions": [{"type": condition, "status": "True", "lastTransitionTime": LONG_AGO}]},
    }))
}

fn database() -> Database {
    read(json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Database", "metadata": {"name": "db", "namespace": "team-a", "uid": "d", "resourceVersion": "1"},
        "spec": {"engine": "PostgreSQL", "host": "h", "name": "n", "credentials": {"secret": "s"}},
        "status": {"ledger": {"holder": {
            "migration": "m", "migrationUid": "u", "planKey": "p", "attempt": 1, "mode": "Run", "job": "m-1", "jobUid": "j",
            "templateHash": "h", "backend": "orders", "versionTable": "goose_db_version", "since": LONG_AGO,
        }}},
    }))
}

fn pod(message: Option<&str>) -> SeenPod {
    let terminated = json!({"exitCode": 0, "message": message});
    let owner = json!({"apiVersion": "batch/v1", "kind": "Job", "name": "m-1", "uid": "j", "controller": true});
    let labels = json!({"batch.kubernetes.io/job-name": "m-1"});
    let pod: Pod = read(json!({
        "metadata": {"name": "m-1-x", "labels": labels, "ownerReferences": [owner]},
        "spec": {"containers": []},
        "status": {
            "phase": "Failed",
            "containerStatuses": [{"name": "migrate", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": {"terminated": terminated}}],
        },
    }));
    SeenPod {
        pod: Arc::new(pod),
        gone: false,
    }
}

fn seen(job: Job, message: Option<&str>) -> Seen {
    Seen {
        job: Arc::new(job),
        database: Some(Arc::new(database())),
        bound: 1,
        migration: None,
        asks: None,
        pods: vec![pod(message)],
        settings: Arc::new(Settings::default()),
    }
}

/// What the ledger says after a look at the ended Job: outcome, reason and version, if the look records one.
fn recorded(condition: &str, message: Option<&str>) -> Option<(EntryOutcome, String, String)> {
    let steps = decide(&seen(job(condition), message), now()).plan.steps;
    steps.iter().find_map(in_ledger)
}

fn in_ledger(step: &Step) -> Option<(EntryOutcome, String, String)> {
    let Step::ReplaceDatabaseStatus(replace) = step else {
        return None;
    };
    let entry = replace.status.ledger.as_ref()?.entries.first()?.clone();
    Some((entry.outcome, entry.reason, entry.after.unwrap_or_default()))
}

fn message(plan_key: &str, attempt: i64, format: i64) -> String {
    json!({"v": format, "outcome": "Succeeded", "reason": "Succeeded", "planKey": plan_key, "attempt": attempt, "started": true, "after": "7"})
        .to_string()
}

/// The database was read back before the runner ended, so the release need not wait for the Job; whatever else it says is recorded once nothing
/// of the Job is left.
#[test]
fn a_success_is_recorded_as_soon_as_its_runner_has_ended() {
    let told = |outcome: &str| {
        let message = json!({"v": 1, "outcome": outcome, "reason": outcome, "planKey": "p", "attempt": 1, "started": true, "after": "7"});
        recorded("SuccessCriteriaMet", Some(&message.to_string())).map(|(outcome, ..)| outcome)
    };
    assert_eq!(
        ["Succeeded", "Skipped", "Failed", "Blocked", "Unknown"].map(told),
        [
            Some(EntryOutcome::Succeeded),
            Some(EntryOutcome::Skipped),
            None,
            None,
            None
        ]
    );
}

#[test]
fn the_runners_word_is_recorded() {
    assert_eq!(
        recorded("Complete", Some(&message("p", 1, 1))),
        Some((
            EntryOutcome::Succeeded,
            "Succeeded".to_owned(),
            "7".to_owned()
        ))
    );
}

/// migrations.md case 33.
/// I-8: what does not speak of this very attempt, in words that this version reads, is no evidence; a Check run reads the database.
#[test]
fn a_message_that_is_absent_junk_or_foreign_leaves_the_outcome_unknown() {
    let whole = message("p", 1, 1);
    let cut = whole.get(..whole.len() - 5).expect("ASCII");
    for left in [
        None,
        Some(""),
        Some("panic: out of memory"),
        Some("{}"),
        Some("[1, 2]"),
        Some(cut),
        Some(&message("another plan", 1, 1)),
        Some(&message("p", 2, 1)),
        Some(&message("p", 1, 2)),
    ] {
        assert_eq!(
            recorded("Failed", left),
            Some((
                EntryOutcome::Unknown,
                "OutcomeUnknown".to_owned(),
                String::new()
            )),
            "{left:?}"
        );
    }
}

/// migrations.md case 33.
/// The runner ends with 0 only after it has read the database back, so a Job that is Complete is proof; the version is then not known.
#[test]
fn a_job_that_is_complete_has_succeeded_also_where_its_message_was_lost() {
    assert_eq!(
        recorded("Complete", None),
        Some((
            EntryOutcome::Succeeded,
            "Succeeded".to_owned(),
            String::new()
        ))
    );
}

/// It is never armed again under the same number, and nobody can start its program by unsuspending it.
#[test]
fn the_end_of_a_job_that_was_suspended_again_is_recorded_and_then_the_job_goes() {
    let mut stopped = serde_json::to_value(job("Suspended")).expect("JSON");
    stopped["spec"] = json!({"suspend": true, "template": {"metadata": {"annotations": {"slipway.dev/armed": LONG_AGO}}}});
    let steps = |message: Option<&str>| {
        decide(&seen(read(stopped.clone()), message), now())
            .plan
            .steps
    };
    let ends = [
        (None, EntryOutcome::Unknown),
        (Some(message("p", 1, 1)), EntryOutcome::Succeeded),
    ];
    for (message, outcome) in ends {
        let [record, go] = &steps(message.as_deref())[..] else {
            panic!("{:?}", steps(message.as_deref()));
        };
        assert_eq!(
            in_ledger(record).map(|(outcome, ..)| outcome),
            Some(outcome)
        );
        assert!(matches!(go, Step::Delete(_)), "{go:?}");
    }
}

/// migrations.md case 40: what is at work when a ledger is lost holds it again, and its Database gets back the finalizer of the arm.
#[test]
fn a_job_at_work_that_no_ledger_knows_is_adopted_and_its_database_held() {
    let mut job = job("Suspended");
    job.status = Some(read(json!({"startTime": LONG_AGO, "active": 1})));
    let running = json!({"running": {"startedAt": LONG_AGO}});
    let mut at_work = seen(job, None);
    let pod = Arc::make_mut(&mut at_work.pods[0].pod);
    pod.status = Some(read(json!({
        "phase": "Running",
        "containerStatuses": [{"name": "migrate", "image": "", "imageID": "", "ready": true, "restartCount": 0, "state": running}],
    })));
    let mut lost = database();
    lost.status = None;
    at_work.database = Some(Arc::new(lost.clone()));
    let adopts = decide(&at_work, now()).plan.steps;
    let [Step::ReplaceDatabaseStatus(adopted)] = adopts.as_slice() else {
        panic!("{adopts:?}");
    };
    lost.status = Some(adopted.status.clone());
    let hold = crate::core::database::finalizer::hold(&lost);
    at_work.database = Some(Arc::new(lost));
    assert!(hold.is_some());
    assert_eq!(decide(&at_work, now()).plan.steps, Vec::from_iter(hold));
}

/// migrations.md case 37: who starts a Job that was not armed starts a runner that refuses; that is known also where the ledger never named it.
#[test]
fn a_job_that_was_started_without_its_mark_is_sure_to_have_run_nothing() {
    let adopted = |annotations: Value| {
        let mut started = serde_json::to_value(job("Failed")).expect("JSON");
        started["spec"] =
            json!({"suspend": false, "template": {"metadata": {"annotations": annotations}}});
        let mut seen = seen(read(started), None);
        let mut database = database();
        let ledger = database
            .status
            .as_mut()
            .and_then(|status| status.ledger.as_mut());
        let holder = ledger
            .and_then(|ledger| ledger.holder.as_mut())
            .expect("held");
        holder.template_hash = String::new();
        seen.database = Some(Arc::new(database));
        let steps = decide(&seen, now()).plan.steps;
        let entry = steps.iter().find_map(in_ledger);
        entry.map(|(outcome, reason, _)| (outcome, reason))
    };
    assert_eq!(
        [
            adopted(json!({})),
            adopted(json!({"slipway.dev/armed": LONG_AGO}))
        ],
        [
            Some((EntryOutcome::RetryWait, "NotArmed".to_owned())),
            Some((EntryOutcome::Unknown, "OutcomeUnknown".to_owned())),
        ]
    );
}

/// migrations.md case 41: a Check run then reads what became of it; what the node says once it is back comes too late to be heard.
#[test]
fn a_run_whose_node_is_silent_is_unknown_and_its_late_end_changes_nothing() {
    let silent = |ended: bool| {
        let mut pod = serde_json::to_value(pod(None).pod.as_ref()).expect("JSON");
        pod["spec"]["terminationGracePeriodSeconds"] = json!(300);
        if !ended {
            pod["status"]["phase"] = json!("Running");
            pod["status"]["containerStatuses"][0]["state"] = json!({"running": {}});
        }
        pod["status"]["conditions"] = json!([
            {"type": "Ready", "status": "False", "lastTransitionTime": LONG_AGO}, {"type": "ContainersReady", "status": "True"},
        ]);
        SeenPod {
            pod: read(pod),
            gone: false,
        }
    };
    let mut at_work = seen(job("Suspended"), None);
    at_work.pods = vec![silent(false)];
    at_work.migration = Some(Arc::new(read(json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Migration", "metadata": {"name": "m", "namespace": "team-a", "uid": "u"},
        "spec": {"backend": "b", "name": "n", "database": "d", "tool": "Goose", "phase": "BeforeRollout", "source": {"image": "i"}, "planKey": "p"},
    }))));
    let steps = decide(&at_work, now()).plan.steps;
    let [record, Step::Patch(release)] = &steps[..] else {
        panic!("{steps:?}");
    };
    // Whoever deletes the Migration must not end a program that may be alive.
    let metadata = &release.body["metadata"];
    assert_eq!(metadata.get("ownerReferences"), None, "{metadata}");
    let lost = (EntryOutcome::Unknown, "NodeLost".to_owned(), String::new());
    assert_eq!(in_ledger(record), Some(lost));

    let mut released = job("Complete");
    released.metadata.finalizers = None;
    let mut back = seen(released, Some(&message("p", 1, 1)));
    let Step::ReplaceDatabaseStatus(replace) = record else {
        panic!("{record:?}");
    };
    let mut database = database();
    database.status = Some(replace.status.clone());
    back.database = Some(Arc::new(database));
    assert_eq!(decide(&back, now()).plan.steps, []);
}

/// migrations.md cases 43, 52: it looks because another plan left the table in doubt, and by then the ConfigMap holds other files. Of its own
/// nothing ever ran, so nobody must look after it. Where its own attempt is in doubt, that stays so for ever.
#[test]
fn a_look_by_other_files_blocks_only_what_may_have_run() {
    let mut check = ticket();
    check["mode"] = json!("Check");
    let mut job = job("Complete");
    job.annotations_mut()
        .insert("slipway.dev/run".to_owned(), check.to_string());
    let changed = json!({"v": 1, "outcome": "Unknown", "reason": "SourceChanged", "planKey": "p", "attempt": 1});
    let after = |own: Value| {
        let mut seen = seen(job.clone(), Some(&changed.to_string()));
        let mut database = serde_json::to_value(database()).expect("JSON");
        database["status"]["ledger"]["holder"]["mode"] = json!("Check");
        database["status"]["ledger"]["entries"] = own;
        seen.database = Some(Arc::new(read(database)));
        let steps = decide(&seen, now()).plan.steps;
        let Some(Step::ReplaceDatabaseStatus(replace)) = steps.first() else {
            panic!("{steps:?}");
        };
        let ledger = replace.status.ledger.as_ref().expect("a ledger");
        let entry = ledger.entries.iter().find(|entry| entry.plan_key == "p");
        (entry.expect("an entry").outcome, ledger.blocks.len())
    };
    let own = json!([{"planKey": "p", "versionTable": "goose_db_version", "outcome": "Unknown"}]);
    let others =
        json!([{"planKey": "q", "versionTable": "goose_db_version", "outcome": "Unknown"}]);
    assert_eq!(
        [after(others), after(own)],
        [(EntryOutcome::Listed, 0), (EntryOutcome::Blocked, 1)]
    );
}
