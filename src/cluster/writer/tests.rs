//! The writer against an API server that answers what each test says, below kube's client.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use http::{Method, Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use similar_asserts::assert_eq;

use super::{Extent, Root, WriteGate, Writer};
use crate::cluster::observer::RequestObserver;
use crate::core::plan::{
    Apply, Confirm, Create, ObjectKey, ObjectKind, Plan, Precondition, Step, Stop,
};
use crate::core::size::{LARGEST, TooLarge};

mod releases;

/// What was asked, and what is left to answer.
#[derive(Default)]
struct Server {
    asked: Vec<(String, Value)>,
    answers: VecDeque<(u16, Value)>,
}

type Shared = Arc<Mutex<Server>>;

struct Gate(bool);

impl WriteGate for Gate {
    fn may_write(&self) -> bool {
        self.0
    }
}

struct Nobody;

impl RequestObserver for Nobody {
    fn answered(&self, _: &'static str, _: &'static str, _: &'static str) {}
    fn withheld(&self) {}
    fn sent(&self, _: &Method, _: Option<StatusCode>) {}
}

async fn answer(server: Shared, request: Request<Body>) -> Result<Response<Body>, std::io::Error> {
    let line = format!("{} {}", request.method(), request.uri().path());
    let body = request
        .into_body()
        .collect_bytes()
        .await
        .map_err(std::io::Error::other)?;
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let mut server = server
        .lock()
        .expect("no test panics while it holds the server");
    server.asked.push((line, body));
    let (code, answer) = server
        .answers
        .pop_front()
        .expect("a request that the test did not foresee");
    let response = Response::builder()
        .status(code)
        .body(Body::from(answer.to_string().into_bytes()));
    Ok(response.expect("a plain answer"))
}

fn writer(server: &Shared, may_write: bool) -> Writer {
    let server = Arc::clone(server);
    let service = tower::service_fn(move |request| answer(Arc::clone(&server), request));
    Writer::new(
        Client::new(service, "default"),
        Arc::new(Gate(may_write)),
        Arc::new(Nobody),
        #[cfg(feature = "faults")]
        Arc::default(),
    )
}

fn key(kind: ObjectKind) -> ObjectKey {
    ObjectKey {
        kind,
        namespace: "shop".to_owned(),
        name: "orders".to_owned(),
    }
}

fn root() -> Root {
    Root {
        key: key(ObjectKind::Backend),
        uid: "root".to_owned(),
        resource_version: "5".to_owned(),
    }
}

fn apply_absent() -> Step {
    let body = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "orders"}});
    Step::Apply(Apply {
        key: key(ObjectKind::Service),
        body,
        precondition: Precondition::Absent,
    })
}

fn create_job() -> Step {
    let body = json!({"metadata": {"name": "orders", "labels": {"slipway.dev/migration": "m"}}});
    Step::Create(Create {
        key: key(ObjectKind::Job),
        body,
        hash: "h".to_owned(),
    })
}

fn conflict() -> (u16, Value) {
    (
        409,
        json!({"kind": "Status", "status": "Failure", "code": 409, "reason": "Conflict", "message": "exists"}),
    )
}

fn owned_by(uid: &str) -> Value {
    json!({"metadata": {"uid": "child", "resourceVersion": "8", "ownerReferences": [{"controller": true, "uid": uid}]}})
}

/// Carries out one step against these answers: how it stopped, and the requests.
async fn outcome(step: Step, answers: Vec<(u16, Value)>) -> (Option<Stop>, Vec<(String, Value)>) {
    let server = Shared::default();
    server
        .lock()
        .expect("nobody else has it")
        .answers
        .extend(answers);
    let plan = Plan {
        steps: vec![step],
        wake: None,
    };
    let execution = writer(&server, true).execute(&plan, &root()).await;
    let asked = std::mem::take(&mut server.lock().expect("the request is over").asked);
    (execution.executed.stop, asked)
}

fn lines(asked: &[(String, Value)]) -> Vec<&str> {
    asked.iter().map(|(line, _)| line.as_str()).collect()
}

const SERVICE: &str = "/api/v1/namespaces/shop/services/orders";

/// I-34.
#[tokio::test]
async fn who_does_not_lead_sends_nothing() {
    let server = Shared::default();
    let plan = Plan {
        steps: vec![apply_absent()],
        wake: None,
    };
    let writer = writer(&server, false);
    assert_eq!(
        writer.execute(&plan, &root()).await.executed.stop,
        Some(Stop::NotLeader)
    );
    assert_eq!(
        writer
            .write_status(&root(), &json!({}), Extent::Whole)
            .await,
        Err(Stop::NotLeader)
    );
    assert_eq!(server.lock().expect("nobody else has it").asked, Vec::new());
}

