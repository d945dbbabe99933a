//! What a Database's reconcile reads, and which changes wake it. Decides nothing: that is `core::database`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use kube::ResourceExt;

use super::migration::{backends_of, count};
use super::{config_maps, undecodable_report};
use crate::api::backend::Backend;
use crate::api::database::{Database, Holder};
use crate::api::migration::{Migration, MigrationPhase};
use crate::cluster::cache::{Cache, Undecodable};
use crate::cluster::caches::Caches;
use crate::cluster::change::Change;
use crate::core::database::{self, ledger, retention};
use crate::core::migration::planned::{config_maps_of, planned};
use crate::core::plan::{Executed, ObjectKind, Plan, Report};
use crate::core::run::evidence::{JOB_NAME_LABEL, has_unfinished_pod};
use crate::core::settings::Settings;
use crate::operator::driver::Kind;

/// The kind Database.
pub struct DatabaseKind;

impl Kind for DatabaseKind {
    type Root = Database;
    type Seen = database::Seen;
    type Decision = database::Decision;

    const NAME: &'static str = "database";
    const KIND: ObjectKind = ObjectKind::Database;

    fn roots(caches: &Caches) -> &Cache<Database> {
        &caches.databases
    }

    fn observe(
        caches: &Caches,
        root: &Arc<Database>,
        _settings: &Arc<Settings>,
        _term: &str,
    ) -> database::Seen {
        let namespace = root.namespace().unwrap_or_default();
        let name = root.name_any();
        let holder = ledger::holder_of(root);
        let backends = backends_of(caches, &namespace, &name);
        database::Seen {
            database: Arc::clone(root),
            bound: count(&backends),
            ledger_write_ahead: backends.iter().any(|backend| is_unvisited(backend))
                || is_migration_on_its_way(caches, &namespace, &name),
            last_news: last_news(&backends),
            holder_lives: holder.is_none_or(|holder| lives(caches, &namespace, holder)),
            wanted: retention::is_due(&ledger::of(root)).then(|| wanted(caches, root)),
        }
    }

    fn decide(seen: &database::Seen, now: Timestamp) -> database::Decision {
        database::decide(seen, now)
    }

    fn plan(decision: &database::Decision) -> &Plan {
        &decision.plan
    }

    fn report(
        seen: &database::Seen,
        decision: &database::Decision,
        executed: &Executed,
        now: Timestamp,
    ) -> Report {
        database::report(seen, decision, executed, now)
    }

    fn undecodable(root: &Undecodable, now: Timestamp) -> Report {
        undecodable_report(root, now)
    }

    fn wakes(change: &Change, caches: &Caches) -> Vec<String> {
        let databases = caches.databases.in_namespace(&change.key.namespace);
        let concerned = |database: &&Arc<Database>| match change.key.kind {
            ObjectKind::Backend | ObjectKind::Migration => true,
            ObjectKind::Job => {
                ledger::holder_of(database).is_some_and(|holder| holder.job == change.key.name)
            }
            ObjectKind::Pod => ledger::holder_of(database).is_some_and(|holder| {
                change
                    .label_values(JOB_NAME_LABEL)
                    .contains(&holder.job.as_str())
            }),
            _ => false,
        };
        databases
            .iter()
            .filter(concerned)
            .map(|database| database.name_any())
            .collect()
    }
}

/// The plan keys of this Database that Backends ask for now, and those of the Migrations that people wrote.
fn wanted(caches: &Caches, database: &Arc<Database>) -> BTreeSet<String> {
    let databases = BTreeMap::from([(database.name_any(), Arc::clone(database))]);
    let namespace = database.namespace().unwrap_or_default();
    let backends = caches.backends.in_namespace(&namespace);
    let config_maps = config_maps(
        caches,
        &namespace,
        backends.iter().flat_map(|backend| config_maps_of(backend)),
    );
    let of_backends = backends
        .iter()
        .flat_map(|backend| planned(backend, &databases, &config_maps).migrations)
        .map(|planned| planned.spec.plan_key);
    let migrations = caches.migrations.in_namespace(&namespace);
    let by_hand = migrations
        .iter()
        .filter(|migration| {
            migration.is_by_hand() && migration.spec.database == database.name_any()
        })
        .map(|migration| migration.plan_key().to_owned());
    of_backends.chain(by_hand).collect()
}

fn lives(caches: &Caches, namespace: &str, holder: &Holder) -> bool {
    let job = caches.jobs.get(namespace, &holder.job);
    let pods = caches.pods.in_namespace(namespace);
    job.is_some_and(|job| job.uid().as_ref() == Some(&holder.job_uid))
        || has_unfinished_pod(&holder.job_uid, pods.iter().map(AsRef::as_ref))
}

/// One that Slipway has not visited yet: the ledger will be written soon and carries the count.
fn is_unvisited(backend: &Backend) -> bool {
    let status = backend.status.as_ref();
    status.and_then(|status| status.observed_generation) != backend.metadata.generation
}

fn last_news(backends: &[Arc<Backend>]) -> Option<Timestamp> {
    backends
        .iter()
        .filter_map(|backend| backend.status.as_ref())
        .flat_map(|status| &status.conditions)
        .map(|condition| condition.last_transition_time.0)
        .max()
}

/// The same of a Migration.
fn is_migration_on_its_way(caches: &Caches, namespace: &str, database: &str) -> bool {
    let migrations = caches.migrations.in_namespace(namespace);
    migrations
        .iter()
        .any(|migration| is_on_its_way(migration, database))
}

fn is_on_its_way(migration: &Migration, database: &str) -> bool {
    let phase = migration.status.as_ref().and_then(|status| status.phase);
    let over = matches!(
        phase,
        Some(
            MigrationPhase::Succeeded
                | MigrationPhase::Skipped
                | MigrationPhase::Failed
                | MigrationPhase::Blocked
                | MigrationPhase::Pending
                | MigrationPhase::AwaitingApproval
        )
    );
    migration.spec.database == database && !over
}
