//! Volumes, and where they are mounted. Read-only but for folders and disks.

use serde_json::{Map, Value, json};

use super::super::resolved::{Bound, File, FileSource, ResolvedBackend, SourceKind};
use super::put;
use crate::core::database::endpoint::{Authority, CERTIFICATE_FILE};

/// Folder of the certificates of databases' authorities, one folder a Database.
const AUTHORITIES: &str = "/slipway-databases";

/// The file with the certificate of a Database's authority.
pub(super) fn authority_file(database: &str) -> String {
    format!("{AUTHORITIES}/{database}/{CERTIFICATE_FILE}")
}

/// The pod's volumes.
pub(super) fn volumes(backend: &ResolvedBackend, bound: &Bound) -> Value {
    let mut volumes: Vec<Value> = backend
        .files
        .iter()
        .enumerate()
        .map(|(index, file)| {
            let (member, source) = source(&file.source);
            json!({"name": name(index, file), member: source})
        })
        .collect();
    let authorities = authorities(backend, bound);
    volumes.extend(authorities.map(|(_, name, authority)| authority.volume(&name)));
    json!(volumes)
}

/// The authorities of the databases: Database, name of the volume, and where the certificate is.
fn authorities<'a>(
    backend: &'a ResolvedBackend,
    bound: &'a Bound,
) -> impl Iterator<Item = (&'a str, String, &'a Authority)> {
    let databases = backend.bindings.iter().zip(&bound.databases);
    databases
        .enumerate()
        .filter_map(|(index, (binding, database))| {
            let authority = database.authority.as_ref()?;
            Some((
                binding.database.as_str(),
                format!("database-ca-{index}"),
                authority,
            ))
        })
}

/// The container's mounts.
pub(super) fn mounts(backend: &ResolvedBackend, bound: &Bound) -> Value {
    let mut mounts: Vec<Value> = backend
        .files
        .iter()
        .enumerate()
        .map(|(index, file)| {
            let mut mount = Map::new();
            put(&mut mount, "name", json!(name(index, file)));
            put(&mut mount, "mountPath", json!(file.mount_path));
            if is_read_only(&file.source) {
                put(&mut mount, "readOnly", json!(true));
            }
            Value::Object(mount)
        })
        .collect();
    let authorities = authorities(backend, bound);
    mounts.extend(authorities.map(|(database, name, _)| {
        json!({"name": name, "mountPath": format!("{AUTHORITIES}/{database}"), "readOnly": true})
    }));
    json!(mounts)
}

fn name(index: usize, file: &File) -> String {
    if file.mount_path == "/tmp" {
        "tmp".to_owned()
    } else {
        format!("files-{index}")
    }
}

const fn is_read_only(source: &FileSource) -> bool {
    match source {
        FileSource::Keys { .. } => true,
        FileSource::Empty { .. } => false,
        FileSource::Claim { read_only, .. } => *read_only,
    }
}

fn source(source: &FileSource) -> (&'static str, Value) {
    let mut members = Map::new();
    match source {
        FileSource::Keys {
            kind,
            name,
            keys,
            optional,
        } => {
            let items: Vec<Value> = keys
                .iter()
                .map(|key| json!({"key": key, "path": key}))
                .collect();
            let (member, name_field) = match kind {
                SourceKind::ConfigMap => ("configMap", "name"),
                SourceKind::Secret => ("secret", "secretName"),
            };
            put(&mut members, name_field, json!(name));
            put(&mut members, "items", json!(items));
            if *optional {
                put(&mut members, "optional", json!(true));
            }
            (member, Value::Object(members))
        }
        FileSource::Empty {
            in_memory,
            size_limit,
        } => {
            if *in_memory {
                put(&mut members, "medium", json!("Memory"));
            }
            put(
                &mut members,
                "sizeLimit",
                size_limit.map_or(Value::Null, |size| json!(size.canonical())),
            );
            ("emptyDir", Value::Object(members))
        }
        FileSource::Claim { name, read_only } => {
            put(&mut members, "claimName", json!(name));
            if *read_only {
                put(&mut members, "readOnly", json!(true));
            }
            ("persistentVolumeClaim", Value::Object(members))
        }
    }
}
