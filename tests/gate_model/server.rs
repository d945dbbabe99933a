//! The API server in miniature: it carries out a step as `cluster::writer` has the real one do it, with its preconditions, and each write is
//! held against the rules.

use std::sync::Arc;

use serde_json::{Value, json};
use slipway::core::backend::build::deployment::is_of_later_release;
use slipway::core::meta::{MANAGED_BY, MANAGER, hash_of};
use slipway::core::plan::{Apply, Create, ObjectKind, Precondition, Step};

use crate::leader::now;
use crate::world::{BACKEND, Key, SHOWN_VERSION, World};

/// When a step reaches the server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Arrival {
    /// At once, after the steps before it.
    Prompt,
    Late,
}

/// How a step comes.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// The version of its object that it was computed from; 0: it was not there.
    pub version: u32,
    pub arrival: Arrival,
    /// Whether an apply carries no resourceVersion.
    pub is_blind: bool,
}

/// The object that a step writes.
pub fn key_of(step: &Step) -> Option<Key> {
    let key = match step {
        Step::Apply(apply) => &apply.key,
        Step::Create(create) => &create.key,
        Step::Confirm(_) => return None,
        other => unreachable!("nobody drifts, nothing is retired: {other:?}"),
    };
    Some((key.kind, key.name.as_str().into()))
}

impl World {
    /// Carries out a step; `false`: a precondition failed, and the plan ends.
    pub fn execute(&mut self, step: &Step, sent: Sent) -> bool {
        match step {
            Step::Confirm(confirm) => {
                let metadata = &self.backend()["metadata"];
                metadata["uid"] == confirm.uid && metadata["generation"] == confirm.generation
            }
            Step::Create(create) => self.create(create, sent),
            Step::Apply(apply) => self.apply(apply, sent),
            other => unreachable!("nobody drifts, nothing is retired: {other:?}"),
        }
    }

    /// That it is there already and the same is no failure.
    fn create(&mut self, create: &Create, sent: Sent) -> bool {
        let name = create.key.name.as_str();
        if let Some(existing) = self.get(create.key.kind, name) {
            return hash_of(existing) == hash_of(&create.body);
        }
        let mut body = create.body.clone();
        be_born(&mut body, &format!("uid-{name}"));
        if create.key.kind == ObjectKind::ControllerRevision {
            self.note_release(&body, sent.arrival);
        }
        self.put(create.key.kind, name, body);
        true
    }

    fn apply(&mut self, apply: &Apply, sent: Sent) -> bool {
        let key = (apply.key.kind, apply.key.name.as_str().into());
        let stored = self.server.get(&key).cloned();
        let live = stored
            .as_ref()
            .map(|stored| Arc::clone(&stored.kept.object));
        let version = stored.map_or(0, |stored| stored.version);
        let uid_is = |uid: &str| {
            live.as_ref()
                .is_some_and(|live| live["metadata"]["uid"] == uid)
        };
        let lands = match &apply.precondition {
            // The writer meets what no cache showed to it, and mends what is ours; of a later release only its labels.
            Precondition::Absent => {
                let later = live.as_deref();
                let later = later.filter(|live| is_of_later_release(live, &apply.body));
                if later.is_some_and(|live| !is_shown(live)) {
                    self.change(apply.key.kind, BACKEND, |live| {
                        live["metadata"]["labels"] = apply.body["metadata"]["labels"].clone();
                    });
                }
                later.is_none()
            }
            Precondition::Uid(uid) => uid_is(uid),
            Precondition::Exactly { uid, .. } => {
                uid_is(uid) && (sent.is_blind || version == sent.version)
            }
        };
        if !lands {
            return false;
        }
        let mut after = apply.body.clone();
        match live.as_deref() {
            None => be_born(&mut after, &format!("uid-{BACKEND}-{}", self.next_version)),
            Some(live) => take_the_place_of(live, &mut after),
        }
        if live.as_deref() == Some(&after) {
            return true;
        }
        if apply.key.kind == ObjectKind::Deployment {
            // What was not shown was read just now.
            let is_same = version == sent.version || apply.precondition == Precondition::Absent;
            self.note_deployment(live.as_deref(), &after, is_same);
        }
        self.put(apply.key.kind, BACKEND, after);
        true
    }
}

/// The watches select by a label.
pub fn is_shown(object: &Value) -> bool {
    object["metadata"]["labels"][MANAGED_BY] == MANAGER
}

fn be_born(body: &mut Value, uid: &str) {
    let metadata = &mut body["metadata"];
    metadata["uid"] = json!(uid);
    metadata["resourceVersion"] = json!(SHOWN_VERSION);
    metadata["creationTimestamp"] = json!(now().to_string());
    metadata["generation"] = json!(1);
}

/// All fields are ours: what an apply leaves out goes.
fn take_the_place_of(live: &Value, body: &mut Value) {
    for path in ["uid", "resourceVersion", "creationTimestamp"] {
        body["metadata"][path] = live["metadata"][path].clone();
    }
    let generation = live["metadata"]["generation"].as_i64().unwrap_or_default();
    let is_changed = i64::from(live["spec"] != body["spec"]);
    body["metadata"]["generation"] = json!(generation + is_changed);
    if let Some(status) = live.get("status") {
        body["status"] = status.clone();
    }
}
