//! What becomes of Migrations: the ledger says how each ended, its status shows that; as the walk chooses, in whatever order.

use std::sync::Arc;

use serde_json::{Value, json};
use slipway::api::database::{Database, Entry};
use slipway::core::plan::ObjectKind;

use crate::kept::object;
use crate::plans::plan_of;
use crate::rules::Rule;
use crate::world::{BACKEND, DATABASE, World};

/// How a Migration ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    Succeeded,
    Skipped,
    Failed,
    Blocked,
}

impl World {
    pub fn migrations(&self) -> Vec<Arc<str>> {
        self.names(ObjectKind::Migration).cloned().collect()
    }

    /// What the ledger says of a Migration.
    pub fn recorded(&self, name: &str) -> Option<Outcome> {
        let ledger = &self.get(ObjectKind::Database, DATABASE)?["status"]["ledger"];
        let key = plan_of(name).0.spec.plan_key.as_str();
        let mut entries = ledger["entries"].as_array()?.iter();
        Outcome::of(&entries.find(|entry| entry["planKey"] == key)?["outcome"])
    }

    pub fn is_done(&self, name: &str) -> bool {
        matches!(
            self.recorded(name),
            Some(Outcome::Succeeded | Outcome::Skipped)
        )
    }

    /// Success stays; all else may become anything, by a person's hand.
    pub fn possible_outcomes(&self, name: &str) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        let is_open = plan_of(name).0.is_before_rollout() || self.left.contracts > 0;
        if is_open && !self.is_done(name) {
            outcomes.push(Outcome::Succeeded);
            if self.left.others > 0 {
                outcomes.extend([Outcome::Skipped, Outcome::Failed, Outcome::Blocked]);
            }
        }
        outcomes
    }

    /// It ends so.
    pub fn end(&mut self, name: &str, outcome: Outcome) {
        if outcome != Outcome::Succeeded {
            self.left.others -= 1;
        }
        if !plan_of(name).0.is_before_rollout() {
            self.left.contracts -= 1;
        }
        self.record(name, outcome);
    }

    /// The ledger says how it ended.
    pub fn record(&mut self, name: &str, outcome: Outcome) {
        let (plan, earlier) = plan_of(name);
        let is_well = matches!(outcome, Outcome::Succeeded | Outcome::Skipped);
        if is_well && !earlier.iter().all(|plan| self.is_done(&plan.object_name)) {
            self.breaks(Rule::InOrder);
        }
        let entry = Entry {
            plan_key: plan.spec.plan_key.clone(),
            migration: plan.object_name.clone(),
            backend: BACKEND.to_owned(),
            version_table: "goose_db_version".to_owned(),
            phase: Some(plan.spec.phase),
            outcome: object(outcome.word()),
            ..Entry::default()
        };
        let stored = self.get(ObjectKind::Database, DATABASE);
        let mut database: Database = object(stored.expect("nobody deletes it").clone());
        let status = database.status.get_or_insert_default();
        let entries = &mut status.ledger.get_or_insert_default().entries;
        entries.retain(|other| other.plan_key != entry.plan_key);
        entries.push(entry);
        entries.sort_by(|one, other| one.plan_key.cmp(&other.plan_key));
        let body = serde_json::to_value(database).expect("JSON");
        self.put(ObjectKind::Database, DATABASE, body);
    }

    /// Whether its status does not show yet what the ledger says.
    pub fn shows_less(&self, name: &str) -> bool {
        let recorded = self.recorded(name);
        let shown = self.get(ObjectKind::Migration, name);
        let shown = shown.and_then(|shown| Outcome::of(&shown["status"]["phase"]));
        recorded.is_some() && shown != recorded
    }

    pub fn show(&mut self, name: &str) {
        if let Some(outcome) = self.recorded(name) {
            self.put_phase(name, outcome);
        }
    }

    pub fn put_phase(&mut self, name: &str, outcome: Outcome) {
        self.change(ObjectKind::Migration, name, |migration| {
            migration["status"] = json!({"phase": outcome.word()});
        });
    }
}

impl Outcome {
    fn of(word: &Value) -> Option<Self> {
        let all = [Self::Succeeded, Self::Skipped, Self::Failed, Self::Blocked];
        all.into_iter().find(|outcome| outcome.word() == *word)
    }

    fn word(self) -> Value {
        json!(format!("{self:?}"))
    }
}
