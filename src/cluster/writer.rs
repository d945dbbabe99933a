//! The one that writes. It carries out a plan as it stands, asks before each write whether this replica may still write, and tells what
//! came back. It decides nothing and repeats nothing: what failed is looked at again.

use std::sync::Arc;

use http::Request as HttpRequest;
use kube::Client;
use kube::api::{DeleteParams, GetParams, Patch as Body, Preconditions, PropagationPolicy};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::caches::{Written, WrittenWhat};
use super::failure;
use super::observer::RequestObserver;
use crate::core::backend::build::deployment::is_of_later_release;
use crate::core::plan::{
    Apply, Confirm, Create, Delete, Executed, ObjectKey, Patch, Plan, Precondition, Propagation,
    ReplaceDatabaseStatus, Step, Stop,
};
use crate::core::size;
use ownership::{adopt, is_controlled_by, missing_labels};
use request::{apply, merge, outcome, post, resource, text, version_in, with_metadata};

pub use status::Extent;

mod ownership;
mod request;
mod status;

/// A resourceVersion that no existing object has: etcd's first revision is taken before any object is stored.
const NEVER: &str = "1";

/// Whether this replica may write; asked before every single write.
pub trait WriteGate: Send + Sync {
    /// From memory, at once.
    fn may_write(&self) -> bool;
}

/// The root of a plan: what it writes belongs to this object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Root {
    pub key: ObjectKey,
    pub uid: String,
    /// Of the object that was looked at: a status that speaks of an older one than there is says nothing.
    pub resource_version: String,
}

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Writer {
    client: Client,
    gate: Arc<dyn WriteGate>,
    observer: Arc<dyn RequestObserver>,
    #[cfg(feature = "faults")]
    faults: Arc<super::faults::Faults>,
}

/// What an execution gives: for the report, and for whoever waits until the caches show it.
#[derive(Debug, Default)]
pub struct Execution {
    pub executed: Executed,
    pub written: Vec<Written>,
}

type Sent = Result<Value, kube::Error>;

impl Writer {
    /// A writer that asks this gate.
    #[must_use]
    pub fn new(
        client: Client,
        gate: Arc<dyn WriteGate>,
        observer: Arc<dyn RequestObserver>,
        #[cfg(feature = "faults")] faults: Arc<super::faults::Faults>,
    ) -> Self {
        Self {
            client,
            gate,
            observer,
            #[cfg(feature = "faults")]
            faults,
        }
    }

    /// Carries the steps out in order; the first that fails ends it. A plan with a body that is too large is not begun.
    pub async fn execute(&self, plan: &Plan, root: &Root) -> Execution {
        let mut execution = Execution::default();
        execution.executed.stop = plan.steps.iter().find_map(size::stop_of);
        if execution.executed.stop.is_some() {
            return execution;
        }
        for step in &plan.steps {
            match self.step(step, root).await {
                Ok(answer) => {
                    execution.written.extend(written(step, &answer));
                    execution.executed.answers.push(answer);
                }
                Err(stop) => {
                    execution.executed.stop = Some(stop);
                    break;
                }
            }
        }
        execution
    }

    async fn step(&self, step: &Step, root: &Root) -> Result<Value, Stop> {
        match step {
            Step::Apply(apply) => self.apply(apply, root).await,
            Step::Create(create) => self.create(create, root).await,
            Step::Patch(patch) => self.patch(patch).await,
            Step::Delete(delete) => self.delete(delete).await,
            Step::ReplaceDatabaseStatus(replace) => self.replace_status(replace).await,
            Step::Confirm(confirm) => self.confirm(confirm).await,
        }
    }

    async fn apply(&self, step: &Apply, root: &Root) -> Result<Value, Stop> {
        let Apply {
            key,
            body,
            precondition,
        } = step;
        let sent = self.send_apply(key, body, precondition).await?;
        match (sent, precondition) {
            (Err(kube::Error::Api(status)), Precondition::Absent) if status.code == 409 => {
                self.apply_to_existing(key, body, root).await
            }
            (sent, _) => sent.map_err(|error| failure::stop(key, "patch", &error)),
        }
    }

