//! The Deployment: a released template, and what is not part of a release (replicas, strategy).

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
    let annotations = Map::from_iter([(
        GENERATION_ANNOTATION.to_owned(),
        json!(release.generation.to_string()),
    )]);
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

/// Whether a Deployment that is met has the template of a later release than the one that was to be made: who made that plan did not know
/// of it.
#[must_use]
pub fn is_of_later_release(existing: &Value, wanted: &Value) -> bool {
    release_in(existing) > release_in(wanted)
}

fn release_in(deployment: &Value) -> Option<i64> {
    let labels = deployment.pointer("/spec/template/metadata/labels")?;
    labels.get(RELEASE_LABEL)?.as_str()?.parse().ok()
}
