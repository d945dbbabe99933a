//! Rights granted = rights used (I-37, G-24): what the operators of all scenarios asked for, by the audit log, is what `core::rights` grants,
//! both ways. Looked at when all scenarios have run, as no single one needs every right.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use jiff::Timestamp;
use slipway::core::rights::{LEASE_RULES, RULES};

use crate::cluster::audit::{Entries, Entry};

/// Group, resource with subresource, verb.
type Right = (String, String, String);

/// Compares what was used with what is granted; `is_ours` knows the namespaces of this run's operators.
pub fn granted_are_used(all: &Entries, is_ours: impl Fn(&str) -> bool) -> Result<String> {
    let ours = all.filter(|entry| account_namespace(entry).is_some_and(&is_ours));
    let secrets = ours.on("secrets");
    ensure!(
        secrets.is_empty(),
        "Slipway asked for Secrets:\n{}",
        secrets.table()
    );
    let ends = ends_of_rights(all);
    let denied = ours.filter(|entry| {
        let namespace = account_namespace(entry).unwrap_or_default();
        entry.denied && ends.get(namespace).is_none_or(|end| entry.time < *end)
    });
    ensure!(denied.is_empty(), "refused: {:#?}", denied.0);
    let (granted, used) = (granted(), used(&ours));
    let unused: Vec<&Right> = granted.difference(&used).collect();
    let ungranted: Vec<&Right> = used.difference(&granted).collect();
    ensure!(
        unused.is_empty() && ungranted.is_empty(),
        "granted and never used: {unused:#?}; used and not granted: {ungranted:#?}"
    );
    Ok(format!(
        "{} rights, each of them used in {} requests; none was missing, none was on Secrets",
        granted.len(),
        ours.len()
    ))
}

fn granted() -> BTreeSet<Right> {
    let mut rights = BTreeSet::new();
    for rule in RULES.iter().chain(LEASE_RULES) {
        for resource in rule.resources {
            for verb in rule.verbs {
                rights.insert((
                    rule.group.to_owned(),
                    (*resource).to_owned(),
                    (*verb).to_owned(),
                ));
            }
        }
    }
    rights
}

/// A server-side apply that makes an object is logged as a patch, and needs the right to create as well.
fn used(requests: &Entries) -> BTreeSet<Right> {
    let answered = |entry: &&Entry| entry.code < 300 || [404, 409].contains(&entry.code);
    let right = |entry: &Entry, verb: &str| (entry.group.clone(), entry.kind(), verb.to_owned());
    let requests = || requests.0.iter().filter(answered);
    let created = requests().filter(|entry| entry.verb == "patch" && entry.code == 201);
    requests()
        .map(|entry| right(entry, &entry.verb))
        .chain(created.map(|entry| right(entry, "create")))
        .collect()
}

/// When the rights in a namespace were taken away by who removed the namespace or what is installed there.
fn ends_of_rights(all: &Entries) -> BTreeMap<String, Timestamp> {
    let mut ends = BTreeMap::new();
    for entry in &all.0 {
        let namespace = match (entry.verb.as_str(), entry.resource.as_str()) {
            ("delete", "namespaces") => &entry.name,
            ("delete", "roles" | "rolebindings") => &entry.namespace,
            _ => continue,
        };
        if entry.code < 300 {
            ends.entry(namespace.clone()).or_insert(entry.time);
        }
    }
    ends
}

/// The namespace of the ServiceAccount that asks.
fn account_namespace(entry: &Entry) -> Option<&str> {
    let account = entry.user.strip_prefix("system:serviceaccount:")?;
    account.split_once(':').map(|(namespace, _name)| namespace)
}
