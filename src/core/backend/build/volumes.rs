//! Volumes, and where they are mounted. Read-only but for folders and disks.

use serde_json::{Map, Value, json};

use super::super::resolved::{File, FileSource, SourceKind};
use super::put;

/// The pod's volumes.
pub(super) fn volumes(files: &[File]) -> Value {
    let volumes: Vec<Value> = files
        .iter()
        .enumerate()
        .map(|(index, file)| {
            let (member, source) = source(&file.source);
            json!({"name": name(index, file), member: source})
        })
        .collect();
    json!(volumes)
}

/// The container's mounts.
pub(super) fn mounts(files: &[File]) -> Value {
    let mounts: Vec<Value> = files
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
