//! The NetworkPolicy of a migration pod: it reaches names and its database, nothing reaches it (`migrations.md` section 3). It belongs to its
//! Job and goes with it. Policies add up: whoever's program needs more writes one that selects the label `slipway.dev/migration`.

use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use serde_json::{Value, json};

use super::attempt::Attempt;
use crate::core::meta;
use crate::core::run::evidence::JOB_NAME_LABEL;

/// Where names are asked for: 53, and 5353, to which OpenShift's DNS Service leads; a policy sees the port behind a Service.
const NAME_PORTS: [u16; 2] = [53, 5353];

/// The body of the POST. `job` is the Job that it is for, as the API server has made it.
#[must_use]
pub fn network_policy(attempt: &Attempt, job: &Job) -> Value {
    let name = job.name_any();
    meta::with_hash(json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": name,
            "namespace": job.namespace(),
            "labels": {
                meta::MANAGED_BY: meta::MANAGER,
                meta::MIGRATION_LABEL: job.labels().get(meta::MIGRATION_LABEL),
            },
            "annotations": {},
            "ownerReferences": [meta::controller_reference(job)],
        },
        "spec": {
            "podSelector": {"matchLabels": {JOB_NAME_LABEL: name}},
            "policyTypes": ["Ingress", "Egress"],
            "egress": egress(attempt, &job.namespace().unwrap_or_default()),
        },
    }))
}

/// A policy knows no names: the database's port is open to all addresses, and where its host is a Service of the cluster its whole namespace,
/// as the port of the pods behind a Service may be another.
fn egress(attempt: &Attempt, own_namespace: &str) -> Vec<Value> {
    let endpoint = attempt.endpoint();
    let names: Vec<Value> = NAME_PORTS
        .into_iter()
        .flat_map(|port| ["UDP", "TCP"].map(|protocol| json!({"protocol": protocol, "port": port})))
        .collect();
    let database = json!({"ports": [{"protocol": "TCP", "port": endpoint.port}]});
    let namespace = namespace_of(&endpoint.host, own_namespace).map(|namespace| {
        let labels = json!({"kubernetes.io/metadata.name": namespace});
        json!({"to": [{"namespaceSelector": {"matchLabels": labels}}]})
    });
    [json!({"ports": names}), database]
        .into_iter()
        .chain(namespace)
        .collect()
}

/// The namespace of a Service by the forms of its name that pods can use: `orders`, `orders.data`, `orders.data.svc`, with or without the
/// cluster's domain, before them the name of one of its pods. Two words may be a name of the world as well: a namespace of that name is then
/// opened in vain.
fn namespace_of<'a>(host: &'a str, own: &'a str) -> Option<&'a str> {
    let words: Vec<&str> = host.trim_end_matches('.').split('.').collect();
    match words.as_slice() {
        [_] if host.contains(':') => None,
        [_] => Some(own),
        [_, namespace] => Some(namespace),
        _ => {
            let service = words.iter().skip(2).position(|word| *word == "svc")?;
            words.get(service.saturating_add(1)).copied()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::namespace_of;

    #[test]
    fn the_namespace_of_a_database_inside_the_cluster_is_read_from_its_name() {
        for (host, namespace) in [
            ("orders", Some("team-a")),
            ("orders.data", Some("data")),
            ("orders.data.svc", Some("data")),
            ("orders.data.svc.cluster.local.", Some("data")),
            ("orders-0.orders.data.svc.acme.internal", Some("data")),
            ("db.acme.test", None),
            ("10.20.0.3", None),
            ("2001:db8::3", None),
            ("svc.db.acme.test", None),
        ] {
            assert_eq!(namespace_of(host, "team-a"), namespace, "{host}");
        }
    }
}
