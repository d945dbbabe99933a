//! The status of a root: one write, which tells of the very object that was looked at.

use kube::api::Patch as Body;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::request::{apply, merge, resource, version_in};
use super::{Root, Writer};
use crate::cluster::caches::{Written, WrittenWhat};
use crate::cluster::failure;
use crate::core::plan::Stop;
use crate::core::size;

/// How much of a status is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Extent {
    /// All of it: what is left out is no more.
    Whole,
    /// Some fields of an object that cannot be read: what else stands there stays, as nobody knows it.
    Part,
}

impl Writer {
    /// Writes the status of a root. The caller has seen that it differs from the cached one. A late one of a leader of before, which speaks of
    /// an older object, is refused by its resourceVersion.
    pub async fn write_status(
        &self,
        root: &Root,
        status: &Value,
        extent: Extent,
    ) -> Result<Written, Stop> {
        let key = &root.key;
        size::check(status, size::LARGEST).map_err(|too_large| Stop::TooLarge {
            key: key.clone(),
            too_large,
        })?;
        let body = json!({
            "apiVersion": key.kind.api_version(),
            "kind": key.kind.kind(),
            "metadata": {
                "name": key.name,
                "namespace": key.namespace,
                "uid": root.uid,
                "resourceVersion": root.resource_version,
            },
            "status": status,
        });
        let (parameters, body) = match extent {
            Extent::Whole => (apply(), Body::Apply(body)),
            Extent::Part => (merge(), Body::Merge(body)),
        };
        let request = resource(key).patch_subresource("status", &key.name, &parameters, &body);
        let answer = self.write("patch", key, request).await?;
        let answer = answer.map_err(|error| failure::stop(key, "patch", &error))?;
        Ok(Written {
            key: key.clone(),
            what: WrittenWhat::Version(version_in(&answer)),
            answered: Instant::now(),
        })
    }
}
