//! The one driver of all kinds: carries an object from observe to report, keeps count of its failures, and never lets one object harm another.
//!
//! kube's `applier` (the engine of its `Controller`) gives each key one look at a time and bounds how many run at once; `queue` feeds it.
//! What is guarded here: panics, time, back-off, and looks at caches that are older than our own last write.

use std::any::Any;
use std::convert::Infallible;
use std::marker::PhantomData;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::runtime::controller::{Action, Config, applier};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tracing::{debug, info, warn};

use super::keys::{Failure, Keys, Name};
use super::metrics::{Metrics, ReconcileResult};
use super::queue::{self, Waiting};
use crate::cluster::cache::Undecodable;
use crate::cluster::caches::Caches;
use crate::cluster::events::Events;
use crate::cluster::writer::{Extent, Root, Writer};
use crate::core::conditions;
use crate::core::plan::{Event, EventKind, ObjectKey, Report, Stop};
use crate::core::settings::Settings;
use crate::core::size;

pub use super::kind::Kind;

/// Looks of one kind at the same time.
const CONCURRENCY: u16 = 32;

/// Longest look. Each request in it has a shorter limit of its own.
const LONGEST_LOOK: Duration = Duration::from_mins(1);

/// Between two questions whether the caches have caught up; their events ask at once.
const CATCHING_UP: Duration = Duration::from_millis(100);

/// What every driver works with.
#[derive(Clone)]
pub struct Tools {
    pub caches: Caches,
    pub writer: Writer,
    pub events: Events,
    pub metrics: Metrics,
    pub settings: Arc<Settings>,
    /// This leadership's name.
    pub term: Arc<str>,
    #[cfg(feature = "faults")]
    pub faults: Arc<crate::cluster::faults::Faults>,
}

/// Drives one kind until `stop` turns true; comes back when the last look has ended.
pub async fn drive<K: Kind>(tools: Tools, stop: watch::Receiver<bool>) {
    let concurrency = i64::from(CONCURRENCY);
    tools
        .metrics
        .max_concurrent_reconciles(K::NAME, concurrency);
    let waiting = Waiting::new(K::NAME, tools.metrics.clone());
    let driver = Arc::new(Driver::<K> {
        keys: Keys::default(),
        waiting: waiting.clone(),
        tools,
        kind: PhantomData,
    });
    let (store, requests) = queue::of::<K>(&driver.tools.caches, waiting, stop);
    let outcomes = applier(
        |seat, driver: Arc<Driver<K>>| {
            let name = queue::name_of(&seat);
            async move { Ok::<_, Infallible>(driver.look(name).await) }.boxed()
        },
        |_, never, _| match *never {},
        driver,
        store,
        requests,
        Config::default().concurrency(CONCURRENCY),
    );
    // An object that is gone before its turn comes is no news.
    outcomes.for_each(|_| std::future::ready(())).await;
}

struct Driver<K> {
    keys: Keys,
    waiting: Waiting,
    tools: Tools,
    kind: PhantomData<fn() -> K>,
}

/// How one look ended.
enum Outcome {
    /// The object is gone.
    Gone,
    /// The caches are older than our last write; nothing was looked at.
    Behind,
    /// Done; to be looked at again after this long even if nothing happens.
    Done(Option<Duration>),
    /// Leadership is gone or in doubt: nothing was sent, and this process is about to end.
    Withheld,
    Failed(Failure),
    Panicked(String),
}