/// I-22, I-28: a status tells of the object that was looked at, or is refused. Of one that cannot be read only what is told is written.
#[tokio::test]
async fn a_status_names_the_version_that_it_speaks_of() {
    let server = Shared::default();
    let answer = (200, json!({"metadata": {"resourceVersion": "6"}}));
    let answers = [answer.clone(), answer, conflict()];
    server
        .lock()
        .expect("nobody else has it")
        .answers
        .extend(answers);
    let writer = writer(&server, true);
    let (root, status) = (root(), json!({"observedGeneration": 2}));
    let whole = writer.write_status(&root, &status, Extent::Whole).await;
    let part = writer.write_status(&root, &status, Extent::Part).await;
    let late = writer.write_status(&root, &status, Extent::Whole).await;
    let key = key(ObjectKind::Backend);
    assert!(whole.is_ok() && part.is_ok(), "{whole:?} {part:?}");
    assert_eq!(late, Err(Stop::ReadAgain { key }));
    let asked = std::mem::take(&mut server.lock().expect("the requests are over").asked);
    let metadata =
        json!({"name": "orders", "namespace": "shop", "uid": "root", "resourceVersion": "5"});
    for (_, body) in &asked {
        assert_eq!((&body["metadata"], &body["status"]), (&metadata, &status));
    }
    assert_eq!(asked.len(), 3);
}

/// I-45: not even the steps before it.
#[tokio::test]
async fn a_plan_with_a_body_that_is_too_large_is_not_begun() {
    let server = Shared::default();
    let body = json!({"spec": {"template": "x".repeat(LARGEST)}});
    let large = Step::Apply(Apply {
        key: key(ObjectKind::Deployment),
        body,
        precondition: Precondition::Absent,
    });
    let plan = Plan {
        steps: vec![apply_absent(), large],
        wake: None,
    };
    let writer = writer(&server, true);
    let too_large = |extra: usize, largest: &str| TooLarge {
        bytes: LARGEST + extra,
        limit: LARGEST,
        largest: largest.to_owned(),
    };
    assert_eq!(
        writer.execute(&plan, &root()).await.executed.stop,
        Some(Stop::TooLarge {
            key: key(ObjectKind::Deployment),
            too_large: too_large(24, "spec.template"),
        })
    );
    let status = json!({"problems": "x".repeat(LARGEST)});
    assert_eq!(
        writer.write_status(&root(), &status, Extent::Whole).await,
        Err(Stop::TooLarge {
            key: key(ObjectKind::Backend),
            too_large: too_large(15, "problems"),
        })
    );
    assert_eq!(server.lock().expect("nobody else has it").asked, Vec::new());
}

#[tokio::test]
async fn a_first_apply_cannot_overwrite_what_exists() {
    let (stop, asked) = outcome(
        apply_absent(),
        vec![(201, json!({"metadata": {"resourceVersion": "7"}}))],
    )
    .await;
    assert_eq!(stop, None);
    let body = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "orders", "resourceVersion": "1"}});
    assert_eq!(asked, [(format!("PATCH {SERVICE}"), body)]);
}

/// B-4, I-27.
#[tokio::test]
async fn a_foreign_object_of_our_name_stays_untouched() {
    let (stop, asked) = outcome(apply_absent(), vec![conflict(), (200, owned_by("other"))]).await;
    assert_eq!(
        stop,
        Some(Stop::NameConflict {
            key: key(ObjectKind::Service)
        })
    );
    assert_eq!(
        lines(&asked),
        [format!("PATCH {SERVICE}"), format!("GET {SERVICE}")]
    );
}

/// F-32: a child whose label was taken away is not in the caches, and still ours.
#[tokio::test]
async fn an_own_object_that_the_caches_do_not_show_is_applied_as_it_was_read() {
    let answers = vec![
        conflict(),
        (200, owned_by("root")),
        (200, json!({"metadata": {"resourceVersion": "9"}})),
    ];
    let (stop, asked) = outcome(apply_absent(), answers).await;
    assert_eq!(stop, None);
    let last = asked.last().map(|(_, body)| body["metadata"].clone());
    assert_eq!(
        last,
        Some(json!({"name": "orders", "uid": "child", "resourceVersion": "8"}))
    );
}

