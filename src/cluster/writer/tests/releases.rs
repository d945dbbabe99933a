//! A release that meets a Deployment which no cache showed.

use serde_json::{Value, json};
use similar_asserts::assert_eq;

use super::{conflict, key, outcome, owned_by};
use crate::core::plan::{Apply, ObjectKind, Precondition, Step, Stop};

/// F-9, I-9: the first release of a leader that was deposed meanwhile; the model of the gate found that it brought its template back.
#[tokio::test]
async fn a_first_release_that_arrives_late_stays_off_a_later_one() {
    let key = key(ObjectKind::Deployment);
    let again = Some(Stop::ReadAgain { key });
    assert_eq!(beside("1", "1", &ours()).await.0, None);
    let (stop, asked) = beside("2", "2", &ours()).await;
    assert_eq!((stop, asked.len()), (again, 2));
}

/// F-32: somebody took the label off, and the ControllerRevision away; the next look has to see it.
#[tokio::test]
async fn a_later_release_that_no_cache_shows_gets_its_labels_back_and_nothing_else() {
    let key = key(ObjectKind::Deployment);
    let again = Some(Stop::ReadAgain { key });
    let (stop, asked) = beside("2", "2", &json!({"team": "a"})).await;
    let last = asked.last().map(|(_, body)| body.clone());
    let labelled = json!({"metadata": {"labels": ours(), "uid": "child", "resourceVersion": "8"}});
    assert_eq!((stop, last), (again, Some(labelled)));
}

/// F-32: a number that somebody raised in the template alone makes no later release of it.
#[tokio::test]
async fn a_release_label_raised_by_hand_on_what_no_cache_shows_is_put_back() {
    assert_eq!(beside("99", "1", &json!({})).await.0, None);
}

fn ours() -> Value {
    json!({"app.kubernetes.io/managed-by": "slipway"})
}

/// How the first release stops that meets a Deployment whose template, and which itself, bear these numbers; and the requests.
async fn beside(
    in_template: &str,
    beside: &str,
    labels: &Value,
) -> (Option<Stop>, Vec<(String, Value)>) {
    let of_release = |in_template: &str| {
        let labels = json!({"slipway.dev/release": in_template});
        json!({"template": {"metadata": {"labels": labels}}})
    };
    let numbered = |number: &str| json!({"slipway.dev/release": number});
    let body = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "spec": of_release("1"),
        "metadata": {"name": "orders", "labels": ours(), "annotations": numbered("1")},
    });
    let mut existing = owned_by("root");
    existing["metadata"]["annotations"] = numbered(beside);
    existing["metadata"]["labels"] = labels.clone();
    existing["spec"] = of_release(in_template);
    let step = Step::Apply(Apply {
        key: key(ObjectKind::Deployment),
        body,
        precondition: Precondition::Absent,
    });
    let done = (200, json!({"metadata": {"resourceVersion": "9"}}));
    outcome(step, vec![conflict(), (200, existing), done]).await
}
