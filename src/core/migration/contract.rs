//! When a migration after the rollout may start: its release is out and undisturbed, and has been so for the soak. What the Backend's status
//! says of that counts, so a new operator goes on where another stopped. Pure.

use std::time::Duration;

use jiff::Timestamp;
use kube::ResourceExt;

use super::asked;
use super::seen::Seen;
use crate::api::backend::Backend;
use crate::api::common::Phase;
use crate::core::meta::PAUSED_ANNOTATION;

/// How long a release must have run undisturbed where the entry says nothing; seconds, ten minutes.
const SOAK_SECONDS: i32 = 600;

/// Why a migration after the rollout does not start yet.
#[derive(Clone, Debug, PartialEq)]
pub struct NotDue {
    pub reason: &'static str,
    pub message: String,
    /// When that may be over by itself.
    pub until: Option<Timestamp>,
}

/// What it waits for; `None`: it may start, as far as pauses and the release are concerned. A paused Backend starts nothing new, of either phase.
pub(super) fn not_due(seen: &Seen, now: Timestamp) -> Option<NotDue> {
    let backend = seen.live_backend()?;
    if let Some(paused) = paused(backend) {
        return Some(paused);
    }
    if seen.migration.spec.phase != Phase::AfterRollout {
        return None;
    }
    let Some((release, since)) = undisturbed(backend) else {
        return Some(NotDue {
            reason: "WaitingForRollout",
            message: format!(
                "starts when the release of backend {} is out, its pods are available and none of an older release is left, and the soak is over",
                backend.name_any()
            ),
            until: None,
        });
    };
    let soak = soak_seconds(seen);
    let until = Timestamp::from_second(since.as_second().saturating_add(i64::from(soak)))
        .unwrap_or(Timestamp::MAX);
    (now < until).then(|| NotDue {
        reason: "Soaking",
        message: format!(
            "release {release} has run undisturbed since {since}; starts at {until}, after {soak} s (soakSeconds)"
        ),
        until: Some(until),
    })
}

/// How long until a moment; a second at least, as it is asked before that moment.
pub(super) fn left(until: Timestamp, now: Timestamp) -> Duration {
    let seconds = until.as_second().saturating_sub(now.as_second()).max(1);
    Duration::from_secs(seconds.try_into().unwrap_or(1))
}

fn paused(backend: &Backend) -> Option<NotDue> {
    let name = backend.name_any();
    let namespace = backend.namespace().unwrap_or_default();
    let not_due = |message| NotDue {
        reason: "Paused",
        message,
        until: None,
    };
    let rollout = backend.spec.rollout.as_ref();
    if rollout.and_then(|rollout| rollout.paused) == Some(true) {
        return Some(not_due(format!(
            "spec.rollout.paused of backend {name} is true. Next: kubectl patch slb/{name} -n {namespace} --type=merge -p '{{\"spec\":{{\"rollout\":{{\"paused\":false}}}}}}'"
        )));
    }
    let withheld = backend.annotations().get(PAUSED_ANNOTATION);
    withheld.filter(|value| *value == "true").map(|_| {
        not_due(format!(
            "the annotation {PAUSED_ANNOTATION} of backend {name} keeps it back. Next: kubectl annotate slb/{name} -n {namespace} {PAUSED_ANNOTATION}-"
        ))
    })
}

/// The release, and since when it runs undisturbed; only where the status speaks of the newest spec.
fn undisturbed(backend: &Backend) -> Option<(i64, Timestamp)> {
    let status = backend.status.as_ref()?;
    let soak = status.soak.as_ref()?;
    let is_of_the_newest = status.observed_generation == backend.metadata.generation
        && status.release.as_ref().map(|release| release.revision) == Some(soak.release);
    let since = soak.since.parse().ok()?;
    is_of_the_newest.then_some((soak.release, since))
}

