//! What people do: they delete Jobs, edit Backends, ask again, approve, restore.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use serde_json::json;
use slipway::api::backend::Backend;
use slipway::api::database::{Database, DatabaseStatus, Entry, EntryOutcome, Ledger};
use slipway::api::migration::Approval;
use slipway::core::meta;
use slipway::core::plan::Propagation;

use crate::kept::{Kept, Stored, object};
use crate::server::number;
use crate::world::{Sight, World};

/// How a user deletes a Job.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Deletion {
    Background,
    Foreground,
    Orphan,
    Force,
}

pub const DELETIONS: [Deletion; 4] = [
    Deletion::Background,
    Deletion::Foreground,
    Deletion::Orphan,
    Deletion::Force,
];

impl World {
    pub fn user_deletes(&mut self, name: &str, deletion: Deletion) {
        let job = Arc::clone(&self.server.jobs[name].kept.object);
        let number = number(&job);
        match deletion {
            Deletion::Background => self.delete_job(name, Propagation::Background),
            Deletion::Foreground => self.delete_job(name, Propagation::Foreground),
            Deletion::Orphan => {
                for index in 0..self.server.pods.len() {
                    if self.server.pods[index].job == number {
                        self.change_pod(index, |pod| pod.metadata.owner_references = None);
                    }
                }
                self.delete_job(name, Propagation::Background);
            }
            Deletion::Force => {
                self.end_stuck_pod(number);
                self.ask_pod_to_end(number);
                // While the watch of pods hangs, only the lock in the database keeps the next run from meeting what such a Job left.
                let may_hide = !self.lags.is_empty() || self.left.lags > 0;
                for pod in Arc::make_mut(&mut self.server.pods) {
                    pod.gone |= pod.job == number && !pod.runs;
                    if pod.job == number && may_hide {
                        pod.sight = Sight::Apart;
                    }
                }
                self.remove_job(name);
            }
        }
    }

    /// Back and forth between two images.
    pub fn edit(&mut self, name: &str) {
        let backend = Arc::clone(&self.server.backends[name].kept.object);
        let image = match backend.spec.image.strip_suffix('2') {
            Some(front) => format!("{front}1"),
            None => format!("{}2", backend.spec.image.trim_end_matches('1')),
        };
        let generation = backend.metadata.generation.unwrap_or_default() + 1;
        self.put_backend(name, &image, incarnation(&backend), generation);
    }

    /// The Backend demands approvals from now on, or no longer.
    pub fn demand(&mut self, name: &str) {
        let mut backend = self.server.backends[name].kept.object.as_ref().clone();
        let approval = if self.demands_approval(name) {
            Approval::None
        } else {
            Approval::Always
        };
        for entry in &mut backend.spec.migrations {
            entry.options.approval = Some(approval);
        }
        backend.metadata.generation = backend.metadata.generation.map(|last| last + 1);
        self.store_backend(name, backend);
    }

    /// The release of a Backend is out and undisturbed from now on, or is disturbed; its status tells.
    pub fn turn(&mut self, name: &str, rests: bool) {
        let mut backend = self.server.backends[name].kept.object.as_ref().clone();
        let soak = rests.then(|| json!({"release": 1, "since": self.now().to_string()}));
        backend.status = Some(object(json!({
            "observedGeneration": backend.metadata.generation, "release": {"revision": 1}, "soak": soak,
        })));
        self.store_backend(name, backend);
    }

    /// Since when the release has been undisturbed.
    pub fn undisturbed_since(&self, name: &str) -> Option<i64> {
        let backend = &self.server.backends.get(name)?.kept.object;
        let soak = backend.status.as_ref()?.soak.as_ref()?;
        let since: Timestamp = soak.since.parse().ok()?;
        Some(since.as_second())
    }

    /// Deleted and made again under the same name; its Migrations go with it.
    pub fn remake(&mut self, name: &str) {
        let backend = Arc::clone(&self.server.backends[name].kept.object);
        Arc::make_mut(&mut self.server.migrations)
            .retain(|_, migration| migration.object.spec.backend != name);
        self.put_backend(name, &backend.spec.image, incarnation(&backend) + 1, 1);
    }

