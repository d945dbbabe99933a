//! The cache by what it promises: what a list, a change and a write of our own do to it.

use std::sync::Arc;

use k8s_openapi::api::core::v1::ServiceAccount;
use kube::ResourceExt;
use kube::core::DeserializeGuard;
use kube::runtime::watcher::Event;
use serde_json::json;
use similar_asserts::assert_eq;
use tokio::time::Instant;

use super::{Cache, Listing};
use crate::core::plan::ObjectKind;

type Guarded = DeserializeGuard<ServiceAccount>;

fn object(name: &str, version: &str) -> Guarded {
    let metadata =
        json!({"namespace": "shop", "name": name, "uid": name, "resourceVersion": version});
    serde_json::from_value(json!({"metadata": metadata})).expect("a ServiceAccount")
}

fn broken(name: &str, version: &str) -> Guarded {
    let metadata =
        json!({"namespace": "shop", "name": name, "uid": name, "resourceVersion": version});
    serde_json::from_value(json!({"metadata": metadata, "secrets": "none"}))
        .expect("its metadata decodes")
}

struct Watched {
    cache: Cache<ServiceAccount>,
    listing: Listing<ServiceAccount>,
}

impl Watched {
    fn new() -> Self {
        Self {
            cache: Cache::new(ObjectKind::ServiceAccount, &[None]),
            listing: Listing::new(None),
        }
    }

    /// What each change did: `+` appeared, `~` changed, `-` vanished; and whether the last version came with it.
    fn shows(&mut self, event: Event<Guarded>) -> Vec<String> {
        let changes = self.cache.absorb(&mut self.listing, event);
        let line = |(change, gone): (super::Change, Option<Arc<ServiceAccount>>)| {
            let sign = match (&change.old, &change.new) {
                (None, _) => "+",
                (Some(_), Some(_)) => "~",
                (Some(_), None) => "-",
            };
            let last = gone
                .map(|object| format!(" last {}", object.name_any()))
                .unwrap_or_default();
            format!("{sign}{}{last}", change.key.name)
        };
        changes.into_iter().map(line).collect()
    }

    fn lists(&mut self, objects: Vec<Guarded>) -> Vec<String> {
        self.shows(Event::Init);
        for object in objects {
            self.shows(Event::InitApply(object));
        }
        self.shows(Event::InitDone)
    }

    fn names(&self) -> Vec<String> {
        self.cache
            .in_namespace("shop")
            .iter()
            .map(|object| object.name_any())
            .collect()
    }
}

/// F-19, F-25: what vanished while a watch was broken sends no event; the list after it does not name it.
#[test]
fn a_relist_shows_what_was_deleted_meanwhile() {
    let mut watched = Watched::new();
    assert_eq!(
        watched.lists(vec![object("a", "3"), object("b", "4")]),
        ["+a", "+b"]
    );
    assert_eq!(
        watched.lists(vec![object("a", "3"), object("c", "7")]),
        ["-b last b", "+c"]
    );
    assert_eq!(watched.names(), ["a", "c"]);
}

/// Nothing is decided on half a list.
#[test]
fn a_cache_is_full_when_its_first_list_is_complete() {
    let mut watched = Watched::new();
    watched.shows(Event::Init);
    watched.shows(Event::InitApply(object("a", "3")));
    assert_eq!(
        (watched.cache.is_full(), watched.cache.is_empty()),
        (false, true)
    );
    watched.shows(Event::InitDone);
    assert_eq!((watched.cache.is_full(), watched.cache.len()), (true, 1));
}

/// I-19, B-60.
#[test]
fn an_object_that_does_not_decode_harms_only_itself() {
    let mut watched = Watched::new();
    assert_eq!(
        watched.lists(vec![object("a", "3"), broken("b", "4")]),
        ["+a", "+b"]
    );
    assert_eq!(watched.names(), ["a"]);
    let undecodable = watched.cache.undecodable("shop", "b").expect("kept apart");
    assert_eq!(undecodable.metadata.uid.as_deref(), Some("b"));
    assert_eq!(watched.shows(Event::Apply(object("b", "5"))), ["~b"]);
    assert_eq!(
        (
            watched.names().join(" "),
            watched.cache.undecodable("shop", "b")
        ),
        ("a b".to_owned(), None)
    );
}

/// I-24.
#[test]
fn a_write_is_shown_by_its_event_by_a_later_one_or_by_a_list_asked_for_after_it() {
    let mut watched = Watched::new();
    watched.lists(vec![object("a", "3")]);
    let mut relisted = Watched::new();
    relisted.lists(vec![object("a", "3")]);
    let answered = Instant::now();
    let shown = |watched: &Watched| watched.cache.has_reached("shop", 5, answered);
    assert!(!shown(&watched));
    watched.shows(Event::Apply(object("b", "4")));
    assert!(!shown(&watched));
    watched.shows(Event::Delete(object("a", "6")));
    assert!(shown(&watched));

    assert!(!shown(&relisted));
    while Instant::now() <= answered {}
    relisted.lists(Vec::new());
    assert!(shown(&relisted), "what was written is gone again");
}

#[test]
fn the_event_of_a_known_version_is_no_news() {
    let mut watched = Watched::new();
    watched.lists(vec![object("a", "3")]);
    assert_eq!(
        watched.shows(Event::Apply(object("a", "3"))),
        Vec::<String>::new()
    );
}

/// I-24, for deletes, which answer without a resourceVersion.
#[test]
fn a_deletion_is_shown_when_the_object_is_gone_or_another_has_its_name() {
    let mut watched = Watched::new();
    watched.lists(vec![object("a", "3")]);
    let shown = |watched: &Watched| watched.cache.shows_deletion("shop", "a", "a");
    assert!(!shown(&watched));
    watched.shows(Event::Delete(object("a", "4")));
    assert!(shown(&watched));
    assert!(watched.cache.shows_deletion("shop", "never", "x"));
}
