//! What one look at a Backend sees: everything that deciding needs, as plain values. The operator fills it from its caches, `render` and the
//! tests by hand.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::apps::v1::{ControllerRevision, Deployment};
use k8s_openapi::api::core::v1::{Pod, Service, ServiceAccount};
use kube::ResourceExt;

use crate::api::backend::Backend;
use crate::api::database::Database;
use crate::api::migration::Migration;
use crate::core::config_map::ConfigMapDigest;
use crate::core::database::endpoint;
use crate::core::migration::planned::{self, Planned, planned};
use crate::core::probe_failure::ProbeFailure;
use crate::core::settings::Settings;

/// A Backend and all around it, as the caches show it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub backend: Arc<Backend>,
    /// The Databases of `spec.databases` that exist.
    pub databases: BTreeMap<String, Arc<Database>>,
    /// The ConfigMaps that the spec names and that exist.
    pub config_maps: BTreeMap<String, Arc<ConfigMapDigest>>,
    /// The Migrations that the spec asks for now: see [`Seen::with_plan`].
    pub planned: Planned,
    /// What has our labels under the names of the children, whoever controls it.
    pub service_account: Option<Arc<ServiceAccount>>,
    pub service: Option<Arc<Service>>,
    pub headless_service: Option<Arc<Service>>,
    pub deployment: Option<Arc<Deployment>>,
    /// The ControllerRevisions with the Backend's label, whoever controls them.
    pub revisions: Vec<Arc<ControllerRevision>>,
    /// The Migrations whose controller is this Backend, or that have a planned name.
    pub migrations: Vec<Arc<Migration>>,
    /// The pods with the Backend's label.
    pub pods: Vec<Arc<Pod>>,
    /// What the kubelet told of probes of these pods that failed.
    pub probe_failures: Vec<Arc<ProbeFailure>>,
    pub settings: Arc<Settings>,
}

impl Seen {
    /// A Backend of which nothing exists yet: for `render` and tests.
    #[must_use]
    pub fn alone(backend: Backend) -> Self {
        Self {
            backend: Arc::new(backend),
            databases: BTreeMap::new(),
            config_maps: BTreeMap::new(),
            planned: Planned::default(),
            service_account: None,
            service: None,
            headless_service: None,
            deployment: None,
            revisions: Vec::new(),
            migrations: Vec::new(),
            pods: Vec::new(),
            probe_failures: Vec::new(),
            settings: Arc::new(Settings::default()),
        }
    }

    /// The same with what the spec asks for, by the Databases and ConfigMaps that are there.
    #[must_use]
    pub fn with_plan(mut self) -> Self {
        self.planned = planned(&self.backend, &self.databases, &self.config_maps);
        self
    }

    /// The Backend's name.
    #[must_use]
    pub fn name(&self) -> String {
        self.backend.name_any()
    }

    /// The Backend's namespace.
    #[must_use]
    pub fn namespace(&self) -> String {
        self.backend.namespace().unwrap_or_default()
    }

    /// The Backend's uid; empty offline.
    #[must_use]
    pub fn uid(&self) -> String {
        self.backend.uid().unwrap_or_default()
    }

    /// The Backend's generation; 0 offline.
    #[must_use]
    pub fn generation(&self) -> i64 {
        self.backend.metadata.generation.unwrap_or_default()
    }
}

/// The names of the ConfigMaps that a Backend refers to: what the operator must look up and watch.
#[must_use]
pub fn config_maps_of(backend: &Backend) -> Vec<String> {
    let spec = &backend.spec;
    let of_variables = spec.env.iter().filter_map(|variable| {
        let source = variable.value_from.as_ref()?;
        source
            .config_map_key_ref
            .as_ref()
            .map(|reference| reference.name.clone())
    });
    let of_sources = spec
        .env_from
        .iter()
        .filter_map(|source| source.config_map.clone());
    let of_files = spec
        .files
        .iter()
        .filter_map(|file| file.config_map.as_ref().map(|from| from.name.clone()));
    let of_migrations = planned::config_maps_of(backend).cloned();
    let mut names: Vec<String> = of_variables
        .chain(of_sources)
        .chain(of_files)
        .chain(of_migrations)
        .collect();
    names.sort();
    names.dedup();
    names
}

/// The ConfigMap with the certificate of a Database's authority, which the Backend's pods mount as well.
pub fn authorities_of<'a>(
    databases: impl IntoIterator<Item = &'a Arc<Database>>,
) -> impl Iterator<Item = String> {
    databases
        .into_iter()
        .filter_map(|database| endpoint::config_map_of(&database.spec).map(str::to_owned))
}

/// The names of the Databases that a Backend is bound to.
#[must_use]
pub fn databases_of(backend: &Backend) -> Vec<String> {
    let mut names: Vec<String> = backend
        .spec
        .databases
        .iter()
        .map(|binding| binding.name.clone())
        .collect();
    names.sort();
    names.dedup();
    names
}
