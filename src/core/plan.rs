//! The plan: what one look at an object leads to. Data only; `cluster::writer` is the only one that carries it out.
//!
//! A plan is a static list of steps, each computed from what the caches showed. A step never needs the answer of an
//! earlier one: what depends on an answer waits for the watch event that brings it, so a crash between two writes
//! is just an ordinary next look.

use std::time::Duration;

use kube::{Resource, ResourceExt};
use serde_json::Value;

use super::size::TooLarge;

/// Names one object of the cluster. `namespace` is never empty: Slipway writes namespaced objects only.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ObjectKey {
    pub kind: ObjectKind,
    pub namespace: String,
    pub name: String,
}

impl ObjectKey {
    /// Key of a namespaced object from its metadata.
    #[must_use]
    pub fn of<K: Resource>(kind: ObjectKind, object: &K) -> Self {
        Self {
            kind,
            namespace: object.meta().namespace.clone().unwrap_or_default(),
            name: object.name_any(),
        }
    }
}

/// The kinds that Slipway writes or looks at.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ObjectKind {
    Backend,
    Database,
    Migration,
    ServiceAccount,
    Service,
    Deployment,
    ControllerRevision,
    Job,
    Pod,
    ConfigMap,
    /// Of core/v1: only those by which the kubelet tells that a probe failed.
    Event,
    /// Made beside a migration Job, which owns it; not watched.
    NetworkPolicy,
}

impl ObjectKind {
    /// Whether a cache shows the objects of this kind.
    #[must_use]
    pub const fn is_watched(self) -> bool {
        !matches!(self, Self::NetworkPolicy)
    }

    /// The kind as manifests write it.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Backend => "Backend",
            Self::Database => "Database",
            Self::Migration => "Migration",
            Self::ServiceAccount => "ServiceAccount",
            Self::Service => "Service",
            Self::Deployment => "Deployment",
            Self::ControllerRevision => "ControllerRevision",
            Self::Job => "Job",
            Self::Pod => "Pod",
            Self::ConfigMap => "ConfigMap",
            Self::Event => "Event",
            Self::NetworkPolicy => "NetworkPolicy",
        }
    }

    /// `apiVersion` as manifests write it.
    #[must_use]
    pub const fn api_version(self) -> &'static str {
        match self {
            Self::Backend | Self::Database | Self::Migration => "slipway.dev/v1alpha1",
            Self::ServiceAccount | Self::Service | Self::Pod | Self::ConfigMap | Self::Event => {
                "v1"
            }
            Self::Deployment | Self::ControllerRevision => "apps/v1",
            Self::Job => "batch/v1",
            Self::NetworkPolicy => "networking.k8s.io/v1",
        }
    }

    /// The plural name in URLs and roles.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Backend => "backends",
            Self::Database => "databases",
            Self::Migration => "migrations",
            Self::ServiceAccount => "serviceaccounts",
            Self::Service => "services",
            Self::Deployment => "deployments",
            Self::ControllerRevision => "controllerrevisions",
            Self::Job => "jobs",
            Self::Pod => "pods",
            Self::ConfigMap => "configmaps",
            Self::Event => "events",
            Self::NetworkPolicy => "networkpolicies",
        }
    }
}

/// What one look leads to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Writes (and quorum reads before them), in order. The first that fails ends the execution.
    pub steps: Vec<Step>,
    /// When to look again although nothing happened; absent: only an event wakes.
    pub wake: Option<Duration>,
}

/// One request to the API server.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Server-side apply of our fields by the field manager `slipway`, with force.
    Apply(Apply),
    /// POST: for Jobs and their NetworkPolicies, ControllerRevisions and Migrations. That it exists already and is ours is no failure.
    Create(Create),
    /// JSON merge patch, with the uid and resourceVersion it was computed from.
    Patch(Patch),
    /// DELETE with uid and resourceVersion as preconditions.
    Delete(Delete),
    /// PUT of a Database's status with the resourceVersion it was computed from: the ledger's compare-and-swap.
    ReplaceDatabaseStatus(Box<ReplaceDatabaseStatus>),
    /// Quorum GET of a Backend, or of a Migration that was approved, before something that cannot be taken back: same uid, same generation,
    /// not being deleted. Otherwise the execution ends and the object is looked at again.
    Confirm(Confirm),
}

impl Step {
    /// A merge patch of exactly this version of an object.
    #[must_use]
    pub fn patch<K: Resource>(kind: ObjectKind, object: &K, body: Value) -> Self {
        Self::Patch(Patch {
            key: ObjectKey::of(kind, object),
            uid: object.uid().unwrap_or_default(),
            resource_version: object.resource_version().unwrap_or_default(),
            body,
        })
    }

