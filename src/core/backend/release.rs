//! Releases: pod templates that went through the gate, as their ControllerRevisions keep them.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::ControllerRevision;
use kube::ResourceExt;
use serde::Deserialize;
use serde_json::Value;

use super::build::deployment;
use super::seen::Seen;
use crate::core::meta::is_controlled_by;

/// How many ControllerRevisions of a Backend stay.
pub(super) const KEPT: usize = 10;

/// A release. Its template is kept byte for byte, whatever a newer Slipway would build.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    pub revision: i64,
    pub image: String,
    pub input_hash: String,
    /// The Backend's generation it was opened for.
    pub generation: i64,
    pub migrations: Vec<ReleaseMigration>,
    pub template: Value,
}

/// A migration that was done before a release.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseMigration {
    /// Name of the entry in `spec.migrations`.
    pub name: String,
    /// Name of the Migration.
    pub object: String,
    pub plan_key: String,
}

/// `data` of a ControllerRevision.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    image: String,
    input_hash: String,
    #[serde(default)]
    generation: i64,
    #[serde(default)]
    migrations: Vec<ReleaseMigration>,
    template: Value,
}

impl Release {
    /// The release that a ControllerRevision keeps; `None` if it holds none.
    #[must_use]
    pub fn read(revision: &ControllerRevision) -> Option<Self> {
        let data = serde_json::to_value(revision.data.as_ref()?).ok()?;
        let Data {
            image,
            input_hash,
            generation,
            migrations,
            template,
        } = serde_json::from_value(data).ok()?;
        Some(Self {
            revision: revision.revision,
            image,
            input_hash,
            generation,
            migrations,
            template,
        })
    }
}

/// The Backend's own ControllerRevisions, oldest first.
pub(super) fn own(seen: &Seen) -> Vec<&Arc<ControllerRevision>> {
    let uid = seen.uid();
    let mut own: Vec<_> = seen
        .revisions
        .iter()
        .filter(|revision| {
            is_controlled_by(revision.as_ref(), &uid)
                && revision.metadata.deletion_timestamp.is_none()
        })
        .collect();
    own.sort_by_key(|revision| revision.revision);
    own
}

/// The last release: the highest number. `None` also where the Deployment or the status has a later one: the caches are behind, or somebody
/// deleted its ControllerRevision. Then no release before that one is in force, and none comes back. The status is asked too, as a Deployment
/// whose label was taken away is in no cache.
pub(super) fn last(seen: &Seen) -> Option<Release> {
    let last = own(seen)
        .into_iter()
        .rev()
        .find_map(|revision| Release::read(revision));
    let out = in_deployment(seen).max(in_status(seen));
    last.filter(|last| out.is_none_or(|out| out <= last.revision))
}

/// The release with this number, if it is still kept.
pub(super) fn numbered(seen: &Seen, number: i64) -> Option<Release> {
    own(seen)
        .into_iter()
        .filter(|revision| revision.revision == number)
        .find_map(|revision| Release::read(revision))
}

/// The number of the release that the live Deployment is out with.
pub(super) fn in_deployment(seen: &Seen) -> Option<i64> {
    deployment::release_of(seen.deployment.as_deref()?)
}

/// The number of the release that the status shows.
fn in_status(seen: &Seen) -> Option<i64> {
    let status = seen.backend.status.as_ref()?;
    Some(status.release.as_ref()?.revision)
}

/// The number of the next release: above all that were ever seen, also if their ControllerRevisions are gone or another Backend's.
pub(super) fn next_number(seen: &Seen) -> i64 {
    let prefix = format!("{}-r", seen.name());
    let kept = seen.revisions.iter().map(|revision| revision.revision);
    let named = seen
        .revisions
        .iter()
        .filter_map(|revision| revision.name_any().strip_prefix(&prefix)?.parse().ok());
    kept.chain(named)
        .chain(in_deployment(seen))
        .chain(in_status(seen))
        .max()
        .unwrap_or(0)
        .saturating_add(1)
}
