//! What one look at a Migration shows.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;

use crate::api::backend::Backend;
use crate::api::database::{Database, Entry, Holder, Ledger};
use crate::api::migration::Migration;
use crate::core::config_map::ConfigMapDigest;
use crate::core::database::ledger;
use crate::core::hash;
use crate::core::meta;
use crate::core::migration::by_hand;
use crate::core::migration::planned::{Planned, planned};
use crate::core::plan::{Confirm, ObjectKey, ObjectKind};
use crate::core::run::evidence::SeenPod;
use crate::core::settings::Settings;

/// Longest token that is kept as it was written, bytes. An annotation may hold 256 KiB, the ledger may not.
const TOKEN_BYTES: usize = 64;

/// Everything that decides about a Migration; gathered from caches, so it costs no request.
#[derive(Clone, Debug)]
pub struct Seen {
    pub migration: Arc<Migration>,
    /// The Backends of the namespace.
    pub backends: Vec<Arc<Backend>>,
    /// The Databases of the namespace: several may be one by their address.
    pub databases: BTreeMap<String, Arc<Database>>,
    /// What this Backend asks for now, if it owns the Migration; where a person wrote it, itself: see [`Seen::with_plan`].
    pub planned: Planned,
    /// Whether the ConfigMap that holds its files is there, whatever is in it: see [`Seen::with_plan`].
    pub has_config_map: bool,
    /// Backends that name the Migration's Database: its status is written as a whole.
    pub bound: i64,
    /// The other Migrations of the namespace.
    pub siblings: Vec<Arc<Migration>>,
    /// Migration Jobs of the namespace.
    pub jobs: Vec<Arc<Job>>,
    /// Pods of migrations of the namespace, those that are gone too.
    pub pods: Vec<SeenPod>,
    pub settings: Arc<Settings>,
    /// The leader's term: identity and number of transitions of the Lease.
    pub term: String,
}

impl Seen {
    /// A Migration beside which nothing exists.
    #[cfg(test)]
    pub(super) fn alone(migration: Arc<Migration>) -> Self {
        Self {
            migration,
            backends: Vec::new(),
            databases: BTreeMap::new(),
            planned: Planned::default(),
            has_config_map: false,
            bound: 1,
            siblings: Vec::new(),
            jobs: Vec::new(),
            pods: Vec::new(),
            settings: Arc::new(Settings::default()),
            term: String::new(),
        }
    }

    /// The same with what is asked for, which is worked out once for all who want to know. `config_maps`: those that hold files.
    #[must_use]
    pub fn with_plan(mut self, config_maps: &BTreeMap<String, Arc<ConfigMapDigest>>) -> Self {
        let asked_for = |backend: &Arc<Backend>| {
            if self.migration.is_by_hand() {
                by_hand::planned(&self.migration, &self.databases, config_maps)
            } else {
                planned(backend, &self.databases, config_maps)
            }
        };
        self.planned = self.live_backend().map(asked_for).unwrap_or_default();
        let files = self.migration.spec.source.config_map.as_ref();
        self.has_config_map = files.is_some_and(|name| config_maps.contains_key(name));
        self
    }

    /// The Migration's uid.
    #[must_use]
    pub fn uid(&self) -> String {
        self.migration.uid().unwrap_or_default()
    }

    /// The Database that the Migration is for, if it exists.
    #[must_use]
    pub fn database(&self) -> Option<&Arc<Database>> {
        self.databases.get(&self.migration.spec.database)
    }

    /// Its ledger; empty where there is none yet.
    #[must_use]
    pub fn ledger(&self) -> Cow<'_, Ledger> {
        self.database().map_or_else(
            || Cow::Owned(Ledger::default()),
            |database| ledger::of(database),
        )
    }

    /// The holder, if it is this very Migration with this plan.
    #[must_use]
    pub fn own_holder(&self, ledger: &Ledger) -> Option<Holder> {
        let uid = self.uid();
        ledger.holder.clone().filter(|holder| {
            holder.migration_uid == uid && holder.plan_key == self.migration.plan_key()
        })
    }

    /// What the ledger says of its plan.
    #[must_use]
    pub fn own_entry<'a>(&self, ledger: &'a Ledger) -> Option<&'a Entry> {
        ledger::entry(ledger, self.migration.plan_key())
    }

    /// The quorum read that proves that it is still there, and has this annotation.
    #[must_use]
    pub fn confirm(&self, annotation: Option<(&'static str, String)>) -> Confirm {
        Confirm {
            key: ObjectKey::of(ObjectKind::Migration, self.migration.as_ref()),
            uid: self.uid(),
            generation: self.migration.metadata.generation.unwrap_or_default(),
            annotation,
        }
    }

    /// The Backend for which it runs: see [`Seen::live_backend_of`].
    #[must_use]
    pub fn live_backend(&self) -> Option<&Arc<Backend>> {
        self.live_backend_of(&self.migration)
    }

    /// The Backend for which this Migration runs, if that is not being deleted: the one that owns it, or that a person named.
    #[must_use]
    pub fn live_backend_of(&self, migration: &Migration) -> Option<&Arc<Backend>> {
        self.backends.iter().find(|backend| {
            let uid = backend.uid().unwrap_or_default();
            backend.metadata.name.as_ref() == Some(&migration.spec.backend)
                && backend.metadata.deletion_timestamp.is_none()
                && (migration.is_by_hand() || meta::is_controlled_by(migration, &uid))
        })
    }

    /// The Job of that name.
    #[must_use]
    pub fn job(&self, name: &str) -> Option<&Arc<Job>> {
        self.jobs.iter().find(|job| job.name_any() == name)
    }

    /// The digest that a person approved, if one did.
    #[must_use]
    pub fn approval(&self) -> Option<&String> {
        self.migration.annotations().get(meta::APPROVE_ANNOTATION)
    }

    /// The token of `slipway.dev/retry`, if a person set one; of a long one its hash, as the ledger keeps it.
    #[must_use]
    pub fn retry_token(&self) -> Option<String> {
        let token = self.migration.annotations().get(meta::RETRY_ANNOTATION)?;
        Some(if token.len() > TOKEN_BYTES {
            hash::of_parts([token.as_str()])
        } else {
            token.clone()
        })
    }
}