/// As the Backend asks by now: another soak is no other plan.
fn soak_seconds(seen: &Seen) -> i32 {
    let spec = asked::asked(seen).unwrap_or(&seen.migration.spec);
    spec.soak_seconds.unwrap_or(SOAK_SECONDS)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::{NotDue, not_due};
    use crate::api::backend::Backend;
    use crate::api::database::Database;
    use crate::core::migration::Seen;
    use crate::core::migration::planned::tests::first_seen;

    const SINCE: &str = "2027-01-15T08:00:00Z";

    fn object<T: serde::de::DeserializeOwned>(body: Value) -> T {
        serde_json::from_value(body).expect("a valid object")
    }

    fn merged(mut backend: Value, changes: &[(&str, Value)]) -> Backend {
        for (pointer, value) in changes {
            *backend.pointer_mut(pointer).expect("a path of the base") = value.clone();
        }
        object(backend)
    }

    /// An entry after the rollout, of a Backend whose release 3 is out and undisturbed.
    fn seen(changes: &[(&str, Value)]) -> Seen {
        let backend = merged(
            json!({
                "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend",
                "metadata": {"name": "orders", "namespace": "team-a", "uid": "u", "generation": 7, "annotations": {}},
                "spec": {
                    "image": "orders:1", "databases": [{"name": "d"}], "rollout": {"paused": false},
                    "migrations": [{"name": "contract", "tool": "Goose", "source": {"path": "/m"}, "phase": "AfterRollout", "soakSeconds": 60}],
                },
                "status": {"observedGeneration": 7, "release": {"revision": 3}, "soak": {"release": 3, "since": SINCE}},
            }),
            changes,
        );
        let database: Database = object(json!({
            "apiVersion": "slipway.dev/v1alpha1", "kind": "Database", "metadata": {"name": "d", "namespace": "team-a"},
            "spec": {"engine": "PostgreSQL", "host": "h", "name": "d", "credentials": {"secret": "s"}},
        }));
        first_seen(backend, database, None)
    }

    fn at(seconds: i64) -> Timestamp {
        let since: Timestamp = SINCE.parse().expect("a time");
        Timestamp::from_second(since.as_second() + seconds).expect("a time")
    }

    fn reason(changes: &[(&str, Value)], seconds: i64) -> Option<&'static str> {
        not_due(&seen(changes), at(seconds)).map(|not_due| not_due.reason)
    }

    /// migrations.md case 48.
    #[test]
    fn it_starts_at_the_end_of_the_soak_of_an_undisturbed_newest_release() {
        assert_eq!(
            not_due(&seen(&[]), at(59)),
            Some(NotDue {
                reason: "Soaking",
                message: "release 3 has run undisturbed since 2027-01-15T08:00:00Z; starts at 2027-01-15T08:01:00Z, after 60 s (soakSeconds)"
                    .to_owned(),
                until: Some(at(60)),
            })
        );
        assert_eq!(reason(&[], 60), None);
        let absent = ("/spec/migrations/0/soakSeconds", Value::Null);
        assert_eq!(reason(std::slice::from_ref(&absent), 599), Some("Soaking"));
        assert_eq!(reason(&[absent], 600), None);
        for (pointer, value) in [
            ("/status/soak", Value::Null),
            ("/status/soak/release", json!(2)),
            ("/status/observedGeneration", json!(6)),
            ("/status", Value::Null),
        ] {
            assert_eq!(
                reason(&[(pointer, value)], 9000),
                Some("WaitingForRollout"),
                "{pointer}"
            );
        }
    }

    #[test]
    fn a_paused_rollout_holds_it_and_the_message_says_how_to_go_on() {
        let paused = not_due(&seen(&[("/spec/rollout/paused", json!(true))]), at(9000));
        assert_eq!(
            paused,
            Some(NotDue {
                reason: "Paused",
                message: "spec.rollout.paused of backend orders is true. Next: kubectl patch slb/orders -n team-a --type=merge -p \
                          '{\"spec\":{\"rollout\":{\"paused\":false}}}'"
                    .to_owned(),
                until: None,
            })
        );
        let annotated = (
            "/metadata/annotations",
            json!({"slipway.dev/paused": "true"}),
        );
        assert_eq!(reason(&[annotated], 9000), Some("Paused"));
    }
}
