//! What the driver remembers of each object between two looks: failures in a row, and writes of ours that the caches do not show yet.
//! Forgotten with the object; nothing of it outlives the process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::warn;

use crate::cluster::cache::Undecodable;
use crate::cluster::caches::{Caches, Written};
use crate::cluster::jitter::random_byte;
use crate::core::backoff::RECONCILE;
use crate::core::plan::Stop;

/// Namespace and name of an object of one kind.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Name {
    pub namespace: String,
    pub name: String,
}

/// How long a look waits for the caches to show our last write. A watch that hangs is noticed after 150 s and then shows it; longer
/// means that it never will.
const LONGEST_WAIT: Duration = Duration::from_mins(3);

/// Why a look failed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    /// Stable word, as in conditions.
    pub reason: &'static str,
    pub message: String,
    /// The delay before the next look grows up to this.
    most: Duration,
    /// The server asked for at least this delay.
    least: Duration,
}

impl Failure {
    /// Reason of a failure that is none: what the plan was computed from has changed.
    pub const CHANGED: &'static str = "ReadAgain";

    /// What a stop means for the next look: an API server that is back, or a right that was given, is noticed within seconds.
    pub fn of(stop: &Stop) -> Self {
        let (reason, message, most) = match stop {
            Stop::ReadAgain { key } => (
                Self::CHANGED,
                format!("{} {} has changed", key.kind.kind(), key.name),
                5,
            ),
            Stop::NameConflict { key } => (
                "NameConflict",
                format!("{} {} is not Slipway's", key.kind.kind(), key.name),
                60,
            ),
            Stop::Forbidden { verb, message, .. } => {
                ("Forbidden", format!("{verb}: {message}"), 25)
            }
            Stop::QuotaExceeded { message, .. } => ("QuotaExceeded", message.clone(), 25),
            Stop::Refused { message, .. } => ("Refused", message.clone(), 60),
            Stop::TooLarge { key, too_large } => (
                "TooLarge",
                format!("{} {}: {too_large}", key.kind.kind(), key.name),
                60,
            ),
            Stop::NamespaceTerminating { key } => (
                "NamespaceTerminating",
                format!("namespace {} is being deleted", key.namespace),
                60,
            ),
            Stop::Unavailable { message, .. } => ("Unavailable", message.clone(), 10),
            Stop::NotLeader => ("NotLeader", String::new(), 60),
        };
        let least = match stop {
            Stop::Unavailable { retry_after, .. } => retry_after.unwrap_or_default(),
            _ => Duration::ZERO,
        };
        Self {
            reason,
            message,
            most: Duration::from_secs(most),
            least,
        }
    }

    /// A look that took too long and was given up.
    pub fn out_of_time() -> Self {
        Self::new("OutOfTime", "the look took too long".to_owned())
    }

    /// A look that panicked.
    pub fn panicked(words: &str) -> Self {
        Self::new("Panic", words.to_owned())
    }

    fn new(reason: &'static str, message: String) -> Self {
        Self {
            reason,
            message,
            most: RECONCILE.most,
            least: Duration::ZERO,
        }
    }

    fn delay(&self, failures: u32, jitter: u8) -> Duration {
        RECONCILE
            .delay(failures, jitter)
            .min(self.most)
            .max(self.least)
    }
}

/// See the module.
#[derive(Default)]
pub struct Keys {
    keys: Mutex<HashMap<Name, Memory>>,
}

#[derive(Default)]
struct Memory {
    failures: u32,
    reason: Option<&'static str>,
    writes: Vec<Written>,
    /// Uid, generation and error of a root that does not decode and was told so.
    fault: Option<(Option<String>, Option<i64>, String)>,
}

impl Keys {
    /// Whether the caches show everything that was written for this object.
    pub fn are_shown(&self, name: &Name, caches: &Caches) -> bool {
        let mut keys = self.lock();
        let Some(memory) = keys.get_mut(name) else {
            return true;
        };
        memory.writes.retain(|written| {
            let waited = written.answered.elapsed();
            if waited > LONGEST_WAIT {
                warn!(
                    kind = written.key.kind.kind(),
                    namespace = written.key.namespace,
                    name = written.key.name,
                    "a write never came back by the watch"
                );
            }
            waited <= LONGEST_WAIT && !caches.show(written)
        });
        memory.writes.is_empty()
    }

    /// What was written, until the caches show it.
    pub fn wrote(&self, name: &Name, writes: Vec<Written>) {
        if !writes.is_empty() {
            self.lock()
                .entry(name.clone())
                .or_default()
                .writes
                .extend(writes);
        }
    }

