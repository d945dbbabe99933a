//! The life of a migration that a person must approve, from the first look to the end, by what the deciding code says at each turn.

mod life;

use serde_json::{Value, json};

use crate::api::database::EntryOutcome;
use crate::api::migration::Approval;
use crate::core::database::ledger;
use crate::core::meta;
use crate::core::migration::Situation;
use life::Life;

fn pending(digest: &str, findings: &Value) -> Value {
    json!({
        "v": 1, "outcome": "Failed", "reason": "OutcomeUnknown", "retrySafe": true, "pendingTotal": 2, "pendingDigest": digest,
        "pendingFiles": ["2_a.sql", "3_b.sql"], "findings": findings, "findingsTotal": findings.as_array().map_or(0, Vec::len),
    })
}

fn drops() -> Value {
    json!([{"file": "3_b.sql", "line": 3, "code": "SLP1401", "why": "DROP TABLE loses all of users", "severity": "LosesData"}])
}

/// migrations.md case 47: the whole way, its moves counted, and a list that changes between the approval and the run.
#[test]
fn what_is_pending_is_listed_approved_and_run_and_another_list_is_asked_for_again() {
    let mut life = Life::new("Always", "Goose");
    assert_eq!(
        life.steps_to_the_arm(),
        ["create c1", "put ledger", "get Backend", "arm c1"]
    );
    assert_eq!(life.shown().0, "Queued");
    assert!(life.ticket().lists);

    life.end(pending("one", &drops()));
    let name = life.migration.metadata.name.clone().unwrap_or_default();
    assert_eq!(
        life.shown(),
        (
            "AwaitingApproval".to_owned(),
            format!(
                "pending on database db, to be approved: 2_a.sql, 3_b.sql; look at: 3_b.sql:3 SLP1401 DROP TABLE loses all of users. \
                 To let exactly these run: kubectl annotate --overwrite slm/{name} -n n slipway.dev/approve=one"
            ),
            vec!["ApprovalNeeded".to_owned()]
        )
    );
    assert_eq!(
        life.database
            .status
            .as_ref()
            .and_then(|status| status.ledger.as_ref()?.holder.as_ref()),
        None
    );
    assert_eq!(life.steps_to_the_arm(), Vec::<String>::new());
    life.annotate("none of these");
    assert_eq!(life.steps_to_the_arm(), Vec::<String>::new());

    life.annotate("one");
    assert_eq!(life.step(), ["create 1"]);
    assert_eq!(life.shown().2, ["ApprovalGranted"]);
    assert_eq!(
        life.steps_to_the_arm(),
        [
            "put ledger",
            "get Backend",
            "get Migration approved one",
            "arm 1",
            "get Backend",
            "get Migration approved one",
            "arm 1"
        ]
    );
    assert_eq!(life.parameters().approved.as_deref(), Some("one"));

    life.end(json!({"v": 1, "outcome": "Failed", "reason": "PlanChanged", "pendingTotal": 1, "pendingDigest": "two", "pendingFiles": ["3_b.sql"]}));
    let (phase, message, events) = life.shown();
    assert_eq!(
        (phase.as_str(), events),
        ("AwaitingApproval", vec!["ApprovalNeeded".to_owned()])
    );
    assert!(
        message.contains("slipway.dev/approve=two") && message.contains("to be approved: 3_b.sql;"),
        "{message}"
    );
    assert_eq!(life.steps_to_the_arm(), Vec::<String>::new());

    life.annotate("two");
    assert_eq!(life.step(), ["create 2"]);
    let _ = life.steps_to_the_arm();
    life.end(json!({"v": 1, "outcome": "Succeeded", "reason": "Succeeded", "after": "3"}));
    let ledger = ledger::of(&life.database);
    let entry = ledger.entries.first().expect("one");
    assert_eq!(
        (entry.outcome, entry.attempts, entry.listed.clone()),
        (EntryOutcome::Succeeded, 1, None)
    );
    assert_eq!(ledger.demands, []);
}

/// migrations.md case 47: without a finding nobody is asked, and the list that was read is the only one that may run.
#[test]
fn on_destructive_waits_only_where_something_was_found() {
    let mut harmless = Life::new("OnDestructive", "Goose");
    let _ = harmless.steps_to_the_arm();
    harmless.end(pending("one", &json!([])));
    assert_eq!(
        harmless.steps_to_the_arm(),
        ["create 1", "put ledger", "get Backend", "arm 1"]
    );
    assert_eq!(harmless.parameters().approved.as_deref(), Some("one"));

    let mut destructive = Life::new("OnDestructive", "Goose");
    let _ = destructive.steps_to_the_arm();
    destructive.end(pending("one", &drops()));
    assert_eq!(destructive.shown().0, "AwaitingApproval");
    assert_eq!(destructive.steps_to_the_arm(), Vec::<String>::new());
}

