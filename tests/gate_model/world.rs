//! The world of the walk: an API server in miniature with one Backend and what belongs to it, the leader's caches, which may lag, and plans
//! that are on their way.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde_json::{Value, json};
use slipway::core::plan::ObjectKind;

use crate::kept::{Kept, Stored, print_of};
use crate::leader::Decided;
use crate::rules::Rule;

/// The version that all objects show to the deciding code; the walk compares the real ones itself.
pub const SHOWN_VERSION: &str = "7";

pub const BACKEND: &str = "orders";
pub const DATABASE: &str = "db";
pub const IMAGES: [&str; 2] = ["orders:1", "orders:2"];

/// What may still happen.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Budget {
    /// Leaders that die, between any two writes.
    pub crashes: u8,
    /// Plans that are held on their way and land, step by step, at any time later.
    pub late: u8,
    /// Times that a cache of one kind stays behind.
    pub lags: u8,
    /// Edits of the image, there and back.
    pub edits: u8,
    pub scales: u8,
    pub pauses: u8,
    /// Migrations that end otherwise than Succeeded.
    pub others: u8,
    /// Statuses of Migrations that somebody else writes.
    pub lies: u8,
    /// Outcomes that a Migration's status shows only later than the ledger.
    pub delays: u8,
    /// Migrations after the rollout that end.
    pub contracts: u8,
    /// Services that a user deletes.
    pub removals: u8,
    /// Times that somebody raises the release's label of the live template by hand.
    pub raises: u8,
    /// Newest ControllerRevisions that somebody deletes.
    pub losses: u8,
    /// Times that somebody takes off the Deployment's label by which the caches find it.
    pub hides: u8,
    /// Deployments that somebody deletes.
    pub deletions: u8,
}

/// The kinds that have a watch of their own.
pub type Watched = ObjectKind;

pub const WATCHED: [Watched; 5] = [
    ObjectKind::Backend,
    ObjectKind::Database,
    ObjectKind::Migration,
    ObjectKind::ControllerRevision,
    ObjectKind::Deployment,
];

pub type Key = (ObjectKind, Arc<str>);
pub type Objects = Arc<BTreeMap<Key, Stored<Value>>>;

/// A cache that stays behind: of its kind the leader sees what was.
#[derive(Clone, Debug)]
pub struct Lag {
    pub shown: Objects,
    /// It does not show the leader's own write yet: the driver does not look.
    pub waits: bool,
}

/// A plan on its way.
#[derive(Clone, Debug)]
pub struct Held {
    pub decided: Arc<Decided>,
    pub next: usize,
    /// For each step, the version of its object that the plan was computed from.
    pub versions: Vec<u32>,
    pub term: u8,
}

#[derive(Clone)]
pub struct World {
    pub term: u8,
    pub next_version: u32,
    pub server: Objects,
    /// What image each generation of the Backend asked for.
    pub asked: Vec<&'static str>,
    pub lags: BTreeMap<Watched, Lag>,
    pub held: Vec<Held>,
    pub left: Budget,
    /// The highest release that was out when somebody deleted its ControllerRevision.
    pub lost: Option<i64>,
    /// The rule that the last write broke.
    pub broken: Option<Rule>,
    /// The only rule that counts.
    pub only: Option<Rule>,
}

/// The Backend at its birth, but for its image.
pub fn backend(image: &str) -> Value {
    let migration =
        |name: &str| json!({"name": name, "tool": "Goose", "source": {"path": format!("/{name}")}});
    let mut contract = migration("contract");
    contract["phase"] = json!("AfterRollout");
    json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend",
        "metadata": {"name": BACKEND, "namespace": "n", "uid": "uid-orders", "resourceVersion": SHOWN_VERSION, "generation": 1},
        "spec": {
            "image": image, "replicas": 1, "serviceAccountName": "own", "ports": [{"name": "http", "port": 8080}],
            "databases": [{"name": DATABASE}], "rollout": {"paused": false},
            "migrations": [migration("schema"), migration("data"), contract],
        },
    })
}

pub fn database() -> Value {
    json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Database",
        "metadata": {"name": DATABASE, "namespace": "n", "uid": "uid-db", "resourceVersion": SHOWN_VERSION, "generation": 1},
        "spec": {"engine": "PostgreSQL", "host": "h", "name": "d", "credentials": {"secret": "s"}},
    })
}

impl World {
    pub fn new(left: Budget) -> Self {
        let mut world = Self {
            term: 0,
            next_version: 0,
            server: Arc::default(),
            asked: vec![IMAGES[0]],
            lags: BTreeMap::new(),
            held: Vec::new(),
            left,
            lost: None,
            broken: None,
            only: None,
        };
        world.put(ObjectKind::Backend, BACKEND, backend(IMAGES[0]));
        world.put(ObjectKind::Database, DATABASE, database());
        world
    }

