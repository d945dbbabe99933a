//! All that Slipway knows of the cluster: one cache a kind, kept current by watches. Cloning is cheap.

use std::sync::{Arc, PoisonError, RwLock};

use k8s_openapi::api::apps::v1::{ControllerRevision, Deployment};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, Service, ServiceAccount};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use super::cache::Cache;
use super::change::Change;
use super::gone_pods::GonePods;
use crate::api::backend::Backend;
use crate::api::database::Database;
use crate::api::migration::Migration;
use crate::core::config_map::ConfigMapDigest;
use crate::core::plan::{ObjectKey, ObjectKind};
use crate::core::probe_failure::ProbeFailure;

/// The caches of all kinds. The fields are what a look at an object may read.
#[derive(Clone)]
pub struct Caches {
    pub backends: Arc<Cache<Backend>>,
    pub databases: Arc<Cache<Database>>,
    pub migrations: Arc<Cache<Migration>>,
    pub service_accounts: Arc<Cache<ServiceAccount>>,
    pub services: Arc<Cache<Service>>,
    pub deployments: Arc<Cache<Deployment>>,
    pub controller_revisions: Arc<Cache<ControllerRevision>>,
    pub jobs: Arc<Cache<Job>>,
    pub pods: Arc<Cache<Pod>>,
    pub config_maps: Arc<Cache<ConfigMapDigest>>,
    /// Only of pods of Backends, and only while one of them is not ready.
    pub probe_failures: Arc<Cache<ProbeFailure>>,
    pub(super) gone_pods: Arc<GonePods>,
    listeners: Arc<RwLock<Vec<UnboundedSender<Arc<Change>>>>>,
}

/// A write that was answered, until the caches show it.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    pub key: ObjectKey,
    pub what: WrittenWhat,
    /// When the answer came.
    pub answered: Instant,
}

/// What a cache must show before a look at it is newer than the write.
#[derive(Clone, Debug, PartialEq)]
pub enum WrittenWhat {
    /// This resourceVersion or a newer one.
    Version(u64),
    /// That the object with this uid is gone or going.
    Deleted { uid: String },
}

impl Caches {
    /// Empty caches for these namespaces, or for all of them (none named).
    #[must_use]
    pub fn new(namespaces: &[String]) -> Self {
        let scopes = scopes(namespaces);
        Self {
            backends: Arc::new(Cache::new(ObjectKind::Backend, &scopes)),
            databases: Arc::new(Cache::new(ObjectKind::Database, &scopes)),
            migrations: Arc::new(Cache::new(ObjectKind::Migration, &scopes)),
            service_accounts: Arc::new(Cache::new(ObjectKind::ServiceAccount, &scopes)),
            services: Arc::new(Cache::new(ObjectKind::Service, &scopes)),
            deployments: Arc::new(Cache::new(ObjectKind::Deployment, &scopes)),
            controller_revisions: Arc::new(Cache::new(ObjectKind::ControllerRevision, &scopes)),
            jobs: Arc::new(Cache::new(ObjectKind::Job, &scopes)),
            pods: Arc::new(Cache::new(ObjectKind::Pod, &scopes)),
            config_maps: Arc::new(Cache::new(ObjectKind::ConfigMap, &scopes)),
            probe_failures: Arc::new(Cache::new(ObjectKind::Event, &scopes)),
            gone_pods: Arc::default(),
            listeners: Arc::default(),
        }
    }

    /// Whether every cache has read its first list to the end: before that, nothing may be decided.
    #[must_use]
    pub fn are_full(&self) -> bool {
        self.unfilled().is_empty()
    }

    /// The kinds whose first list is not complete yet. Example: `Backend, Pod`.
    #[must_use]
    pub fn missing(&self) -> String {
        self.unfilled().join(", ")
    }

