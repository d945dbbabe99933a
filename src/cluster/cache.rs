//! The objects of one kind, as the watches last showed them, by namespace and name. Synchronous: a reader waits for nothing.
//!
//! An object that does not decode, or that is too large, is kept apart with its metadata, so that it harms only itself. A relist shows no deletions; they
//! are found by comparing what was there with what is there now.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::DeserializeGuard;
use kube::runtime::watcher::Event;
use serde::Serialize;
use tokio::time::Instant;

use self::item::{Item, item_of, metadata_of};
use super::change::{Change, Facts};
use crate::core::plan::{ObjectKey, ObjectKind};

pub use self::item::Undecodable;

mod item;

/// Objects of one kind.
pub struct Cache<K> {
    kind: ObjectKind,
    /// Whether the API server knows the kind, as far as we have heard.
    served: AtomicBool,
    inner: RwLock<Inner<K>>,
}

struct Inner<K> {
    namespaces: HashMap<String, BTreeMap<String, Item<K>>>,
    /// By what the watch looks at: one namespace, or all (absent).
    scopes: HashMap<Option<String>, Scope>,
}

/// How far one watch is.
#[derive(Clone, Copy, Debug, Default)]
struct Scope {
    /// The newest resourceVersion that this watch has shown.
    reached: u64,
    /// When the last complete list was asked for; absent: none was complete yet.
    listed: Option<Instant>,
}

/// What one watch has read of a list that is not complete yet. Owned by the task of that watch.
pub(super) struct Listing<K> {
    scope: Option<String>,
    begun: Instant,
    items: Vec<((String, String), Item<K>)>,
}

impl<K> Listing<K> {
    /// Of a watch that looks at one namespace, or at all of them (absent).
    pub(super) fn new(scope: Option<String>) -> Self {
        Self {
            scope,
            begun: Instant::now(),
            items: Vec::new(),
        }
    }
}

impl<K: Resource<DynamicType = ()>> Cache<K> {
    /// An empty cache, to be filled by one watch a scope.
    pub(super) fn new(kind: ObjectKind, scopes: &[Option<String>]) -> Self {
        let scopes = scopes
            .iter()
            .map(|scope| (scope.clone(), Scope::default()))
            .collect();
        Self {
            kind,
            served: AtomicBool::new(true),
            inner: RwLock::new(Inner {
                namespaces: HashMap::new(),
                scopes,
            }),
        }
    }

