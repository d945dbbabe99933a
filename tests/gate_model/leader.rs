//! The leader: it looks, decides, writes, reports; and what it does may be cut off or held up between any two writes. What decides and reports
//! is the product's; a look at the same is decided once.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use slipway::core::backend::{self, Seen};
use slipway::core::plan::{Executed, ObjectKind, Step};

use crate::kept::{object, print_of};
use crate::mistakes::Mistake;
use crate::server::{Arrival, Sent, is_shown, key_of};
use crate::world::{BACKEND, DATABASE, Held, Key, Objects, World, print_of_all};

/// The moment at which everything happens.
const NOW_SECONDS: i64 = 1_800_000_000;

/// What decides, and what is done wrong on purpose.
#[derive(Default)]
pub struct Leader {
    known: Mutex<HashMap<u64, Arc<Decided>>>,
    pub mistake: Mistake,
}

/// What a look led to.
#[derive(Debug)]
pub struct Decided {
    pub steps: Vec<Step>,
    /// The status once all steps are done.
    pub status: Option<Value>,
    pub print: u64,
}

impl Decided {
    /// Whether the status differs from the one that is there.
    pub fn shows_news(&self, shown: &Objects) -> bool {
        let backend = shown.get(&(ObjectKind::Backend, BACKEND.into()));
        let old = backend.and_then(|backend| backend.kept.object.get("status"));
        self.status.is_some() && self.status.as_ref() != old
    }
}

impl Leader {
    pub fn new(mistake: Mistake) -> Self {
        Self {
            mistake,
            ..Self::default()
        }
    }

    /// Of how many different looks it has decided.
    pub fn count(&self) -> usize {
        self.known.lock().expect("no look panics with it").len()
    }

    pub fn decide(&self, shown: &Objects) -> Arc<Decided> {
        let print = print_of_all(shown);
        let known = self.known.lock().expect("no look panics with it");
        if let Some(decided) = known.get(&print) {
            return Arc::clone(decided);
        }
        drop(known);
        let decided = Arc::new(self.decide_anew(shown));
        let mut known = self.known.lock().expect("no look panics with it");
        known.insert(print, Arc::clone(&decided));
        decided
    }

    fn decide_anew(&self, shown: &Objects) -> Decided {
        let now = now();
        let seen = self.mistake.seen(seen(shown));
        let decision = backend::decide(&seen, now);
        let steps = self.mistake.steps(decision.plan.steps.clone(), &seen);
        let executed = Executed {
            answers: vec![
                json!({"metadata": {"creationTimestamp": now.to_string()}});
                decision.plan.steps.len()
            ],
            stop: None,
        };
        let report = match self.mistake.wished(&seen, &decision.plan) {
            Some(wished) => {
                let decision = backend::decide(&wished, now);
                backend::report(&wished, &decision, &Executed::default(), now)
            }
            None => backend::report(&seen, &decision, &executed, now),
        };
        Decided {
            print: print_of(format!("{steps:?}")),
            steps,
            status: report.status,
        }
    }

    pub fn plan(&self, world: &World, term: u8) -> Held {
        let shown = world.shown();
        let decided = self.decide(&shown);
        let versions = decided.steps.iter().map(|step| {
            let stored = key_of(step).and_then(|key| shown.get(&key));
            stored.map_or(0, |stored| stored.version)
        });
        Held {
            versions: versions.collect(),
            decided,
            next: 0,
            term,
        }
    }

    /// A look, from beginning to end.
    pub fn look(&self, world: &mut World) {
        let shown = world.shown();
        let mut plan = self.plan(world, world.term);
        for _ in 0..plan.decided.steps.len() {
            if !self.step(world, &mut plan, Arrival::Prompt) {
                return;
            }
        }
        if plan.decided.shows_news(&shown) {
            let status = plan.decided.status.clone().expect("it shows news");
            world.note_status(&status, &shown);
            world.change(ObjectKind::Backend, BACKEND, |backend| {
                backend["status"] = status;
            });
            wait_for(world, ObjectKind::Backend);
        }
    }

    pub fn step(&self, world: &mut World, plan: &mut Held, arrival: Arrival) -> bool {
        let decided = Arc::clone(&plan.decided);
        let Some(step) = decided.steps.get(plan.next) else {
            return false;
        };
        let sent = Sent {
            version: plan.versions[plan.next],
            arrival,
            is_blind: self.mistake == Mistake::AppliesBlindly,
        };
        plan.next += 1;
        let done = world.execute(step, sent);
        if done
            && plan.term == world.term
            && let Some((kind, _)) = key_of(step)
        {
            wait_for(world, kind);
        }
        done
    }

    /// The next write of a held plan arrives.
    pub fn land(&self, world: &mut World, index: usize) {
        let mut plan = world.held.remove(index);
        let done = self.step(world, &mut plan, Arrival::Late);
        if done && plan.next < plan.decided.steps.len() {
            world.held.push(plan);
        }
    }
}

/// The driver looks again only when the caches show its own last write.
fn wait_for(world: &mut World, kind: ObjectKind) {
    if let Some(lag) = world.lags.get_mut(&kind) {
        lag.waits = true;
    }
}

pub fn now() -> Timestamp {
    Timestamp::from_second(NOW_SECONDS).expect("a valid moment")
}

/// What a look sees, as the operator gathers it.
fn seen(shown: &Objects) -> Seen {
    fn typed<T: DeserializeOwned>(shown: &Objects, key: &Key) -> Option<Arc<T>> {
        let stored = shown.get(key)?;
        Some(Arc::new(object(stored.kept.object.as_ref().clone())))
    }
    fn all<T: DeserializeOwned>(shown: &Objects, kind: ObjectKind) -> Vec<Arc<T>> {
        let keys = shown.keys().filter(|key| key.0 == kind);
        keys.filter_map(|key| typed(shown, key)).collect()
    }
    let key = |kind: ObjectKind, name: &str| (kind, name.into());
    let root = typed::<slipway::api::backend::Backend>(shown, &key(ObjectKind::Backend, BACKEND));
    let mut seen = Seen::alone(root.expect("nobody deletes it").as_ref().clone());
    let database = typed(shown, &key(ObjectKind::Database, DATABASE));
    seen.databases = BTreeMap::from([(DATABASE.to_owned(), database.expect("nor this"))]);
    seen.service = typed(shown, &key(ObjectKind::Service, BACKEND));
    let deployment = key(ObjectKind::Deployment, BACKEND);
    let live = shown.get(&deployment).map(|stored| &stored.kept.object);
    if live.is_some_and(|live| is_shown(live)) {
        seen.deployment = typed(shown, &deployment);
    }
    seen.revisions = all(shown, ObjectKind::ControllerRevision);
    seen.migrations = all(shown, ObjectKind::Migration);
    seen.with_plan()
}