    /// A person asks for another try.
    pub fn ask_again(&mut self, name: &str, token: u8) {
        self.annotate(name, meta::RETRY_ANNOTATION, Some(&token.to_string()));
    }

    /// A person approves a list, by its digest.
    pub fn approve(&mut self, name: &str, digest: &str) {
        self.agreed.insert((name.into(), digest.to_owned()));
        self.annotate(name, meta::APPROVE_ANNOTATION, Some(digest));
    }

    /// A person takes the approval back.
    pub fn withdraw(&mut self, name: &str) {
        self.annotate(name, meta::APPROVE_ANNOTATION, None);
    }

    /// The digest that the server shows as approved.
    pub fn approval(&self, name: &str) -> Option<&String> {
        let migration = &self.server.migrations.get(name)?.object;
        migration.annotations().get(meta::APPROVE_ANNOTATION)
    }

    fn annotate(&mut self, name: &str, key: &str, value: Option<&str>) {
        let mut migration = self.server.migrations[name].object.as_ref().clone();
        let annotations = migration.annotations_mut();
        match value {
            Some(value) => annotations.insert(key.to_owned(), value.to_owned()),
            None => annotations.remove(key),
        };
        Arc::make_mut(&mut self.server.migrations).insert(name.into(), Kept::new(migration));
    }

    /// Deleted; who wants it makes it again as soon as it is gone.
    pub fn delete_database(&mut self) {
        let mut database = self.server.database.kept.object.as_ref().clone();
        let now = Time(self.now());
        database.metadata.deletion_timestamp.get_or_insert(now);
        self.store_database(Kept::new(database));
    }

    pub fn remake_database(&mut self) {
        let mut database = self.server.database.kept.object.as_ref().clone();
        database.metadata.deletion_timestamp = None;
        self.begin_anew(database);
    }

    /// A restore without status, as most tools do it.
    pub fn lose_ledger(&mut self) {
        let database = self.server.database.kept.object.as_ref().clone();
        self.begin_anew(database);
    }

    fn begin_anew(&mut self, mut database: Database) {
        database.status = None;
        self.server.database = Stored {
            kept: Kept::new(database),
            version: self.version(),
        };
        self.recorded = u64::MAX;
        self.lost = true;
    }

    /// The ledger of a database that has seen much.
    pub fn fill_ledger(&mut self, outcome: EntryOutcome, count: usize) {
        let mut database = self.server.database.kept.object.as_ref().clone();
        let entry = |number: usize| Entry {
            plan_key: format!("plan{number}"),
            backend: format!("backend{number}"),
            outcome,
            message: Some("x".repeat(300)),
            finished_at: Some(self.now().to_string()),
            ..Entry::default()
        };
        database.status = Some(DatabaseStatus {
            ledger: Some(Ledger {
                entries: (0..count).map(entry).collect(),
                ..Ledger::default()
            }),
            ..DatabaseStatus::default()
        });
        self.server.database = Stored {
            kept: Kept::new(database),
            version: self.version(),
        };
    }
}

impl World {
    /// The n-th entry of the ledger is of this plan.
    pub fn rename_entry(&mut self, index: usize, plan: &str) {
        let mut database = self.server.database.kept.object.as_ref().clone();
        let status = database.status.as_mut();
        let ledger = status.and_then(|status| status.ledger.as_mut());
        let entries = &mut ledger.expect("it was filled").entries;
        plan.clone_into(&mut entries[index].plan_key);
        self.store_database(Kept::new(database));
    }
}

/// The digest of the list of this number.
pub fn digest(list: u8) -> String {
    format!("list{list}")
}

fn incarnation(backend: &Backend) -> i64 {
    let uid = backend.uid().unwrap_or_default();
    let (_, number) = uid.rsplit_once('-').expect("a uid of the walk");
    number.parse().expect("a uid of the walk")
}
