//! Files and folders that are mounted.

use std::collections::BTreeSet;

use super::super::resolved::{File, FileSource, SourceKind};
use super::{Invalid, invalid};
use crate::api::workload::{EmptyDirectory, FileMount, FilesFrom};
use crate::core::quantity::Amount;

/// A writable folder that programs expect although the root file system is read-only.
const TEMPORARY: &str = "/tmp";

/// `spec.files` in its order, and `/tmp` unless something is mounted there.
pub(super) fn resolve(files: &[FileMount]) -> Result<Vec<File>, Invalid> {
    if files.len() > 32 {
        return Err(invalid(
            "spec.files",
            "more than 32 entries",
            "Give at most 32",
        ));
    }
    let mut paths = BTreeSet::new();
    let mut resolved: Vec<File> = files
        .iter()
        .map(|file| {
            let field = format!("spec.files[{}]", file.mount_path);
            if !file.mount_path.starts_with('/')
                || file.mount_path.len() < 2
                || file.mount_path.contains(':')
            {
                return Err(invalid(
                    format!("{field}.mountPath"),
                    "no absolute path",
                    "Give one like /etc/orders",
                ));
            }
            if !paths.insert(file.mount_path.trim_end_matches('/')) {
                return Err(invalid(
                    field,
                    "the path is there twice",
                    "Remove one of the two",
                ));
            }
            Ok(File {
                mount_path: file.mount_path.clone(),
                source: source(&field, file)?,
            })
        })
        .collect::<Result<_, _>>()?;
    if !paths.contains(TEMPORARY) {
        let source = FileSource::Empty {
            in_memory: false,
            size_limit: None,
        };
        resolved.push(File {
            mount_path: TEMPORARY.to_owned(),
            source,
        });
    }
    Ok(resolved)
}

fn source(field: &str, file: &FileMount) -> Result<FileSource, Invalid> {
    match (
        &file.config_map,
        &file.secret,
        &file.empty_dir,
        &file.persistent_volume_claim,
    ) {
        (Some(from), None, None, None) => Ok(keys(SourceKind::ConfigMap, from)),
        (None, Some(from), None, None) => Ok(keys(SourceKind::Secret, from)),
        (None, None, Some(empty), None) => empty_directory(field, empty),
        (None, None, None, Some(claim)) => Ok(FileSource::Claim {
            name: claim.claim_name.clone(),
            read_only: claim.read_only == Some(true),
        }),
        _ => {
            let remedy = "Give one of configMap, secret, emptyDir, persistentVolumeClaim";
            Err(invalid(field, "not exactly one source", remedy))
        }
    }
}

fn keys(kind: SourceKind, from: &FilesFrom) -> FileSource {
    FileSource::Keys {
        kind,
        name: from.name.clone(),
        keys: from.keys.clone(),
        optional: from.optional == Some(true),
    }
}

fn empty_directory(field: &str, empty: &EmptyDirectory) -> Result<FileSource, Invalid> {
    let size_limit = match &empty.size_limit {
        None => None,
        Some(quantity) => {
            let amount =
                Amount::parse(&quantity.0).filter(|amount| amount.nano() > 0 && amount.is_whole(1));
            let field = format!("{field}.emptyDir.sizeLimit");
            Some(amount.ok_or_else(|| {
                invalid(
                    field,
                    format!("`{}` is no size", quantity.0),
                    "Give one like 64Mi",
                )
            })?)
        }
    };
    Ok(FileSource::Empty {
        in_memory: empty.medium.is_some(),
        size_limit,
    })
}
