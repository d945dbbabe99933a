//! What people do in a walk, as often as its budget says.

use std::sync::Arc;

use serde_json::json;
use slipway::core::backend::build::controller_revision;
use slipway::core::meta::RELEASE_LABEL;
use slipway::core::plan::ObjectKind;

use crate::witness::given;
use crate::world::{BACKEND, Budget, IMAGES, World};

/// The number that somebody writes into the template.
const RAISED: &str = "99";

/// What a user does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Edit {
    Image,
    Replicas,
    Pause,
    RemoveService,
    RaiseLabel,
    DeleteRevision,
    HideDeployment,
    DeleteDeployment,
}

impl World {
    pub fn possible_edits(&self) -> Vec<Edit> {
        let Budget {
            edits,
            scales,
            pauses,
            removals,
            raises,
            losses,
            hides,
            deletions,
            ..
        } = self.left;
        let service = self.get(ObjectKind::Service, BACKEND);
        let is_out = self.deployment().is_some();
        let possible = [
            (Edit::Image, edits > 0),
            (Edit::Replicas, scales > 0),
            (Edit::Pause, pauses > 0),
            (Edit::RemoveService, removals > 0 && service.is_some()),
            (Edit::RaiseLabel, raises > 0 && is_out),
            (
                Edit::DeleteRevision,
                losses > 0 && self.last_release().is_some(),
            ),
            (Edit::HideDeployment, hides > 0 && is_out),
            (Edit::DeleteDeployment, deletions > 0 && is_out),
        ];
        let possible = possible.into_iter().filter(|(_, possible)| *possible);
        possible.map(|(edit, _)| edit).collect()
    }

    pub fn edit(&mut self, edit: Edit) {
        let mut image = *self.asked.last().expect("it has a first generation");
        let left = &mut self.left;
        match edit {
            Edit::Image => {
                left.edits -= 1;
                let other = IMAGES.into_iter().find(|other| *other != image);
                image = other.expect("there are two");
            }
            Edit::Replicas => left.scales -= 1,
            Edit::Pause => left.pauses -= 1,
            Edit::RemoveService => {
                left.removals -= 1;
                self.remove(ObjectKind::Service, BACKEND);
                return;
            }
            Edit::RaiseLabel => {
                left.raises -= 1;
                self.raise_label();
                return;
            }
            Edit::DeleteRevision => {
                left.losses -= 1;
                self.delete_revision();
                return;
            }
            Edit::DeleteDeployment => {
                left.deletions -= 1;
                self.remove(ObjectKind::Deployment, BACKEND);
                return;
            }
            Edit::HideDeployment => {
                left.hides -= 1;
                self.change(ObjectKind::Deployment, BACKEND, |deployment| {
                    deployment["metadata"]["labels"] = json!({});
                });
                return;
            }
        }
        self.asked.push(image);
        let generation = self.asked.len();
        self.change(ObjectKind::Backend, BACKEND, |backend| {
            backend["metadata"]["generation"] = json!(generation);
            let spec = &mut backend["spec"];
            spec["image"] = json!(image);
            if edit == Edit::Replicas {
                spec["replicas"] = json!(3 - spec["replicas"].as_i64().unwrap_or_default());
            }
            if edit == Edit::Pause {
                spec["rollout"]["paused"] = json!(spec["rollout"]["paused"] != true);
            }
        });
    }

    fn remove(&mut self, kind: ObjectKind, name: &str) {
        Arc::make_mut(&mut self.server).remove(&(kind, name.into()));
    }

    fn raise_label(&mut self) {
        self.change(ObjectKind::Deployment, BACKEND, |deployment| {
            let generation = deployment["metadata"]["generation"].as_i64();
            deployment["metadata"]["generation"] = json!(generation.map(|number| number + 1));
            let labels = &mut deployment["spec"]["template"]["metadata"]["labels"];
            labels[RELEASE_LABEL] = json!(RAISED);
        });
    }

    fn delete_revision(&mut self) {
        let last = self.last_release().expect("one is kept");
        let out = self.deployment().and_then(given);
        if out == Some(last) {
            self.lost = self.lost.max(out);
        }
        let name = controller_revision::name_of(BACKEND, last);
        self.remove(ObjectKind::ControllerRevision, &name);
    }
}
