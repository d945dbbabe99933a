//! The CustomResourceDefinitions as YAML: what `slipway crds` prints, what lies in `crds/` and in the chart. Pure text from `api`.

use serde::Serialize;

use crate::api;

/// One definition, ready to be written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CrdFile {
    /// Name of the file: that of the definition, as in `kubectl get crd`. Example: `backends.slipway.dev.yaml`.
    pub name: String,
    /// The definition as a YAML document, with a line feed at its end.
    pub yaml: String,
}

/// A file for each kind, in the order in which they are installed.
#[must_use]
pub fn files() -> Vec<CrdFile> {
    api::crds()
        .iter()
        .map(|definition| CrdFile {
            name: format!(
                "{}.yaml",
                definition.metadata.name.as_deref().unwrap_or_default()
            ),
            yaml: to_yaml(definition),
        })
        .collect()
}

/// All definitions as one stream of YAML documents, for `kubectl apply --server-side -f -`.
#[must_use]
pub fn yaml() -> String {
    let documents: Vec<String> = files().into_iter().map(|file| file.yaml).collect();
    format!("---\n{}", documents.join("---\n"))
}

/// By way of JSON: written directly, data enums would come out as YAML tags.
fn to_yaml<T: Serialize>(value: &T) -> String {
    let json = serde_json::to_value(value).expect("a definition is JSON");
    serde_yaml::to_string(&json).expect("JSON can be written as YAML")
}
