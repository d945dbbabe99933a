//! One Migration that a person must approve, turn by turn, with what the deciding code says and what an API server would make of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use serde_json::{Value, json};

use crate::api::backend::Backend;
use crate::api::database::{Database, RunMode};
use crate::api::migration::{Approval, Migration, MigrationStatus};
use crate::core::database::ledger;
use crate::core::meta;
use crate::core::migration::message::Message;
use crate::core::migration::parameters::{PARAMETERS_VARIABLE, RunParameters};
use crate::core::migration::planned::planned;
use crate::core::migration::{Decision, Seen, decide, report};
use crate::core::plan::{Executed, ObjectKind, Step};
use crate::core::run::ticket::{self, Ticket};
use crate::core::run::verdict::Verdict;
use crate::core::settings::Settings;

/// One Migration, its Database, and what a person has annotated.
pub(super) struct Life {
    pub(super) database: Database,
    pub(super) backend: Backend,
    pub(super) migration: Migration,
    pub(super) jobs: Vec<Job>,
    pub(super) now: i64,
}

fn object<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("a valid object")
}

impl Life {
    pub(super) fn new(approval: &str, tool: &str) -> Self {
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

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_second(self.now).expect("a small number")
    }

    pub(super) fn seen(&self) -> Seen {
        Seen {
            backends: vec![Arc::new(self.backend.clone())],
            databases: BTreeMap::from([("db".to_owned(), Arc::new(self.database.clone()))]),
            jobs: self.jobs.iter().cloned().map(Arc::new).collect(),
            term: "t".to_owned(),
            ..Seen::alone(Arc::new(self.migration.clone()))
        }
        .with_plan(&BTreeMap::new())
    }

    pub(super) fn decide(&self) -> Decision {
        decide(&self.seen(), self.now())
    }

    /// Phase, message and event reasons after this look.
    pub(super) fn shown(&mut self) -> (String, String, Vec<String>) {
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

    pub(super) fn annotate(&mut self, digest: &str) {
        self.migration.metadata.annotations = Some(BTreeMap::from([(
            meta::APPROVE_ANNOTATION.to_owned(),
            digest.to_owned(),
        )]));
    }

    /// The Backend's entry demands this from now on.
    pub(super) fn demand(&mut self, approval: Option<Approval>) {
        for entry in &mut self.backend.spec.migrations {
            entry.options.approval = approval;
        }
    }

    /// Carries out one move, as the API server would; the arm is only told. What a pod may reach and that the Database is held are the same
    /// for all.
    pub(super) fn step(&mut self) -> Vec<String> {
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

    pub(super) fn steps_to_the_arm(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        for _ in 0..3 {
            all.extend(self.step());
        }
        all
    }

    pub(super) fn ticket(&self) -> Ticket {
        ticket::ticket(self.jobs.last().expect("a Job")).expect("ours")
    }

    pub(super) fn parameters(&self) -> RunParameters {
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
    pub(super) fn end(&mut self, message: Value) {
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
