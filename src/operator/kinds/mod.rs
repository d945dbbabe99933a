//! One thin file per kind: what it reads from the caches, which change wakes it. Nothing here decides; that is core's.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use kube::ResourceExt;
use serde_json::json;

use crate::cluster::cache::Undecodable;
use crate::cluster::caches::Caches;
use crate::cluster::change::Change;
use crate::core::conditions::{self, Standing};
use crate::core::config_map::ConfigMapDigest;
use crate::core::migration::planned::config_maps_of;
use crate::core::plan::{ObjectKey, ObjectKind, Report};

pub mod backend;
pub mod database;
pub mod migration;
pub mod run;

/// Those of the named ConfigMaps that exist.
fn config_maps(
    caches: &Caches,
    namespace: &str,
    names: impl IntoIterator<Item = impl AsRef<str>>,
) -> BTreeMap<String, Arc<ConfigMapDigest>> {
    let found = names.into_iter().filter_map(|name| {
        let name = name.as_ref();
        let config_map = caches.config_maps.get(namespace, name)?;
        Some((name.to_owned(), config_map))
    });
    found.collect()
}

/// Who takes the files of its migrations from a changed ConfigMap: Backends as they are now, and Migrations as they were planned or written; by
/// name.
struct TakersOfFiles {
    backends: Vec<String>,
    migrations: Vec<String>,
}

impl TakersOfFiles {
    /// Nobody, where something else has changed.
    fn of(change: &Change, caches: &Caches) -> Self {
        let (mut backends, mut migrations) = (Vec::new(), Vec::new());
        if change.is(ObjectKind::ConfigMap) {
            let ObjectKey {
                namespace, name, ..
            } = &change.key;
            let all = caches.backends.in_namespace(namespace);
            let takers = all
                .iter()
                .filter(|backend| config_maps_of(backend).any(|taken| taken == name));
            backends.extend(takers.map(|backend| backend.name_any()));
            let all = caches.migrations.in_namespace(namespace);
            let takers = all
                .iter()
                .filter(|migration| migration.spec.source.config_map.as_ref() == Some(name));
            migrations.extend(takers.map(|migration| migration.name_any()));
        }
        Self {
            backends,
            migrations,
        }
    }

    fn is_empty(&self) -> bool {
        self.backends.is_empty() && self.migrations.is_empty()
    }

    /// Whether the Migration of this name, which is for this Backend, may have become another plan.
    fn concern(&self, backend: &String, migration: &String) -> bool {
        self.backends.contains(backend) || self.migrations.contains(migration)
    }
}

/// What an object that does not decode is told: only its own status, nothing is done for it. The old status is not readable either, so the
/// conditions carry the time of the object's creation: the same look gives the same status.
fn undecodable_report(root: &Undecodable, now: Timestamp) -> Report {
    let since = root
        .metadata
        .creation_timestamp
        .as_ref()
        .map_or(now, |time| time.0);
    let generation = root.metadata.generation.unwrap_or_default();
    let standing = Standing::Stalled {
        reason: "InvalidSpec".to_owned(),
        message: format!(
            "the object cannot be read: {}. Correct it and apply it again",
            root.error
        ),
    };
    let conditions = conditions::settle(&[], standing.drafts(), generation, since);
    Report {
        status: Some(json!({"observedGeneration": generation, "conditions": conditions})),
        events: Vec::new(),
    }
}
