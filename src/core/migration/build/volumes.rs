//! The volumes of the migration pod, and where its containers see them.

use serde_json::{Value, json};

use super::attempt::Attempt;
use super::environment::AUTHORITY_FOLDER;

/// Folder of the runner in the pod: an emptyDir that the first init container fills.
pub(super) const RUNNER_FOLDER: &str = "/slipway-runner";

/// Folder of the migration files in the pod: an emptyDir that the second init container fills, or the runner from a ConfigMap or an image.
pub(super) const FILES_FOLDER: &str = "/slipway-files";

/// Where a ConfigMap with the migration files is mounted. The kubelet changes what is there whenever the ConfigMap changes, so no tool reads
/// it there.
pub(super) const CONFIG_MAP_FOLDER: &str = "/slipway-config-map";

/// Where the image with the files is mounted.
const IMAGE_FOLDER: &str = "/slipway-image";

/// A volume with its folder in a container.
pub(super) struct Mounted {
    /// As the pod has it.
    pub volume: Value,
    /// As a container has it.
    pub mount: Value,
}

/// What the main container sees.
pub(super) fn of_main(attempt: &Attempt) -> Vec<Mounted> {
    let source = &attempt.spec.source;
    let has_files = source.path.is_some() || source.config_map.is_some();
    let mut all = vec![runner(), empty("tmp", "/tmp")];
    all.extend(has_files.then(files));
    all.extend(authority(attempt));
    all.extend(image(attempt));
    all.extend(source.config_map.as_deref().map(config_map));
    all
}

/// The folder of the runner.
pub(super) fn runner() -> Mounted {
    empty("runner", RUNNER_FOLDER)
}

/// The folder of the files.
pub(super) fn files() -> Mounted {
    empty("files", FILES_FOLDER)
}

/// Where the folder with the files is in the mounted image, if it is mounted.
pub(super) fn image_folder(attempt: &Attempt) -> Option<String> {
    let path = attempt.spec.source.path.as_ref()?;
    let mounted = attempt.settings.images.volumes;
    mounted.then(|| format!("{IMAGE_FOLDER}{path}"))
}

/// The certificate of the database's authority.
fn authority(attempt: &Attempt) -> Option<Mounted> {
    let name = "database-ca";
    let authority = attempt.endpoint().authority?;
    Some(read_only(name, AUTHORITY_FOLDER, authority.volume(name)))
}

fn image(attempt: &Attempt) -> Option<Mounted> {
    image_folder(attempt)?;
    let reference = &attempt.spec.source.image;
    let image = match attempt.backend.spec.image_pull_policy {
        Some(policy) => json!({"reference": reference, "pullPolicy": policy}),
        None => json!({"reference": reference}),
    };
    let name = "source";
    let volume = json!({"name": name, "image": image});
    Some(read_only(name, IMAGE_FOLDER, volume))
}

fn config_map(config_map: &str) -> Mounted {
    let name = "config-map";
    // Where it is gone meanwhile, the runner says so at once; a pod would wait for it.
    let volume = json!({"name": name, "configMap": {"name": config_map, "optional": true}});
    read_only(name, CONFIG_MAP_FOLDER, volume)
}

fn empty(name: &str, folder: &str) -> Mounted {
    Mounted {
        volume: json!({"name": name, "emptyDir": {}}),
        mount: json!({"name": name, "mountPath": folder}),
    }
}

fn read_only(name: &str, folder: &str, volume: Value) -> Mounted {
    Mounted {
        volume,
        mount: json!({"name": name, "mountPath": folder, "readOnly": true}),
    }
}
