//! Backends as they are stored, and the Migrations that they ask for, which their own reconcile makes.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::ResourceExt;
use serde_json::{Value, json};
use slipway::api::backend::Backend;
use slipway::api::common::Phase;
use slipway::api::migration::Approval;
use slipway::core::meta;
use slipway::core::migration::planned::{PlannedMigration, planned};

use crate::files::{CONFIG_MAP, Takes};
use crate::kept::{Kept, Stored, object};
use crate::world::{Objects, SHOWN_VERSION, SOAK_SECONDS, World};

impl Objects {
    /// What a Backend asks for, by these objects.
    pub fn planned(&self, backend: &Backend) -> Vec<PlannedMigration> {
        let database = Arc::clone(&self.database.kept.object);
        let databases = BTreeMap::from([("db".to_owned(), database)]);
        planned(backend, &databases, &self.files.config_maps()).migrations
    }
}

impl World {
    /// Stores a Backend, and the Migrations that it asks for, as its own reconcile would.
    pub fn put_backend(&mut self, name: &str, image: &str, incarnation: i64, generation: i64) {
        let source = match self.kind.takes {
            Takes::Entry => json!({"configMap": CONFIG_MAP}),
            Takes::Nobody | Takes::ByHand => json!({"path": "/m"}),
        };
        let mut migration = json!({"name": "schema", "tool": self.kind.tool, "source": source});
        if self.demands_approval(name) {
            migration["approval"] = json!(Approval::Always);
        }
        if self.kind.phase == Phase::AfterRollout {
            migration["phase"] = json!("AfterRollout");
            migration["soakSeconds"] = json!(SOAK_SECONDS);
        }
        self.put_backend_with(name, image, incarnation, generation, &migration);
    }

    /// The same with a migration of one's own.
    pub fn put_backend_with(
        &mut self,
        name: &str,
        image: &str,
        incarnation: i64,
        generation: i64,
        migration: &Value,
    ) {
        let mut backend: Backend = object(json!({
            "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend",
            "metadata": {
                "name": name, "namespace": "n", "uid": format!("uid-{name}-{incarnation}"),
                "resourceVersion": SHOWN_VERSION, "generation": generation,
            },
            "spec": {
                "image": image, "databases": [{"name": "db"}], "migrations": [migration],
            },
        }));
        if self.is_paused(name) {
            backend.spec.rollout = Some(object(json!({"paused": true})));
        }
        self.make_migrations(&backend);
        self.store_backend(name, backend);
    }

    /// Its reconcile makes what it asks for.
    pub fn make_migrations(&mut self, backend: &Backend) {
        let uid = backend.uid().unwrap_or_default();
        let (_, incarnation) = uid.rsplit_once('-').expect("a uid of the walk");
        for planned in self.server.planned(backend) {
            let key: Arc<str> = planned.spec.plan_key.as_str().into();
            if let Some(digest) = &planned.spec.source.digest {
                self.made_of.insert(Arc::clone(&key), digest.clone());
            }
            self.truth.entry(key).or_default();
            let name: Arc<str> = planned.object_name.as_str().into();
            let migrations = Arc::make_mut(&mut self.server.migrations);
            migrations.entry(name).or_insert_with(|| {
                Kept::new(object(json!({
                    "apiVersion": "slipway.dev/v1alpha1", "kind": "Migration",
                    "metadata": {
                        "name": planned.object_name, "namespace": "n", "uid": format!("uid-{}-{incarnation}", planned.object_name),
                        "resourceVersion": SHOWN_VERSION, "generation": 1,
                        "ownerReferences": [meta::controller_reference(backend)],
                    },
                    "spec": planned.spec,
                })))
            });
        }
    }

    /// Whether the Backend demands that a person approves what is pending.
    pub fn demands_approval(&self, name: &str) -> bool {
        let Some(backend) = self.server.backends.get(name) else {
            return self.kind.approved;
        };
        let mut entries = backend.kept.object.spec.migrations.iter();
        entries.any(|entry| entry.options.approval == Some(Approval::Always))
    }

    /// Whether its spec says that nothing new may begin.
    pub fn is_paused(&self, name: &str) -> bool {
        let backend = self.server.backends.get(name);
        let rollout = backend.and_then(|backend| backend.kept.object.spec.rollout.as_ref());
        rollout.and_then(|rollout| rollout.paused) == Some(true)
    }

    pub fn store_backend(&mut self, name: &str, backend: Backend) {
        let stored = Stored {
            kept: Kept::new(backend),
            version: self.version(),
        };
        Arc::make_mut(&mut self.server.backends).insert(name.into(), stored);
    }
}
