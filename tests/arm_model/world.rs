//! The world of the walk: an API server in miniature with one Database, the Backends and Migrations that use it, their Jobs and pods; what
//! is true inside the database; the leader's caches, which may lag; and plans that are on their way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::json;
use slipway::api::backend::Backend;
use slipway::api::common::{Engine, Phase, Tool};
use slipway::api::database::Database;
use slipway::api::migration::Migration;
use slipway::core::meta;
use slipway::core::run::ticket::Ticket;

use crate::budget::Budget;
use crate::files::{Files, Found, Takes};
use crate::kept::{Kept, Stored, object, print_of};
use crate::looks::{Decided, Root};
use crate::rules::Rule;
use crate::runner::{Ending, FAILURES};

/// The walk begins here.
const START_SECONDS: i64 = 1_800_000_000;

/// One pass of time: more than the start deadline, all patience with messages and the first back-offs; and longer than a watch can hang, as
/// that is noticed after 150 s.
const PASS_SECONDS: i64 = 400;

/// A moment: more than the patience with messages, less than a watch can hang.
const MOMENT_SECONDS: i64 = 100;

/// How long a release must be undisturbed before a migration after it: longer than one pass of time.
pub const SOAK_SECONDS: i64 = 500;

/// The version that all objects show to the deciding code; the walk compares the real ones itself.
pub const SHOWN_VERSION: &str = "7";

/// What all migrations of a world are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kind {
    pub phase: Phase,
    pub tool: Tool,
    pub engine: Engine,
    /// Whether the Backends begin with a demand for approval.
    pub approved: bool,
    /// Whether programs work only while they have the lock in the database.
    pub locks: bool,
    /// Whether the releases have been undisturbed for a soak when the walk begins.
    pub soaked: bool,
    /// How a program may end otherwise than it should.
    pub endings: &'static [Ending],
    /// Whose files are those of a ConfigMap.
    pub takes: Takes,
}

impl Default for Kind {
    fn default() -> Self {
        Self {
            phase: Phase::BeforeRollout,
            tool: Tool::Goose,
            engine: Engine::PostgreSQL,
            approved: false,
            locks: true,
            soaked: false,
            endings: &FAILURES,
            takes: Takes::Nobody,
        }
    }
}

/// What is true of a plan inside the database.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Truth {
    #[default]
    Untouched,
    Half,
    Done,
}

/// A pod, and what its program is about.
#[derive(Clone, Debug)]
pub struct WalkPod {
    pub kept: Kept<Pod>,
    /// Its object is gone; who saw it remembers the last version.
    pub gone: bool,
    pub job: u32,
    pub ticket: Arc<Ticket>,
    /// The digest of what its program may run; `None`: all that it finds.
    pub approved: Option<String>,
    /// What it found in its mount of a ConfigMap; `None`: it has none.
    pub found: Option<Found>,
    /// Its program runs.
    pub runs: bool,
    /// Its program has the lock in the database; it waits for it else.
    pub holds: bool,
    pub sight: Sight,
}

/// Whether a pod can be seen.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Sight {
    Plain,
    /// It runs on where nobody may see it, so that the next one may start beside it (F-35).
    Apart,
    /// The same, and it was gone before the present leader looked.
    Never,
}

pub type Jobs = Arc<BTreeMap<Arc<str>, Stored<Job>>>;
pub type Pods = Arc<Vec<WalkPod>>;
pub type Migrations = Arc<BTreeMap<Arc<str>, Kept<Migration>>>;
pub type Backends = Arc<BTreeMap<Arc<str>, Stored<Backend>>>;

/// All objects of one moment: the server's, or those that caches show.
#[derive(Clone, Debug)]
pub struct Objects {
    pub database: Stored<Database>,
    pub backends: Backends,
    pub migrations: Migrations,
    pub jobs: Jobs,
    pub pods: Pods,
    pub files: Files,
}

/// The kinds that have a watch of their own.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Watched {
    Database,
    Backends,
    Migrations,
    Jobs,
    Pods,
    ConfigMaps,
}

pub const WATCHED: [Watched; 6] = [
    Watched::Database,
    Watched::Backends,
    Watched::Migrations,
    Watched::Jobs,
    Watched::Pods,
    Watched::ConfigMaps,
];

/// A cache that stays behind: of its kind the leader sees what was.
#[derive(Clone, Debug)]
pub struct Lag {
    pub shown: Objects,
    /// Roots whose own write it does not show yet: the driver does not look at them.
    pub waits: BTreeSet<Root>,
}

/// A plan on its way.
#[derive(Clone, Debug)]
pub struct Held {
    pub root: Root,
    pub decided: Arc<Decided>,
    pub next: usize,
    /// For each step, the version of its object that the plan was computed from.
    pub versions: Vec<u32>,
    pub term: u8,
}

#[derive(Clone)]
pub struct World {
    pub passed: u16,
    pub moments: u8,
    pub term: u8,
    pub next_version: u32,
    pub server: Objects,
    pub truth: BTreeMap<Arc<str>, Truth>,
    /// The digest of the files that a plan was made of. It follows from the plan key.
    pub made_of: BTreeMap<Arc<str>, String>,
    /// A program of another Database, which names the same server, is at work in the same database.
    pub stranger: bool,
    /// Bit n: the outcome of Job n was written into the ledger.
    pub recorded: u64,
    /// A restore lost the ledger.
    pub lost: bool,
    /// The number of the list that is pending now; all plans have the same.
    pub list: u8,
    /// The plans of which a status has said that they wait for an approval.
    pub waited: BTreeSet<Arc<str>>,
    /// Which Migration a person has ever let run which list.
    pub agreed: BTreeSet<(Arc<str>, String)>,
    pub lags: BTreeMap<Watched, Lag>,
    pub held: Vec<Held>,
    pub left: Budget,
    /// The rule that the last step broke.
    pub broken: Option<Rule>,
    /// The only rule that counts.
    pub only: Option<Rule>,
    pub kind: Kind,
}

