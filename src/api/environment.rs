//! Environment variables of a Backend's program.

// On the module, as the derive of the schema copies the struct without its attributes.
#![expect(
    clippy::struct_field_names,
    reason = "the names of ValueSource are Kubernetes' own"
)]

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::patterns::{
    ARGUMENT, CONTAINER_RESOURCE, KEY, OBJECT_NAME, POD_FIELD, VARIABLE, VARIABLE_PREFIX,
};
use super::schema;

/// One environment variable: `value` or `valueFrom`.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("has(self.value) != has(self.valueFrom)",
        "spec.env: a variable has either value or valueFrom; remove one, or write value: \"\" for an empty variable"),
    validation = ("!self.name.startsWith('SLIPWAY_')",
        "spec.env: names that begin with SLIPWAY_ are Slipway's own; choose another name")
)]
pub struct EnvironmentVariable {
    /// Name of the variable: letters, digits, `_`, `-`, `.`, no digit first. A name that Slipway sets too, such as `PGHOST`, is yours then;
    /// names that begin with `SLIPWAY_` are refused. Example: `LOG_LEVEL`.
    #[schemars(length(min = 1, max = 128), regex(pattern = VARIABLE))]
    pub name: String,
    /// The value. `$(NAME)` is replaced by a variable that stands before it, Slipway's own included. No default. Example: `debug`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32768), regex(pattern = ARGUMENT))]
    pub value: Option<String>,
    /// Where the value comes from, in place of `value`. No default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_from: Option<ValueSource>,
}

/// Where a variable's value comes from: exactly one.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "[has(self.configMapKeyRef), has(self.secretKeyRef), has(self.fieldRef), has(self.resourceFieldRef)].filter(x, x).size() == 1",
    "spec.env: valueFrom needs exactly one of configMapKeyRef, secretKeyRef, fieldRef, resourceFieldRef; keep one"
))]
pub struct ValueSource {
    /// A key of a ConfigMap. Its change restarts the pods, unless `restartOnConfigChange` is false. No default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_map_key_ref: Option<KeyReference>,
    /// A key of a Secret. Slipway never reads it; its change restarts nothing. No default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_key_ref: Option<KeyReference>,
    /// A field of the pod. No default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field_ref: Option<FieldReference>,
    /// A request or limit of the program's container. No default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_field_ref: Option<ResourceFieldReference>,
}

/// A key of a ConfigMap or Secret.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyReference {
    /// Name of the ConfigMap or Secret, in the Backend's namespace. Example: `orders-config`.
    #[schemars(length(min = 1, max = 253), regex(pattern = OBJECT_NAME))]
    pub name: String,
    /// Key in it. Example: `log-level`.
    #[schemars(length(min = 1, max = 253), regex(pattern = KEY))]
    pub key: String,
    /// Whether the pod may start without it; the variable is unset then. Default `false`. Example: `true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optional: Option<bool>,
}

/// A field of the pod.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldReference {
    /// Path of the field: `metadata.name`, `metadata.namespace`, `metadata.uid`, `metadata.labels['KEY']`, `metadata.annotations['KEY']`,
    /// `spec.nodeName`, `spec.serviceAccountName`, `status.podIP`, `status.podIPs`, `status.hostIP`, `status.hostIPs`. Example: `status.podIP`.
    #[schemars(length(min = 1, max = 400), regex(pattern = POD_FIELD))]
    pub field_path: String,
}

/// A resource of the container `app`.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceFieldReference {
    /// `requests.` or `limits.`, then `cpu`, `memory` or `ephemeral-storage`. Example: `limits.memory`.
    #[schemars(length(min = 1, max = 32), regex(pattern = CONTAINER_RESOURCE))]
    pub resource: String,
    /// What the value is divided by, rounded up: the unit of the variable. Default `1`: whole cores, bytes. Example: `1Mi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::quantity")]
    pub divisor: Option<Quantity>,
}

/// All keys of a ConfigMap or Secret as variables: exactly one of the two.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("has(self.configMap) != has(self.secret)",
        "spec.envFrom: an entry names either configMap or secret; keep one, and make a second entry for the other"),
    validation = ("!has(self.prefix) || !self.prefix.startsWith('SLIPWAY_')",
        "spec.envFrom: names that begin with SLIPWAY_ are Slipway's own; choose another prefix")
)]
pub struct EnvironmentSource {
    /// Name of a ConfigMap in the Backend's namespace; each key becomes a variable. No default. Example: `orders-config`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = OBJECT_NAME))]
    pub config_map: Option<String>,
    /// Name of a Secret in the Backend's namespace; each key becomes a variable. No default. Example: `orders-keys`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = OBJECT_NAME))]
    pub secret: Option<String>,
    /// Put in front of every key. Default: nothing. Example: `FEATURE_`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = VARIABLE_PREFIX))]
    pub prefix: Option<String>,
    /// Whether the pod may start without the object. Default `false`. Example: `true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optional: Option<bool>,
}
