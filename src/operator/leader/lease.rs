//! The Lease at the API server: the three requests of an election and the watch, turned into the election's inputs. Decides nothing.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::stream::{self, BoxStream, Stream, StreamExt};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::{PostParams, WatchEvent, WatchParams};
use tokio::time;
use tracing::warn;

use super::{LeaderConfig, random_byte};
use crate::core::backoff::Backoff;
use crate::core::election::{Answer, Call, Input, Record, Request, Watch};

/// Between two tries to open the watch. Meanwhile the election reads the Lease every two seconds.
const REOPEN: Backoff = Backoff {
    first: Duration::from_secs(1),
    most: Duration::from_secs(15),
};

/// How long the opening of a watch may take.
const OPENING: Duration = Duration::from_secs(5);

/// A watch that was silent for so long is dead: bookmarks come about every minute.
const SILENCE: Duration = Duration::from_secs(150);

/// A watch that the API server ends sooner than this was not ended in good order.
const SHORTEST_WATCH: Duration = Duration::from_secs(5);

/// The Lease, and who looks at it.
pub(super) struct LeaderLease {
    api: Api<Lease>,
    namespace: String,
    name: String,
    identity: String,
    /// The last request failed; that is said once, not every two seconds.
    failing: AtomicBool,
}

impl fmt::Display for LeaderLease {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}

impl LeaderLease {
    pub(super) fn new(config: LeaderConfig) -> Self {
        let LeaderConfig {
            client,
            namespace,
            name,
            identity,
            timings: _,
        } = config;
        Self {
            api: Api::namespaced(client, &namespace),
            namespace,
            name,
            identity,
            failing: AtomicBool::new(false),
        }
    }

    /// Sends one request. Has no deadline of its own: the election gives it up by dropping it.
    pub(super) async fn send(&self, request: Request) -> Input {
        let Request { number, call } = request;
        let body = call.lease(&self.namespace, &self.name, Timestamp::now());
        let result = match (&call, &body) {
            (Call::Create(_), Some(lease)) => self
                .api
                .create(&PostParams::default(), lease)
                .await
                .map(Some),
            (Call::Replace(..), Some(lease)) => self
                .api
                .replace(&self.name, &PostParams::default(), lease)
                .await
                .map(Some),
            _ => self.api.get_opt(&self.name).await,
        };
        if let Err(error) = &result {
            self.report(error);
        } else {
            self.failing.store(false, Ordering::Relaxed);
        }
        Input::Answered {
            number,
            answer: self.answer(&call, result),
        }
    }

    fn answer(&self, call: &Call, result: Result<Option<Lease>, kube::Error>) -> Answer {
        let record = |lease: Lease| Record::read(&lease, &self.identity);
        match (call, result) {
            (Call::Read, Ok(lease)) => Answer::Found(lease.map(record)),
            (_, Ok(Some(lease))) => Answer::Stored(record(lease)),
            (Call::Create(_) | Call::Replace(..), Err(error)) if is_refusal(&error) => {
                Answer::Refused
            }
            _ => Answer::Failed,
        }
    }

    fn report(&self, error: &kube::Error) {
        if is_refusal(error) || self.failing.swap(true, Ordering::Relaxed) {
            return;
        }
        warn!(lease = %self, error = message(error), "the Lease could not be read or written; trying again");
    }

    /// Changes of the Lease, for ever. Begins with the Lease as it is, and goes on where a watch that ended in good order left off.
    pub(super) fn watch(&self) -> impl Stream<Item = Input> + '_ {
        let watcher = Watcher {
            lease: self,
            from: String::new(),
            open: None,
            failures: 0,
        };
        stream::unfold(watcher, |mut watcher| async move {
            let input = watcher.next().await;
            Some((input, watcher))
        })
    }
}

/// Whether the API server said that the Lease is not what the write was decided on. 404 and 422 (a wrong uid) say the same as 409.
fn is_refusal(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status)
        if status.is_conflict() || status.is_already_exists() || status.is_not_found() || status.is_invalid())
}

/// kube prints the whole Status, twice; its message is enough.
fn message(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}

struct Watcher<'a> {
    lease: &'a LeaderLease,
    /// The resourceVersion to watch from; empty: from the present state, which is then delivered first.
    from: String,
    open: Option<(Instant, BoxStream<'a, kube::Result<WatchEvent<Lease>>>)>,
    failures: u32,
}

impl Watcher<'_> {
    async fn next(&mut self) -> Input {
        loop {
            let Some((since, events)) = &mut self.open else {
                return Input::Watch(self.reopen().await);
            };
            match time::timeout(SILENCE, events.next()).await {
                Ok(Some(Ok(WatchEvent::Added(lease) | WatchEvent::Modified(lease)))) => {
                    self.advance(lease.metadata.resource_version.as_deref());
                    return Input::Seen(Some(Record::read(&lease, &self.lease.identity)));
                }
                Ok(Some(Ok(WatchEvent::Deleted(lease)))) => {
                    self.advance(lease.metadata.resource_version.as_deref());
                    return Input::Seen(None);
                }
                Ok(Some(Ok(WatchEvent::Bookmark(bookmark)))) => {
                    self.advance(Some(&bookmark.metadata.resource_version));
                }
                Ok(None) if since.elapsed() >= SHORTEST_WATCH && !self.from.is_empty() => {
                    self.open = None;
                    self.failures = 0;
                }
                Ok(Some(Ok(WatchEvent::Error(_)) | Err(_)) | None) | Err(_) => {
                    return Input::Watch(self.broke());
                }
            }
        }
    }

    async fn reopen(&mut self) -> Watch {
        if self.failures > 0 {
            time::sleep(REOPEN.delay(self.failures, random_byte())).await;
        }
        let parameters =
            WatchParams::default().fields(&format!("metadata.name={}", self.lease.name));
        match time::timeout(OPENING, self.lease.api.watch(&parameters, &self.from)).await {
            Ok(Ok(events)) => {
                self.open = Some((Instant::now(), events.boxed()));
                Watch::Open
            }
            Ok(Err(_)) | Err(_) => self.broke(),
        }
    }

    fn advance(&mut self, resource_version: Option<&str>) {
        self.failures = 0;
        if let Some(resource_version) = resource_version {
            self.from.clear();
            self.from.push_str(resource_version);
        }
    }

    fn broke(&mut self) -> Watch {
        self.open = None;
        self.failures = self.failures.saturating_add(1);
        self.from.clear();
        Watch::Broken
    }
}