impl World {
    /// Backends of these names and images, on one Database.
    pub fn new(backends: &[(&str, &str)], kind: Kind, left: Budget) -> Self {
        let database: Database = object(json!({
            "apiVersion": "slipway.dev/v1alpha1", "kind": "Database",
            "metadata": {
                "name": "db", "namespace": "n", "uid": "uid-db", "resourceVersion": SHOWN_VERSION, "generation": 1,
            },
            "spec": {"engine": kind.engine, "host": "h", "name": "d", "credentials": {"secret": "s"}},
        }));
        let database = Stored {
            kept: Kept::new(database),
            version: 1,
        };
        let mut world = Self {
            passed: 0,
            moments: 0,
            term: 0,
            next_version: 2,
            server: Objects {
                database,
                backends: Arc::default(),
                migrations: Arc::default(),
                jobs: Arc::default(),
                pods: Arc::default(),
                files: Files::at_first(kind.takes),
            },
            truth: BTreeMap::new(),
            made_of: BTreeMap::new(),
            stranger: false,
            recorded: 0,
            lost: false,
            list: 0,
            waited: BTreeSet::new(),
            agreed: BTreeSet::new(),
            lags: BTreeMap::new(),
            held: Vec::new(),
            left,
            broken: None,
            only: None,
            kind,
        };
        for (name, image) in backends {
            world.put_backend(name, image, 1, 1);
            if kind.soaked {
                world.turn(name, true);
            }
        }
        if kind.soaked {
            world.passed = 2;
        }
        world
    }

    pub fn now(&self) -> Timestamp {
        let passed = PASS_SECONDS * i64::from(self.passed);
        let moments = MOMENT_SECONDS * i64::from(self.moments);
        Timestamp::from_second(START_SECONDS + passed + moments).expect("a small number of seconds")
    }

    pub fn version(&mut self) -> u32 {
        self.next_version += 1;
        self.next_version
    }

    /// What the leader's caches show.
    pub fn shown(&self) -> Objects {
        let of = |kind| self.lags.get(&kind).map_or(&self.server, |lag| &lag.shown);
        Objects {
            database: of(Watched::Database).database.clone(),
            backends: Arc::clone(&of(Watched::Backends).backends),
            migrations: Arc::clone(&of(Watched::Migrations).migrations),
            jobs: Arc::clone(&of(Watched::Jobs).jobs),
            pods: Arc::clone(&of(Watched::Pods).pods),
            files: of(Watched::ConfigMaps).files,
        }
    }

    /// The smallest number of a Job whose uid nobody remembers.
    pub fn free_job_number(&self) -> u32 {
        let mut remembered = self.server.uids();
        for lag in self.lags.values() {
            remembered |= lag.shown.uids();
        }
        for held in &self.held {
            remembered |= held.decided.uids;
        }
        remembered.trailing_ones()
    }

    pub fn is_present(&self, version: u32) -> bool {
        let objects = &self.server;
        objects.database.version == version
            || objects.jobs.values().any(|job| job.version == version)
    }
}

impl Objects {
    fn uids(&self) -> u64 {
        let jobs = self.jobs.values().map(|job| job.kept.uids);
        let pods = self.pods.iter().map(|pod| 1 << pod.job);
        jobs.chain(pods)
            .fold(self.database.kept.uids, |mask, uids| mask | uids)
    }

    /// What tells these objects from others, but for their versions.
    pub fn print(&self) -> u64 {
        let backends: Vec<u64> = self.backends.values().map(|one| one.kept.print).collect();
        let migrations: Vec<u64> = self.migrations.values().map(|one| one.print).collect();
        let jobs: Vec<u64> = self.jobs.values().map(|one| one.kept.print).collect();
        print_of((
            self.database.kept.print,
            backends,
            migrations,
            jobs,
            pods_print(&self.pods),
            self.files,
        ))
    }
}

/// What tells these pods from others.
pub fn pods_print(pods: &Pods) -> u64 {
    let pods = pods.iter();
    let pods = pods.map(|pod| (pod.kept.print, pod.gone, pod.sight));
    print_of(pods.collect::<Vec<_>>())
}

/// What a reader of a failure wants to see; the path to it tells the rest.
impl std::fmt::Debug for World {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ledger = self.server.database.kept.object.status.as_ref();
        let jobs: Vec<&Arc<str>> = self.server.jobs.keys().collect();
        let Self {
            truth,
            left,
            broken,
            ..
        } = self;
        let broken = broken.map(Rule::sentence);
        let ledger = ledger.and_then(|status| status.ledger.as_ref());
        write!(
            formatter,
            "{broken:?} {truth:?} {jobs:?} {left:?} {ledger:#?}"
        )
    }
}

/// Whether a finalizer of ours is on it.
pub fn is_kept(job: &Job) -> bool {
    job.finalizers()
        .iter()
        .any(|finalizer| finalizer == meta::OUTCOME_FINALIZER)
}
