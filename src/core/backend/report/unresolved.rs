//! Secrets, ConfigMaps and keys that a pod needs and does not find, in the kubelet's words, and where the Backend names them.

use kube::ResourceExt;

use super::super::resolved::{ResolvedBackend, SourceKind, VariableValue};
use super::super::seen::Seen;
use super::trouble::TroubleKind;

/// `secret "x" not found`, `couldn't find key k in Secret ns/x`, and the same for ConfigMaps: the kubelet's words.
pub(super) fn configuration(
    seen: &Seen,
    backend: &ResolvedBackend,
    pod: &str,
    text: &str,
) -> (TroubleKind, String) {
    let namespace = seen.namespace();
    let Some((kind, object, key)) = missing_object(text) else {
        let message = format!(
            "pod {pod} cannot start: {}. Next: kubectl describe pod {pod} -n {namespace}",
            text.trim_end_matches('.')
        );
        return (TroubleKind::NotReady, message);
    };
    let (word, trouble) = match kind {
        SourceKind::Secret => ("secret", TroubleKind::SecretMissing),
        SourceKind::ConfigMap => ("configmap", TroubleKind::ConfigMapMissing),
    };
    let by = named_by(seen, backend, kind, &object)
        .map_or_else(String::new, |place| format!(" (named by {place})"));
    let message = match key {
        None => format!(
            "pod {pod} cannot start: {word} {object} not found{by}. Next: kubectl get {word} {object} -n {namespace}"
        ),
        Some(key) => {
            format!(
                "pod {pod} cannot start: {word} {object} has no key {key}{by}. Next: kubectl describe {word} {object} -n {namespace}"
            )
        }
    };
    (trouble, message)
}

fn missing_object(text: &str) -> Option<(SourceKind, String, Option<String>)> {
    if let Some((_, rest)) = text.split_once("couldn't find key ") {
        let (key, rest) = rest.split_once(" in ")?;
        let (kind, path) = rest.split_once(' ')?;
        let kind = if kind == "Secret" {
            SourceKind::Secret
        } else {
            SourceKind::ConfigMap
        };
        let object = path.split([' ', ',']).next()?.rsplit('/').next()?;
        return Some((kind, object.to_owned(), Some(key.to_owned())));
    }
    for (word, kind) in [
        ("secret \"", SourceKind::Secret),
        ("configmap \"", SourceKind::ConfigMap),
    ] {
        if let Some((name, rest)) = text
            .split_once(word)
            .and_then(|(_, rest)| rest.split_once('"'))
            && rest.contains("not found")
        {
            return Some((kind, name.to_owned(), None));
        }
    }
    None
}

/// Where a Secret or ConfigMap is named.
fn named_by(
    seen: &Seen,
    backend: &ResolvedBackend,
    kind: SourceKind,
    object: &str,
) -> Option<String> {
    let database = seen
        .databases
        .values()
        .find(|database| database.spec.credentials.secret == object);
    if let Some(database) = database.filter(|_| kind == SourceKind::Secret) {
        return Some(format!(
            "database {}, spec.credentials",
            database.name_any()
        ));
    }
    let member = match kind {
        SourceKind::Secret => "secretKeyRef",
        SourceKind::ConfigMap => "configMapKeyRef",
    };
    let variable = backend.environment.iter().find(|variable| {
        matches!(&variable.value, VariableValue::From(from)
            if from.get(member).and_then(|reference| reference.get("name")).and_then(serde_json::Value::as_str) == Some(object))
    });
    if let Some(variable) = variable {
        return Some(format!("spec.env[{}]", variable.name));
    }
    let source = backend
        .environment_sources
        .iter()
        .any(|source| source.kind == kind && source.name == object);
    source.then(|| "spec.envFrom".to_owned())
}
