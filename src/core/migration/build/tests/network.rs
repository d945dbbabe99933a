//! What a migration's pod may reach.

use k8s_openapi::api::batch::v1::Job;
use serde_json::{Value, json};

use super::{attempted, object};
use crate::core::meta;
use crate::core::migration::build::network_policy::network_policy;
use crate::core::settings::Settings;

fn policy(database: &Value) -> Value {
    let job: Job = object(&json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {
            "name": "orders-abc-1", "namespace": "team-a", "uid": "job-uid", "labels": {meta::MIGRATION_LABEL: "migration-uid"},
        },
    }));
    attempted(database, &json!({}), &Settings::default(), |attempt| {
        network_policy(attempt, &job)
    })
}

#[test]
fn a_migrations_pod_reaches_names_and_its_database_and_nothing_reaches_it() {
    let mut policy =
        policy(&json!({"engine": "PostgreSQL", "direct": {"host": "10.20.0.3", "port": 6432}}));
    let hash = policy["metadata"]["annotations"].take();
    let expected = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {
            "name": "orders-abc-1", "namespace": "team-a",
            "labels": {"app.kubernetes.io/managed-by": "slipway", "slipway.dev/migration": "migration-uid"},
            "annotations": null,
            "ownerReferences": [{
                "apiVersion": "batch/v1", "kind": "Job", "name": "orders-abc-1", "uid": "job-uid", "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "spec": {
            "podSelector": {"matchLabels": {"batch.kubernetes.io/job-name": "orders-abc-1"}},
            "policyTypes": ["Ingress", "Egress"],
            "egress": [
                {"ports": [
                    {"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53},
                    {"protocol": "UDP", "port": 5353}, {"protocol": "TCP", "port": 5353},
                ]},
                {"ports": [{"protocol": "TCP", "port": 6432}]},
            ],
        },
    });
    assert_eq!(policy, expected);
    assert!(hash[meta::HASH_ANNOTATION].is_string(), "{hash}");
}

/// The port of the pods behind a Service may be another than that of the Service.
#[test]
fn a_database_inside_the_cluster_is_open_by_its_namespace_as_well() {
    let policy = policy(&json!({"engine": "MySQL", "host": "orders.data.svc"}));
    let labels = json!({"kubernetes.io/metadata.name": "data"});
    let (port, namespace) = (&policy["spec"]["egress"][1], &policy["spec"]["egress"][2]);
    assert_eq!(
        (port, namespace),
        (
            &json!({"ports": [{"protocol": "TCP", "port": 3306}]}),
            &json!({"to": [{"namespaceSelector": {"matchLabels": labels}}]}),
        )
    );
}
