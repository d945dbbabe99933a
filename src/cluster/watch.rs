//! The watches that fill the caches: kube's list-and-watch per kind and namespace, each in a task of its own that never ends.
//!
//! Quiet by design: a watch stays open for most of an hour, and one that hangs is noticed by the silence of its connection (`client`).

use std::fmt::Debug;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::NamespaceResourceScope;
use kube::core::DeserializeGuard;
use kube::runtime::watcher::{Config, Error, Event, watcher};
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;
use tracing::{debug, warn};

use super::cache::{Cache, Listing};
use super::caches::{Caches, scopes};
use super::jitter::random_byte;
use super::probe_events;
use crate::core::backoff::Backoff;
use crate::core::meta::{MANAGED_BY, MANAGER};

/// Between two tries of a watch: short enough that all is settled 15 s after an API server's return.
const RETRY: Backoff = Backoff {
    first: Duration::from_millis(400),
    most: Duration::from_secs(8),
};

/// How long one watch request lasts. Ten kinds then cost a re-opening every five minutes.
const OPEN: u32 = 3000;

/// Added for each further watch, seconds, so that they are not all re-opened together.
const STAGGER: u32 = 23;

/// Objects in one page of a list. While kube reads a page it takes six times its size (measured), and an object is at most 1.5 MB in etcd: at
/// most 90 MB for each kind.
pub(super) const PAGE: u32 = 10;

/// The same of ConfigMaps, which are not Slipway's: 1 MiB of control characters in one is 6 MB of JSON, so a page takes at most 190 MB. 10,000
/// ConfigMaps are 2,000 requests of one or two milliseconds, one after the other.
const PAGE_OF_CONFIG_MAPS: u32 = 5;

/// kube makes this ConfigMap in every namespace; no Backend refers to it.
const WITHOUT_ROOT_CA: &str = "metadata.name!=kube-root-ca.crt";

/// Starts all watches. The tasks end only by being dropped, or by a panic, which ends the process.
#[must_use]
pub fn start(caches: &Caches, client: &Client, namespaces: &[String]) -> JoinSet<()> {
    let mut tasks = Tasks {
        caches: caches.clone(),
        client: client.clone(),
        scopes: scopes(namespaces),
        running: JoinSet::new(),
        timeout: OPEN,
    };
    let ours = format!("{MANAGED_BY}={MANAGER}");
    let all = Config::default().page_size(PAGE);
    let owned = all.clone().labels(&ours);
    tasks.start(&caches.backends, &all, Handling::default());
    tasks.start(&caches.databases, &all, Handling::default());
    tasks.start(&caches.migrations, &all, Handling::default());
    tasks.start(&caches.service_accounts, &owned, Handling::default());
    tasks.start(&caches.services, &owned, Handling::default());
    tasks.start(&caches.deployments, &owned, Handling::default());
    tasks.start(&caches.controller_revisions, &owned, Handling::default());
    tasks.start(&caches.jobs, &owned, Handling::default());
    let pods = Handling {
        gone: |caches, pod| caches.gone_pods.keep(pod),
        ..Handling::default()
    };
    tasks.start(&caches.pods, &owned, pods);
    let config_maps = all
        .clone()
        .page_size(PAGE_OF_CONFIG_MAPS)
        .fields(WITHOUT_ROOT_CA);
    tasks.start(&caches.config_maps, &config_maps, Handling::default());
    for scope in tasks.scopes.clone() {
        let failures = probe_events::follow_while_needed(caches.clone(), client.clone(), scope);
        tasks.running.spawn(failures);
    }
    tasks.running
}

/// What a watch does beside filling its cache.
pub(super) struct Handling<K> {
    /// Whether an object goes into the cache; absent: all do, also what does not decode.
    pub keeps: Option<fn(&Caches, &K) -> bool>,
    /// Takes the last version of an object that is gone.
    pub gone: fn(&Caches, Arc<K>),
}

impl<K> Default for Handling<K> {
    fn default() -> Self {
        Self {
            keeps: None,
            gone: |_, _| (),
        }
    }
}

impl<K> Handling<K> {
    fn keeps(&self, caches: &Caches, object: &DeserializeGuard<K>) -> bool {
        let is_kept = |keeps: fn(&Caches, &K) -> bool| {
            object.0.as_ref().is_ok_and(|object| keeps(caches, object))
        };
        self.keeps.is_none_or(is_kept)
    }
}

struct Tasks {
    caches: Caches,
    client: Client,
    scopes: Vec<Option<String>>,
    running: JoinSet<()>,
    timeout: u32,
}

impl Tasks {
    fn start<K>(&mut self, cache: &Arc<Cache<K>>, config: &Config, handling: Handling<K>)
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + Serialize
            + Send
            + Sync
            + 'static,
    {
        let handling = Arc::new(handling);
        for scope in self.scopes.clone() {
            let client = self.client.clone();
            let api = api(client, scope.as_deref());
            let config = config.clone().timeout(self.timeout);
            self.timeout += STAGGER;
            let (cache, caches) = (Arc::clone(cache), self.caches.clone());
            let handling = Arc::clone(&handling);
            self.running.spawn(async move {
                follow(api, config, scope, &cache, &caches, &handling).await;
            });
        }
    }
}

/// The objects of a kind in one namespace, or in all.
pub(super) fn api<K>(client: Client, scope: Option<&str>) -> Api<DeserializeGuard<K>>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    match scope {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    }
}

/// Fills a cache from one watch, for ever.
pub(super) async fn follow<K>(
    api: Api<DeserializeGuard<K>>,
    config: Config,
    scope: Option<String>,
    cache: &Cache<K>,
    caches: &Caches,
    handling: &Handling<K>,
) where
    K: Resource<DynamicType = ()>
        + Clone
        + Debug
        + DeserializeOwned
        + Serialize
        + Send
        + Sync
        + 'static,
{
    let mut listing = Listing::new(scope);
    let mut events = pin!(watcher(api, config));
    let mut failures = 0_u32;
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => {
                // The begin of a list is no success yet.
                if !matches!(event, Event::Init) {
                    failures = 0;
                }
                if let Event::Apply(object) | Event::InitApply(object) = &event
                    && !handling.keeps(caches, object)
                {
                    continue;
                }
                let changes = cache.absorb(&mut listing, event);
                caches.tell(changes.into_iter().map(|(change, last)| {
                    if let Some(last) = last {
                        (handling.gone)(caches, last);
                    }
                    change
                }));
            }
            Err(error) => {
                failures = failures.saturating_add(1);
                cache.set_served(!is_not_found(&error));
                tell(&K::kind(&()), failures, &error);
                tokio::time::sleep(RETRY.delay(failures, random_byte())).await;
            }
        }
    }
}

fn is_not_found(error: &Error) -> bool {
    matches!(error, Error::InitialListFailed(kube::Error::Api(status)) if status.is_not_found())
}

/// The third failure in a row is told, once; before that it is the ordinary life of a watch.
fn tell(kind: &str, failures: u32, error: &Error) {
    let message = match error {
        Error::InitialListFailed(kube::Error::Api(status)) if status.is_not_found() => {
            format!(
                "the API server does not serve {kind}; install the CRDs: slipway crds | kubectl apply -f -"
            )
        }
        Error::InitialListFailed(kube::Error::Api(status))
        | Error::WatchStartFailed(kube::Error::Api(status))
        | Error::WatchError(status) => status.message.clone(),
        other => other.to_string(),
    };
    if failures == 3 {
        warn!(kind, message, "watch fails, trying on");
    } else {
        debug!(kind, failures, message, "watch failed");
    }
}
