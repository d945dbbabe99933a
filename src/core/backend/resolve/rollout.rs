//! How a new release replaces the old one.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::super::resolved::{File, FileSource, ResolvedRollout, ResolvedStrategy, Share};
use super::{Invalid, invalid};
use crate::api::workload::{Rollout, Strategy, StrategyType};

/// Seconds after which a rollout that does not move needs a person. Kubernetes' own default.
const PROGRESS_DEADLINE_SECONDS: i32 = 600;

/// `spec.rollout` with its defaults. A disk that one pod can write makes the default strategy Recreate: a second pod would wait for it for ever.
pub(super) fn resolve(
    rollout: Option<&Rollout>,
    files: &[File],
) -> Result<ResolvedRollout, Invalid> {
    let asked = rollout.cloned().unwrap_or_default();
    let progress_deadline_seconds = asked
        .progress_deadline_seconds
        .unwrap_or(PROGRESS_DEADLINE_SECONDS);
    let min_ready_seconds = asked.min_ready_seconds.unwrap_or(0);
    if !(60..=7200).contains(&progress_deadline_seconds) {
        return Err(invalid(
            "spec.rollout.progressDeadlineSeconds",
            "out of range",
            "Give 60 to 7200 seconds",
        ));
    }
    if !(0..=600).contains(&min_ready_seconds) {
        return Err(invalid(
            "spec.rollout.minReadySeconds",
            "out of range",
            "Give 0 to 600 seconds",
        ));
    }
    if progress_deadline_seconds <= min_ready_seconds {
        let fault = format!(
            "{progress_deadline_seconds} is not more than minReadySeconds ({min_ready_seconds})"
        );
        return Err(invalid(
            "spec.rollout.progressDeadlineSeconds",
            fault,
            "Give more than minReadySeconds",
        ));
    }
    Ok(ResolvedRollout {
        strategy: strategy(asked.strategy.as_ref(), has_writable_disk(files))?,
        progress_deadline_seconds,
        min_ready_seconds,
        paused: asked.paused == Some(true),
    })
}

fn has_writable_disk(files: &[File]) -> bool {
    files.iter().any(|file| {
        matches!(
            file.source,
            FileSource::Claim {
                read_only: false,
                ..
            }
        )
    })
}

fn strategy(strategy: Option<&Strategy>, writable_disk: bool) -> Result<ResolvedStrategy, Invalid> {
    let field = "spec.rollout.strategy";
    let asked = strategy.cloned().unwrap_or_default();
    let numbers = asked.max_surge.is_some() || asked.max_unavailable.is_some();
    let fallback = if writable_disk && !numbers {
        StrategyType::Recreate
    } else {
        StrategyType::RollingUpdate
    };
    if asked.type_.unwrap_or(fallback) == StrategyType::Recreate {
        return if numbers {
            Err(invalid(
                field,
                "Recreate has neither maxSurge nor maxUnavailable",
                "Remove them, or the type",
            ))
        } else {
            Ok(ResolvedStrategy::Recreate)
        };
    }
    let max_surge = share(
        &format!("{field}.maxSurge"),
        asked.max_surge.as_ref(),
        Share::Percent(25),
    )?;
    let max_unavailable = share(
        &format!("{field}.maxUnavailable"),
        asked.max_unavailable.as_ref(),
        Share::Pods(0),
    )?;
    if is_none(max_surge) && is_none(max_unavailable) {
        return Err(invalid(
            field,
            "maxSurge and maxUnavailable are both 0, so no pod could ever be replaced",
            "Raise one of them",
        ));
    }
    Ok(ResolvedStrategy::RollingUpdate {
        max_surge,
        max_unavailable,
    })
}

fn share(field: &str, asked: Option<&IntOrString>, default: Share) -> Result<Share, Invalid> {
    let parsed = match asked {
        None => Some(default),
        Some(IntOrString::Int(count)) if (0..=10_000).contains(count) => Some(Share::Pods(*count)),
        Some(IntOrString::String(text)) => text
            .strip_suffix('%')
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok())
            .filter(|percent| (0..=100).contains(percent))
            .map(Share::Percent),
        Some(IntOrString::Int(_)) => None,
    };
    parsed.ok_or_else(|| {
        invalid(
            field,
            "neither a number of pods nor a percentage",
            "Give one like 1 or 25%, up to 100%",
        )
    })
}

const fn is_none(share: Share) -> bool {
    matches!(share, Share::Pods(0) | Share::Percent(0))
}