    /// The deletion of exactly this version of an object.
    #[must_use]
    pub fn delete<K: Resource>(kind: ObjectKind, object: &K, propagation: Propagation) -> Self {
        Self::Delete(Delete {
            key: ObjectKey::of(kind, object),
            uid: object.uid().unwrap_or_default(),
            resource_version: object.resource_version().unwrap_or_default(),
            propagation,
        })
    }
}

/// What must be true of the object for an apply to land.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Precondition {
    /// It does not exist. Sent as `resourceVersion: "1"`, which an existing object never has: 409; absent: made, 201.
    Absent,
    /// It exists with this uid, at any version. Absent: 409, another: 422.
    Uid(String),
    /// It is exactly what the plan was computed from.
    Exactly {
        uid: String,
        resource_version: String,
    },
}

/// See [`Step::Apply`].
#[derive(Clone, Debug, PartialEq)]
pub struct Apply {
    pub key: ObjectKey,
    /// The whole body but for what the precondition adds. Its controller owner is the root; [`super::meta`] makes it.
    pub body: Value,
    pub precondition: Precondition,
}

/// See [`Step::Create`].
#[derive(Clone, Debug, PartialEq)]
pub struct Create {
    pub key: ObjectKey,
    pub body: Value,
    /// Found in the annotation `slipway.dev/hash` of an existing object of ours when it is the same; another hash is read-again.
    pub hash: String,
}

/// See [`Step::Patch`].
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    pub key: ObjectKey,
    pub uid: String,
    pub resource_version: String,
    pub body: Value,
}

/// How the dependents of a deleted object go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Propagation {
    Background,
    /// Pods get SIGTERM at once; the object stays until they are gone.
    Foreground,
}

/// See [`Step::Delete`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Delete {
    pub key: ObjectKey,
    pub uid: String,
    pub resource_version: String,
    pub propagation: Propagation,
}

/// See [`Step::ReplaceDatabaseStatus`].
#[derive(Clone, Debug, PartialEq)]
pub struct ReplaceDatabaseStatus {
    pub key: ObjectKey,
    pub uid: String,
    pub resource_version: String,
    pub status: crate::api::database::DatabaseStatus,
}

/// See [`Step::Confirm`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Confirm {
    pub key: ObjectKey,
    pub uid: String,
    pub generation: i64,
    /// An annotation that must be there with this value.
    pub annotation: Option<(&'static str, String)>,
}

/// What came back. Status is made from this, not from what was wished.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Executed {
    /// The answers, one for each step that was done, in order. A delete answers `null`.
    pub answers: Vec<Value>,
    /// Why the rest was not done; absent when all was.
    pub stop: Option<Stop>,
}

/// Why an execution ended early. The reason is the word in conditions, events and metrics.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Stop {
    /// What the plan was computed from has changed (409, 422 of a precondition): look again.
    ReadAgain { key: ObjectKey },
    /// An object of that name is not ours; it stays untouched.
    NameConflict { key: ObjectKey },
    /// A right is missing (403, no quota).
    Forbidden {
        key: ObjectKey,
        verb: &'static str,
        message: String,
    },
    /// A quota or LimitRange refuses it for now (403 `exceeded quota`).
    QuotaExceeded { key: ObjectKey, message: String },
    /// The server calls our object invalid (422, 400); `message` holds its field path.
    Refused { key: ObjectKey, message: String },
    /// The body exceeds a limit of [`super::size`]: nothing of the plan was sent.
    TooLarge { key: ObjectKey, too_large: TooLarge },
    /// The namespace is being deleted: nothing new can be made there.
    NamespaceTerminating { key: ObjectKey },
    /// 429, 5xx, time-out, connection: later, after this long if the server said so.
    Unavailable {
        key: ObjectKey,
        retry_after: Option<Duration>,
        message: String,
    },
    /// Leadership is gone or in doubt: nothing was sent.
    NotLeader,
}

/// The new status of the root object and what to tell about the change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The whole `status`; sent only where it differs from the one in the cache. Absent: this kind's status is not written here.
    pub status: Option<Value>,
    pub events: Vec<Event>,
}

/// One line of `kubectl events`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event {
    pub kind: EventKind,
    /// Stable word, CamelCase. Example: `MigrationFailed`.
    pub reason: String,
    /// The cause, so that two causes are never folded into one. Example: `Gate`.
    pub action: String,
    pub note: String,
}

/// Kubernetes' two event types.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EventKind {
    Normal,
    Warning,
}