    /// The caches did not show it, yet it exists: ours (its label was taken away, or the cache is behind), or foreign. Of ours, what a later
    /// release made stays: a first release that arrives late must not bring its template back. Then only the labels come back, so that the
    /// next look sees it: else it would meet it again and again.
    async fn apply_to_existing(
        &self,
        key: &ObjectKey,
        body: &Value,
        root: &Root,
    ) -> Result<Value, Stop> {
        let existing = self.get(key).await?;
        if !is_controlled_by(&existing, &root.uid) {
            return Err(Stop::NameConflict { key: key.clone() });
        }
        let uid = text(&existing, "/metadata/uid").to_owned();
        let resource_version = text(&existing, "/metadata/resourceVersion").to_owned();
        if is_of_later_release(&existing, body) {
            if let Some(body) = missing_labels(&existing, body) {
                let key = key.clone();
                let labelled = Patch {
                    key,
                    uid,
                    resource_version,
                    body,
                };
                self.patch(&labelled).await?;
            }
            return Err(Stop::ReadAgain { key: key.clone() });
        }
        let as_read = Precondition::Exactly {
            uid,
            resource_version,
        };
        let sent = self.send_apply(key, body, &as_read).await?;
        sent.map_err(|error| failure::stop(key, "patch", &error))
    }

    async fn send_apply(
        &self,
        key: &ObjectKey,
        body: &Value,
        precondition: &Precondition,
    ) -> Result<Sent, Stop> {
        let metadata = match precondition {
            Precondition::Absent => json!({"resourceVersion": NEVER}),
            Precondition::Uid(uid) => json!({"uid": uid}),
            Precondition::Exactly {
                uid,
                resource_version,
            } => json!({"uid": uid, "resourceVersion": resource_version}),
        };
        let body = with_metadata(body, metadata);
        let request = resource(key).patch(&key.name, &apply(), &Body::Apply(body));
        self.write("patch", key, request).await
    }

    /// What no cache shows is looked for first: that an earlier POST has made it, whose answer was lost, would never be known else.
    async fn create(&self, step: &Create, root: &Root) -> Result<Value, Stop> {
        let Create { key, body, hash } = step;
        if !key.kind.is_watched()
            && let Some(existing) = self.find(key).await?
        {
            return adopt(key, existing, body, hash, root);
        }
        let data = body.to_string().into_bytes();
        let sent = self
            .write("create", key, resource(key).create(&post(), data))
            .await?;
        match sent {
            Err(kube::Error::Api(status)) if status.code == 409 => {
                let existing = self.get(key).await?;
                adopt(key, existing, body, hash, root)
            }
            sent => sent.map_err(|error| failure::stop(key, "create", &error)),
        }
    }

    async fn patch(&self, step: &Patch) -> Result<Value, Stop> {
        let Patch {
            key,
            uid,
            resource_version,
            body,
        } = step;
        let body = with_metadata(
            body,
            json!({"uid": uid, "resourceVersion": resource_version}),
        );
        let request = resource(key).patch(&key.name, &merge(), &Body::Merge(body));
        let sent = self.write("patch", key, request).await?;
        sent.map_err(|error| failure::stop(key, "patch", &error))
    }

    async fn delete(&self, step: &Delete) -> Result<Value, Stop> {
        let Delete {
            key,
            uid,
            resource_version,
            propagation,
        } = step;
        let parameters = DeleteParams {
            propagation_policy: Some(match propagation {
                Propagation::Background => PropagationPolicy::Background,
                Propagation::Foreground => PropagationPolicy::Foreground,
            }),
            preconditions: Some(Preconditions {
                uid: Some(uid.clone()),
                resource_version: Some(resource_version.clone()),
            }),
            ..DeleteParams::default()
        };
        let request = resource(key).delete(&key.name, &parameters);
        match self.write("delete", key, request).await? {
            Ok(_) => Ok(Value::Null),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(Value::Null),
            Err(error) => Err(failure::stop(key, "delete", &error)),
        }
    }

