//! A tiny server in memory: it takes a plan's steps as an API server would, and plays the Deployment controller's part on request.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::Seen;
use crate::api::backend::Backend;
use crate::api::database::{Database, DatabaseStatus, Entry, EntryOutcome, Ledger};
use crate::api::migration::{Migration, MigrationPhase};
use crate::core::compare;
use crate::core::meta::hash_of;
use crate::core::plan::{Apply, Executed, ObjectKind, Precondition, Step};

/// All objects by kind and name.
#[derive(Clone, Debug, Default)]
pub(super) struct Server {
    pub objects: BTreeMap<(ObjectKind, String), Value>,
    /// The ledger of the Database `orders-db`.
    pub ledger: Ledger,
    counter: u64,
    /// Every write, in words: `apply Deployment orders`.
    pub writes: Vec<String>,
}

/// A spec that expands before the rollout, up to version 7, and contracts after it.
pub(super) fn spec_with_contract(image: &str) -> Value {
    let mut spec = spec_with_migration(image);
    spec["migrations"] = json!([
        {"name": "schema", "tool": "Goose", "source": {"path": "/migrations"}, "target": "7"},
        {"name": "contract", "tool": "Goose", "source": {"path": "/migrations"}, "phase": "AfterRollout", "soakSeconds": 60},
    ]);
    spec
}

/// The moment at which everything in these tests happens.
pub(super) fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("a valid moment")
}

/// A Backend called `orders` with this spec.
pub(super) fn backend(spec: &Value) -> Backend {
    serde_json::from_value(json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend",
        "metadata": {"name": "orders", "namespace": "team-a", "uid": "uid-orders", "generation": 1},
        "spec": spec,
    }))
    .expect("a valid Backend")
}

/// The Database `orders-db`.
pub(super) fn database() -> Database {
    serde_json::from_value(json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Database",
        "metadata": {"name": "orders-db", "namespace": "team-a", "uid": "uid-db"},
        "spec": {"engine": "PostgreSQL", "host": "db.acme.test", "name": "orders", "credentials": {"secret": "orders-db-app"}},
    }))
    .expect("a valid Database")
}

/// A spec with a port, a Database and a migration.
pub(super) fn spec_with_migration(image: &str) -> Value {
    json!({
        "image": image,
        "ports": [{"name": "http", "port": 8080}],
        "databases": [{"name": "orders-db"}],
        "migrations": [{"name": "schema", "tool": "Goose", "source": {"path": "/migrations"}}],
    })
}

impl Server {
    /// What a look at this Backend sees.
    pub(super) fn seen(&self, backend: &Backend) -> Seen {
        let get =
            |kind: ObjectKind, name: &str| self.objects.get(&(kind, name.to_owned())).cloned();
        let all = |kind: ObjectKind| {
            self.objects
                .iter()
                .filter(move |((of, _), _)| *of == kind)
                .map(|(_, body)| body.clone())
        };
        let mut seen = Seen::alone(backend.clone());
        let mut database = database();
        database.status = Some(DatabaseStatus {
            ledger: Some(self.ledger.clone()),
            ..DatabaseStatus::default()
        });
        seen.databases = BTreeMap::from([("orders-db".to_owned(), Arc::new(database))]);
        seen.service_account = get(ObjectKind::ServiceAccount, "orders").map(typed);
        seen.service = get(ObjectKind::Service, "orders").map(typed);
        seen.headless_service = get(ObjectKind::Service, "orders-headless").map(typed);
        seen.deployment = get(ObjectKind::Deployment, "orders").map(typed);
        seen.revisions = all(ObjectKind::ControllerRevision).map(typed).collect();
        seen.migrations = all(ObjectKind::Migration).map(typed).collect();
        seen.pods = all(ObjectKind::Pod).map(typed).collect();
        seen.probe_failures = all(ObjectKind::Event).map(typed).collect();
        seen.config_maps = all(ObjectKind::ConfigMap)
            .map(|body| (body["metadata"]["name"].clone(), typed(body)))
            .filter_map(|(name, digest)| Some((name.as_str()?.to_owned(), digest)))
            .collect();
        seen.with_plan()
    }

    /// Does the first `limit` steps; the answers that came back.
    pub(super) fn execute(&mut self, steps: &[Step], limit: usize) -> Executed {
        let answers = steps
            .iter()
            .take(limit)
            .map(|step| self.step(step))
            .collect();
        Executed {
            answers,
            stop: None,
        }
    }

