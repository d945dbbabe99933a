//! The Lease as the election reads and writes it. Pure. Whatever stands in a Lease, also by a hostile hand, becomes a `Record`; times of
//! other processes are kept only to see that something changed, and never compared with a clock.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};

use super::Call;

/// `leaseDurationSeconds` of a Lease that was given up; client-go's value, and the least that the API server stores.
const RELEASED_SECONDS: i32 = 1;

/// Characters of a foreign holder's name that are kept, for messages: a pod's name and a suffix fit; a hostile megabyte does not.
const NAME_LENGTH: usize = 128;

/// A Lease as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// Which state of which Lease.
    pub version: Version,
    /// Who holds it.
    pub holder: Holder,
    /// `leaseDurationSeconds`, unchecked.
    pub duration_seconds: Option<i32>,
    /// `leaseTransitions`, unchecked; 0 if absent.
    pub transitions: i32,
    /// `acquireTime`, carried along by renewals.
    pub acquired: Option<Timestamp>,
    /// `renewTime`.
    pub renewed: Option<Timestamp>,
}

/// One state of one Lease: the precondition of a write.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// `metadata.uid`: of a Lease deleted meanwhile, a replace is refused and does not make a new one.
    pub uid: String,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
}

/// `holderIdentity`, seen from one process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// Absent or empty.
    Nobody,
    /// This process.
    Us,
    /// Another, by name; a long name is cut.
    Another(String),
}

impl Record {
    /// Reads a Lease with the eyes of `identity`.
    #[must_use]
    pub fn read(lease: &Lease, identity: &str) -> Self {
        let spec = lease.spec.as_ref();
        Self {
            version: Version {
                uid: lease.metadata.uid.clone().unwrap_or_default(),
                resource_version: lease.metadata.resource_version.clone().unwrap_or_default(),
            },
            holder: match spec.and_then(|spec| spec.holder_identity.as_deref()) {
                None | Some("") => Holder::Nobody,
                Some(name) if name == identity => Holder::Us,
                Some(name) => Holder::Another(name.chars().take(NAME_LENGTH).collect()),
            },
            duration_seconds: spec.and_then(|spec| spec.lease_duration_seconds),
            transitions: spec.and_then(|spec| spec.lease_transitions).unwrap_or(0),
            acquired: spec
                .and_then(|spec| spec.acquire_time.as_ref())
                .map(|time| time.0),
            renewed: spec
                .and_then(|spec| spec.renew_time.as_ref())
                .map(|time| time.0),
        }
    }

    /// Whether the last holder gave it up. Only both together say so: somebody who merely empties the holder may do it under a leader.
    #[must_use]
    pub fn is_released(&self) -> bool {
        self.holder == Holder::Nobody && self.duration_seconds == Some(RELEASED_SECONDS)
    }

    /// `leaseTransitions` that the next holder writes.
    pub(super) fn transitions_of_successor(&self) -> i32 {
        self.transitions.max(0).saturating_add(1)
    }
}

/// What a write puts into the Lease.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Claim {
    /// The new holder; `None` gives the Lease up.
    pub holder: Option<String>,
    /// `leaseDurationSeconds`.
    pub duration_seconds: i32,
    /// `leaseTransitions`.
    pub transitions: i32,
    /// `acquireTime`; `None`: the time of writing.
    pub acquired: Option<Timestamp>,
    /// `renewTime` of the Lease before: a write that repeats it may change nothing, and then nobody sees it.
    pub renewed_before: Option<Timestamp>,
}

impl Claim {
    /// Takes or keeps the Lease.
    pub(super) fn hold(
        identity: &str,
        duration_seconds: i32,
        transitions: i32,
        before: Option<&Record>,
    ) -> Self {
        let ours = before.filter(|record| record.holder == Holder::Us);
        Self {
            holder: Some(identity.to_owned()),
            duration_seconds,
            transitions,
            acquired: ours.and_then(|record| record.acquired),
            renewed_before: before.and_then(|record| record.renewed),
        }
    }

    /// Gives the Lease up, as client-go does it.
    pub(super) fn release(transitions: i32) -> Self {
        Self {
            holder: None,
            duration_seconds: RELEASED_SECONDS,
            transitions,
            acquired: None,
            renewed_before: None,
        }
    }

    fn spec(&self, wall: Timestamp) -> LeaseSpec {
        let repeated = self
            .renewed_before
            .is_some_and(|before| before.as_microsecond() == wall.as_microsecond());
        let renewed = if repeated {
            wall.saturating_add(SignedDuration::from_micros(1))
                .unwrap_or(wall)
        } else {
            wall
        };
        LeaseSpec {
            acquire_time: Some(MicroTime(self.acquired.unwrap_or(wall))),
            holder_identity: Some(self.holder.clone().unwrap_or_default()),
            lease_duration_seconds: Some(self.duration_seconds),
            lease_transitions: Some(self.transitions),
            renew_time: Some(MicroTime(renewed)),
            ..LeaseSpec::default()
        }
    }
}

impl Call {
    /// The body of a write at wall-clock time `wall`, which only people read; `None` for a read.
    #[must_use]
    pub fn lease(&self, namespace: &str, name: &str, wall: Timestamp) -> Option<Lease> {
        let (version, claim) = match self {
            Self::Read => return None,
            Self::Create(claim) => (None, claim),
            Self::Replace(version, claim) => (Some(version), claim),
        };
        Some(Lease {
            metadata: ObjectMeta {
                namespace: Some(namespace.to_owned()),
                name: Some(name.to_owned()),
                uid: version.map(|version| version.uid.clone()),
                resource_version: version.map(|version| version.resource_version.clone()),
                ..ObjectMeta::default()
            },
            spec: Some(claim.spec(wall)),
        })
    }
}
