//! What a Backend's reconcile reads, and which changes wake it. Decides nothing: that is `core::backend`.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use super::{config_maps, undecodable_report};
use crate::api::backend::Backend;
use crate::api::common::Phase;
use crate::api::database::{Database, Entry, EntryOutcome};
use crate::cluster::cache::{Cache, Undecodable};
use crate::cluster::caches::Caches;
use crate::cluster::change::Change;
use crate::core::backend::{self, authorities_of, config_maps_of, databases_of, headless_name};
use crate::core::database::endpoint;
use crate::core::meta::{self, BACKEND_LABEL};
use crate::core::migration::planned::planned;
use crate::core::plan::{Executed, ObjectKey, ObjectKind, Plan, Report};
use crate::core::probe_failure::ProbeFailure;
use crate::core::settings::Settings;
use crate::operator::driver::Kind;

/// The kind Backend.
pub struct BackendKind;

impl Kind for BackendKind {
    type Root = Backend;
    type Seen = backend::Seen;
    type Decision = backend::Decision;

    const NAME: &'static str = "backend";
    const KIND: ObjectKind = ObjectKind::Backend;

    fn roots(caches: &Caches) -> &Cache<Backend> {
        &caches.backends
    }

    fn observe(
        caches: &Caches,
        root: &Arc<Backend>,
        settings: &Arc<Settings>,
        _term: &str,
    ) -> backend::Seen {
        seen(caches, root, settings)
    }

    fn decide(seen: &backend::Seen, now: Timestamp) -> backend::Decision {
        backend::decide(seen, now)
    }

    fn plan(decision: &backend::Decision) -> &Plan {
        &decision.plan
    }

    fn report(
        seen: &backend::Seen,
        decision: &backend::Decision,
        executed: &Executed,
        now: Timestamp,
    ) -> Report {
        backend::report(seen, decision, executed, now)
    }

    fn undecodable(root: &Undecodable, now: Timestamp) -> Report {
        undecodable_report(root, now)
    }

    fn wakes(change: &Change, caches: &Caches) -> Vec<String> {
        let name = &change.key.name;
        let that_name = |refers: fn(&Backend) -> Vec<String>| {
            let backends = caches.backends.in_namespace(&change.key.namespace);
            let concerned = backends
                .iter()
                .filter(|backend| refers(backend).contains(name));
            concerned
                .map(|backend| backend.name_any())
                .collect::<Vec<String>>()
        };
        match change.key.kind {
            ObjectKind::Database => that_name(databases_of),
            ObjectKind::ConfigMap => {
                let mut names = that_name(config_maps_of);
                names.extend(bound_to_authority(change, caches));
                names
            }
            ObjectKind::Migration => {
                let mut names: Vec<String> = change
                    .owner_names(ObjectKind::Backend)
                    .into_iter()
                    .map(str::to_owned)
                    .collect();
                names.extend(
                    change
                        .label_values(BACKEND_LABEL)
                        .into_iter()
                        .map(str::to_owned),
                );
                names.extend(planner(name).map(str::to_owned));
                names.extend(named_by(change, caches));
                names.extend(waiting_for_its_end(change, caches));
                names
            }
            ObjectKind::ServiceAccount
            | ObjectKind::Service
            | ObjectKind::Deployment
            | ObjectKind::ControllerRevision
            | ObjectKind::Pod => change
                .label_values(BACKEND_LABEL)
                .into_iter()
                .map(str::to_owned)
                .collect(),
            ObjectKind::Event => failing(change, caches).into_iter().collect(),
            ObjectKind::Backend | ObjectKind::Job | ObjectKind::NetworkPolicy => Vec::new(),
        }
    }
}

/// The Backend of the pod whose probe failed. An Event that is gone changes nothing: it tells of what is long past.
fn failing(change: &Change, caches: &Caches) -> Option<String> {
    let ObjectKey {
        namespace, name, ..
    } = &change.key;
    let failure = caches.probe_failures.get(namespace, name)?;
    let pod = caches.pods.get(namespace, &failure.pod)?;
    pod.labels().get(BACKEND_LABEL).cloned()
}

/// The Backend that plans a Migration of this name. One of somebody else that stands in its way names it neither as its owner nor by a label,
/// and when it is deleted, the Backend must go on.
fn planner(migration: &str) -> Option<&str> {
    migration.rsplit_once('-').map(|(backend, _)| backend)
}

/// The Backend for which a person wrote this Migration. One that is gone does not tell any more whose it was: who shows a soak may do so for it
/// alone.
fn named_by(change: &Change, caches: &Caches) -> Vec<String> {
    let ObjectKey {
        namespace, name, ..
    } = &change.key;
    if let Some(migration) = caches.migrations.get(namespace, name) {
        let written = migration.is_by_hand();
        return written
            .then(|| migration.spec.backend.clone())
            .into_iter()
            .collect();
    }
    let soaks = |backend: &&Arc<Backend>| {
        let status = backend.status.as_ref();
        status.is_some_and(|status| status.soak.is_some())
    };
    let backends = caches.backends.in_namespace(namespace);
    let soaking = backends.iter().filter(soaks);
    soaking.map(|backend| backend.name_any()).collect()
}

