//! The labels of all series, one type a set. A value that is not from a fixed list is a namespace or a name.

use prometheus_client::encoding::EncodeLabelSet;

use super::FinishedRun;
use crate::api::database::EntryOutcome;

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct Build {
    pub version: String,
    pub revision: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct Controller {
    pub controller: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct Reconcile {
    pub controller: &'static str,
    pub result: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct Name {
    name: String,
}

impl Name {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
        }
    }
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct ApiRequest {
    pub verb: &'static str,
    pub kind: &'static str,
    pub outcome: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct HttpRequest {
    pub code: String,
    pub method: String,
}

/// An object of a kind.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct Object {
    pub kind: &'static str,
    pub namespace: String,
    pub name: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct ObjectInfo {
    pub kind: &'static str,
    pub namespace: String,
    pub name: String,
    pub r#type: String,
    pub reason: String,
}

/// An object whose kind the series' name tells.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct Named {
    pub namespace: String,
    pub name: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct OfBackend {
    pub namespace: String,
    pub backend: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct MigrationKind {
    tool: &'static str,
    phase: &'static str,
}

impl MigrationKind {
    pub(super) fn of(run: &FinishedRun<'_>) -> Self {
        Self {
            tool: run.tool.word(),
            phase: run.phase.word(),
        }
    }
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct MigrationRun {
    namespace: String,
    backend: String,
    tool: &'static str,
    phase: &'static str,
    outcome: &'static str,
}

impl MigrationRun {
    pub(super) fn of(run: &FinishedRun<'_>) -> Self {
        Self {
            namespace: run.namespace.to_owned(),
            backend: run.backend.to_owned(),
            tool: run.tool.word(),
            phase: run.phase.word(),
            outcome: outcome(run.outcome),
        }
    }
}

const fn outcome(outcome: EntryOutcome) -> &'static str {
    match outcome {
        EntryOutcome::Succeeded => "Succeeded",
        EntryOutcome::Skipped => "Skipped",
        EntryOutcome::Failed => "Failed",
        EntryOutcome::Blocked => "Blocked",
        EntryOutcome::Unknown => "Unknown",
        EntryOutcome::RetryWait => "RetryWait",
        EntryOutcome::Listed => "Listed",
    }
}