    /// Whether this root was not yet told that it does not decode.
    pub fn is_new_fault(&self, name: &Name, object: &Undecodable) -> bool {
        let metadata = &object.metadata;
        let fault = (
            metadata.uid.clone(),
            metadata.generation,
            object.error.clone(),
        );
        let mut keys = self.lock();
        let memory = keys.entry(name.clone()).or_default();
        let is_new = memory.fault.as_ref() != Some(&fault);
        memory.fault = Some(fault);
        is_new
    }

    /// The root decodes: if it ceases to, that is news again.
    pub fn decodes(&self, name: &Name) {
        if let Some(memory) = self.lock().get_mut(name) {
            memory.fault = None;
        }
    }

    /// A look went well: what failed before is over.
    pub fn succeeded(&self, name: &Name) {
        let mut keys = self.lock();
        if let Some(memory) = keys.get_mut(name) {
            memory.failures = 0;
            memory.reason = None;
            if memory.writes.is_empty() && memory.fault.is_none() {
                keys.remove(name);
            }
        }
    }

    /// The delay before the next look, and whether the object did not fail for this reason the last time.
    pub fn failed(&self, name: &Name, failure: &Failure) -> (Duration, bool) {
        let mut keys = self.lock();
        let memory = keys.entry(name.clone()).or_default();
        memory.failures = memory.failures.saturating_add(1);
        let is_new = memory.reason.replace(failure.reason) != Some(failure.reason);
        // What was not told must be told again.
        memory.fault = None;
        (failure.delay(memory.failures, random_byte()), is_new)
    }

    /// The object is gone.
    pub fn forget(&self, name: &Name) {
        self.lock().remove(name);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, Memory>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

    use super::{Failure, Keys, Name};
    use crate::cluster::cache::Undecodable;
    use crate::core::plan::{ObjectKey, ObjectKind, Stop};

    fn name(name: &str) -> Name {
        Name {
            namespace: "shop".to_owned(),
            name: name.to_owned(),
        }
    }

    fn unavailable(retry_after: Option<Duration>) -> Failure {
        let key = ObjectKey {
            kind: ObjectKind::Job,
            namespace: "shop".to_owned(),
            name: "orders".to_owned(),
        };
        Failure::of(&Stop::Unavailable {
            key,
            retry_after,
            message: "down".to_owned(),
        })
    }

    /// G-11: settled 15 s after the API server's return.
    #[test]
    fn however_long_the_api_server_was_away_the_next_look_is_ten_seconds_off_at_the_most() {
        let keys = Keys::default();
        let delays: Vec<Duration> = (0..40)
            .map(|_| keys.failed(&name("orders"), &unavailable(None)).0)
            .collect();
        assert!(
            delays.iter().all(|delay| *delay <= Duration::from_secs(10)),
            "{delays:?}"
        );
        assert!(delays.last() >= Some(&Duration::from_secs(5)), "{delays:?}");
    }

    #[test]
    fn the_servers_hint_is_a_least_delay() {
        let hint = Duration::from_secs(30);
        assert_eq!(
            Keys::default()
                .failed(&name("orders"), &unavailable(Some(hint)))
                .0,
            hint
        );
    }

    #[test]
    fn a_failure_is_told_once_and_one_object_does_not_slow_another() {
        let keys = Keys::default();
        let told: Vec<bool> = (0..3)
            .map(|_| keys.failed(&name("orders"), &unavailable(None)).1)
            .collect();
        assert_eq!(told, [true, false, false]);
        assert!(keys.failed(&name("mails"), &unavailable(None)).0 <= Duration::from_millis(200));
        keys.succeeded(&name("orders"));
        assert!(keys.failed(&name("orders"), &unavailable(None)).0 <= Duration::from_millis(200));
    }

    /// B-60: told once, however often it is looked at; and again if it was mended and broken the same way.
    #[test]
    fn an_object_that_ceases_to_decode_a_second_time_is_told_so_again() {
        let broken = Undecodable {
            metadata: ObjectMeta::default(),
            error: "no time".to_owned(),
        };
        let keys = Keys::default();
        let mut told = vec![keys.is_new_fault(&name("orders"), &broken)];
        told.push(keys.is_new_fault(&name("orders"), &broken));
        keys.decodes(&name("orders"));
        told.push(keys.is_new_fault(&name("orders"), &broken));
        assert_eq!(told, [true, false, true]);
    }
}
