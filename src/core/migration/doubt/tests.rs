//! migrations.md 4.1: releases wait to know how a contract ended; what becomes of one whose files are not at hand any more.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::database::RunMode;
use crate::core::migration::by_hand::tests::Life;
use crate::core::migration::decide;
use crate::core::migration::situation::Situation;
use crate::core::plan::Step;

const RETRY: &str = "kubectl annotate --overwrite slm/repair -n shop slipway.dev/retry=1";

/// A contract of a ConfigMap's files, written by hand, of which nobody knows how its attempt ended.
fn unknown() -> Life {
    let mut life = Life::of(&json!({
        "phase": "AfterRollout", "source": {"image": "orders:1", "configMap": "sql"},
    }));
    life.look();
    let key = life.migration["status"]["planKey"].clone();
    life.database["status"] = ledger(&key);
    life
}

fn ledger(plan_key: &Value) -> Value {
    json!({"ledger": {"entries": [{
        "planKey": plan_key, "backend": "orders", "migration": "repair", "migrationUid": "m", "phase": "AfterRollout", "outcome": "Unknown",
        "versionTable": "goose_db_version", "finishedAt": "2026-11-24T12:00:00Z",
    }]}})
}

/// The status of the Database that the look leaves, where it gives up reading.
fn given_up(life: &Life) -> Option<Value> {
    let decision = decide(&life.seen(), Timestamp::UNIX_EPOCH);
    let given_up = matches!(decision.situation, Situation::BeyondReading { .. });
    match decision.plan.steps.as_slice() {
        [Step::ReplaceDatabaseStatus(replace)] if given_up => Some(json!(replace.status)),
        _ => None,
    }
}

fn reads(situation: &Situation) -> bool {
    matches!(
        situation,
        Situation::Turn {
            mode: RunMode::Check,
            ..
        }
    )
}

#[test]
fn it_is_read_with_the_files_that_it_ran_and_waits_for_them_where_they_are_missing() {
    let mut life = unknown();
    assert!(reads(&life.look()));
    life.files = None;
    life.look();
    let expected = "configmap sql not found (named by migration repair, spec.source.configMap). Next: kubectl get configmap sql -n shop. Only with \
                    these files can be read how the last attempt ended, and releases of backend orders wait for that; if nobody has them any more: \
                    kubectl delete slm/repair -n shop";
    assert_eq!(life.message(), (json!("ConfigMapMissing"), json!(expected)));
}

#[test]
fn an_end_that_no_file_can_tell_any_more_is_for_a_person_to_look_at() {
    let mut life = unknown();
    life.files = Some("SELECT 2;");
    life.database["status"] = given_up(&life).expect("it gives up");
    let given_up = &life.database["status"]["ledger"];
    let entry = &given_up["entries"][0];
    assert_eq!(
        (
            &entry["outcome"],
            &entry["finishedAt"],
            &given_up["blocks"][0]["evidence"]
        ),
        (
            &json!("Blocked"),
            &json!("2026-11-24T12:00:00Z"),
            &json!("LedgerOnly")
        )
    );
    life.look();
    let expected = format!(
        "how it ended cannot be read any more, as configmap sql or the address of database d was changed since its plan key was fixed. Look at the \
         schema: undo what is there of the file, or finish it by hand and add its row (INSERT INTO goose_db_version (version_id, is_applied) VALUES \
         (NUMBER, true), with the number of the file); then: {RETRY}"
    );
    assert_eq!(life.message(), (json!("OutcomeUnknown"), json!(expected)));
    // Whoever has looked says so: the mark goes, whether the files are there or not.
    for files in [None, Some("SELECT 2;")] {
        life.files = files;
        life.migration["metadata"]["annotations"] = json!({"slipway.dev/retry": "1"});
        assert!(matches!(life.look(), Situation::MarkGoes { .. }));
    }
}

#[test]
fn nobody_gives_up_for_what_goes_or_is_being_looked_at_nor_over_anothers_mark() {
    let mut life = unknown();
    life.files = Some("SELECT 2;");
    let mut goes = unknown();
    goes.files = life.files;
    goes.migration["metadata"]["deletionTimestamp"] = json!("2026-11-24T12:00:00Z");
    assert_eq!(given_up(&goes), None);
    let mut looked_at = unknown();
    looked_at.files = life.files;
    looked_at.database["status"]["ledger"]["holder"] = json!({
        "migration": "again", "migrationUid": "n", "planKey": looked_at.migration["status"]["planKey"], "job": "again-c1", "jobUid": "j",
    });
    assert_eq!(given_up(&looked_at), None);
    let others = json!([{
        "versionTable": "goose_db_version", "planKey": "other", "reason": "PartiallyApplied", "evidence": "LedgerOnly",
        "since": "2026-11-24T11:00:00Z",
    }]);
    life.database["status"]["ledger"]["blocks"] = others.clone();
    let status = given_up(&life).expect("it gives up");
    assert_eq!(status["ledger"]["blocks"], others);
}

/// The team has taken the entry and its ConfigMap away together.
#[test]
fn one_that_a_backend_planned_is_given_up_once_nobody_asks_for_it_and_its_files_are_gone() {
    let key = json!("k".repeat(52));
    let mut life = Life::of(&json!({
        "phase": "AfterRollout", "planKey": key,
        "source": {"image": "orders:1", "configMap": "sql", "digest": "d".repeat(52)},
    }));
    life.migration["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend", "name": "orders", "uid": "b", "controller": true,
    }]);
    life.database["status"] = ledger(&key);
    // Whether they are the same is for the runner to say.
    assert!(reads(&life.look()));
    life.files = None;
    let status = given_up(&life).expect("it gives up");
    let entry = &status["ledger"]["entries"][0];
    assert_eq!(
        entry["message"],
        "how it ended cannot be read any more, as configmap sql is gone"
    );
}
