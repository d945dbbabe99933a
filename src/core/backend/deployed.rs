//! What the live Deployment says: its counts, and whether the release in force is out.

use k8s_openapi::api::apps::v1::DeploymentStatus;

use super::decision::Considered;
use super::release;
use super::seen::Seen;

/// The counts of the live Deployment; none where there is none.
pub(super) fn counts(seen: &Seen) -> DeploymentStatus {
    seen.deployment
        .as_ref()
        .and_then(|deployment| deployment.status.clone())
        .unwrap_or_default()
}

/// Whether every pod is of the release in force and available, and no older one is left: the controller has seen our last change.
pub(super) fn is_rolled_out(seen: &Seen, considered: &Considered) -> bool {
    let (Some(deployment), Some(release)) = (seen.deployment.as_ref(), considered.release.as_ref())
    else {
        return false;
    };
    let counts = counts(seen);
    let wanted = considered.backend.replicas;
    release::in_deployment(seen) == Some(release.revision)
        && deployment.spec.as_ref().and_then(|spec| spec.replicas) == Some(wanted)
        && counts.observed_generation >= deployment.metadata.generation
        && counts.replicas.unwrap_or(0) == wanted
        && counts.updated_replicas.unwrap_or(0) == wanted
        && counts.available_replicas.unwrap_or(0) == wanted
}