    fn unfilled(&self) -> Vec<&'static str> {
        let Self {
            backends,
            databases,
            migrations,
            service_accounts,
            services,
            deployments,
            controller_revisions,
            jobs,
            pods,
            config_maps,
            // Nothing is decided by them.
            probe_failures: _,
            gone_pods: _,
            listeners: _,
        } = self;
        [
            (backends.is_full(), ObjectKind::Backend),
            (databases.is_full(), ObjectKind::Database),
            (migrations.is_full(), ObjectKind::Migration),
            (service_accounts.is_full(), ObjectKind::ServiceAccount),
            (services.is_full(), ObjectKind::Service),
            (deployments.is_full(), ObjectKind::Deployment),
            (
                controller_revisions.is_full(),
                ObjectKind::ControllerRevision,
            ),
            (jobs.is_full(), ObjectKind::Job),
            (pods.is_full(), ObjectKind::Pod),
            (config_maps.is_full(), ObjectKind::ConfigMap),
        ]
        .into_iter()
        .filter(|(full, _)| !full)
        .map(|(_, kind)| kind.kind())
        .collect()
    }

    /// Kinds of ours that the API server does not serve: their CRDs are not installed.
    #[must_use]
    pub fn unserved(&self) -> Vec<&'static str> {
        [
            (self.backends.is_served(), ObjectKind::Backend),
            (self.databases.is_served(), ObjectKind::Database),
            (self.migrations.is_served(), ObjectKind::Migration),
        ]
        .into_iter()
        .filter(|(served, _)| !served)
        .map(|(_, kind)| kind.kind())
        .collect()
    }

    /// Last versions of migration pods that are gone from this namespace, the oldest first; kept for 15 min, 1000 at the most.
    #[must_use]
    pub fn gone_pods(&self, namespace: &str) -> Vec<Arc<Pod>> {
        self.gone_pods.in_namespace(namespace)
    }

    /// All changes from now on.
    #[must_use]
    pub fn listen(&self) -> UnboundedReceiver<Arc<Change>> {
        let (sender, receiver) = unbounded_channel();
        self.listeners
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(sender);
        receiver
    }

    /// Whether the caches show this write, or something newer.
    #[must_use]
    pub fn show(&self, written: &Written) -> bool {
        match written.key.kind {
            ObjectKind::Backend => shows(&self.backends, written),
            ObjectKind::Database => shows(&self.databases, written),
            ObjectKind::Migration => shows(&self.migrations, written),
            ObjectKind::ServiceAccount => shows(&self.service_accounts, written),
            ObjectKind::Service => shows(&self.services, written),
            ObjectKind::Deployment => shows(&self.deployments, written),
            ObjectKind::ControllerRevision => shows(&self.controller_revisions, written),
            ObjectKind::Job => shows(&self.jobs, written),
            ObjectKind::Pod => shows(&self.pods, written),
            ObjectKind::ConfigMap => shows(&self.config_maps, written),
            ObjectKind::Event => shows(&self.probe_failures, written),
            // Made once and never read again.
            ObjectKind::NetworkPolicy => true,
        }
    }

    /// Tells everyone who listens; one who has gone is forgotten.
    pub(super) fn tell(&self, changes: impl IntoIterator<Item = Change>) {
        for change in changes {
            let change = Arc::new(change);
            let mut left = false;
            for listener in self
                .listeners
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .iter()
            {
                left |= listener.send(Arc::clone(&change)).is_err();
            }
            if left {
                self.listeners
                    .write()
                    .unwrap_or_else(PoisonError::into_inner)
                    .retain(|listener| !listener.is_closed());
            }
        }
    }
}

/// What the watches of one kind look at: each namespace by itself, or all at once.
pub(super) fn scopes(namespaces: &[String]) -> Vec<Option<String>> {
    if namespaces.is_empty() {
        vec![None]
    } else {
        namespaces.iter().cloned().map(Some).collect()
    }
}

fn shows<K: kube::Resource<DynamicType = ()>>(cache: &Cache<K>, written: &Written) -> bool {
    let key = &written.key;
    match &written.what {
        WrittenWhat::Version(version) => {
            cache.has_reached(&key.namespace, *version, written.answered)
        }
        WrittenWhat::Deleted { uid } => cache.shows_deletion(&key.namespace, &key.name, uid),
    }
}
