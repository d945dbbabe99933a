//! Events: what happened to an object, for people. A queue with one task behind it, so that no reconcile ever waits for an event or fails by
//! one; losing all of them changes nothing else.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event as KubeEvent, EventType, Recorder, Reporter};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, timeout};
use tracing::debug;

use super::writer::{Root, WriteGate};
use crate::core::meta::MANAGER;
use crate::core::plan::{Event, EventKind};
use crate::core::size;

/// Events of one object that may go out at once.
const BURST: u32 = 10;

/// After a burst one more event of an object may go out in each of these.
const REFILL: Duration = Duration::from_secs(10);

/// Events that wait; further ones are dropped.
const QUEUE: usize = 1000;

/// Longest note, bytes: the API's limit is 1 kB.
const LONGEST_NOTE: usize = 1000;

/// Longest time for one event; the next ones wait behind it.
const SENDING: Duration = Duration::from_secs(10);

/// Objects whose buckets are remembered; a full bucket is forgotten first.
const MOST_BUCKETS: usize = 10_000;

/// Where events are handed in. Cheap to clone.
#[derive(Clone)]
pub struct Events {
    queue: Sender<(ObjectReference, Event)>,
}

/// The other end: the task that sends. Run it once.
pub struct EventTask {
    waiting: Receiver<(ObjectReference, Event)>,
    recorder: Recorder,
    gate: Arc<dyn WriteGate>,
    buckets: HashMap<String, Bucket>,
}

/// How many events of an object may still go out.
struct Bucket {
    left: u32,
    filled: Instant,
}

impl Events {
    /// Both ends. `instance` is this process's name in the events.
    #[must_use]
    pub fn new(client: Client, gate: Arc<dyn WriteGate>, instance: &str) -> (Self, EventTask) {
        let (queue, waiting) = channel(QUEUE);
        let reporter = Reporter {
            controller: MANAGER.to_owned(),
            instance: Some(instance.to_owned()),
        };
        let task = EventTask {
            waiting,
            recorder: Recorder::new(client, reporter),
            gate,
            buckets: HashMap::new(),
        };
        (Self { queue }, task)
    }

    /// Hands events of an object in; what does not fit into the queue is dropped.
    pub fn publish(&self, root: &Root, events: impl IntoIterator<Item = Event>) {
        for event in events {
            if self.queue.try_send((reference(root), event)).is_err() {
                debug!(
                    kind = root.key.kind.kind(),
                    name = root.key.name,
                    "event dropped"
                );
            }
        }
    }
}

impl EventTask {
    /// Sends until all [`Events`] are dropped.
    pub async fn run(mut self) {
        while let Some((object, event)) = self.waiting.recv().await {
            let uid = object.uid.clone().unwrap_or_default();
            if !self.may_send(&uid) || !self.gate.may_write() {
                continue;
            }
            match timeout(SENDING, self.recorder.publish(&sendable(event), &object)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => debug!(name = object.name, %error, "event not sent"),
                Err(_) => debug!(name = object.name, "event not answered"),
            }
        }
    }

    fn may_send(&mut self, uid: &str) -> bool {
        if self.buckets.len() >= MOST_BUCKETS {
            self.buckets
                .retain(|_, bucket| bucket.filled.elapsed() < REFILL * BURST);
        }
        let now = Instant::now();
        let bucket = self.buckets.entry(uid.to_owned()).or_insert(Bucket {
            left: BURST,
            filled: now,
        });
        bucket.take(now)
    }
}

impl Bucket {
    fn take(&mut self, now: Instant) -> bool {
        while self.left < BURST && now.duration_since(self.filled) >= REFILL {
            self.left += 1;
            self.filled += REFILL;
        }
        if self.left == BURST {
            self.filled = now;
        }
        let may = self.left > 0;
        self.left = self.left.saturating_sub(1);
        may
    }
}

fn reference(root: &Root) -> ObjectReference {
    let key = &root.key;
    ObjectReference {
        api_version: Some(key.kind.api_version().to_owned()),
        kind: Some(key.kind.kind().to_owned()),
        namespace: Some(key.namespace.clone()),
        name: Some(key.name.clone()),
        uid: Some(root.uid.clone()),
        ..ObjectReference::default()
    }
}

fn sendable(event: Event) -> KubeEvent {
    let Event {
        kind,
        reason,
        action,
        note,
    } = event;
    KubeEvent {
        type_: match kind {
            EventKind::Normal => EventType::Normal,
            EventKind::Warning => EventType::Warning,
        },
        reason,
        note: Some(size::cut_at(&note, LONGEST_NOTE).to_owned()),
        action,
        secondary: None,
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::{BURST, Bucket, REFILL};

    /// I-32.
    #[test]
    fn a_busy_object_gets_a_burst_of_events_and_then_one_every_ten_seconds() {
        let start = Instant::now();
        let mut bucket = Bucket {
            left: BURST,
            filled: start,
        };
        let sent = (0..30).filter(|_| bucket.take(start)).count();
        assert_eq!(sent, 10);
        let later: Vec<bool> = (1..=4)
            .map(|half| bucket.take(start + REFILL / 2 * half))
            .collect();
        assert_eq!(later, [false, true, false, true]);
    }
}
