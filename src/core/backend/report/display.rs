//! Strings and numbers for people: the columns of `kubectl get`, and the defaults that are in force.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::super::decision::Considered;
use super::super::resolved::{ResolvedBackend, short_image};
use super::super::seen::Seen;
use crate::api::backend::{BackendDisplay, BackendStatus, BackendType, Effective};
use crate::api::workload::Resources;
use crate::core::quantity::Amount;

/// The defaults in force.
pub(super) fn effective(backend: &ResolvedBackend) -> Effective {
    Effective {
        type_: Some(backend.shape),
        replicas: Some(backend.replicas),
        resources: Some(Resources {
            requests: quantities(&backend.resources.requests),
            limits: quantities(&backend.resources.limits),
        }),
        drain_seconds: Some(backend.shutdown.drain),
        grace_seconds: Some(backend.shutdown.grace),
        progress_deadline_seconds: Some(backend.rollout.progress_deadline_seconds),
    }
}

fn quantities(amounts: &BTreeMap<String, Amount>) -> BTreeMap<String, Quantity> {
    amounts
        .iter()
        .map(|(resource, amount)| (resource.clone(), Quantity(amount.canonical())))
        .collect()
}

/// The columns.
pub(super) fn display(
    seen: &Seen,
    considered: Option<&Considered>,
    status: &BackendStatus,
) -> BackendDisplay {
    let spec = &seen.backend.spec;
    let wanted = considered.map(|considered| considered.backend.replicas);
    let names: Vec<&str> = spec
        .databases
        .iter()
        .map(|binding| binding.name.as_str())
        .collect();
    BackendDisplay {
        type_: Some(match spec.type_.unwrap_or(BackendType::Service) {
            BackendType::Service => "Service".to_owned(),
            BackendType::Worker => "Worker".to_owned(),
        }),
        image: Some(image(&spec.image, status)),
        replicas: wanted.map(|wanted| format!("{}/{wanted}", status.ready_replicas.unwrap_or(0))),
        schema: Some(schema(status)),
        release: status
            .release
            .as_ref()
            .map(|release| release.revision.to_string()),
        database: (!names.is_empty()).then(|| names.join(",")),
    }
}

/// Released, then `->` wanted while it is held.
fn image(wanted: &str, status: &BackendStatus) -> String {
    let wanted = short_image(wanted);
    match &status.release {
        Some(release) if short_image(&release.image) != wanted => {
            format!("{}->{wanted}", short_image(&release.image))
        }
        _ => wanted.to_owned(),
    }
}

fn schema(status: &BackendStatus) -> String {
    let Some(schema) = &status.schema else {
        return "-".to_owned();
    };
    match (schema.current.as_deref(), schema.target.as_deref()) {
        (None, None) => "-".to_owned(),
        (Some(current), None) => current.to_owned(),
        (current, Some(target)) => format!("{}/{target}", current.unwrap_or("-")),
    }
}