/// The Backends that wait until it is known how a migration after a rollout ended. One that a person wrote names them by no label.
fn waiting_for_its_end(change: &Change, caches: &Caches) -> Vec<String> {
    let is_waited_for = |entry: &Entry| {
        entry.migration == change.key.name
            && entry.phase == Some(Phase::AfterRollout)
            && entry.outcome == EntryOutcome::Unknown
    };
    let databases = caches.databases.in_namespace(&change.key.namespace);
    let statuses = databases
        .iter()
        .filter_map(|database| database.status.as_ref());
    let ledgers = statuses.filter_map(|status| status.ledger.as_ref());
    let entries = ledgers.flat_map(|ledger| &ledger.entries);
    let waited_for = entries.filter(|entry| is_waited_for(entry));
    waited_for.map(|entry| entry.backend.clone()).collect()
}

/// Backends bound to a Database whose authority's certificate is in the changed ConfigMap.
fn bound_to_authority(change: &Change, caches: &Caches) -> Vec<String> {
    let databases = caches.databases.in_namespace(&change.key.namespace);
    let concerned: Vec<String> = databases
        .iter()
        .filter(|database| {
            endpoint::config_map_of(&database.spec) == Some(change.key.name.as_str())
        })
        .map(|database| database.name_any())
        .collect();
    if concerned.is_empty() {
        return concerned;
    }
    let backends = caches.backends.in_namespace(&change.key.namespace);
    backends
        .iter()
        .filter(|backend| {
            databases_of(backend)
                .iter()
                .any(|name| concerned.contains(name))
        })
        .map(|backend| backend.name_any())
        .collect()
}

/// Gathers what decides about a Backend.
fn seen(caches: &Caches, root: &Arc<Backend>, settings: &Arc<Settings>) -> backend::Seen {
    let namespace = root.namespace().unwrap_or_default();
    let name = root.name_any();
    let databases: BTreeMap<String, Arc<Database>> = databases_of(root)
        .into_iter()
        .filter_map(|database| {
            caches
                .databases
                .get(&namespace, &database)
                .map(|object| (database, object))
        })
        .collect();
    let named = config_maps_of(root)
        .into_iter()
        .chain(authorities_of(databases.values()));
    let config_maps = config_maps(caches, &namespace, named);
    let planned = planned(root, &databases, &config_maps);
    let uid = root.uid().unwrap_or_default();
    let migrations = caches
        .migrations
        .in_namespace(&namespace)
        .into_iter()
        .filter(|migration| {
            meta::is_controlled_by(migration.as_ref(), &uid)
                || migration.is_by_hand() && migration.spec.backend == name
                || planned
                    .migrations
                    .iter()
                    .any(|plan| plan.object_name == migration.name_any())
        })
        .collect();
    let revisions = caches
        .controller_revisions
        .in_namespace(&namespace)
        .into_iter();
    let pods: Vec<Arc<Pod>> = caches
        .pods
        .in_namespace(&namespace)
        .into_iter()
        .filter(|pod| pod.labels().get(BACKEND_LABEL) == Some(&name))
        .collect();
    let is_of_pod = |failure: &Arc<ProbeFailure>| {
        let mut uids = pods.iter().filter_map(|pod| pod.metadata.uid.as_ref());
        uids.any(|uid| *uid == failure.pod_uid)
    };
    let failures = caches.probe_failures.in_namespace(&namespace).into_iter();
    backend::Seen {
        backend: Arc::clone(root),
        config_maps,
        planned,
        service_account: caches.service_accounts.get(&namespace, &name),
        service: caches.services.get(&namespace, &name),
        headless_service: caches.services.get(&namespace, &headless_name(&name)),
        deployment: caches.deployments.get(&namespace, &name),
        revisions: revisions
            .filter(|revision| revision.labels().get(BACKEND_LABEL) == Some(&name))
            .collect(),
        migrations,
        probe_failures: failures.filter(is_of_pod).collect(),
        pods,
        settings: Arc::clone(settings),
        databases,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::BackendKind;
    use crate::api::backend::Backend;
    use crate::api::database::Database;
    use crate::cluster::caches::Caches;
    use crate::cluster::change::{Change, Facts};
    use crate::core::migration::planned::planned;
    use crate::core::plan::{ObjectKey, ObjectKind};
    use crate::operator::driver::Kind as _;

    /// B-3: the command of the message deletes what stands in the way, and nothing else happens then.
    #[test]
    fn a_migration_of_somebody_else_wakes_the_backend_that_plans_one_of_its_name() {
        let backend: Backend = serde_json::from_value(json!({
            "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend", "metadata": {"name": "the-orders", "namespace": "team-a"},
            "spec": {
                "image": "orders:1", "databases": [{"name": "orders-db"}],
                "migrations": [{"name": "schema", "tool": "Goose", "source": {"path": "/migrations"}}],
            },
        }))
        .expect("a Backend");
        let database: Database = serde_json::from_value(json!({
            "apiVersion": "slipway.dev/v1alpha1", "kind": "Database", "metadata": {"name": "orders-db", "namespace": "team-a"},
            "spec": {"engine": "PostgreSQL", "host": "db", "name": "orders", "credentials": {"secret": "s"}},
        }))
        .expect("a Database");
        let databases = BTreeMap::from([("orders-db".to_owned(), database.into())]);
        let plan = planned(&backend, &databases, &BTreeMap::new()).migrations;
        let deleted = Change {
            key: ObjectKey {
                kind: ObjectKind::Migration,
                namespace: "team-a".to_owned(),
                name: plan[0].object_name.clone(),
            },
            old: Some(Facts::default()),
            new: None,
        };

        let woken = BackendKind::wakes(&deleted, &Caches::new(&[]));

        assert_eq!(woken, ["the-orders"]);
    }
}
