//! The files of a ConfigMap: held against the plan, then copied out of their mount, in which the kubelet replaces them whenever the ConfigMap
//! changes. So what the tool reads is what was compared, however long it waits and runs.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use crate::core::config_map;
use crate::core::migration::message::MessageError;
use crate::core::migration::parameters::ConfigMapFiles;
use crate::core::run::verdict::SOURCE_CHANGED;

use super::ending::Ending;

/// Fills the folder with the files, if they are those of the plan. Another attempt may find them so: the kubelet may have been behind, or the
/// ConfigMap be put back; and a ConfigMap that was changed for good is another plan.
pub fn take(from: &ConfigMapFiles, to: &Path) -> Result<(), Ending> {
    let said = |error: io::Error| {
        let text = format!("configmap {} cannot be read: {error}", from.name);
        Ending::failed("SourceUnreadable", MessageError::plain("Files", &text))
    };
    let files = read(Path::new(&from.folder)).map_err(said)?;
    let hashes: BTreeMap<String, String> = files
        .iter()
        .map(|(name, content)| (name.clone(), config_map::hash_of_value(content)))
        .collect();
    if config_map::digest(&hashes) != from.digest {
        let text = format!(
            "the pod found {} files in configmap {}, and they are not those that were planned; nothing was run",
            files.len(),
            from.name
        );
        return Err(Ending::later(SOURCE_CHANGED, "Files", &text));
    }
    files
        .iter()
        .try_for_each(|(name, content)| fs::write(to.join(name), content))
        .map_err(said)
}

/// Names and contents. Keys are links into `..data`, and no key begins with two dots. A link may lead nowhere while the kubelet changes the
/// mount: then the files are not those of any plan.
fn read(folder: &Path) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("..") {
            continue;
        }
        match fs::read(entry.path()) {
            Ok(content) => files.push((name, content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(files)
}
