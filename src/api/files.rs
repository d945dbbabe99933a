//! Files and writable folders of a Backend's program.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::patterns::{ABSOLUTE_PATH, KEY, OBJECT_NAME};
use super::schema;

/// Files or a writable folder at a path: exactly one source.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = (
        "[has(self.configMap), has(self.secret), has(self.emptyDir), has(self.persistentVolumeClaim)].filter(x, x).size() == 1",
        "spec.files: an entry needs exactly one of configMap, secret, emptyDir, persistentVolumeClaim; keep one"),
    validation = ("!self.mountPath.matches('/[.][.]?(/|$)')",
        "spec.files: mountPath must not contain . or .. as a folder; write the path out")
)]
pub struct FileMount {
    /// Folder in the container where the files appear: absolute, without a slash at its end. Unique. Example: `/etc/orders`.
    #[schemars(length(min = 2, max = 256), regex(pattern = ABSOLUTE_PATH))]
    pub mount_path: String,
    /// A ConfigMap whose keys become files, read-only. Its change restarts the pods, unless `restartOnConfigChange` is false. No default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_map: Option<FilesFrom>,
    /// A Secret whose keys become files, read-only. Slipway never reads it; its change restarts nothing. No default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<FilesFrom>,
    /// A writable folder that lives as long as the pod. One at `/tmp` is there without being asked for. No default. Example: `{}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub empty_dir: Option<EmptyDirectory>,
    /// A disk that outlives the pods. If it is writable, the default strategy becomes `Recreate`. No default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persistent_volume_claim: Option<ClaimReference>,
}

/// A ConfigMap or Secret whose keys become files.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FilesFrom {
    /// Name of the ConfigMap or Secret, in the Backend's namespace. Example: `orders-config`.
    #[schemars(length(min = 1, max = 253), regex(pattern = OBJECT_NAME))]
    pub name: String,
    /// Keys to take; each becomes a file of that name. Default: all. Example: `[routes.yaml]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        inner(length(min = 1, max = 253), regex(pattern = KEY)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub keys: Vec<String>,
    /// Whether the pod may start without the object. Default `false`. Example: `true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optional: Option<bool>,
}

/// A writable folder that lives as long as the pod.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EmptyDirectory {
    /// What the folder is made of: `Memory`, which counts towards the memory limit. Default: the node's disk. Example: `Memory`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub medium: Option<Medium>,
    /// Most that the folder may hold, in bytes or with a unit such as `Mi` (not `m`, thousandths); a pod that writes more is evicted. Default: no limit. Example: `64Mi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::bytes")]
    pub size_limit: Option<Quantity>,
}

/// What an emptyDir is made of, when it is not the node's disk.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Medium {
    Memory,
}

/// A PersistentVolumeClaim of the same namespace.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimReference {
    /// Name of the PersistentVolumeClaim, in the Backend's namespace. Slipway does not make it. Example: `orders-uploads`.
    #[schemars(length(min = 1, max = 253), regex(pattern = OBJECT_NAME))]
    pub claim_name: String,
    /// Whether the program may only read. Default `false`. Example: `true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
}
