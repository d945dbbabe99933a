//! The witness: what each write changes is held against the rules, by what the server has and the ledger says, never by what a look believed.

use serde_json::Value;
use slipway::core::backend::build::controller_revision;
use slipway::core::backend::build::deployment::GENERATION_ANNOTATION;
use slipway::core::meta::RELEASE_LABEL;
use slipway::core::plan::ObjectKind;

use crate::plans::before_rollout;
use crate::rules::Rule;
use crate::server::Arrival;
use crate::world::{BACKEND, Objects, World};

impl World {
    pub fn breaks(&mut self, rule: Rule) {
        if self.only.is_none_or(|only| only == rule) {
            self.broken.get_or_insert(rule);
        }
    }

    /// Whether the ledger says that all is done which must be before this image goes out.
    fn is_migrated(&self, image: &str) -> bool {
        before_rollout(image).all(|plan| self.is_done(&plan.object_name))
    }

    /// The highest number of a release that is kept.
    pub fn last_release(&self) -> Option<i64> {
        let names = self.names(ObjectKind::ControllerRevision);
        let revisions = names.filter_map(|name| self.get(ObjectKind::ControllerRevision, name));
        revisions
            .filter_map(|revision| revision["revision"].as_i64())
            .max()
    }

    /// A release is opened; or what is out is kept again, which opens nothing.
    pub fn note_release(&mut self, revision: &Value, arrival: Arrival) {
        let image = image_of(&revision["data"]["template"]);
        let spec = &self.backend()["spec"];
        let is_asked_for = spec["image"] == *image && spec["rollout"]["paused"] != true;
        let is_open = is_asked_for && self.is_migrated(image.as_str().unwrap_or_default());
        let live = self.deployment();
        let is_out =
            live.is_some_and(|live| live["spec"]["template"] == revision["data"]["template"]);
        if arrival == Arrival::Prompt && !is_open && !is_out {
            self.breaks(Rule::OpenedByTheGate);
        }
    }

    /// The Deployment is made or changed, on the version that the change was computed from or on another.
    pub fn note_deployment(&mut self, before: Option<&Value>, after: &Value, is_same: bool) {
        let template = &after["spec"]["template"];
        if before.is_none_or(|before| before["spec"]["template"] != *template) {
            if before.is_some() && !is_same {
                self.breaks(Rule::NoLateTemplate);
            }
            let number = release_in(template);
            let name = number.map(|number| controller_revision::name_of(BACKEND, number));
            let kept = name.and_then(|name| self.get(ObjectKind::ControllerRevision, &name));
            let is_kept = kept.is_some();
            let is_true = kept.is_some_and(|kept| kept["data"]["template"] == *template);
            if !is_kept {
                self.breaks(Rule::KeptFirst);
            }
            if !self.is_migrated(image_of(template).as_str().unwrap_or_default()) {
                self.breaks(Rule::MigratedFirst);
            }
            if !is_true || number != self.last_release().max(self.lost) {
                self.breaks(Rule::LastRelease);
            }
        }
        let Some(before) = before else { return };
        if before["spec"]["selector"] != after["spec"]["selector"] {
            self.breaks(Rule::LastRelease);
        }
        if stamp(before) > stamp(after) {
            self.breaks(Rule::GenerationNeverFalls);
        }
    }

    /// The Backend's status is written by a look that was shown this.
    pub fn note_status(&mut self, status: &Value, shown: &Objects) {
        if !says_ready(status) {
            return;
        }
        let generation = status["observedGeneration"].as_u64().unwrap_or_default();
        let index = usize::try_from(generation.saturating_sub(1)).expect("a small number");
        let image = self.asked[index];
        if !self.is_migrated(image) {
            self.breaks(Rule::ReadyAfterMigrations);
        }
        let body = |kind| {
            let stored = shown.get(&(kind, BACKEND.into()));
            stored.map_or(&Value::Null, |stored| stored.kept.object.as_ref())
        };
        let (backend, deployment) = (body(ObjectKind::Backend), body(ObjectKind::Deployment));
        let wanted = &backend["spec"]["replicas"];
        let counts = &deployment["status"];
        let names = ["replicas", "updatedReplicas", "availableReplicas"];
        let is_out = *image_of(&deployment["spec"]["template"]) == image
            && deployment["spec"]["replicas"] == *wanted
            && counts["observedGeneration"] == deployment["metadata"]["generation"]
            && names.iter().all(|name| counts[name] == *wanted);
        if !is_out {
            self.breaks(Rule::ReadyIsTrue);
        }
    }

    /// Whether the Backend is Ready at its generation.
    pub fn is_ready(&self) -> bool {
        let backend = self.backend();
        let status = &backend["status"];
        says_ready(status) && status["observedGeneration"] == backend["metadata"]["generation"]
    }
}

fn says_ready(status: &Value) -> bool {
    let conditions = status["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

fn image_of(template: &Value) -> &Value {
    &template["spec"]["containers"][0]["image"]
}

/// The release that a template says it is of.
pub fn release_in(template: &Value) -> Option<i64> {
    let label = &template["metadata"]["labels"][RELEASE_LABEL];
    label.as_str()?.parse().ok()
}

/// The release that we gave to a Deployment last, whatever has become of its template.
pub fn given(deployment: &Value) -> Option<i64> {
    let number = &deployment["metadata"]["annotations"][RELEASE_LABEL];
    number.as_str()?.parse().ok()
}

fn stamp(deployment: &Value) -> Option<i64> {
    let stamp = &deployment["metadata"]["annotations"][GENERATION_ANNOTATION];
    stamp.as_str()?.parse().ok()
}
