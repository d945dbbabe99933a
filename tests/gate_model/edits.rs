//! What people do in a walk, as often as its budget says.

use std::sync::Arc;

use serde_json::json;
use slipway::core::plan::ObjectKind;

use crate::world::{BACKEND, Budget, IMAGES, World};

/// What a user does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Edit {
    Image,
    Replicas,
    Pause,
    RemoveService,
}

impl World {
    pub fn possible_edits(&self) -> Vec<Edit> {
        let Budget {
            edits,
            scales,
            pauses,
            removals,
            ..
        } = self.left;
        let service = self.get(ObjectKind::Service, BACKEND);
        let possible = [
            (Edit::Image, edits > 0),
            (Edit::Replicas, scales > 0),
            (Edit::Pause, pauses > 0),
            (Edit::RemoveService, removals > 0 && service.is_some()),
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
                let key = (ObjectKind::Service, BACKEND.into());
                Arc::make_mut(&mut self.server).remove(&key);
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
}
