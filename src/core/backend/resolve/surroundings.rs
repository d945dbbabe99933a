//! What a spec refers to: Databases and ConfigMaps. A missing one is waited for, not an error.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::resolved::{Binding, Bound, ResolvedBackend};
use super::config;
use crate::api::database::Database;
use crate::core::config_map::ConfigMapDigest;
use crate::core::database::endpoint::Endpoint;
use crate::core::migration::planned::MissingFiles;

/// An object that the spec refers to and that is not there, or going.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Missing {
    Database {
        name: String,
    },
    DatabaseTerminating {
        name: String,
    },
    ConfigMap {
        name: String,
        key: Option<String>,
        field: String,
    },
}

impl Missing {
    /// The reason in conditions.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Database { .. } => "DatabaseNotFound",
            Self::DatabaseTerminating { .. } => "DatabaseTerminating",
            Self::ConfigMap { .. } => "ConfigMapMissing",
        }
    }

    /// What a user reads of a Backend in this namespace.
    #[must_use]
    pub fn message(&self, namespace: &str) -> String {
        match self {
            Self::Database { name } => {
                format!(
                    "database {name} not found (named by spec.databases). Next: kubectl get sldb {name} -n {namespace}"
                )
            }
            Self::DatabaseTerminating { name } => format!(
                "database {name} is being deleted (named by spec.databases); nothing new is started on it. Next: kubectl get sldb {name} -n {namespace}"
            ),
            Self::ConfigMap {
                name,
                key: None,
                field,
            } => {
                format!(
                    "configmap {name} not found (named by {field}). Next: kubectl get configmap {name} -n {namespace}"
                )
            }
            Self::ConfigMap {
                name,
                key: Some(key),
                field,
            } => {
                format!(
                    "configmap {name} has no key {key} (named by {field}). Next: kubectl describe configmap {name} -n {namespace}"
                )
            }
        }
    }
}

impl From<&MissingFiles> for Missing {
    fn from(missing: &MissingFiles) -> Self {
        Self::ConfigMap {
            name: missing.config_map.clone(),
            key: None,
            field: format!("spec.migrations[{}].source.configMap", missing.entry),
        }
    }
}

/// What the spec refers to, or the first thing that is missing. `missing_files`: of the plan, which was worked out before.
///
/// # Errors
/// The object that is waited for.
pub fn surroundings(
    backend: &ResolvedBackend,
    databases: &BTreeMap<String, Arc<Database>>,
    config_maps: &BTreeMap<String, Arc<ConfigMapDigest>>,
    missing_files: &[MissingFiles],
) -> Result<Bound, Missing> {
    let databases: Vec<Endpoint> = backend
        .bindings
        .iter()
        .map(|binding| bound(binding, databases))
        .collect::<Result<_, _>>()?;
    let config_hash = config::hash_of_used_keys(backend, &databases, config_maps)?
        .filter(|_| backend.restart_on_config_change);
    if let Some(missing) = missing_files.first() {
        return Err(missing.into());
    }
    Ok(Bound {
        databases,
        config_hash,
    })
}

fn bound(
    binding: &Binding,
    databases: &BTreeMap<String, Arc<Database>>,
) -> Result<Endpoint, Missing> {
    let name = &binding.database;
    let database = databases
        .get(name)
        .ok_or_else(|| Missing::Database { name: name.clone() })?;
    if database.metadata.deletion_timestamp.is_some() {
        return Err(Missing::DatabaseTerminating { name: name.clone() });
    }
    Ok(Endpoint::of_pods(&database.spec))
}
