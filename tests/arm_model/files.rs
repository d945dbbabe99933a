//! Files of a ConfigMap, which a person changes, takes away and puts back; what a pod finds of them; and a Backend that is paused.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;
use slipway::core::config_map::{self, ConfigMapDigest};
use slipway::core::migration::parameters::RunParameters;

use crate::kept::object;
use crate::rules::Rule;
use crate::world::{Objects, WalkPod, World};

/// Its name.
pub const CONFIG_MAP: &str = "sql";

/// Whose files are those of the ConfigMap.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Takes {
    Nobody,
    /// The entry of each Backend.
    Entry,
    /// What a person writes.
    ByHand,
}

/// What the ConfigMap holds.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Files {
    /// It is not there.
    Gone,
    First,
    Second,
}

/// What a pod has in its mount of the ConfigMap.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Found {
    pub files: Files,
    /// Whether these are what its runner was told to run.
    pub is_as_told: bool,
}

impl Files {
    pub const fn at_first(takes: Takes) -> Self {
        match takes {
            Takes::Nobody => Self::Gone,
            Takes::Entry | Takes::ByHand => Self::First,
        }
    }

    fn others(self) -> Vec<Self> {
        let all = [Self::Gone, Self::First, Self::Second];
        all.into_iter().filter(|other| *other != self).collect()
    }

    /// What caches hold of it.
    pub fn config_maps(self) -> BTreeMap<String, Arc<ConfigMapDigest>> {
        let digest = self.kept().map(Arc::new);
        let found = digest.map(|digest| (CONFIG_MAP.to_owned(), digest));
        found.into_iter().collect()
    }

    /// The digest of what a pod finds in its mount: nothing, where it is gone.
    pub fn digest(self) -> String {
        let nothing = || config_map::digest(&BTreeMap::new());
        self.kept().map_or_else(nothing, |kept| kept.digest())
    }

    fn kept(self) -> Option<ConfigMapDigest> {
        let data = match self {
            Self::Gone => return None,
            Self::First => json!({"1.sql": "SELECT 1;"}),
            Self::Second => json!({"1.sql": "SELECT 2;"}),
        };
        let config_map: ConfigMap = object(json!({
            "metadata": {"name": CONFIG_MAP, "namespace": "n"}, "data": data,
        }));
        Some(ConfigMapDigest::of(&config_map))
    }
}

impl World {
    /// What a person may make of the ConfigMap.
    pub fn files_to_come(&self) -> Vec<Files> {
        if self.left.files == 0 || self.kind.takes == Takes::Nobody {
            return Vec::new();
        }
        self.server.files.others()
    }

    /// The ConfigMap goes, or comes, or is another; who takes its files asks for another plan.
    pub fn change_files(&mut self, files: Files) {
        self.server.files = files;
        let backends = self.server.backends.values();
        let backends: Vec<_> = backends
            .map(|backend| Arc::clone(&backend.kept.object))
            .collect();
        for backend in backends {
            self.make_migrations(&backend);
        }
    }

    /// A Backend is paused, or goes on. Its status says the same of its release as before.
    pub fn pause(&mut self, name: &str, paused: bool) {
        let mut backend = self.server.backends[name].kept.object.as_ref().clone();
        backend.spec.rollout = Some(object(json!({"paused": paused})));
        backend.metadata.generation = backend.metadata.generation.map(|last| last + 1);
        if let Some(status) = &mut backend.status {
            status.observed_generation = backend.metadata.generation;
        }
        self.store_backend(name, backend);
    }

    /// What a pod that starts now finds in its mount.
    pub fn finds(&self, told: &RunParameters) -> Option<Found> {
        let files = self.server.files;
        told.config_map.as_ref().map(|from| Found {
            files,
            is_as_told: from.digest == files.digest(),
        })
    }

    /// Whether a plan of these files is what people mean, as the leader's caches show the ConfigMap: of another the runner finds out.
    pub fn has_its_files(&self, plan_key: &str) -> bool {
        let files = self.shown().files;
        let made_of = self.made_of.get(plan_key);
        made_of.is_none_or(|digest| *digest == files.digest())
    }

    /// What is there, with the ConfigMap that the leader's caches show.
    pub fn with_shown_files(&self) -> Objects {
        Objects {
            files: self.shown().files,
            ..self.server.clone()
        }
    }

    /// Whether the ConfigMap that somebody takes files from is not there.
    pub fn lacks_files(&self) -> bool {
        self.kind.takes != Takes::Nobody && self.server.files == Files::Gone
    }

    /// What else a fair run may begin with: the ConfigMap is put back, and nothing is paused.
    pub fn put_right(&self) -> Option<Self> {
        let names = self.server.backends.keys().cloned();
        let paused: Vec<Arc<str>> = names.filter(|name| self.is_paused(name)).collect();
        if paused.is_empty() && !self.lacks_files() {
            return None;
        }
        let mut world = self.clone();
        for name in paused {
            world.pause(&name, false);
        }
        if world.lacks_files() {
            world.change_files(Files::First);
        }
        Some(world)
    }

    /// A program works with what it found, or judges the database by it.
    pub fn note_files(&mut self, pod: &WalkPod) {
        let planned = self.made_of.get(pod.ticket.plan_key.as_str());
        let found = pod.found.map(|found| found.files.digest());
        if found.is_some() && found.as_ref() != planned {
            self.breaks(Rule::ItsOwnFiles);
        }
    }
}
