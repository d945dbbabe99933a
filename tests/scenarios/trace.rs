//! What a release has left behind, in a form that two releases in two namespaces can be compared by: the objects without what is theirs
//! alone, what was created and deleted by the audit log, and what ran in the database.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use regex::Regex;
use serde_json::{Value, json};

use crate::cluster::audit::Entries;
use crate::world::World;

/// Everything that a release makes, but pods, which are counted.
const KINDS: [&str; 10] = [
    "slb",
    "sldb",
    "slm",
    "serviceaccounts",
    "services",
    "deployments",
    "replicasets",
    "controllerrevisions",
    "jobs",
    "networkpolicies",
];

/// Fields of objects that differ from one release to the next, however it went.
const OWN: [&str; 9] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "managedFields",
    "clusterIP",
    "clusterIPs",
    "took",
    // Who leads, and how often the Lease changed hands.
    "slipway.dev/leader",
    // Which of the Deployment's conditions came when.
    "lastUpdateTime",
];

/// What a release did and left.
#[derive(Debug, PartialEq)]
pub struct Trace {
    /// Objects by kind, as YAML.
    pub objects: BTreeMap<&'static str, String>,
    /// Successful creations and deletions of the operator: `create jobs`.
    pub changes: BTreeMap<String, usize>,
    /// Pods of migrations that were made.
    pub migration_pods: usize,
    /// The versions in the tool's own table, in the order of their rows.
    pub versions: Vec<i64>,
}

impl Trace {
    /// Of the release of `orders` on `orders-db`, which has come to rest.
    pub async fn of(world: &World) -> Result<Self> {
        let mut objects = BTreeMap::new();
        for kind in KINDS {
            let list = world.list(kind).await?;
            objects.insert(kind, normal(world, list)?);
        }
        let pods = world.list("pods").await?;
        Ok(Self {
            objects,
            changes: changes(world)?,
            migration_pods: pods.iter().filter(|pod| is_of_migration(pod)).count(),
            versions: world.versions("orders-db").await?,
        })
    }
}

/// Creations and deletions that the API server carried out for the operator, by kind; events and the Lease apart.
pub fn changes(world: &World) -> Result<BTreeMap<String, usize>> {
    let entries = world.requests(None)?.except(&["events", "leases"]);
    let deleted = entries
        .0
        .iter()
        .filter(|entry| entry.verb == "delete" && (200..300).contains(&entry.code))
        .map(|entry| format!("delete {}", entry.kind()));
    let mut changes = BTreeMap::new();
    for change in deleted.chain(created(&entries)) {
        *changes.entry(change).or_default() += 1;
    }
    Ok(changes)
}

/// An apply that made an object is answered by 201, one that changed it by 200. Who dies while its request is under way has it answered by 504 in
/// the log, whether it was carried out or not: if nobody was answered by 201, it was.
fn created(entries: &Entries) -> Vec<String> {
    let mut answers: BTreeMap<(String, &str), (usize, usize)> = BTreeMap::new();
    for entry in &entries.0 {
        let object = (format!("create {}", entry.kind()), entry.name.as_str());
        let is_made_by_slipway = CREATED.contains(&object.0.as_str());
        let (made, cut_off) = answers.entry(object).or_default();
        match (entry.verb.as_str(), entry.code) {
            ("create" | "patch", 201) => *made += 1,
            ("create" | "patch", 504) if is_made_by_slipway => *cut_off = 1,
            _ => {}
        }
    }
    answers
        .into_iter()
        .flat_map(|((change, _), (made, cut_off))| vec![change; made.max(cut_off)])
        .collect()
}

fn normal(world: &World, mut objects: Vec<Value>) -> Result<String> {
    objects.iter_mut().for_each(strip);
    let text = serde_yaml::to_string(&json!(objects))?;
    let text = text.replace(&world.namespace, "NAMESPACE");
    // Hashes hold the database's name, which is the namespace's.
    let patterns = [
        (r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z", "TIME"),
        (
            r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "UID",
        ),
        (r"\b[0-9a-f]{16,}\b", "HASH"),
        (r"\b[a-z2-7]{26,}\b", "HASH"),
        (r"orders-[a-z2-7]{10}\b", "orders-HASH"),
        (r"orders-[0-9a-z]{5,10}\b", "orders-HASH"),
        (r"(pod-template-hash: )\S+", "${1}HASH"),
        (r"(Milliseconds: )[0-9]+", "${1}N"),
    ];
    patterns.iter().try_fold(text, |text, (pattern, word)| {
        Ok(Regex::new(pattern)?.replace_all(&text, *word).into_owned())
    })
}

/// Takes away the fields that are this object's alone, at any depth.
fn strip(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !OWN.contains(&name.as_str()));
            fields.values_mut().for_each(strip);
        }
        Value::Array(items) => {
            // Whether the Job controller met the Job before its arm did is between those two.
            items.retain(|item| item["type"] != "Suspended");
            items.iter_mut().for_each(strip);
        }
        _ => {}
    }
}

/// What a first release with one migration creates.
const CREATED: [&str; 7] = [
    "create controllerrevisions",
    "create deployments",
    "create jobs",
    "create migrations",
    "create networkpolicies",
    "create serviceaccounts",
    "create services",
];

/// The release of `orders` on `orders-db` created everything once and deleted nothing; its one Job was armed and ran once.
pub async fn released_once(world: &World) -> Result<()> {
    let changes = changes(world)?;
    let once = CREATED.map(|created| (created.to_owned(), 1));
    ensure!(
        changes == BTreeMap::from(once),
        "not everything was created once: {changes:?}"
    );
    let versions = world.versions("orders-db").await?;
    ensure!(versions == [1, 2], "the schema was applied as {versions:?}");
    let pods = world.list("pods").await?;
    let runs = pods.iter().filter(|pod| is_of_migration(pod)).count();
    ensure!(runs == 1, "{runs} pods of migrations");
    Ok(())
}

fn is_of_migration(pod: &Value) -> bool {
    pod["metadata"]["labels"]["slipway.dev/migration"].is_string()
}
