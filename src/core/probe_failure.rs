//! What Slipway keeps of a core/v1 Event by which the kubelet tells that a probe failed: which probe of which container, and what it was answered.
//! The kubelet puts that into no status. The answer is read into one of a few forms while it is decoded, and the text itself is not kept: it has
//! addresses that differ from pod to pod, and what a command or a server said, which may be a secret.

use std::borrow::Cow;

use jiff::Timestamp;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{Event, EventSeries, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, Time};
use kube::Resource;
use serde::{Deserialize, Serialize};

use super::meta::slim;

/// Field selector of these Events.
pub const SELECTOR: &str = "reason=Unhealthy,involvedObject.kind=Pod";

/// One Event of a probe that failed. The kubelet counts the same failure of the same pod in one Event.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(try_from = "Wire")]
pub struct ProbeFailure {
    pub metadata: ObjectMeta,
    /// Name of the pod.
    pub pod: String,
    pub pod_uid: String,
    /// Name of the container; empty where the Event names none.
    pub container: String,
    pub probe: ProbeKind,
    pub answer: Answer,
    /// When it failed so for the first time.
    pub first: Timestamp,
    /// When it failed so last, as far as the kubelet told: it leaves out what comes too often.
    pub last: Timestamp,
}

/// Which of the three probes.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub enum ProbeKind {
    Startup,
    Liveness,
    Readiness,
}

/// What a probe was answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub enum Answer {
    /// An HTTP status code.
    Status(u16),
    /// A status of the gRPC health protocol. Example: `NOT_SERVING`.
    Health(&'static str),
    /// gRPC without the health protocol.
    NoHealthProtocol,
    /// Something that is no HTTP.
    NoHttp,
    Refused,
    TimedOut,
    /// The connection was closed before an answer came.
    Closed,
    Unreachable,
    /// Any other text, or the output of a command.
    Unclear,
}

/// States of the gRPC health protocol besides `SERVING`.
const HEALTH: [&str; 3] = ["NOT_SERVING", "SERVICE_UNKNOWN", "UNKNOWN"];

/// Pieces of what the kubelet's probes say, and what they mean. The first that is found counts.
const PIECES: [(&str, Answer); 11] = [
    ("connection refused", Answer::Refused),
    ("malformed HTTP", Answer::NoHttp),
    (
        "does not implement the grpc health protocol",
        Answer::NoHealthProtocol,
    ),
    ("deadline exceeded", Answer::TimedOut),
    ("Client.Timeout", Answer::TimedOut),
    ("i/o timeout", Answer::TimedOut),
    ("timeout:", Answer::TimedOut),
    ("connection reset", Answer::Closed),
    ("EOF", Answer::Closed),
    ("no route to host", Answer::Unreachable),
    ("network is unreachable", Answer::Unreachable),
];

impl Answer {
    fn read(text: &str) -> Self {
        if let Some((_, code)) = text.split_once("failed with statuscode: ") {
            let digits: String = code.chars().take_while(char::is_ascii_digit).collect();
            return digits.parse().map_or(Self::Unclear, Self::Status);
        }
        if let Some((_, state)) = text.split_once("service unhealthy (responded with \"") {
            let known = HEALTH
                .into_iter()
                .find(|known| state.starts_with(&format!("{known}\"")));
            return known.map_or(Self::Unclear, Self::Health);
        }
        let meaning = PIECES.iter().find(|(piece, _)| text.contains(piece));
        meaning.map_or(Self::Unclear, |(_, answer)| *answer)
    }
}

impl Resource for ProbeFailure {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        Event::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        Event::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        Event::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        Event::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// An Event as the API sends it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    metadata: ObjectMeta,
    involved_object: ObjectReference,
    #[serde(default)]
    message: String,
    #[serde(default)]
    first_timestamp: Option<Time>,
    #[serde(default)]
    last_timestamp: Option<Time>,
    #[serde(default)]
    event_time: Option<MicroTime>,
    #[serde(default)]
    series: Option<EventSeries>,
}

impl TryFrom<Wire> for ProbeFailure {
    type Error = &'static str;

    fn try_from(wire: Wire) -> Result<Self, Self::Error> {
        let (probe, text) = probe_of(&wire.message).ok_or("no failure of a probe")?;
        let made = wire.metadata.creation_timestamp.as_ref();
        let once = wire.event_time.map(|time| time.0);
        let first = wire.first_timestamp.map(|time| time.0).or(once);
        let first = first
            .or(made.map(|time| time.0))
            .ok_or("an Event without a time")?;
        let repeated = wire.series.and_then(|series| series.last_observed_time);
        let last = repeated.map(|time| time.0);
        let last = last.or(wire.last_timestamp.map(|time| time.0));
        let about = wire.involved_object;
        Ok(Self {
            metadata: slim(wire.metadata),
            pod: about.name.unwrap_or_default(),
            pod_uid: about.uid.unwrap_or_default(),
            container: about
                .field_path
                .as_deref()
                .and_then(container_of)
                .unwrap_or_default(),
            probe,
            answer: Answer::read(text),
            first,
            last: last.unwrap_or(first),
        })
    }
}