    async fn replace_status(&self, step: &ReplaceDatabaseStatus) -> Result<Value, Stop> {
        let ReplaceDatabaseStatus {
            key,
            uid,
            resource_version,
            status,
        } = step;
        let body = json!({
            "apiVersion": key.kind.api_version(),
            "kind": key.kind.kind(),
            "metadata": {
                "name": key.name,
                "namespace": key.namespace,
                "uid": uid,
                "resourceVersion": resource_version,
            },
            "status": status,
        });
        let data = body.to_string().into_bytes();
        let request = resource(key).replace_subresource("status", &key.name, &post(), data);
        let sent = self.write("update", key, request).await?;
        sent.map_err(|error| failure::stop(key, "update", &error))
    }

    async fn confirm(&self, step: &Confirm) -> Result<Value, Stop> {
        let Confirm {
            key,
            uid,
            generation,
            annotation,
        } = step;
        let current = self.get(key).await?;
        let same = text(&current, "/metadata/uid") == uid
            && current
                .pointer("/metadata/generation")
                .and_then(Value::as_i64)
                == Some(*generation)
            && current.pointer("/metadata/deletionTimestamp").is_none()
            && annotation.as_ref().is_none_or(|(name, value)| {
                let annotations = current.pointer("/metadata/annotations");
                annotations.and_then(|all| all.get(*name)?.as_str()) == Some(value)
            });
        if same {
            Ok(current)
        } else {
            Err(Stop::ReadAgain { key: key.clone() })
        }
    }

    /// What is there; `None`: nothing.
    async fn find(&self, key: &ObjectKey) -> Result<Option<Value>, Stop> {
        match self.read(key).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            sent => sent
                .map(Some)
                .map_err(|error| failure::stop(key, "get", &error)),
        }
    }

    async fn get(&self, key: &ObjectKey) -> Result<Value, Stop> {
        let sent = self.read(key).await;
        sent.map_err(|error| failure::stop(key, "get", &error))
    }

    /// A read that the API server answers from etcd: no resourceVersion is named.
    async fn read(&self, key: &ObjectKey) -> Sent {
        let request = resource(key).get(&key.name, &GetParams::default());
        self.send("get", key, request).await
    }

    async fn write(
        &self,
        verb: &'static str,
        key: &ObjectKey,
        request: Result<HttpRequest<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<Sent, Stop> {
        if !self.gate.may_write() {
            self.observer.withheld();
            return Err(Stop::NotLeader);
        }
        #[cfg(feature = "faults")]
        let number = self.faults.before_write();
        let sent = self.send(verb, key, request).await;
        #[cfg(feature = "faults")]
        self.faults.after_write(number);
        Ok(sent)
    }

    async fn send(
        &self,
        verb: &'static str,
        key: &ObjectKey,
        request: Result<HttpRequest<Vec<u8>>, kube::core::request::Error>,
    ) -> Sent {
        let request = request.map_err(kube::Error::BuildRequest)?;
        let sent = self.client.request::<Value>(request).await;
        self.observer
            .answered(verb, key.kind.kind(), outcome(&sent));
        sent
    }
}

/// What the caches have to show before the root is looked at again; nothing for a read.
fn written(step: &Step, answer: &Value) -> Option<Written> {
    let version = || WrittenWhat::Version(version_in(answer));
    let (key, what) = match step {
        Step::Apply(step) => (&step.key, version()),
        Step::Create(step) => (&step.key, version()),
        Step::Patch(step) => (&step.key, version()),
        Step::ReplaceDatabaseStatus(step) => (&step.key, version()),
        Step::Delete(step) => (
            &step.key,
            WrittenWhat::Deleted {
                uid: step.uid.clone(),
            },
        ),
        Step::Confirm(_) => return None,
    };
    Some(Written {
        key: key.clone(),
        what,
        answered: Instant::now(),
    })
}

#[cfg(test)]
mod tests;
