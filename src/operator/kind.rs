//! What differs between the kinds that the driver drives: the one trait that each fills with a thin file in `kinds/`.

use std::fmt::Debug;
use std::sync::Arc;

use jiff::Timestamp;
use kube::Resource;
use serde::Serialize;

use crate::cluster::cache::{Cache, Undecodable};
use crate::cluster::caches::Caches;
use crate::cluster::change::Change;
use crate::core::plan::{Executed, ObjectKind, Plan, Report};
use crate::core::settings::Settings;

/// A kind of object that is reconciled. All functions are pure but for reading caches: no request, no clock, no waiting.
pub trait Kind: Send + Sync + 'static {
    /// The object whose spec is made true.
    type Root: Resource<DynamicType = ()> + Clone + Debug + Serialize + Send + Sync + 'static;
    /// Everything that one decision needs to know.
    type Seen: Send + Sync;
    /// What is to be done, and what the report needs to know of why.
    type Decision: Send + Sync;

    /// Label `controller` of metrics, and field of log lines. Example: `backend`.
    const NAME: &'static str;
    /// The kind of the root.
    const KIND: ObjectKind;

    /// The cache of the roots.
    fn roots(caches: &Caches) -> &Cache<Self::Root>;

    /// Gathers from the caches; `term` is the leader's, see [`crate::core::meta::LEADER_ANNOTATION`].
    fn observe(
        caches: &Caches,
        root: &Arc<Self::Root>,
        settings: &Arc<Settings>,
        term: &str,
    ) -> Self::Seen;

    /// Decides what to do.
    fn decide(seen: &Self::Seen, now: Timestamp) -> Self::Decision;

    /// The part of a decision that is carried out.
    fn plan(decision: &Self::Decision) -> &Plan;

    /// What to tell, from what came back.
    fn report(
        seen: &Self::Seen,
        decision: &Self::Decision,
        executed: &Executed,
        now: Timestamp,
    ) -> Report;

    /// What to tell of a root that does not decode: nothing else is done to it or for it.
    fn undecodable(root: &Undecodable, now: Timestamp) -> Report;

    /// Names of the roots in the namespace of `change` that have to be looked at because of it. A change of the root itself is not asked
    /// for: it always wakes the root.
    fn wakes(change: &Change, caches: &Caches) -> Vec<String>;
}
