//! The life of a migration that a person must approve, from the first look to the end, by what the deciding code says at each turn.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use serde_json::{Value, json};

use crate::api::backend::Backend;
use crate::api::database::{Database, EntryOutcome, RunMode};
use crate::api::migration::{Migration, MigrationStatus};
use crate::core::database::ledger;
use crate::core::meta;
use crate::core::migration::message::Message;
use crate::core::migration::parameters::{PARAMETERS_VARIABLE, RunParameters};
use crate::core::migration::planned::{Planned, planned};
use crate::core::migration::{Decision, Seen, Situation, decide, report};
use crate::core::plan::{Executed, ObjectKind, Step};
use crate::core::run::ticket::{self, Ticket};
use crate::core::run::verdict::Verdict;
use crate::core::settings::Settings;

/// One Migration, its Database, and what a person has annotated.
struct Life {
    database: Database,
    backend: Backend,
    migration: Migration,
    jobs: Vec<Job>,
    now: i64,
}

fn object<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("a valid object")
}

impl Life {
    fn new(approval: &str, tool: &str) -> Self {
        let database: Database = object(json!({
            "apiVersion": "slipway.dev/v1alpha1", "kind": "Database",
            "metadata": {"name": "db", "namespace": "n", "uid": "uid-db", "resourceVersion": "1", "generation": 1},
            "spec": {"engine": "PostgreSQL", "host": "h", "name": "d", "credentials": {"secret": "s"}},
        }));
        let backend: Backend = object(json!({
            "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend",
            "metadata": {"name": "orders", "namespace": "n", "uid": "uid-orders", "generation": 1},
            "spec": {
                "image": "orders:1", "databases": [{"name": "db"}],
                "migrations": [{"name": "schema", "tool": tool, "source": {"path": "/m"}, "approval": approval}],
            },
        }));
        let databases = BTreeMap::from([("db".to_owned(), Arc::new(database.clone()))]);
        let plan = planned(&backend, &databases, &BTreeMap::new())
            .migrations
            .remove(0);
        let migration: Migration = object(json!({
            "apiVersion": "slipway.dev/v1alpha1", "kind": "Migration",
            "metadata": {
                "name": "orders-x", "namespace": "n", "uid": "uid-m", "generation": 1, "resourceVersion": "1",
                "ownerReferences": [meta::controller_reference(&backend)],
            },
            "spec": plan.spec,
        }));
        let mut life = Self {
            database,
            backend,
            migration,
            jobs: Vec::new(),
            now: 1_800_000_000,
        };
        life.migration.metadata.name = Some(plan.object_name);
        life
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.now).expect("a small number")
    }

    fn seen(&self) -> Seen {
        Seen {
            migration: Arc::new(self.migration.clone()),
            backend: Some(Arc::new(self.backend.clone())),
            databases: BTreeMap::from([("db".to_owned(), Arc::new(self.database.clone()))]),
            planned: Planned::default(),
            bound: 1,
            siblings: Vec::new(),
            jobs: self.jobs.iter().cloned().map(Arc::new).collect(),
            pods: Vec::new(),
            settings: Arc::new(Settings::default()),
            term: "t".to_owned(),
        }
        .with_plan(&BTreeMap::new())
    }

    fn decide(&self) -> Decision {
        decide(&self.seen(), self.now())
    }

    /// Phase, message and event reasons after this look.
    fn shown(&mut self) -> (String, String, Vec<String>) {
        let seen = self.seen();
        let report = report(&seen, &self.decide(), &Executed::default(), self.now());
        let status: MigrationStatus = object(report.status.expect("a status"));
        let message = status
            .conditions
            .first()
            .map(|condition| condition.message.clone())
            .unwrap_or_default();
        let phase = format!("{:?}", status.phase.expect("a phase"));
        self.migration.status = Some(status);
        let events = report.events.into_iter().map(|event| event.reason);
        (phase, message, events.collect())
    }

    fn annotate(&mut self, digest: &str) {
        self.migration.metadata.annotations = Some(BTreeMap::from([(
            meta::APPROVE_ANNOTATION.to_owned(),
            digest.to_owned(),
        )]));
    }

    /// Carries out one move, as the API server would; the arm is only told. What a pod may reach and that the Database is held are the same
    /// for all.
    fn step(&mut self) -> Vec<String> {
        let mut done = Vec::new();
        let of_all = |step: &Step| match step {
            Step::Create(create) => create.key.kind == ObjectKind::NetworkPolicy,
            Step::Patch(patch) => patch.key.kind == ObjectKind::Database,
            _ => false,
        };
        let steps = self.decide().plan.steps.into_iter();
        for step in steps.filter(|step| !of_all(step)) {
            done.push(match step {
                Step::Create(create) => {
                    let mut body = create.body;
                    body["metadata"]["uid"] = json!(format!("uid-{}", create.key.name));
                    body["metadata"]["resourceVersion"] = json!("1");
                    self.jobs.push(object(body));
                    format!(
                        "create {}",
                        create.key.name.rsplit('-').next().unwrap_or_default()
                    )
                }
                Step::ReplaceDatabaseStatus(replace) => {
                    self.database.status = Some(replace.status);
                    "put ledger".to_owned()
                }
                Step::Confirm(confirm) => format!(
                    "get {}{}",
                    confirm.key.kind.kind(),
                    confirm
                        .annotation
                        .map(|(_, value)| format!(" approved {value}"))
                        .unwrap_or_default()
                ),
                Step::Patch(patch) => format!(
                    "arm {}",
                    patch.key.name.rsplit('-').next().unwrap_or_default()
                ),
                Step::Delete(delete) => {
                    self.jobs
                        .retain(|job| job.metadata.name.as_ref() != Some(&delete.key.name));
                    "delete".to_owned()
                }
                Step::Apply(_) => "apply".to_owned(),
            });
        }
        done
    }

    fn steps_to_the_arm(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        for _ in 0..3 {
            all.extend(self.step());
        }
        all
    }

    fn ticket(&self) -> Ticket {
        ticket::ticket(self.jobs.last().expect("a Job")).expect("ours")
    }

    fn parameters(&self) -> RunParameters {
        let job = serde_json::to_value(self.jobs.last()).expect("JSON");
        let variables = job
            .pointer("/spec/template/spec/containers/0/env")
            .and_then(Value::as_array)
            .expect("variables");
        let text = variables
            .iter()
            .find(|variable| variable["name"] == PARAMETERS_VARIABLE)
            .expect("parameters");
        serde_json::from_str(text["value"].as_str().expect("text")).expect("parameters")
    }

    /// The Job at work ends with this message.
    fn end(&mut self, message: Value) {
        let ticket = self.ticket();
        let mut verdict = Verdict::from_message(&object::<Message>(message));
        if ticket.mode == RunMode::Check {
            verdict = if ticket.lists {
                verdict.of_list()
            } else {
                verdict.of_check()
            };
        }
        let job = self.jobs.pop().expect("a Job");
        let uid = job.metadata.uid.unwrap_or_default();
        let backoff = Settings::default().migrations.backoff;
        let next = ledger::record(
            &ledger::of(&self.database),
            &ticket,
            &uid,
            &verdict,
            backoff,
            self.now(),
        );
        let mut status = self.database.status.clone().unwrap_or_default();
        status.ledger = Some(next);
        self.database.status = Some(status);
    }
}

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
    let [entry] = life.backend.spec.migrations.as_mut_slice() else {
        panic!("one entry")
    };
    entry.options.approval = Some(crate::api::migration::Approval::Always);
    assert_eq!(life.step(), Vec::<String>::new());
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
