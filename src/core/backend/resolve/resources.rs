//! Requests, limits, and what Go's runtime is told of them.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::super::resolved::{File, FileSource, GoVariables, ResolvedResources};
use super::{Invalid, invalid};
use crate::api::workload::{Go, Resources};
use crate::core::quantity::Amount;

const MEMORY: &str = "memory";
const CPU: &str = "cpu";

/// Default requests: 100m CPU, 128Mi memory.
const CPU_REQUEST: Amount = Amount::milli(100);
const MEMORY_REQUEST: Amount = Amount::mebibytes(128);

/// Default memory limit: 512Mi. There is no CPU limit by default: it throttles.
const MEMORY_LIMIT: Amount = Amount::mebibytes(512);

/// Percent of the memory limit that Go's heap may fill.
const MEMORY_LIMIT_PERCENT: i32 = 90;

/// What was asked for, with defaults that never contradict it: a default request sinks to the limit, a default limit rises to the request.
pub(super) fn resolve(resources: Option<&Resources>) -> Result<ResolvedResources, Invalid> {
    let asked = resources.cloned().unwrap_or_default();
    let mut requests = amounts("requests", &asked.requests)?;
    let mut limits = amounts("limits", &asked.limits)?;
    if !limits.contains_key(MEMORY) {
        let limit = requests
            .get(MEMORY)
            .copied()
            .filter(|request| request.nano() > MEMORY_LIMIT.nano());
        limits.insert(MEMORY.to_owned(), limit.unwrap_or(MEMORY_LIMIT));
    }
    for (resource, default) in [(CPU, CPU_REQUEST), (MEMORY, MEMORY_REQUEST)] {
        if !requests.contains_key(resource) {
            let request = limits
                .get(resource)
                .copied()
                .filter(|limit| limit.nano() < default.nano());
            requests.insert(resource.to_owned(), request.unwrap_or(default));
        }
    }
    for (resource, request) in &requests {
        if limits
            .get(resource)
            .is_some_and(|limit| request.nano() > limit.nano())
        {
            let field = format!("spec.resources.requests.{resource}");
            return Err(invalid(
                field,
                "more than the limit",
                "Raise the limit or lower the request",
            ));
        }
    }
    Ok(ResolvedResources { requests, limits })
}

fn amounts(
    part: &str,
    asked: &BTreeMap<String, Quantity>,
) -> Result<BTreeMap<String, Amount>, Invalid> {
    asked
        .iter()
        .map(|(resource, quantity)| {
            let field = format!("spec.resources.{part}.{resource}");
            amount(&field, resource, quantity).map(|amount| (resource.clone(), amount))
        })
        .collect()
}

/// A quantity that Kubernetes takes for this resource.
fn amount(field: &str, resource: &str, quantity: &Quantity) -> Result<Amount, Invalid> {
    let text = &quantity.0;
    let amount = Amount::parse(text)
        .filter(|amount| amount.nano() >= 0)
        .ok_or_else(|| {
            invalid(
                field,
                format!("`{text}` is no amount"),
                "Give one like 500m, 2 or 256Mi",
            )
        })?;
    if resource == CPU && !amount.is_whole(1000) {
        return Err(invalid(
            field,
            format!("`{text}` is finer than a thousandth of a CPU"),
            "Give a multiple of 1m",
        ));
    }
    if resource != CPU && text.ends_with('m') {
        let mended = format!("{}Mi", text.trim_end_matches('m'));
        return Err(invalid(
            field,
            format!("`{text}` counts thousandths of a byte"),
            format!("Did you mean {mended}?"),
        ));
    }
    if resource != CPU && !amount.is_whole(1) {
        return Err(invalid(
            field,
            format!("`{text}` is not a whole number"),
            "Give whole bytes or pieces",
        ));
    }
    Ok(amount)
}

/// `GOMEMLIMIT` and `GOMAXPROCS`.
pub(super) fn go(
    go: Option<&Go>,
    resources: &ResolvedResources,
    files: &[File],
) -> Result<GoVariables, Invalid> {
    let asked = go.cloned().unwrap_or_default();
    let percent = asked.memory_limit_percent.unwrap_or(MEMORY_LIMIT_PERCENT);
    if percent != 0 && !(10..=100).contains(&percent) {
        return Err(invalid(
            "spec.go.memoryLimitPercent",
            format!("{percent} is out of range"),
            "Give 0 (off) or 10 to 100",
        ));
    }
    Ok(GoVariables {
        memory_limit_bytes: memory_limit_bytes(percent, resources, files),
        max_procs: max_procs(asked.max_procs.as_ref(), resources)?,
    })
}

/// The percent of what the memory limit leaves beside memory-backed emptyDirs.
fn memory_limit_bytes(percent: i32, resources: &ResolvedResources, files: &[File]) -> Option<i64> {
    let limit = resources.limits.get(MEMORY)?.ceil();
    let in_memory: i64 = files
        .iter()
        .filter_map(|file| match &file.source {
            FileSource::Empty {
                in_memory: true,
                size_limit: Some(size),
            } => Some(size.ceil()),
            _ => None,
        })
        .fold(0, i64::saturating_add);
    let bytes = i128::from(limit.saturating_sub(in_memory)) * i128::from(percent) / 100;
    i64::try_from(bytes).ok().filter(|bytes| *bytes > 0)
}

fn max_procs(
    asked: Option<&IntOrString>,
    resources: &ResolvedResources,
) -> Result<Option<i64>, Invalid> {
    let field = "spec.go.maxProcs";
    match asked {
        None => Ok(None),
        Some(IntOrString::Int(number)) if (1..=1024).contains(number) => {
            Ok(Some(i64::from(*number)))
        }
        Some(IntOrString::String(word)) if word == "Limit" => match resources.limits.get(CPU) {
            Some(limit) => Ok(Some(limit.ceil().max(1))),
            None => Err(invalid(
                field,
                "Limit needs a CPU limit",
                "Set spec.resources.limits.cpu, or give a number",
            )),
        },
        Some(_) => Err(invalid(
            field,
            "neither a number of 1 to 1024 nor Limit",
            "Give one of the two",
        )),
    }
}
