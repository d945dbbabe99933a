//! What a watch tells those who listen: which object changed, and what of it decides whom that concerns. Pure data.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use crate::core::plan::{ObjectKey, ObjectKind};

/// One object appeared, changed or vanished.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub key: ObjectKey,
    /// What it was; absent: it is new to us.
    pub old: Option<Facts>,
    /// What it is; absent: it is gone, or has lost the label that the watch asks for.
    pub new: Option<Facts>,
}

/// What of an object tells whom it concerns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    pub uid: String,
    pub labels: BTreeMap<String, String>,
    pub owners: Vec<OwnerReference>,
}

impl Facts {
    pub(super) fn of(metadata: &ObjectMeta) -> Self {
        Self {
            uid: metadata.uid.clone().unwrap_or_default(),
            labels: metadata.labels.clone().unwrap_or_default(),
            owners: metadata.owner_references.clone().unwrap_or_default(),
        }
    }
}

impl Change {
    /// Whether the object is of this kind.
    #[must_use]
    pub fn is(&self, kind: ObjectKind) -> bool {
        self.key.kind == kind
    }

    /// Values of a label: before, after, or both where it moved. Each once.
    #[must_use]
    pub fn label_values(&self, label: &str) -> Vec<&str> {
        let mut values: Vec<&str> = self
            .facts()
            .filter_map(|facts| facts.labels.get(label))
            .map(String::as_str)
            .collect();
        values.dedup();
        values
    }

    /// Names of the owners of this kind, before and after. Each once.
    #[must_use]
    pub fn owner_names(&self, kind: ObjectKind) -> Vec<&str> {
        let owners = self.facts().flat_map(|facts| &facts.owners);
        let mut names: Vec<&str> = owners
            .filter(|owner| owner.kind == kind.kind() && owner.api_version == kind.api_version())
            .map(|owner| owner.name.as_str())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn facts(&self) -> impl Iterator<Item = &Facts> {
        self.old.iter().chain(&self.new)
    }
}