    fn step(&mut self, step: &Step) -> Value {
        match step {
            Step::Apply(apply) => self.apply(apply),
            Step::Create(create) => {
                self.writes.push(format!(
                    "create {} {}",
                    create.key.kind.kind(),
                    create.key.name
                ));
                let key = (create.key.kind, create.key.name.clone());
                assert!(!self.objects.contains_key(&key), "{key:?} exists");
                self.store(key, create.body.clone())
            }
            Step::Delete(delete) => {
                self.writes.push(format!(
                    "delete {} {}",
                    delete.key.kind.kind(),
                    delete.key.name
                ));
                self.objects
                    .remove(&(delete.key.kind, delete.key.name.clone()));
                Value::Null
            }
            Step::Patch(patch) => {
                self.writes.push(format!(
                    "patch {} {}",
                    patch.key.kind.kind(),
                    patch.key.name
                ));
                let key = (patch.key.kind, patch.key.name.clone());
                let mut body = self
                    .objects
                    .get(&key)
                    .cloned()
                    .expect("a patched object exists");
                merge(&mut body, &patch.body);
                self.store(key, body)
            }
            Step::Confirm(_) => Value::Null,
            Step::ReplaceDatabaseStatus(_) => panic!("a Backend writes no ledger"),
        }
    }

    fn apply(&mut self, apply: &Apply) -> Value {
        self.writes.push(format!(
            "apply {} {}",
            apply.key.kind.kind(),
            apply.key.name
        ));
        let key = (apply.key.kind, apply.key.name.clone());
        let live = self.objects.get(&key).cloned();
        match (&apply.precondition, &live) {
            (Precondition::Absent, None) => {}
            (Precondition::Uid(uid) | Precondition::Exactly { uid, .. }, Some(live)) => {
                assert_eq!(
                    live.pointer("/metadata/uid").and_then(Value::as_str),
                    Some(uid.as_str())
                );
            }
            (precondition, live) => panic!("{precondition:?} does not hold for {live:?}"),
        }
        let body = live.map_or_else(|| apply.body.clone(), |live| applied(&apply.body, &live));
        self.store(key, body)
    }

    fn store(&mut self, key: (ObjectKind, String), mut body: Value) -> Value {
        self.counter += 1;
        let metadata = body
            .get_mut("metadata")
            .and_then(Value::as_object_mut)
            .expect("an object has metadata");
        metadata
            .entry("uid")
            .or_insert_with(|| json!(format!("uid-{}-{}", key.0.kind(), key.1)));
        metadata
            .entry("creationTimestamp")
            .or_insert_with(|| json!(now().to_string()));
        metadata.insert(
            "resourceVersion".to_owned(),
            json!(self.counter.to_string()),
        );
        metadata.insert("generation".to_owned(), json!(self.counter));
        self.objects.insert(key, body.clone());
        body
    }

    /// Changes an object as a user or controller would.
    pub(super) fn edit(&mut self, kind: ObjectKind, name: &str, patch: &Value) {
        let key = (kind, name.to_owned());
        let mut body = self
            .objects
            .get(&key)
            .cloned()
            .expect("an edited object exists");
        merge(&mut body, patch);
        self.store(key, body);
    }

    /// Every migration has ended so, by its own status and by the ledger.
    pub(super) fn finish_migrations(&mut self, phase: &str) {
        let names: Vec<String> = self
            .objects
            .keys()
            .filter(|(kind, _)| *kind == ObjectKind::Migration)
            .map(|(_, name)| name.clone())
            .collect();
        for name in names {
            self.finish_migration(&name, phase);
        }
    }

    /// The same of one migration.
    pub(super) fn finish_migration(&mut self, name: &str, phase: &str) {
        let status = json!({"status": {"phase": phase, "current": "7", "target": "7"}});
        self.edit(ObjectKind::Migration, name, &status);
        self.record(name, phase);
    }

    /// The ledger says of a migration what such a status shows; nothing while it is not over.
    pub(super) fn record(&mut self, name: &str, phase: &str) {
        let body = self
            .objects
            .get(&(ObjectKind::Migration, name.to_owned()))
            .cloned()
            .expect("a recorded Migration exists");
        let migration: Arc<Migration> = typed(body);
        let plan_key = migration.spec.plan_key.clone();
        self.ledger
            .entries
            .retain(|entry| entry.plan_key != plan_key);
        self.ledger
            .entries
            .extend(outcome(phase).map(|outcome| Entry {
                plan_key,
                migration: name.to_owned(),
                backend: migration.spec.backend.clone(),
                version_table: "goose_db_version".to_owned(),
                phase: Some(migration.spec.phase),
                outcome,
                ..Entry::default()
            }));
    }

