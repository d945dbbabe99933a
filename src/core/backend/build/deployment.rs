//! The Deployment: a released template, and what is not part of a release (replicas, strategy).

use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::release::Release;
use super::super::resolved::{ResolvedBackend, ResolvedRollout, ResolvedStrategy};
use super::super::seen::Seen;
use super::{child, put, selector};
use crate::core::meta::RELEASE_LABEL;
use crate::core::plan::ObjectKind;

/// Annotation: the Backend's generation for which the release was opened. It changes with the release only, so an edit of the spec that
/// changes nothing here is no write.
pub const GENERATION_ANNOTATION: &str = "slipway.dev/generation";

/// Old ReplicaSets that stay: Slipway goes back by template, so they are for people who look.
const REVISION_HISTORY_LIMIT: i32 = 3;

/// Under the Backend's name, with the template of `release`.
#[must_use]
pub fn deployment(seen: &Seen, backend: &ResolvedBackend, release: &Release) -> Value {
    let mut spec = Map::new();
    let ResolvedRollout {
        strategy,
        progress_deadline_seconds,
        min_ready_seconds,
        paused: _,
    } = &backend.rollout;
    put(&mut spec, "replicas", json!(backend.replicas));
    put(
        &mut spec,
        "selector",
        json!({"matchLabels": selector(&seen.name())}),
    );
    put(&mut spec, "strategy", strategy_value(strategy));
    put(
        &mut spec,
        "progressDeadlineSeconds",
        json!(progress_deadline_seconds),
    );
    if *min_ready_seconds > 0 {
        put(&mut spec, "minReadySeconds", json!(min_ready_seconds));
    }
    put(
        &mut spec,
        "revisionHistoryLimit",
        json!(REVISION_HISTORY_LIMIT),
    );
    put(&mut spec, "template", release.template.clone());
    let annotations = Map::from_iter([
        (
            GENERATION_ANNOTATION.to_owned(),
            json!(release.generation.to_string()),
        ),
        (
            RELEASE_LABEL.to_owned(),
            json!(release.revision.to_string()),
        ),
    ]);
    child(
        seen,
        ObjectKind::Deployment,
        &seen.name(),
        annotations,
        json!({"spec": spec}),
    )
}

fn strategy_value(strategy: &ResolvedStrategy) -> Value {
    match strategy {
        ResolvedStrategy::Recreate => json!({"type": "Recreate"}),
        ResolvedStrategy::RollingUpdate {
            max_surge,
            max_unavailable,
        } => json!({
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": max_surge.to_value(), "maxUnavailable": max_unavailable.to_value()},
        }),
    }
}

/// The number of the release that a Deployment is out with: the smaller of what its template's label and its own annotation say. One write
/// of ours sets both, and one `kubectl rollout undo` lowers both; so the label alone, raised or taken off, is an edit by hand and no release.
#[must_use]
pub fn release_of(deployment: &Deployment) -> Option<i64> {
    let template = deployment.spec.as_ref().map(|spec| &spec.template);
    let metadata = template.and_then(|template| template.metadata.as_ref());
    let labels = metadata.and_then(|metadata| metadata.labels.as_ref());
    let in_template = labels.and_then(|labels| labels.get(RELEASE_LABEL));
    let beside = deployment.annotations().get(RELEASE_LABEL);
    [in_template, beside]
        .into_iter()
        .filter_map(|number| number?.parse().ok())
        .min()
}

/// Whether a Deployment that is met has the template of a later release than the one that was to be made: who made that plan did not know
/// of it.
#[must_use]
pub fn is_of_later_release(existing: &Value, wanted: &Value) -> bool {
    let release_in = |body| release_of(&Deployment::deserialize(body).ok()?);
    release_in(existing) > release_in(wanted)
}
