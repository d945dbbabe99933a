//! Which Databases the program uses, under which variable names, with how many connections; and that migrations name one of them.

use std::collections::{BTreeMap, BTreeSet};

use super::super::resolved::Binding;
use super::{Invalid, invalid};
use crate::api::backend::{BackendSpec, DatabaseBinding, Pool};

/// Connections of one pod, as long as there is no budget to share out.
const MAX_OPEN: i32 = 10;

/// Variables that `databases[].env` may rename.
const RENAMEABLE: [&str; 8] = [
    "host",
    "port",
    "database",
    "user",
    "password",
    "sslMode",
    "sslRootCert",
    "appName",
];

/// `spec.databases` in its order; `spec.migrations` is checked with it.
pub(super) fn resolve(spec: &BackendSpec) -> Result<Vec<Binding>, Invalid> {
    if spec.databases.len() > 4 {
        return Err(invalid(
            "spec.databases",
            "more than 4 databases",
            "Give at most 4",
        ));
    }
    let mut names = BTreeSet::new();
    let mut prefixes = BTreeSet::new();
    let mut bindings = Vec::new();
    for (index, binding) in spec.databases.iter().enumerate() {
        let field = format!("spec.databases[{}]", binding.name);
        if !names.insert(binding.name.as_str()) {
            return Err(invalid(
                field,
                "the name is there twice",
                "Remove one of the two",
            ));
        }
        let prefix = binding.env_prefix.clone().unwrap_or_default();
        if index > 0 && prefix.is_empty() {
            let remedy = "Give one like AUDIT_: the variables of the first database have no prefix";
            return Err(invalid(format!("{field}.envPrefix"), "missing", remedy));
        }
        if !prefixes.insert(prefix.clone()) {
            return Err(invalid(
                format!("{field}.envPrefix"),
                "used twice",
                "Give each database its own prefix",
            ));
        }
        bindings.push(one(&field, binding, prefix)?);
    }
    check_migrations(spec, &names)?;
    Ok(bindings)
}

fn one(field: &str, binding: &DatabaseBinding, prefix: String) -> Result<Binding, Invalid> {
    for (key, name) in &binding.env {
        if !RENAMEABLE.contains(&key.as_str()) {
            let remedy = format!("Use keys of {}", RENAMEABLE.join(", "));
            return Err(invalid(format!("{field}.env.{key}"), "unknown key", remedy));
        }
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(invalid(
                format!("{field}.env.{key}"),
                "cannot name a variable",
                "Give a name like DB_HOST",
            ));
        }
    }
    let pool = binding.pool.clone().unwrap_or_default();
    check_pool(field, &pool)?;
    let max_open = pool.max_open.unwrap_or(MAX_OPEN);
    Ok(Binding {
        database: binding.name.clone(),
        prefix,
        names: binding
            .env
            .iter()
            .map(|(key, name)| (key.clone(), name.clone()))
            .collect::<BTreeMap<_, _>>(),
        max_open,
        max_idle: pool.max_idle.unwrap_or(max_open),
        max_lifetime_seconds: pool.max_lifetime_seconds,
    })
}

fn check_pool(field: &str, pool: &Pool) -> Result<(), Invalid> {
    let ranges = [
        ("maxOpen", pool.max_open, 1, 10_000),
        ("maxIdle", pool.max_idle, 0, 10_000),
        ("maxLifetimeSeconds", pool.max_lifetime_seconds, 1, 86_400),
    ];
    for (part, asked, least, most) in ranges {
        if asked.is_some_and(|number| !(least..=most).contains(&number)) {
            let remedy = format!("Give {least} to {most}");
            return Err(invalid(
                format!("{field}.pool.{part}"),
                "out of range",
                remedy,
            ));
        }
    }
    let open = pool.max_open.unwrap_or(MAX_OPEN);
    if pool.max_idle.is_some_and(|idle| idle > open) {
        return Err(invalid(
            format!("{field}.pool.maxIdle"),
            format!("more than maxOpen ({open})"),
            "Give at most maxOpen",
        ));
    }
    Ok(())
}

fn check_migrations(spec: &BackendSpec, databases: &BTreeSet<&str>) -> Result<(), Invalid> {
    let mut names = BTreeSet::new();
    if !spec.migrations.is_empty() && databases.is_empty() {
        return Err(invalid(
            "spec.migrations",
            "needs spec.databases",
            "Name the Database that is to be migrated",
        ));
    }
    for migration in &spec.migrations {
        let field = format!("spec.migrations[{}]", migration.name);
        if !names.insert(migration.name.as_str()) {
            return Err(invalid(
                field,
                "the name is there twice",
                "Remove one of the two",
            ));
        }
        if let Some(database) = migration
            .database
            .as_deref()
            .filter(|name| !databases.contains(name))
        {
            let remedy = "Name one of spec.databases";
            return Err(invalid(
                format!("{field}.database"),
                format!("`{database}` is not bound"),
                remedy,
            ));
        }
    }
    Ok(())
}