/// F-2: the answer of a POST was lost, or a leader before us sent it.
#[tokio::test]
async fn a_job_that_exists_is_ours_by_its_migration_and_its_hash() {
    let job = |migration: &str, hash: &str, owners: Value| {
        let labels = json!({"slipway.dev/migration": migration});
        let annotations = json!({"slipway.dev/hash": hash});
        (
            200,
            json!({"metadata": {"labels": labels, "annotations": annotations, "ownerReferences": owners}}),
        )
    };
    let foreign = json!([{"controller": true, "uid": "other"}]);
    let cases = [
        (job("m", "h", json!([])), None),
        (
            job("m", "old", json!([])),
            Some(Stop::ReadAgain {
                key: key(ObjectKind::Job),
            }),
        ),
        (
            job("n", "h", json!([])),
            Some(Stop::NameConflict {
                key: key(ObjectKind::Job),
            }),
        ),
        (
            job("m", "h", foreign),
            Some(Stop::NameConflict {
                key: key(ObjectKind::Job),
            }),
        ),
    ];
    for (existing, expected) in cases {
        let (stop, asked) = outcome(create_job(), vec![conflict(), existing.clone()]).await;
        assert_eq!((stop, asked.len()), (expected, 2), "{existing:?}");
    }
}

/// migrations.md case 47: an approval that was withdrawn, or that names another list, arms nothing.
#[tokio::test]
async fn a_confirmation_fails_without_the_annotation_that_it_names() {
    let again = Some(Stop::ReadAgain {
        key: key(ObjectKind::Migration),
    });
    let cases = [
        (json!({"slipway.dev/approve": "one"}), None),
        (json!({"slipway.dev/approve": "two"}), again.clone()),
        (json!({}), again.clone()),
        (Value::Null, again),
    ];
    for (annotations, expected) in cases {
        let step = Step::Confirm(Confirm {
            key: key(ObjectKind::Migration),
            uid: "root".to_owned(),
            generation: 3,
            annotation: Some(("slipway.dev/approve", "one".to_owned())),
        });
        let metadata = json!({"uid": "root", "generation": 3, "annotations": annotations});
        let (stopped, _) = outcome(step, vec![(200, json!({"metadata": metadata}))]).await;
        assert_eq!(stopped, expected, "{annotations}");
    }
}

/// I-23: what cannot be taken back is confirmed by etcd itself.
#[tokio::test]
async fn a_confirmation_fails_for_another_uid_another_generation_and_a_deletion() {
    let confirm = || {
        let step = Confirm {
            key: key(ObjectKind::Backend),
            uid: "root".to_owned(),
            generation: 3,
            annotation: None,
        };
        Step::Confirm(step)
    };
    let again = Some(Stop::ReadAgain {
        key: key(ObjectKind::Backend),
    });
    let cases = [
        (json!({"uid": "root", "generation": 3}), None),
        (json!({"uid": "new", "generation": 3}), again.clone()),
        (json!({"uid": "root", "generation": 4}), again.clone()),
        (
            json!({"uid": "root", "generation": 3, "deletionTimestamp": "2026-01-01T00:00:00Z"}),
            again,
        ),
    ];
    for (metadata, expected) in cases {
        let (stop, asked) = outcome(confirm(), vec![(200, json!({"metadata": metadata}))]).await;
        assert_eq!(stop, expected, "{metadata}");
        assert_eq!(
            lines(&asked),
            ["GET /apis/slipway.dev/v1alpha1/namespaces/shop/backends/orders"]
        );
    }
}

/// F-2: a POST whose answer was lost may have made it, and no watch would tell.
#[tokio::test]
async fn what_no_cache_shows_is_looked_for_before_it_is_made() {
    const POLICIES: &str = "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies";
    let with_hash = |uid: &str| {
        let mut body = owned_by(uid);
        body["metadata"]["annotations"] = json!({"slipway.dev/hash": "h"});
        body
    };
    let create = || {
        Step::Create(Create {
            key: key(ObjectKind::NetworkPolicy),
            body: with_hash("job"),
            hash: "h".to_owned(),
        })
    };
    let look = format!("GET {POLICIES}/orders");
    let absent = json!({"kind": "Status", "status": "Failure", "code": 404, "reason": "NotFound", "message": "not found"});
    let (stop, asked) = outcome(create(), vec![(404, absent), (201, with_hash("job"))]).await;
    assert_eq!(stop, None);
    assert_eq!(lines(&asked), [look.as_str(), &format!("POST {POLICIES}")]);
    let (stop, asked) = outcome(create(), vec![(200, with_hash("job"))]).await;
    assert_eq!((stop, lines(&asked)), (None, vec![look.as_str()]));
    let (stop, _) = outcome(create(), vec![(200, with_hash("another"))]).await;
    let key = key(ObjectKind::NetworkPolicy);
    assert_eq!(stop, Some(Stop::NameConflict { key }));
}
