//! What the reconcile of a migration Job reads, and which changes wake it. Decides nothing: that is `core::run`.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;

use super::TakersOfFiles;
use super::migration::{bound, migration_pods, seen as migration_seen};
use crate::cluster::cache::{Cache, Undecodable};
use crate::cluster::caches::Caches;
use crate::cluster::change::Change;
use crate::core::meta;
use crate::core::plan::{Executed, ObjectKind, Plan, Report};
use crate::core::run::{self, evidence, ticket};
use crate::core::settings::Settings;
use crate::operator::driver::Kind;

/// The kind of one attempt: a migration Job.
pub struct RunKind;

impl Kind for RunKind {
    type Root = Job;
    type Seen = run::Seen;
    type Decision = run::Decision;

    const NAME: &'static str = "run";
    const KIND: ObjectKind = ObjectKind::Job;

    fn roots(caches: &Caches) -> &Cache<Job> {
        &caches.jobs
    }

    fn observe(
        caches: &Caches,
        root: &Arc<Job>,
        settings: &Arc<Settings>,
        term: &str,
    ) -> run::Seen {
        let namespace = root.namespace().unwrap_or_default();
        let ticket = ticket::ticket(root);
        let database = ticket
            .as_ref()
            .and_then(|ticket| caches.databases.get(&namespace, &ticket.database));
        let migration = ticket.as_ref().and_then(|ticket| {
            let migration = caches.migrations.get(&namespace, &ticket.migration)?;
            (migration.uid().as_ref() == Some(&ticket.migration_uid)).then_some(migration)
        });
        run::Seen {
            job: Arc::clone(root),
            bound: ticket
                .as_ref()
                .map_or(0, |ticket| bound(caches, &namespace, &ticket.database)),
            database,
            asks: migration
                .as_ref()
                .filter(|_| evidence::is_suspended(root))
                .map(|migration| migration_seen(caches, migration, settings, term)),
            migration,
            pods: migration_pods(caches, &namespace),
            settings: Arc::clone(settings),
        }
    }

    fn decide(seen: &run::Seen, now: Timestamp) -> run::Decision {
        run::decide(seen, now)
    }

    fn plan(decision: &run::Decision) -> &Plan {
        &decision.plan
    }

    fn report(
        seen: &run::Seen,
        decision: &run::Decision,
        executed: &Executed,
        now: Timestamp,
    ) -> Report {
        run::report(seen, decision, executed, now)
    }

    /// A Job's status is the Job controller's: nothing is told on it.
    fn undecodable(_root: &Undecodable, _now: Timestamp) -> Report {
        Report::default()
    }

    fn wakes(change: &Change, caches: &Caches) -> Vec<String> {
        let jobs = caches.jobs.in_namespace(&change.key.namespace);
        let takers = TakersOfFiles::of(change, caches);
        let concerned = |job: &&Arc<Job>| match change.key.kind {
            ObjectKind::Backend => {
                ticket::ticket(job).is_some_and(|ticket| ticket.backend == change.key.name)
            }
            ObjectKind::ConfigMap => {
                !takers.is_empty()
                    && ticket::ticket(job)
                        .is_some_and(|ticket| takers.concern(&ticket.backend, &ticket.migration))
            }
            ObjectKind::Database => {
                ticket::ticket(job).is_some_and(|ticket| ticket.database == change.key.name)
            }
            ObjectKind::Migration => {
                ticket::ticket(job).is_some_and(|ticket| ticket.migration == change.key.name)
            }
            ObjectKind::Pod => change
                .label_values(evidence::JOB_NAME_LABEL)
                .contains(&job.name_any().as_str()),
            _ => false,
        };
        jobs.iter()
            .filter(|job| job.labels().contains_key(meta::MIGRATION_LABEL))
            .filter(concerned)
            .map(|job| job.name_any())
            .collect()
    }
}