    pub fn put(&mut self, kind: ObjectKind, name: &str, body: Value) {
        self.next_version += 1;
        let stored = Stored {
            kept: Kept::new(body),
            version: self.next_version,
        };
        Arc::make_mut(&mut self.server).insert((kind, name.into()), stored);
    }

    pub fn get(&self, kind: ObjectKind, name: &str) -> Option<&Value> {
        let stored = self.server.get(&(kind, name.into()))?;
        Some(&stored.kept.object)
    }

    /// Changes an object that is there.
    pub fn change(&mut self, kind: ObjectKind, name: &str, change: impl FnOnce(&mut Value)) {
        let mut body = self.get(kind, name).expect("it is there").clone();
        change(&mut body);
        self.put(kind, name, body);
    }

    pub fn backend(&self) -> &Value {
        self.get(ObjectKind::Backend, BACKEND)
            .expect("nobody deletes it")
    }

    pub fn deployment(&self) -> Option<&Value> {
        self.get(ObjectKind::Deployment, BACKEND)
    }

    pub fn names(&self, kind: ObjectKind) -> impl Iterator<Item = &Arc<str>> {
        let keys = self.server.keys();
        keys.filter(move |key| key.0 == kind).map(|key| &key.1)
    }

    /// Whether the pods are not yet as the Deployment asks.
    pub fn is_rolling(&self) -> bool {
        self.deployment().is_some_and(|deployment| {
            deployment["status"]["observedGeneration"] != deployment["metadata"]["generation"]
        })
    }

    pub fn roll_out(&mut self) {
        self.change(ObjectKind::Deployment, BACKEND, |deployment| {
            let replicas = &deployment["spec"]["replicas"];
            deployment["status"] = json!({
                "observedGeneration": deployment["metadata"]["generation"], "replicas": replicas, "updatedReplicas": replicas,
                "readyReplicas": replicas, "availableReplicas": replicas, "conditions": [{"type": "Available", "status": "True"}],
            });
        });
    }

    /// Another leader takes over; what it waits for it does not know.
    pub fn take_over(&mut self) {
        self.term += 1;
        for lag in self.lags.values_mut() {
            lag.waits = false;
        }
    }

    /// What the leader's caches show.
    pub fn shown(&self) -> Objects {
        if self.lags.is_empty() {
            return Arc::clone(&self.server);
        }
        let fresh = self.server.iter();
        let fresh = fresh.filter(|(key, _)| !self.lags.contains_key(&key.0));
        let old = self.lags.iter().flat_map(|(kind, lag)| {
            let shown = lag.shown.iter();
            shown.filter(move |(key, _)| key.0 == *kind)
        });
        let all = fresh.chain(old);
        Arc::new(
            all.map(|(key, stored)| (key.clone(), stored.clone()))
                .collect(),
        )
    }
}

/// What tells these objects from others, but for their versions.
pub fn print_of_all(objects: &Objects) -> u64 {
    let prints = objects.iter().map(|(key, stored)| (key, stored.kept.print));
    print_of(prints.collect::<Vec<_>>())
}

/// Two worlds are the same if they differ only by the numbers of versions: of those only counts which are still the present ones.
impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self {
            term,
            next_version: _,
            server,
            asked,
            lags,
            held,
            left,
            lost,
            broken,
            only: _,
        } = self;
        (asked, left, lost, broken, print_of_all(server)).hash(state);
        // Only plans on their way tell leaders apart.
        (left.late > 0 || !held.is_empty())
            .then_some(term)
            .hash(state);
        let is_present = |version: u32| server.values().any(|stored| stored.version == version);
        for (kind, lag) in lags {
            (kind, lag.waits).hash(state);
            for (key, stored) in lag.shown.iter().filter(|(key, _)| key.0 == *kind) {
                (key, stored.kept.print, is_present(stored.version)).hash(state);
            }
        }
        for held in held {
            let versions = held.versions.iter();
            let fresh: Vec<bool> = versions.map(|version| is_present(*version)).collect();
            (held.decided.print, held.next, held.term, fresh).hash(state);
        }
    }
}

impl PartialEq for World {
    fn eq(&self, other: &Self) -> bool {
        print_of(self) == print_of(other)
    }
}

/// What a reader of a failure wants to see; the path to it tells the rest.
impl std::fmt::Debug for World {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let release = self.deployment().map(|deployment| {
            &deployment["spec"]["template"]["metadata"]["labels"]["slipway.dev/release"]
        });
        let status = &self.backend()["status"]["conditions"];
        let Self { broken, asked, .. } = self;
        let broken = broken.map(Rule::sentence);
        write!(formatter, "{broken:?} {asked:?} {release:?} {status}")
    }
}
