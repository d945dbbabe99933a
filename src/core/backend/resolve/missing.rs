//! What a spec refers to and what is not there: its reason, and what a user reads of it.

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
