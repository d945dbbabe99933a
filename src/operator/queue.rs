//! Which objects are to be looked at: all of them at first, then those that a change concerns. In the shape that kube's `applier` takes.
//! And which of them wait for a worker, and since when.

use std::borrow::Cow;
use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::stream::{self, Stream, StreamExt};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::runtime::controller::ReconcileRequest;
use kube::runtime::reflector::{ObjectRef, Store, store};
use kube::runtime::watcher::Event;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::time::Instant;

use super::driver::Kind;
use super::keys::Name;
use super::metrics::Metrics;
use crate::cluster::caches::Caches;
use crate::cluster::change::Change;

/// The seat of a root in kube's store: a name without the object, which is in our caches and nowhere twice.
pub struct Seat<K> {
    metadata: ObjectMeta,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> Seat<K> {
    fn new(namespace: &str, name: &str) -> Self {
        Self {
            metadata: ObjectMeta {
                namespace: Some(namespace.to_owned()),
                name: Some(name.to_owned()),
                ..ObjectMeta::default()
            },
            kind: PhantomData,
        }
    }
}

/// The name that a seat stands for.
pub fn name_of<K: Kind>(seat: &Seat<K>) -> Name {
    Name {
        namespace: seat.metadata.namespace.clone().unwrap_or_default(),
        name: seat.metadata.name.clone().unwrap_or_default(),
    }
}

/// The keys of one controller that an event has woken and that no worker has taken up. What only waits for its time is none of them.
#[derive(Clone)]
pub struct Waiting {
    controller: &'static str,
    since: Arc<Mutex<HashMap<Name, Instant>>>,
    metrics: Metrics,
}

impl Waiting {
    /// Nobody waits yet.
    pub fn new(controller: &'static str, metrics: Metrics) -> Self {
        Self {
            controller,
            since: Arc::default(),
            metrics,
        }
    }

    /// An event wakes the key; one that waits already keeps its place.
    fn add(&self, name: Name) {
        let mut since = self.lock();
        since.entry(name).or_insert_with(Instant::now);
        self.metrics.queue_add(self.controller);
        self.tell(since.len());
    }

    /// A worker takes the key up.
    pub fn taken(&self, name: &Name) {
        let mut since = self.lock();
        if let Some(woken) = since.remove(name) {
            self.metrics
                .queue_wait(self.controller, woken.elapsed().as_secs_f64());
        }
        self.tell(since.len());
    }

    /// The object is gone; no worker will come to it.
    fn forget(&self, name: &Name) {
        let mut since = self.lock();
        since.remove(name);
        self.tell(since.len());
    }

    fn tell(&self, depth: usize) {
        let depth = i64::try_from(depth).unwrap_or(i64::MAX);
        self.metrics.queue_depth(self.controller, depth);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, Instant>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request to look at a root.
type Request<K> = Result<ReconcileRequest<Seat<K>>, Infallible>;

/// The store of seats, and the requests to look. Ends when `stop` turns true.
pub fn of<K: Kind>(
    caches: &Caches,
    waiting: Waiting,
    stop: watch::Receiver<bool>,
) -> (
    Store<Seat<K>>,
    impl Stream<Item = Request<K>> + Send + 'static,
) {
    let (store, mut seats) = store();
    seats.apply_watcher_event(&Event::Init);
    seats.apply_watcher_event(&Event::InitDone);
    // Listen first, then list: what changes in between is looked at twice rather than never.
    let changes = stream_of(caches.listen());
    let backlog = K::roots(caches).names();
    let caches = caches.clone();
    let woken = changes.map(move |change| {
        let mut names: Vec<(String, bool)> = K::wakes(&change, &caches)
            .into_iter()
            .map(|name| (name, true))
            .collect();
        if change.is(K::KIND) {
            names.push((change.key.name.clone(), change.new.is_some()));
        }
        (change.key.namespace.clone(), names)
    });
    let first = backlog
        .into_iter()
        .map(|(namespace, name)| (namespace, vec![(name, true)]));
    let requests = stream::iter(first)
        .chain(woken)
        .flat_map(move |(namespace, names)| {
            let mut requests = Vec::new();
            for (name, exists) in names {
                let seat = Seat::<K>::new(&namespace, &name);
                let event = if exists {
                    Event::Apply(seat)
                } else {
                    Event::Delete(seat)
                };
                seats.apply_watcher_event(&event);
                let reference = ObjectRef::new(&name).within(&namespace);
                let namespace = namespace.clone();
                let key = Name { namespace, name };
                if exists {
                    waiting.add(key);
                    requests.push(Ok(reference.into()));
                } else {
                    waiting.forget(&key);
                }
            }
            stream::iter(requests)
        });
    (store, requests.take_until(stopped(stop)))
}

/// Waits until `stop` turns true, or until nobody can turn it any more.
pub async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error means that the sender is gone: then it is over as well.
    let _ = stop.wait_for(|stop| *stop).await;
}

fn stream_of(changes: UnboundedReceiver<Arc<Change>>) -> impl Stream<Item = Arc<Change>> + Send {
    stream::unfold(changes, |mut changes| async move {
        let change = changes.recv().await?;
        Some((change, changes))
    })
}

impl<K> Clone for Seat<K> {
    fn clone(&self) -> Self {
        Self {
            metadata: self.metadata.clone(),
            kind: PhantomData,
        }
    }
}

impl<K> fmt::Debug for Seat<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Seat")
            .field("name", &self.metadata.name)
            .finish_non_exhaustive()
    }
}

impl<K: Kind> Resource for Seat<K> {
    type DynamicType = ();
    type Scope = <K::Root as Resource>::Scope;

    fn kind((): &()) -> Cow<'_, str> {
        K::Root::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        K::Root::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        K::Root::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        K::Root::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
