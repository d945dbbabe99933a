//! The API server's audit log, read back: who asked for what, and what was answered. One line per request, written before the answer goes out,
//! so that a request that has returned is in the log.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::Deserialize;

/// The log's file.
#[derive(Clone, Debug)]
pub struct AuditLog {
    path: PathBuf,
}

/// A place in the log and the time there. What a request has done shows before its line is written, so a line beyond the place may tell of a
/// request that came before: it does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    place: u64,
    time: Timestamp,
}

impl Mark {
    /// The beginning of the log.
    pub const BEGINNING: Self = Self {
        place: 0,
        time: Timestamp::UNIX_EPOCH,
    };
}

/// One request and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When the request came.
    pub time: Timestamp,
    pub user: String,
    /// The pod whose token was used; empty where it was not a pod's.
    pub pod: String,
    pub user_agent: String,
    /// The API server's verb: get, list, watch, create, update, patch, delete, deletecollection.
    pub verb: String,
    /// Empty for the core group, and for requests of no resource.
    pub group: String,
    /// The plural name, such as `jobs`; empty for paths such as `/readyz`.
    pub resource: String,
    pub subresource: String,
    pub namespace: String,
    pub name: String,
    /// The status of the answer; 0 if there was none.
    pub code: u16,
    /// Refused for want of a right.
    pub denied: bool,
    pub path: String,
}

impl AuditLog {
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// The end of the log now.
    pub fn mark(&self) -> Result<Mark> {
        let file = std::fs::metadata(&self.path)
            .with_context(|| format!("look at {}", self.path.display()))?;
        Ok(Mark {
            place: file.len(),
            time: Timestamp::now(),
        })
    }

    /// All requests that came since a mark, in the order of their answers; a watch counts once, when its answer began (stage `ResponseStarted`).
    pub fn since(&self, mark: Mark) -> Result<Entries> {
        let mut file =
            File::open(&self.path).with_context(|| format!("open {}", self.path.display()))?;
        file.seek(SeekFrom::Start(mark.place))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let mut entries = parse(&text);
        entries.retain(|entry| entry.time >= mark.time);
        Ok(Entries(entries))
    }
}

/// Requests, to be narrowed down and counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries(pub Vec<Entry>);

impl Entries {
    #[must_use]
    pub fn filter(&self, keep: impl Fn(&Entry) -> bool) -> Self {
        Self(self.0.iter().filter(|entry| keep(entry)).cloned().collect())
    }

    /// Of a user, by its full name: `system:serviceaccount:NAMESPACE:NAME`.
    #[must_use]
    pub fn of_user(&self, user: &str) -> Self {
        self.filter(|entry| entry.user == user)
    }

    #[must_use]
    pub fn of_service_account(&self, namespace: &str, name: &str) -> Self {
        self.of_user(&format!("system:serviceaccount:{namespace}:{name}"))
    }

    /// Of programs whose user agent begins so: `slipway/`.
    #[must_use]
    pub fn of_agent(&self, prefix: &str) -> Self {
        self.filter(|entry| entry.user_agent.starts_with(prefix))
    }

    #[must_use]
    pub fn in_namespace(&self, namespace: &str) -> Self {
        self.filter(|entry| entry.namespace == namespace)
    }

    #[must_use]
    pub fn on(&self, resource: &str) -> Self {
        self.filter(|entry| entry.resource == resource)
    }

    /// Without requests on these resources, such as `leases` and `events`.
    #[must_use]
    pub fn except(&self, resources: &[&str]) -> Self {
        self.filter(|entry| !resources.contains(&entry.resource.as_str()))
    }

    #[must_use]
    pub fn writes(&self) -> Self {
        self.filter(Entry::is_write)
    }

    #[must_use]
    pub fn reads(&self) -> Self {
        self.filter(|entry| !entry.is_write())
    }

    /// Arms of a Job that met the Job controller's own first write: each is sent again after another confirmation.
    pub fn refused_arms(&self) -> usize {
        self.on("jobs").filter(|entry| entry.code == 409).len()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are of each verb and kind of resource: `("create", "jobs")`, `("patch", "deployments/status")`.
    pub fn count(&self) -> BTreeMap<(String, String), usize> {
        self.0.iter().fold(BTreeMap::new(), |mut counts, entry| {
            *counts
                .entry((entry.verb.clone(), entry.kind()))
                .or_default() += 1;
            counts
        })
    }

    /// One line each, in their order, with the answer's code: what came of what.
    pub fn story(&self) -> String {
        let lines: Vec<String> = self
            .0
            .iter()
            .map(|entry| {
                let (kind, name) = (entry.kind(), &entry.name);
                format!(
                    "{} {} {:<7} {kind} {name}",
                    entry.time, entry.code, entry.verb
                )
            })
            .collect();
        lines.join("\n")
    }

    /// The counts as lines for people.
    pub fn table(&self) -> String {
        let lines: Vec<String> = self
            .count()
            .iter()
            .map(|((verb, kind), count)| format!("{count:>6}  {verb:<7} {kind}"))
            .collect();
        lines.join("\n")
    }
}

impl Entry {
    pub fn is_write(&self) -> bool {
        !matches!(self.verb.as_str(), "get" | "list" | "watch")
    }

