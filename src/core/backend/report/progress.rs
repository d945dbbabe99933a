//! How far a rollout is, and what serves meanwhile, in a few words.

use kube::ResourceExt;

use super::super::deployed::counts;
use super::super::release::{self, Release};
use super::super::resolved::short_image;
use super::super::seen::Seen;
use super::pods;
use crate::core::meta::RELEASE_LABEL;

/// How many pods of a release there are, and how many of them are ready.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Reached {
    pub pods: i32,
    pub ready: i32,
}

/// How far the pods are: only those of the release in force count, once the Deployment has its template.
pub(super) fn reached(seen: &Seen, release: &Release) -> Reached {
    let counts = counts(seen);
    let pods = if release::in_deployment(seen) == Some(release.revision) {
        counts.updated_replicas.unwrap_or(0)
    } else {
        0
    };
    let ready = if pods == counts.replicas.unwrap_or(0) {
        counts.ready_replicas.unwrap_or(0).min(pods)
    } else {
        pods.min(ready_pods(seen, release))
    };
    Reached { pods, ready }
}

/// The same in words.
pub(super) fn progress(seen: &Seen, release: &Release, wanted: i32) -> String {
    let Reached { ready, .. } = reached(seen, release);
    format!(
        "release {} ({}): {ready} of {wanted} pods ready",
        release.revision,
        short_image(&release.image)
    )
}

fn ready_pods(seen: &Seen, release: &Release) -> i32 {
    let revision = release.revision.to_string();
    let ready = seen
        .pods
        .iter()
        .filter(|pod| pods::is_ready(pod) && pod.labels().get(RELEASE_LABEL) == Some(&revision));
    i32::try_from(ready.count()).unwrap_or(i32::MAX)
}

/// `release 1.4.0 keeps serving 2/2`, by the release that the Deployment has.
pub(super) fn serving(seen: &Seen) -> String {
    let kept = release::in_deployment(seen).and_then(|number| release::numbered(seen, number));
    let wanted = seen
        .deployment
        .as_ref()
        .and_then(|deployment| deployment.spec.as_ref()?.replicas)
        .unwrap_or(0);
    let ready = counts(seen).ready_replicas.unwrap_or(0);
    kept.map_or_else(
        || "nothing is released yet".to_owned(),
        |release| {
            format!(
                "release {} keeps serving {ready}/{wanted}",
                short_image(&release.image)
            )
        },
    )
}
