//! What Slipway keeps of a ConfigMap: which keys it has and a hash of each value. Enough to see a change and to see that a key is
//! missing. The data is hashed while it is decoded and never stored, so a namespace full of large ConfigMaps costs a few bytes a key.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{ByteString, NamespaceResourceScope};
use kube::{Resource, ResourceExt};
use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use super::hash;
use super::meta::slim;

/// A ConfigMap without its data.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(from = "Wire")]
pub struct ConfigMapDigest {
    pub metadata: ObjectMeta,
    /// Key -> hash of its value (`data` and `binaryData`): of the bytes that a pod finds in the file of that name.
    pub keys: BTreeMap<String, String>,
}

/// Hash of one value, or of the file that a pod sees of it.
#[must_use]
pub fn hash_of_value(bytes: &[u8]) -> String {
    hash::of_bytes([bytes])
}

/// Hash of names and contents together, from the hash of each.
#[must_use]
pub fn digest(keys: &BTreeMap<String, String>) -> String {
    hash::of_parts(keys.iter().flat_map(|(key, hash)| [key.as_str(), hash]))
}

impl ConfigMapDigest {
    /// The digest of a ConfigMap that was read whole: offline, and in tests.
    #[must_use]
    pub fn of(config_map: &ConfigMap) -> Self {
        let texts = config_map.data.iter().flatten();
        let texts = texts.map(|(key, value)| (key.clone(), hash_of_value(value.as_bytes())));
        let binaries = config_map.binary_data.iter().flatten();
        let binaries = binaries.map(|(key, value)| (key.clone(), hash_of_value(&value.0)));
        Self {
            metadata: slim(config_map.metadata.clone()),
            keys: texts.chain(binaries).collect(),
        }
    }

    /// Hash of all keys and values: of the files in a pod that mounts it.
    #[must_use]
    pub fn digest(&self) -> String {
        digest(&self.keys)
    }

    /// The ConfigMap's name.
    #[must_use]
    pub fn name(&self) -> String {
        self.name_any()
    }
}

impl Resource for ConfigMapDigest {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        ConfigMap::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        ConfigMap::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        ConfigMap::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        ConfigMap::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// A ConfigMap as the API sends it, its values hashed on the way.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    metadata: ObjectMeta,
    #[serde(default)]
    data: Option<BTreeMap<String, Hashed>>,
    #[serde(default)]
    binary_data: Option<BTreeMap<String, ByteString>>,
}

impl From<Wire> for ConfigMapDigest {
    fn from(wire: Wire) -> Self {
        let texts = wire.data.into_iter().flatten();
        let binaries = wire.binary_data.into_iter().flatten();
        Self {
            metadata: slim(wire.metadata),
            keys: texts
                .map(|(key, value)| (key, value.0))
                .chain(binaries.map(|(key, value)| (key, hash_of_value(&value.0))))
                .collect(),
        }
    }
}

/// Hash of a text that was seen while decoding and not kept.
struct Hashed(String);

impl<'de> Deserialize<'de> for Hashed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextHasher)
    }
}

struct TextHasher;

impl Visitor<'_> for TextHasher {
    type Value = Hashed;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Hashed(hash_of_value(text.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::{Value, json};

    use super::ConfigMapDigest;

    fn object(data: &Value) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "flags", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": data.to_string()}},
            "data": data,
            "binaryData": {"logo": "AAEC"},
        })
    }

    fn decoded(data: &Value) -> ConfigMapDigest {
        serde_json::from_value(object(data)).expect("a ConfigMap of texts decodes")
    }

    #[test]
    fn what_a_config_map_says_is_hashed_and_not_kept() {
        let digest = decoded(&json!({"greeting": "a private text", "limit": "5"}));
        assert!(!format!("{digest:?}").contains("private"));
        assert_eq!(
            digest.keys.keys().collect::<Vec<_>>(),
            ["greeting", "limit", "logo"]
        );
    }

    #[test]
    fn a_changed_value_changes_the_hash_of_its_key_and_no_other() {
        let (old, new) = (
            decoded(&json!({"a": "1", "b": "2"})),
            decoded(&json!({"a": "1", "b": "3"})),
        );
        assert_eq!(old.keys.get("a"), new.keys.get("a"));
        assert_ne!(old.keys.get("b"), new.keys.get("b"));
    }

    /// What a pod finds in its file counts, not how the API sends it.
    #[test]
    fn text_and_bytes_of_the_same_content_are_the_same() {
        let digest = decoded(&json!({"text": "\u{0}\u{1}\u{2}"}));
        assert_eq!(digest.keys.get("text"), digest.keys.get("logo"));
        assert_ne!(digest.digest(), decoded(&json!({"text": "x"})).digest());
    }

    #[test]
    fn a_config_map_read_whole_has_the_digest_of_the_watched_one() {
        let data = json!({"a": "1"});
        let whole: ConfigMap = serde_json::from_value(object(&data)).expect("a ConfigMap");
        assert_eq!(ConfigMapDigest::of(&whole), decoded(&data));
    }
}