    /// Resource and subresource: `jobs`, `databases/status`.
    pub fn kind(&self) -> String {
        if self.subresource.is_empty() {
            self.resource.clone()
        } else {
            format!("{}/{}", self.resource, self.subresource)
        }
    }
}

/// Reads the log's lines. The last one may be half written; it is left for the next reading.
fn parse(text: &str) -> Vec<Entry> {
    text.lines()
        .filter_map(|line| serde_json::from_str::<Line>(line).ok())
        .filter(Line::counts)
        .map(Line::entry)
        .collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    stage: String,
    verb: String,
    #[serde(rename = "requestURI")]
    path: String,
    user: User,
    #[serde(default)]
    user_agent: String,
    #[serde(default)]
    object_ref: Object,
    #[serde(default)]
    response_status: Status,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    request_received_timestamp: Timestamp,
}

#[derive(Deserialize)]
struct User {
    #[serde(default)]
    username: String,
    #[serde(default)]
    extra: BTreeMap<String, Vec<String>>,
}

impl User {
    /// A token that is bound to a pod says so.
    fn pod(&mut self) -> String {
        self.extra
            .remove("authentication.kubernetes.io/pod-name")
            .and_then(|mut names| names.pop())
            .unwrap_or_default()
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Object {
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
    api_group: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    code: u16,
}

impl Line {
    /// A watch is logged when it begins and when it ends; anything else when it is answered.
    fn counts(&self) -> bool {
        match self.stage.as_str() {
            "ResponseStarted" => true,
            "ResponseComplete" => self.verb != "watch",
            stage => stage == "Panic",
        }
    }

    fn entry(mut self) -> Entry {
        Entry {
            time: self.request_received_timestamp,
            pod: self.user.pod(),
            user: self.user.username,
            user_agent: self.user_agent,
            verb: self.verb,
            group: self.object_ref.api_group,
            resource: self.object_ref.resource,
            subresource: self.object_ref.subresource,
            namespace: self.object_ref.namespace,
            name: self.object_ref.name,
            code: self.response_status.code,
            denied: self
                .annotations
                .get("authorization.k8s.io/decision")
                .is_some_and(|decision| decision == "forbid"),
            path: self.path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Entries, parse};

    const LOG: &str = r#"{"kind":"Event","stage":"ResponseComplete","requestURI":"/apis/batch/v1/namespaces/a/jobs","verb":"create","user":{"username":"system:serviceaccount:a:slipway"},"userAgent":"slipway/0.1","objectRef":{"resource":"jobs","namespace":"a","name":"j","apiGroup":"batch","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":201},"requestReceivedTimestamp":"2026-01-02T03:04:05.000001Z","stageTimestamp":"2026-01-02T03:04:05.000002Z"}
{"kind":"Event","stage":"ResponseStarted","requestURI":"/api/v1/pods?watch=1","verb":"watch","user":{"username":"u"},"objectRef":{"resource":"pods"},"responseStatus":{"code":200},"requestReceivedTimestamp":"2026-01-02T03:04:06Z"}
{"kind":"Event","stage":"ResponseComplete","requestURI":"/api/v1/pods?watch=1","verb":"watch","user":{"username":"u"},"objectRef":{"resource":"pods"},"responseStatus":{"code":200},"requestReceivedTimestamp":"2026-01-02T03:04:06Z"}
{"kind":"Event","stage":"Respo"#;

    #[test]
    fn each_request_counts_once() {
        let entries = Entries(parse(LOG));
        let counts: Vec<_> = entries.count().into_iter().collect();
        let expected = [
            (("create".to_owned(), "jobs".to_owned()), 1),
            (("watch".to_owned(), "pods".to_owned()), 1),
        ];
        assert_eq!(counts, expected);
        assert_eq!(entries.of_service_account("a", "slipway").writes().len(), 1);
    }
}
