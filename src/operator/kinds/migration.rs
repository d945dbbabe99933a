//! What a Migration's reconcile reads, and which changes wake it. Decides nothing: that is `core::migration`.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use kube::ResourceExt;

use super::{TakersOfFiles, config_maps, undecodable_report};
use crate::api::backend::Backend;
use crate::api::migration::{Migration, MigrationPhase};
use crate::cluster::cache::{Cache, Undecodable};
use crate::cluster::caches::Caches;
use crate::cluster::change::Change;
use crate::core::meta;
use crate::core::migration;
use crate::core::migration::planned::{Planned, config_maps_of};
use crate::core::plan::{Executed, ObjectKind, Plan, Report};
use crate::core::run::evidence::SeenPod;
use crate::core::settings::Settings;
use crate::operator::driver::Kind;

/// The kind Migration.
pub struct MigrationKind;

impl Kind for MigrationKind {
    type Root = Migration;
    type Seen = migration::Seen;
    type Decision = migration::Decision;

    const NAME: &'static str = "migration";
    const KIND: ObjectKind = ObjectKind::Migration;

    fn roots(caches: &Caches) -> &Cache<Migration> {
        &caches.migrations
    }

    fn observe(
        caches: &Caches,
        root: &Arc<Migration>,
        settings: &Arc<Settings>,
        term: &str,
    ) -> migration::Seen {
        seen(caches, root, settings, term)
    }

    fn decide(seen: &migration::Seen, now: Timestamp) -> migration::Decision {
        migration::decide(seen, now)
    }

    fn plan(decision: &migration::Decision) -> &Plan {
        &decision.plan
    }

    fn report(
        seen: &migration::Seen,
        decision: &migration::Decision,
        executed: &Executed,
        now: Timestamp,
    ) -> Report {
        migration::report(seen, decision, executed, now)
    }

    fn undecodable(root: &Undecodable, now: Timestamp) -> Report {
        undecodable_report(root, now)
    }

    fn wakes(change: &Change, caches: &Caches) -> Vec<String> {
        let migrations = caches.migrations.in_namespace(&change.key.namespace);
        let takers = TakersOfFiles::of(change, caches);
        let concerned = |migration: &&Arc<Migration>| match change.key.kind {
            ObjectKind::Backend => migration.spec.backend == change.key.name,
            ObjectKind::Database => true,
            ObjectKind::ConfigMap => takers.concern(&migration.spec.backend, &migration.name_any()),
            ObjectKind::Migration => migration.name_any() != change.key.name,
            // A run whose outcome is recorded keeps its database until its Job says so too: what waits for it is queued.
            ObjectKind::Job | ObjectKind::Pod => {
                let of = change.label_values(meta::MIGRATION_LABEL);
                of.contains(&migration.uid().unwrap_or_default().as_str())
                    || (!of.is_empty() && is_queued(migration))
            }
            _ => false,
        };
        migrations
            .iter()
            .filter(concerned)
            .map(|migration| migration.name_any())
            .collect()
    }
}

fn is_queued(migration: &Migration) -> bool {
    let phase = migration.status.as_ref().and_then(|status| status.phase);
    phase == Some(MigrationPhase::Queued)
}

/// Gathers what decides about a Migration.
pub(super) fn seen(
    caches: &Caches,
    root: &Arc<Migration>,
    settings: &Arc<Settings>,
    term: &str,
) -> migration::Seen {
    let namespace = root.namespace().unwrap_or_default();
    let backends = caches.backends.in_namespace(&namespace);
    let backend = caches.backends.get(&namespace, &root.spec.backend);
    let databases = caches.databases.in_namespace(&namespace).into_iter();
    let databases: BTreeMap<_, _> = databases
        .map(|database| (database.name_any(), database))
        .collect();
    let siblings = caches
        .migrations
        .in_namespace(&namespace)
        .into_iter()
        .filter(|other| other.uid() != root.uid())
        .collect();
    let files = backend.iter().flat_map(|backend| config_maps_of(backend));
    let files = files.chain(&root.spec.source.config_map);
    let config_maps = config_maps(caches, &namespace, files);
    migration::Seen {
        migration: Arc::clone(root),
        backends,
        databases,
        planned: Planned::default(),
        has_config_map: false,
        bound: bound(caches, &namespace, &root.spec.database),
        siblings,
        jobs: migration_jobs(caches, &namespace),
        pods: migration_pods(caches, &namespace),
        settings: Arc::clone(settings),
        term: term.to_owned(),
    }
    .with_plan(&config_maps)
}

/// How many Backends name the Database.
pub(super) fn bound(caches: &Caches, namespace: &str, database: &str) -> i64 {
    count(&backends_of(caches, namespace, database))
}

/// The Backends that name the Database.
pub(super) fn backends_of(caches: &Caches, namespace: &str, database: &str) -> Vec<Arc<Backend>> {
    let names_it = |backend: &Arc<Backend>| {
        let mut names = backend.spec.databases.iter().map(|binding| &binding.name);
        names.any(|name| name == database)
    };
    let mut backends = caches.backends.in_namespace(namespace);
    backends.retain(names_it);
    backends
}

/// Their number, as a status has it.
pub(super) fn count(backends: &[Arc<Backend>]) -> i64 {
    i64::try_from(backends.len()).unwrap_or(i64::MAX)
}

fn migration_jobs(caches: &Caches, namespace: &str) -> Vec<Arc<k8s_openapi::api::batch::v1::Job>> {
    let jobs = caches.jobs.in_namespace(namespace);
    jobs.into_iter()
        .filter(|job| job.labels().contains_key(meta::MIGRATION_LABEL))
        .collect()
}

/// Pods of migrations, those that are gone too.
pub(super) fn migration_pods(caches: &Caches, namespace: &str) -> Vec<SeenPod> {
    let live = caches
        .pods
        .in_namespace(namespace)
        .into_iter()
        .map(|pod| SeenPod { pod, gone: false });
    let live: Vec<SeenPod> = live
        .filter(|seen| seen.pod.labels().contains_key(meta::MIGRATION_LABEL))
        .collect();
    let gone = caches
        .gone_pods(namespace)
        .into_iter()
        .map(|pod| SeenPod { pod, gone: true });
    live.into_iter().chain(gone).collect()
}