/// What client-go puts before the text once ten Events of one pod differed within ten minutes.
const COMBINED: &str = "(combined from similar events): ";

/// `Readiness probe failed: TEXT`, or `Readiness probe errored...: TEXT`.
fn probe_of(message: &str) -> Option<(ProbeKind, &str)> {
    let message = message.strip_prefix(COMBINED).unwrap_or(message);
    let (word, text) = message.split_once(" probe ")?;
    let probe = match word {
        "Startup" => ProbeKind::Startup,
        "Liveness" => ProbeKind::Liveness,
        "Readiness" => ProbeKind::Readiness,
        _ => return None,
    };
    Some((probe, text))
}

/// The name in `spec.containers{app}`.
fn container_of(path: &str) -> Option<String> {
    let (_, name) = path.split_once('{')?;
    name.strip_suffix('}').map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Answer, ProbeFailure, ProbeKind};

    fn event(message: &str) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Event", "reason": "Unhealthy", "type": "Warning", "count": 3,
            "metadata": {"name": "orders-x.18a", "namespace": "team-a", "uid": "e", "resourceVersion": "7"},
            "involvedObject": {
                "kind": "Pod", "name": "orders-x", "namespace": "team-a", "uid": "p", "fieldPath": "spec.containers{app}",
            },
            "message": message,
            "firstTimestamp": "2027-01-15T08:00:02Z", "lastTimestamp": "2027-01-15T08:00:12Z",
        })
    }

    fn read(message: &str) -> Option<(ProbeKind, Answer)> {
        let failure: ProbeFailure = serde_json::from_value(event(message)).ok()?;
        Some((failure.probe, failure.answer))
    }

    #[test]
    fn an_event_tells_pod_container_probe_answer_and_times() {
        let message = "Readiness probe failed: HTTP probe failed with statuscode: 404";
        let failure: ProbeFailure = serde_json::from_value(event(message)).expect("it decodes");
        let time = |text: &str| text.parse().expect("it is a timestamp");
        let expected = ProbeFailure {
            metadata: failure.metadata.clone(),
            pod: "orders-x".to_owned(),
            pod_uid: "p".to_owned(),
            container: "app".to_owned(),
            probe: ProbeKind::Readiness,
            answer: Answer::Status(404),
            first: time("2027-01-15T08:00:02Z"),
            last: time("2027-01-15T08:00:12Z"),
        };
        assert_eq!(failure, expected);
    }

    /// The texts are those of `pkg/kubelet/prober` and `pkg/probe` of Kubernetes 1.33 to 1.37.
    #[test]
    fn what_the_kubelet_says_is_read_into_an_answer() {
        for (text, answer) in [
            (
                "failed: HTTP probe failed with statuscode: 503",
                Answer::Status(503),
            ),
            (
                "failed: Get \"http://10.0.0.5:8080/readyz\": dial tcp 10.0.0.5:8080: connect: connection refused",
                Answer::Refused,
            ),
            (
                "failed: Get \"http://10.0.0.5:8080/\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
                Answer::TimedOut,
            ),
            (
                "failed: dial tcp 10.0.0.5:5432: i/o timeout",
                Answer::TimedOut,
            ),
            ("failed: Get \"http://10.0.0.5:8080/\": EOF", Answer::Closed),
            (
                "failed: Get \"http://10.0.0.5:22/\": net/http: HTTP/1.x transport connection broken: malformed HTTP status code \"x\"",
                Answer::NoHttp,
            ),
            (
                "failed: service unhealthy (responded with \"NOT_SERVING\")",
                Answer::Health("NOT_SERVING"),
            ),
            (
                "failed: timeout: failed to connect service \"10.0.0.5:9090\" within 2s: context deadline exceeded",
                Answer::TimedOut,
            ),
            (
                "failed: error: this server does not implement the grpc health protocol (grpc.health.v1.Health): unknown service",
                Answer::NoHealthProtocol,
            ),
            (
                "errored and resulted in unknown state: strange",
                Answer::Unclear,
            ),
        ] {
            let read = read(&format!("Liveness probe {text}"));
            assert_eq!(read, Some((ProbeKind::Liveness, answer)), "{text}");
        }
    }

    #[test]
    fn what_a_command_said_is_not_kept() {
        let message = "Startup probe failed: psql: password canary-word is wrong";
        let failure: ProbeFailure = serde_json::from_value(event(message)).expect("it decodes");
        assert_eq!(
            (failure.probe, failure.answer),
            (ProbeKind::Startup, Answer::Unclear)
        );
        assert!(!format!("{failure:?}").contains("canary"));
    }

    #[test]
    fn an_event_that_stands_for_many_is_read_like_one() {
        let message = "(combined from similar events): Readiness probe failed: read tcp 10.0.0.1:5->10.0.0.2:80: connection reset by peer";
        assert_eq!(read(message), Some((ProbeKind::Readiness, Answer::Closed)));
    }

    #[test]
    fn an_event_of_something_else_is_none_of_these() {
        assert_eq!(read("Node is not ready"), None);
        assert_eq!(read("Any probe failed: of somebody else"), None);
    }
}