    /// A pod of a release, with this status.
    pub(super) fn put_pod(&mut self, name: &str, release: i64, status: &Value) {
        let labels =
            json!({"slipway.dev/backend": "orders", "slipway.dev/release": release.to_string()});
        let pod = json!({
            "metadata": {"name": name, "namespace": "team-a", "labels": labels},
            "status": status,
        });
        self.objects.insert((ObjectKind::Pod, name.to_owned()), pod);
    }

    /// A ConfigMap of a user; whether there was none of its name.
    pub(super) fn put_config_map(&mut self, config_map: &Value) -> bool {
        let name = config_map["metadata"]["name"].as_str();
        let key = (
            ObjectKind::ConfigMap,
            name.expect("it has a name").to_owned(),
        );
        self.objects.insert(key, config_map.clone()).is_none()
    }

    /// Deletes an object as a user or controller would.
    pub(super) fn remove(&mut self, kind: ObjectKind, name: &str) {
        self.objects.remove(&(kind, name.to_owned()));
    }

    /// The Deployment's counts as its controller writes them, and its condition `Progressing`: status, reason, time of the last update.
    pub(super) fn count_pods(
        &mut self,
        pods: i32,
        ready: i32,
        progressing: (&str, &str, Timestamp),
    ) {
        let key = (ObjectKind::Deployment, "orders".to_owned());
        let body = self.objects.get_mut(&key).expect("the Deployment exists");
        let generation = body["metadata"]["generation"].clone();
        let (status, reason, time) = progressing;
        body["status"] = json!({
            "observedGeneration": generation, "replicas": pods, "updatedReplicas": pods,
            "readyReplicas": ready, "availableReplicas": ready,
            "conditions": [{
                "type": "Progressing", "status": status, "reason": reason, "lastUpdateTime": time.to_string(),
            }],
        });
    }

    /// All pods that the Deployment wants are there and available.
    pub(super) fn finish_rollout(&mut self) {
        let key = (ObjectKind::Deployment, "orders".to_owned());
        let body = self.objects.get_mut(&key).expect("the Deployment exists");
        let replicas = body
            .pointer("/spec/replicas")
            .cloned()
            .expect("replicas are set");
        let generation = body
            .pointer("/metadata/generation")
            .cloned()
            .expect("a generation is set");
        let status = json!({
            "observedGeneration": generation, "replicas": replicas, "updatedReplicas": replicas,
            "readyReplicas": replicas, "availableReplicas": replicas,
            "conditions": [{"type": "Available", "status": "True"}],
        });
        body.as_object_mut()
            .expect("an object")
            .insert("status".to_owned(), status);
    }
}

fn outcome(phase: &str) -> Option<EntryOutcome> {
    match serde_json::from_value(json!(phase)).expect("a phase of a Migration") {
        MigrationPhase::Succeeded => Some(EntryOutcome::Succeeded),
        MigrationPhase::Skipped => Some(EntryOutcome::Skipped),
        MigrationPhase::Failed => Some(EntryOutcome::Failed),
        MigrationPhase::Blocked => Some(EntryOutcome::Blocked),
        MigrationPhase::Unknown => Some(EntryOutcome::Unknown),
        MigrationPhase::RetryWait => Some(EntryOutcome::RetryWait),
        _ => None,
    }
}

/// What an apply makes of a live object. A body that was sent before meets what others changed; another body takes the place of the old
/// one, as the fields that it leaves out were ours.
fn applied(body: &Value, live: &Value) -> Value {
    if hash_of(body) == hash_of(live) {
        assert!(!compare::apply_is_refused(body, live), "422: {body}");
        return compare::mended(body, live);
    }
    let mut applied = body.clone();
    for path in ["uid", "creationTimestamp"] {
        applied["metadata"][path] = live["metadata"][path].clone();
    }
    if let Some(status) = live.get("status") {
        applied["status"] = status.clone();
    }
    applied
}

fn typed<T: serde::de::DeserializeOwned>(body: Value) -> Arc<T> {
    Arc::new(serde_json::from_value(body).expect("a body of this type"))
}

/// RFC 7386.
fn merge(body: &mut Value, patch: &Value) {
    let (Some(members), Some(changes)) = (body.as_object_mut(), patch.as_object()) else {
        *body = patch.clone();
        return;
    };
    for (key, change) in changes {
        if change.is_null() {
            members.remove(key);
        } else {
            merge(members.entry(key.clone()).or_insert(Value::Null), change);
        }
    }
}
