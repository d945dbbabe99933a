//! The parts of a request: address, parameters, body; and what its answer says of itself. Sends nothing.

use kube::api::{PatchParams, PostParams};
use kube::core::Request;
use serde_json::{Value, json};

use super::Sent;
use crate::core::meta::MANAGER;
use crate::core::plan::ObjectKey;

pub(super) fn resource(key: &ObjectKey) -> Request {
    let version = key.kind.api_version();
    let prefix = if version.contains('/') { "apis" } else { "api" };
    Request::new(format!(
        "/{prefix}/{version}/namespaces/{}/{}",
        key.namespace,
        key.kind.plural()
    ))
}

pub(super) fn apply() -> PatchParams {
    PatchParams::apply(MANAGER).force()
}

pub(super) fn merge() -> PatchParams {
    PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    }
}

pub(super) fn post() -> PostParams {
    PostParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PostParams::default()
    }
}

pub(super) fn with_metadata(body: &Value, more: Value) -> Value {
    let mut body = body.clone();
    if let Some(body) = body.as_object_mut() {
        let metadata = body.entry("metadata").or_insert_with(|| json!({}));
        if let (Some(metadata), Value::Object(more)) = (metadata.as_object_mut(), more) {
            metadata.extend(more);
        }
    }
    body
}

pub(super) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

pub(super) fn version_in(answer: &Value) -> u64 {
    text(answer, "/metadata/resourceVersion")
        .parse()
        .unwrap_or_default()
}

pub(super) fn outcome(sent: &Sent) -> &'static str {
    match sent {
        Ok(_) => "success",
        Err(kube::Error::Api(status)) => match status.code {
            403 => "forbidden",
            404 => "not_found",
            409 => "conflict",
            422 => "invalid",
            429 => "too_many_requests",
            500..=599 => "server_error",
            _ => "client_error",
        },
        Err(_) => "no_answer",
    }
}