    /// The object of that name; absent also if it does not decode.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        self.read()
            .namespaces
            .get(namespace)?
            .get(name)?
            .as_ref()
            .ok()
            .cloned()
    }

    /// All objects of a namespace that decode, in the order of their names.
    #[must_use]
    pub fn in_namespace(&self, namespace: &str) -> Vec<Arc<K>> {
        let inner = self.read();
        inner
            .namespaces
            .get(namespace)
            .into_iter()
            .flat_map(BTreeMap::values)
            .filter_map(|item| item.as_ref().ok())
            .cloned()
            .collect()
    }

    /// Whether there is such an object in a namespace, or in any of them (absent).
    #[must_use]
    pub fn any(&self, scope: Option<&str>, is_such: impl Fn(&K) -> bool) -> bool {
        let inner = self.read();
        let spaces = inner
            .namespaces
            .iter()
            .filter(|(namespace, _)| scope.is_none_or(|scope| scope == *namespace));
        let mut items = spaces.flat_map(|(_, names)| names.values());
        items.any(|item| item.as_ref().is_ok_and(|object| is_such(object)))
    }

    /// The object of that name if it does not decode.
    #[must_use]
    pub fn undecodable(&self, namespace: &str, name: &str) -> Option<Arc<Undecodable>> {
        self.read()
            .namespaces
            .get(namespace)?
            .get(name)?
            .as_ref()
            .err()
            .cloned()
    }

    /// Namespace and name of all objects, those that do not decode too.
    #[must_use]
    pub fn names(&self) -> Vec<(String, String)> {
        let inner = self.read();
        let spaces = inner.namespaces.iter();
        spaces
            .flat_map(|(namespace, names)| {
                names.keys().map(|name| (namespace.clone(), name.clone()))
            })
            .collect()
    }

    /// How many objects there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read().namespaces.values().map(BTreeMap::len).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.read().namespaces.is_empty()
    }

    /// Whether the API server serves this kind, as far as we have heard.
    #[must_use]
    pub fn is_served(&self) -> bool {
        self.served.load(Ordering::Relaxed)
    }

    pub(super) fn set_served(&self, served: bool) {
        self.served.store(served, Ordering::Relaxed);
    }

    /// Whether each watch of this kind has read its first list to the end.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.read()
            .scopes
            .values()
            .all(|scope| scope.listed.is_some())
    }

    /// Whether the watch over this namespace shows what was answered with `resource_version` at the time `answered`, or something newer.
    /// A list that was asked for after the answer counts as newer: that the object is not in it then means that it is gone.
    #[must_use]
    pub fn has_reached(&self, namespace: &str, resource_version: u64, answered: Instant) -> bool {
        self.scope_of(namespace).is_none_or(|scope| {
            scope.reached >= resource_version
                || scope.listed.is_some_and(|listed| listed > answered)
        })
    }

    /// Whether the object with this uid is no longer shown, or is shown as being deleted.
    #[must_use]
    pub fn shows_deletion(&self, namespace: &str, name: &str, uid: &str) -> bool {
        let inner = self.read();
        let item = inner
            .namespaces
            .get(namespace)
            .and_then(|names| names.get(name));
        item.map(metadata_of).is_none_or(|metadata| {
            metadata.uid.as_deref() != Some(uid) || metadata.deletion_timestamp.is_some()
        })
    }

    /// Takes in what a watch says and gives the changes, with the last version of what is gone.
    pub(super) fn absorb(
        &self,
        listing: &mut Listing<K>,
        event: Event<DeserializeGuard<K>>,
    ) -> Vec<(Change, Option<Arc<K>>)>
    where
        K: Serialize,
    {
        match event {
            Event::Init => {
                listing.begun = Instant::now();
                listing.items.clear();
                Vec::new()
            }
            Event::InitApply(object) => {
                let place = place_of(object.meta());
                listing.items.push((place, item_of(self.kind, object)));
                Vec::new()
            }
            Event::InitDone => self.take_list(listing),
            Event::Apply(object) => self.put(listing.scope.as_ref(), object),
            Event::Delete(object) => self.remove(listing.scope.as_ref(), &object),
        }
    }

    /// A complete list takes the place of what the scope had.
    fn take_list(&self, listing: &mut Listing<K>) -> Vec<(Change, Option<Arc<K>>)> {
        let mut changes = Vec::new();
        let mut inner = self.write();
        let items = std::mem::take(&mut listing.items);
        let listed: HashSet<&(String, String)> = items.iter().map(|(place, _)| place).collect();
        let gone: Vec<(String, String)> = inner
            .places(listing.scope.as_deref())
            .filter(|place| !listed.contains(place))
            .collect();
        for (namespace, name) in gone {
            let old = inner.take(&namespace, &name);
            changes.extend(self.change((namespace, name), old, None));
        }
        let mut reached = 0;
        for ((namespace, name), item) in items {
            reached = reached.max(version_of(metadata_of(&item)));
            let old = inner.insert(&namespace, &name, &item);
            changes.extend(self.change((namespace, name), old, Some(&item)));
        }
        let scope = inner.scopes.entry(listing.scope.clone()).or_default();
        scope.reached = scope.reached.max(reached);
        scope.listed = Some(listing.begun);
        self.set_served(true);
        changes
    }

    fn put(
        &self,
        scope: Option<&String>,
        object: DeserializeGuard<K>,
    ) -> Vec<(Change, Option<Arc<K>>)>
    where
        K: Serialize,
    {
        let (namespace, name) = place_of(object.meta());
        let item = item_of(self.kind, object);
        let mut inner = self.write();
        inner.advance(scope, version_of(metadata_of(&item)));
        let old = inner.insert(&namespace, &name, &item);
        self.change((namespace, name), old, Some(&item))
            .into_iter()
            .collect()
    }

    fn remove(
        &self,
        scope: Option<&String>,
        object: &DeserializeGuard<K>,
    ) -> Vec<(Change, Option<Arc<K>>)> {
        let (namespace, name) = place_of(object.meta());
        let mut inner = self.write();
        inner.advance(scope, version_of(object.meta()));
        let old = inner.take(&namespace, &name);
        self.change((namespace, name), old, None)
            .into_iter()
            .collect()
    }

    /// Nothing where both versions are the same one: a relist repeats what we know.
    fn change(
        &self,
        place: (String, String),
        old: Option<Item<K>>,
        new: Option<&Item<K>>,
    ) -> Option<(Change, Option<Arc<K>>)> {
        let (before, after) = (old.as_ref().map(metadata_of), new.map(metadata_of));
        let version =
            |metadata: &ObjectMeta| (metadata.uid.clone(), metadata.resource_version.clone());
        if before.map(version) == after.map(version) {
            return None;
        }
        let change = Change {
            key: ObjectKey {
                kind: self.kind,
                namespace: place.0,
                name: place.1,
            },
            old: before.map(Facts::of),
            new: after.map(Facts::of),
        };
        let gone = if new.is_none() {
            old.and_then(Result::ok)
        } else {
            None
        };
        Some((change, gone))
    }

    fn scope_of(&self, namespace: &str) -> Option<Scope> {
        let inner = self.read();
        inner
            .scopes
            .get(&Some(namespace.to_owned()))
            .or_else(|| inner.scopes.get(&None))
            .copied()
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner<K>> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner<K>> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K> Inner<K> {
    fn places(&self, scope: Option<&str>) -> impl Iterator<Item = (String, String)> {
        self.namespaces
            .iter()
            .filter(move |(namespace, _)| scope.is_none_or(|scope| scope == *namespace))
            .flat_map(|(namespace, names)| {
                names.keys().map(|name| (namespace.clone(), name.clone()))
            })
    }

    fn insert(&mut self, namespace: &str, name: &str, item: &Item<K>) -> Option<Item<K>> {
        self.namespaces
            .entry(namespace.to_owned())
            .or_default()
            .insert(name.to_owned(), item.clone())
    }

    fn take(&mut self, namespace: &str, name: &str) -> Option<Item<K>> {
        let names = self.namespaces.get_mut(namespace)?;
        let item = names.remove(name);
        if names.is_empty() {
            self.namespaces.remove(namespace);
        }
        item
    }

    fn advance(&mut self, scope: Option<&String>, version: u64) {
        if let Some(scope) = self.scopes.get_mut(&scope.cloned()) {
            scope.reached = scope.reached.max(version);
        }
    }
}

fn place_of(metadata: &ObjectMeta) -> (String, String) {
    (
        metadata.namespace.clone().unwrap_or_default(),
        metadata.name.clone().unwrap_or_default(),
    )
}

/// Versions are compared as numbers, as Kubernetes allows from 1.35 on and as etcd has always counted them. What is no number is the
/// oldest: nobody waits for it.
pub(super) fn version_of(metadata: &ObjectMeta) -> u64 {
    metadata
        .resource_version
        .as_deref()
        .and_then(|version| version.parse().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
