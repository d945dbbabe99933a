//! The ConfigMap keys that the pods use: that they exist, and a hash of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::resolved::{FileSource, ResolvedBackend, SourceKind, VariableValue};
use super::missing::Missing;
use crate::core::config_map::ConfigMapDigest;
use crate::core::database::endpoint::{Endpoint, Holder};
use crate::core::hash;

/// One use of a ConfigMap.
struct Use<'a> {
    name: &'a str,
    /// The keys that are used; empty: all.
    keys: Vec<&'a str>,
    optional: bool,
    /// Path of the field that names it.
    field: String,
}

/// Hash of all used keys; `None` when no ConfigMap is used.
pub(super) fn hash_of_used_keys(
    backend: &ResolvedBackend,
    databases: &[Endpoint],
    config_maps: &BTreeMap<String, Arc<ConfigMapDigest>>,
) -> Result<Option<String>, Missing> {
    let uses = uses(backend, databases);
    let mut parts = Vec::new();
    for used in &uses {
        let Some(digest) = config_maps.get(used.name) else {
            if used.optional {
                continue;
            }
            return Err(Missing::ConfigMap {
                name: used.name.to_owned(),
                key: None,
                field: used.field.clone(),
            });
        };
        for key in keys_in_use(used, digest) {
            match digest.keys.get(key) {
                Some(hash) => parts.extend([used.name, key, hash]),
                None if used.optional => {}
                None => {
                    let name = used.name.to_owned();
                    return Err(Missing::ConfigMap {
                        name,
                        key: Some(key.to_owned()),
                        field: used.field.clone(),
                    });
                }
            }
        }
    }
    Ok((!uses.is_empty()).then(|| hash::short(&hash::of_parts(parts), 16).to_owned()))
}

fn keys_in_use<'a>(used: &Use<'a>, digest: &'a ConfigMapDigest) -> Vec<&'a str> {
    if used.keys.is_empty() {
        digest.keys.keys().map(String::as_str).collect()
    } else {
        used.keys.clone()
    }
}

fn uses<'a>(backend: &'a ResolvedBackend, databases: &'a [Endpoint]) -> Vec<Use<'a>> {
    let of_variables = backend.environment.iter().filter_map(|variable| {
        let VariableValue::From(from) = &variable.value else {
            return None;
        };
        let reference = from.get("configMapKeyRef")?;
        Some(Use {
            name: reference.get("name")?.as_str()?,
            keys: vec![reference.get("key")?.as_str()?],
            optional: reference
                .get("optional")
                .and_then(serde_json::Value::as_bool)
                .unwrap_or(false),
            field: format!("spec.env[{}]", variable.name),
        })
    });
    let of_sources = backend
        .environment_sources
        .iter()
        .filter(|source| source.kind == SourceKind::ConfigMap)
        .map(|source| Use {
            name: &source.name,
            keys: Vec::new(),
            optional: source.optional,
            field: "spec.envFrom".to_owned(),
        });
    let of_files = backend.files.iter().filter_map(|file| match &file.source {
        FileSource::Keys {
            kind: SourceKind::ConfigMap,
            name,
            keys,
            optional,
        } => Some(Use {
            name,
            keys: keys.iter().map(String::as_str).collect(),
            optional: *optional,
            field: format!("spec.files[{}]", file.mount_path),
        }),
        _ => None,
    });
    let bound = backend.bindings.iter().zip(databases);
    let of_authorities = bound.filter_map(|(binding, database)| {
        let authority = database.authority.as_ref()?;
        let Holder::ConfigMap(name) = &authority.holder else {
            return None;
        };
        Some(Use {
            name,
            keys: vec![&authority.key],
            optional: false,
            field: format!("database {}, spec.tls.ca", binding.database),
        })
    });
    of_variables
        .chain(of_sources)
        .chain(of_files)
        .chain(of_authorities)
        .collect()
}