impl<K: Kind> Driver<K> {
    /// One look, guarded.
    async fn look(&self, name: Name) -> Action {
        let metrics = &self.tools.metrics;
        self.waiting.taken(&name);
        metrics.active_workers(K::NAME, 1);
        let started = Instant::now();
        let look = AssertUnwindSafe(timeout(LONGEST_LOOK, self.reconcile(&name))).catch_unwind();
        let outcome = match look.await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Outcome::Failed(Failure::out_of_time()),
            Err(panic) => Outcome::Panicked(words_of(panic.as_ref())),
        };
        metrics.active_workers(K::NAME, -1);
        self.settle(&name, outcome, started.elapsed().as_secs_f64())
    }

    /// Observe, decide, execute, report.
    async fn reconcile(&self, name: &Name) -> Outcome {
        let tools = &self.tools;
        if !self.keys.are_shown(name, &tools.caches) {
            return Outcome::Behind;
        }
        #[cfg(feature = "faults")]
        panic_if_asked(&tools.faults, name);
        let roots = K::roots(&tools.caches);
        if let Some(undecodable) = roots.undecodable(&name.namespace, &name.name) {
            return self.tell_undecodable(name, &undecodable).await;
        }
        let Some(object) = roots.get(&name.namespace, &name.name) else {
            return Outcome::Gone;
        };
        self.keys.decodes(name);
        let root = root_of::<K>(name, object.meta());

        let seen = K::observe(&tools.caches, &object, &tools.settings, &tools.term);
        let decision = K::decide(&seen, Timestamp::now());
        let execution = tools.writer.execute(K::plan(&decision), &root).await;
        self.keys.wrote(name, execution.written);
        let executed = execution.executed;
        let report = K::report(&seen, &decision, &executed, Timestamp::now());

        let cached = || status_of(&*object);
        let told = self.tell(&root, name, cached, report, Extent::Whole).await;
        match executed.stop.or(told.err()) {
            None => Outcome::Done(K::plan(&decision).wake),
            Some(Stop::NotLeader) => Outcome::Withheld,
            Some(stop) => Outcome::Failed(Failure::of(&stop)),
        }
    }

    /// Writes the status if a reader would see a difference, then tells the events: a status that was not written is reported anew. What was done
    /// in this look is then told by no event: events are for people, and any of them may be lost (I-32).
    async fn tell(
        &self,
        root: &Root,
        name: &Name,
        cached: impl FnOnce() -> Option<serde_json::Value>,
        report: Report,
        extent: Extent,
    ) -> Result<(), Stop> {
        let Report { status, events } = report;
        let old = cached();
        let different = status.filter(|status| old.as_ref() != Some(status));
        let sendable = different.and_then(|status| match size::check(&status, size::LARGEST) {
            Ok(()) => Some((status, extent)),
            Err(too_large) => {
                let told =
                    conditions::instead_of(&status, &too_large, old.as_ref(), Timestamp::now());
                told.map(|status| (status, Extent::Part))
            }
        });
        if let Some((status, extent)) = sendable {
            let written = self
                .tools
                .writer
                .write_status(root, &status, extent)
                .await?;
            self.keys.wrote(name, vec![written]);
        }
        for event in &events {
            log_transition::<K>(name, event);
        }
        self.tools.events.publish(root, events);
        Ok(())
    }

    /// An object that does not decode is told so once, and left alone.
    async fn tell_undecodable(&self, name: &Name, object: &Undecodable) -> Outcome {
        if !self.keys.is_new_fault(name, object) {
            return Outcome::Done(None);
        }
        let (controller, namespace) = (K::NAME, &name.namespace);
        warn!(controller, %namespace, name = %name.name, error = %object.error, "object does not decode; it is left alone");
        let root = root_of::<K>(name, &object.metadata);
        let report = K::undecodable(object, Timestamp::now());
        match self.tell(&root, name, || None, report, Extent::Part).await {
            Ok(()) => Outcome::Done(None),
            Err(Stop::NotLeader) => Outcome::Withheld,
            Err(stop) => Outcome::Failed(Failure::of(&stop)),
        }
    }

    /// Counts, logs what is new, and says when to look again.
    fn settle(&self, name: &Name, outcome: Outcome, seconds: f64) -> Action {
        let metrics = &self.tools.metrics;
        let (controller, namespace) = (K::NAME, name.namespace.as_str());
        match outcome {
            Outcome::Gone => {
                self.keys.forget(name);
                Action::await_change()
            }
            Outcome::Behind => Action::requeue(CATCHING_UP),
            Outcome::Withheld => Action::await_change(),
            Outcome::Done(wake) => {
                self.keys.succeeded(name);
                let result = if wake.is_some() {
                    ReconcileResult::RequeueAfter
                } else {
                    ReconcileResult::Success
                };
                metrics.reconcile(K::NAME, result, seconds);
                wake.map_or_else(Action::await_change, Action::requeue)
            }
            Outcome::Failed(failure) => {
                metrics.reconcile(K::NAME, ReconcileResult::Error, seconds);
                metrics.queue_retry(K::NAME);
                let (delay, is_new) = self.keys.failed(name, &failure);
                let Failure {
                    reason, message, ..
                } = failure;
                if is_new && reason != Failure::CHANGED {
                    warn!(controller, namespace, name = %name.name, reason, message, "cannot go on; trying again");
                } else {
                    debug!(controller, namespace, name = %name.name, reason, message, "looking again");
                }
                Action::requeue(delay)
            }
            Outcome::Panicked(words) => {
                metrics.reconcile(K::NAME, ReconcileResult::Panic, seconds);
                metrics.queue_retry(K::NAME);
                let (delay, _) = self.keys.failed(name, &Failure::panicked(&words));
                warn!(controller, namespace, name = %name.name, panic = words, "the look panicked; it is tried again, and the others go on");
                Action::requeue(delay)
            }
        }
    }
}

fn root_of<K: Kind>(name: &Name, metadata: &ObjectMeta) -> Root {
    Root {
        key: ObjectKey {
            kind: K::KIND,
            namespace: name.namespace.clone(),
            name: name.name.clone(),
        },
        uid: metadata.uid.clone().unwrap_or_default(),
        resource_version: metadata.resource_version.clone().unwrap_or_default(),
    }
}

/// The status of an object as the server knows it, in the types of this Slipway.
fn status_of(object: &impl serde::Serialize) -> Option<serde_json::Value> {
    let mut object = serde_json::to_value(object).ok()?;
    object.get_mut("status").map(serde_json::Value::take)
}

fn log_transition<K: Kind>(name: &Name, event: &Event) {
    let Event {
        kind,
        reason,
        action,
        note,
    } = event;
    let (controller, namespace) = (K::NAME, name.namespace.as_str());
    match kind {
        EventKind::Normal => {
            info!(controller, namespace, name = %name.name, reason, action, "{note}");
        }
        EventKind::Warning => {
            warn!(controller, namespace, name = %name.name, reason, action, "{note}");
        }
    }
}

/// What a panic said; its payload is almost always a text.
pub(super) fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no message").to_owned()
}

#[cfg(feature = "faults")]
fn panic_if_asked(faults: &crate::cluster::faults::Faults, name: &Name) {
    let asked = faults.panic_for.as_deref() == Some(&format!("{}/{}", name.namespace, name.name));
    assert!(!asked, "asked to panic for this object");
}