#[test]
fn nothing_pending_ends_without_a_run_and_a_look_that_fails_is_repeated_and_runs_nothing() {
    let mut done = Life::new("Always", "Goose");
    let _ = done.steps_to_the_arm();
    done.end(
        json!({"v": 1, "outcome": "Succeeded", "reason": "NoPendingMigrations", "after": "3"}),
    );
    assert_eq!(done.shown().0, "Succeeded");

    let mut away = Life::new("Always", "Goose");
    let _ = away.steps_to_the_arm();
    away.end(json!({"v": 1, "outcome": "Unknown", "reason": "DatabaseUnreachable"}));
    assert!(matches!(
        away.decide().situation,
        Situation::RetryWait { .. }
    ));
    let (phase, message, _) = away.shown();
    assert_eq!(phase, "RetryWait");
    assert!(
        message.starts_with("what is pending could not be listed for the approval"),
        "{message}"
    );
    away.now += 1000;
    assert_eq!(
        away.steps_to_the_arm(),
        ["create c2", "put ledger", "get Backend", "arm c2"]
    );

    let mut wrong = Life::new("Always", "Goose");
    let _ = wrong.steps_to_the_arm();
    wrong.end(json!({"v": 1, "outcome": "Unknown", "reason": "NoMigrationFiles"}));
    assert_eq!(wrong.shown().0, "Failed");
}

/// An attempt whose end is not known is read back before anybody is asked for anything.
#[test]
fn after_an_unknown_end_the_database_is_read_back_and_not_listed() {
    let mut life = Life::new("Always", "Goose");
    let _ = life.steps_to_the_arm();
    life.end(pending("one", &drops()));
    life.annotate("one");
    let _ = life.steps_to_the_arm();
    life.end(json!({"v": 1, "outcome": "Unknown", "reason": "LockLost"}));
    assert_eq!(life.step(), ["create c2"]);
    assert!(!life.ticket().lists);
}

#[test]
fn an_approval_that_comes_or_goes_before_the_arm_holds_it() {
    let mut life = Life::new("None", "Goose");
    assert_eq!(life.step(), ["create 1"]);
    assert_eq!(life.step(), ["put ledger"]);
    life.demand(Some(Approval::Always));
    assert_eq!(life.step(), Vec::<String>::new());
}

/// Case a08 of issue 12: the demand was taken off the Backend, and the migration that waited ran.
#[test]
fn what_waits_for_approval_waits_on_when_its_backend_no_longer_demands_it() {
    for tool in ["Goose", "Exec"] {
        let mut life = Life::new("OnDestructive", tool);
        if tool == "Goose" {
            let _ = life.steps_to_the_arm();
            life.end(pending("one", &drops()));
        }
        let _ = life.step();
        for approval in [None, Some(Approval::None)] {
            life.demand(approval);
            assert_eq!(life.steps_to_the_arm(), Vec::<String>::new());
            assert_eq!(life.shown().0, "AwaitingApproval");
        }
    }
}

/// The Migration is made again by a Backend that demands nothing, and has nothing but the ledger that remembers.
#[test]
fn a_migration_that_is_made_again_without_a_demand_waits_as_the_one_before_it() {
    for tool in ["Goose", "Exec"] {
        let mut life = Life::new("Always", tool);
        // What can be listed is remembered from the listing on.
        if tool == "Goose" {
            let _ = life.steps_to_the_arm();
            life.end(pending("one", &json!([])));
        } else {
            assert_eq!(life.step(), ["put ledger"]);
        }
        life.demand(None);
        life.migration.spec.options.approval = None;
        life.backend.metadata.uid = Some("uid-again".to_owned());
        life.migration.metadata.owner_references =
            serde_json::from_value(json!([meta::controller_reference(&life.backend)])).ok();
        assert_eq!(life.steps_to_the_arm(), Vec::<String>::new());
        assert_eq!(life.shown().0, "AwaitingApproval");
    }
}

#[test]
fn a_database_that_begins_to_demand_an_approval_holds_what_is_not_armed_yet() {
    let mut life = Life::new("None", "Goose");
    assert_eq!(life.step(), ["create 1"]);
    assert_eq!(life.step(), ["put ledger"]);
    life.database.spec.approval = Some(Approval::Always);
    assert_eq!(life.step(), Vec::<String>::new());

    let mut life = Life::new("None", "Goose");
    life.database.spec.approval = Some(Approval::OnDestructive);
    let _ = life.steps_to_the_arm();
    life.end(pending("one", &drops()));
    let (phase, message, _) = life.shown();
    assert_eq!(phase, "AwaitingApproval");
    assert!(
        message.contains("; spec.approval of database db demands it. To let exactly these run: "),
        "{message}"
    );
}

/// What a program does cannot be listed: its approval is bound to the plan.
#[test]
fn a_program_waits_for_an_approval_of_its_plan() {
    let mut life = Life::new("OnDestructive", "Exec");
    let Situation::AwaitingApproval(awaiting) = life.decide().situation else {
        panic!("{:?}", life.decide().situation)
    };
    life.annotate(&awaiting.digest);
    assert_eq!(life.step(), ["create 1"]);
    assert_eq!(
        (life.parameters().approved, life.ticket().approved),
        (None, Some(awaiting.digest))
    );
}
