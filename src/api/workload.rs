//! What a Backend's program gets besides its environment and files: resources, identity, the way it is stopped and replaced.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::environment::{
    EnvironmentSource, EnvironmentVariable, FieldReference, KeyReference, ResourceFieldReference,
    ValueSource,
};
pub use super::files::{ClaimReference, EmptyDirectory, FileMount, FilesFrom, Medium};
use super::{resource_rules, schema};

/// When the node pulls the image.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ImagePullPolicy {
    Always,
    IfNotPresent,
    Never,
}

/// Requests and limits of the container `app`.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = resource_rules::known_names("requests"),
    validation = resource_rules::known_names("limits"),
    validation = resource_rules::no_thousandths_of_a_byte(),
    validation = resource_rules::request_within_limit()
)]
pub struct Resources {
    /// What the scheduler keeps free for each pod, by `cpu` (cores), `memory` and `ephemeral-storage` (bytes) or an extended resource.
    /// Default: cpu `100m`, memory `128Mi`, or the limit where that is lower. Example: `{cpu: 250m, memory: 256Mi}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::quantities")]
    pub requests: BTreeMap<String, Quantity>,
    /// The most that each pod gets, by the same names. Default: memory `512Mi`, or the request where that is
    /// higher; no limit of CPU. Example: `{memory: 1Gi}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::quantities")]
    pub limits: BTreeMap<String, Quantity>,
}

/// Help for programs written in Go; harmless to others.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("!has(self.memoryLimitPercent) || self.memoryLimitPercent == 0 || self.memoryLimitPercent >= 10",
    "spec.go.memoryLimitPercent is a share of the memory limit, 10 to 100; write 0 to switch GOMEMLIMIT off"))]
pub struct Go {
    /// `GOMEMLIMIT` as percent of the memory limit: 10 to 100, or 0 for none. Default 90. Example: `80`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub memory_limit_percent: Option<i32>,
    /// `GOMAXPROCS`: a number of threads, or `Limit` for the CPU limit rounded up. Default: not set. Example: `Limit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::threads_or_limit")]
    pub max_procs: Option<IntOrString>,
}

/// How a pod is stopped.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shutdown {
    /// Seconds between the removal of a pod from the Service and SIGTERM, in which open requests end; needs `ports`. Default by protocol: HTTP,
    /// GRPC, UDP 5; WebSocket, TCP 10; no port 0. Example: `15`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 600))]
    pub drain_seconds: Option<i32>,
    /// Seconds from SIGTERM to SIGKILL; the program finds them in `SLIPWAY_GRACE_SECONDS`. Default by protocol: HTTP, GRPC, UDP 30; WebSocket,
    /// TCP 120; no port 60. Example: `300`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3600))]
    pub grace_seconds: Option<i32>,
}

/// Who the program runs as.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("!has(self.runAsUser) || self.runAsUser != 0",
        "spec.security.runAsUser 0 is root, which is refused; choose a number above 0, or remove it for 65532"),
    validation = ("!(has(self.runAsUser) && has(self.useImageUser) && self.useImageUser)",
        "spec.security: runAsUser and useImageUser exclude each other; remove one")
)]
pub struct Security {
    /// Number of the user that the program runs as; 0 (root) is refused. Default 65532. Example: `1000`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 2_147_483_647))]
    pub run_as_user: Option<i64>,
    /// Number of its group. Default 65532. Example: `1000`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 2_147_483_647))]
    pub run_as_group: Option<i64>,
    /// Number of the group that owns mounted disks. Default: 65532 if there is a PersistentVolumeClaim. Example: `1000`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 2_147_483_647))]
    pub fs_group: Option<i64>,
    /// Whether to run as the image's own USER, which must be a number other than 0. Default `false`. Example: `true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_image_user: Option<bool>,
    /// Whether the program may write to the image's own folders. Default `false`: only `/tmp` and `files` are writable. Example: `true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writable_root_filesystem: Option<bool>,
}

/// How a new release replaces the old one.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(
    "(has(self.progressDeadlineSeconds) ? self.progressDeadlineSeconds : 600) > (has(self.minReadySeconds) ? self.minReadySeconds : 0)")
    .message("spec.rollout: progressDeadlineSeconds (600 when absent) must be above minReadySeconds, or no release could ever be in time; raise it")
    .field_path(".progressDeadlineSeconds")
)]
pub struct Rollout {
    /// How pods of the old release make way. Default: `RollingUpdate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
    /// Seconds without progress after which a release counts as stalled; 60 to 7200, above `minReadySeconds`. Default 600. Example: `900`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 60, max = 7200))]
    pub progress_deadline_seconds: Option<i32>,
    /// Seconds that a new pod must stay ready before it counts; 0 to 600. Default 0. Example: `10`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 600))]
    pub min_ready_seconds: Option<i32>,
    /// Whether to hold new releases back, and migrations that have not begun; replicas and Services go on being kept. Default `false`.
    /// Example: `true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
}

/// The Deployment's strategy.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("!(has(self.maxSurge) && string(self.maxSurge) in ['0', '0%']) || (has(self.maxUnavailable) && !(string(self.maxUnavailable) in ['0', '0%']))",
        "spec.rollout.strategy: maxSurge and maxUnavailable (0 when absent) are both 0, so no pod could be replaced; set maxUnavailable to 1"),
    validation = ("!(has(self.type) && self.type == 'Recreate') || (!has(self.maxSurge) && !has(self.maxUnavailable))",
        "spec.rollout.strategy: Recreate takes neither maxSurge nor maxUnavailable; remove them")
)]
pub struct Strategy {
    /// `RollingUpdate`: one by one; `Recreate`: all old pods end before a new one starts, never two at once. Default `RollingUpdate`, with a
    /// writable PersistentVolumeClaim `Recreate`. Example: `Recreate`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<StrategyType>,
    /// Pods above `replicas` while a release rolls out: a number, or percent of `replicas` rounded up. Default `25%`. Example: `1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::pods_or_percent")]
    pub max_surge: Option<IntOrString>,
    /// Pods that may be missing from `replicas` meanwhile: a number, or percent rounded down. Default `0`. Example: `10%`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::pods_or_percent")]
    pub max_unavailable: Option<IntOrString>,
}

/// Pods one by one, or all old ones away before a new one starts.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum StrategyType {
    RollingUpdate,
    Recreate,
}
