//! What a spec refers to: Databases and ConfigMaps. A missing one is waited for, not an error.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::resolved::{Binding, Bound, ResolvedBackend};
use super::config;
use super::missing::Missing;
use crate::api::database::Database;
use crate::core::config_map::ConfigMapDigest;
use crate::core::database::endpoint::Endpoint;
use crate::core::migration::planned::MissingFiles;

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
