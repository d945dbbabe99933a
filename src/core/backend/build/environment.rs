//! The program's environment. Slipway's variables come first, so that `$(PGHOST)` resolves in the user's; of two with one name the user's
//! wins. Passwords are references to Secrets, never values.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::super::resolved::{
    Binding, Bound, EnvironmentFrom, ResolvedBackend, SourceKind, Variable, VariableValue,
};
use super::super::seen::Seen;
use super::{put, volumes};
use crate::api::common::Engine;
use crate::core::database::endpoint::Endpoint;
use crate::core::migration::dsn::sslmode;

/// Seconds after which a connection is made anew: behind a moving server none lives for ever.
const POSTGRESQL_LIFETIME_SECONDS: i32 = 1800;

/// The same for MySQL, where networks and proxies cut idle connections after five minutes and drivers notice late.
const MYSQL_LIFETIME_SECONDS: i32 = 240;

/// The variables that every program gets, or may get, whatever its databases.
pub(in crate::core::backend) const SLIPWAY_VARIABLES: [&str; 4] =
    ["PORT", "SLIPWAY_GRACE_SECONDS", "GOMEMLIMIT", "GOMAXPROCS"];

/// `env` of the container.
pub(super) fn variables(seen: &Seen, backend: &ResolvedBackend, bound: &Bound) -> Value {
    let users: BTreeSet<&str> = backend
        .environment
        .iter()
        .map(|variable| variable.name.as_str())
        .collect();
    let ours = ours(&seen.name(), backend, bound);
    let mut named = BTreeSet::new();
    let all = ours
        .iter()
        .filter(|variable| {
            !users.contains(variable.name.as_str()) && named.insert(variable.name.clone())
        })
        .chain(&backend.environment);
    json!(all.map(entry).collect::<Vec<_>>())
}

/// Slipway's own variables, in their order.
fn ours(name: &str, backend: &ResolvedBackend, bound: &Bound) -> Vec<Variable> {
    let mut variables = Vec::new();
    if let Some(port) = backend.ports.first() {
        variables.push(plain("PORT", port.number.to_string()));
    }
    variables.push(plain(
        "SLIPWAY_GRACE_SECONDS",
        backend.shutdown.grace.to_string(),
    ));
    if let Some(bytes) = backend.go.memory_limit_bytes {
        variables.push(plain("GOMEMLIMIT", bytes.to_string()));
    }
    if let Some(count) = backend.go.max_procs {
        variables.push(plain("GOMAXPROCS", count.to_string()));
    }
    for (binding, database) in backend.bindings.iter().zip(&bound.databases) {
        variables.extend(of_database(name, binding, database));
    }
    variables
}

fn of_database(backend: &str, binding: &Binding, database: &Endpoint) -> Vec<Variable> {
    let mut variables = match database.engine {
        Engine::PostgreSQL => of_postgresql(backend, binding, database),
        Engine::MySQL => of_mysql(binding, database),
    };
    let lifetime = binding
        .max_lifetime_seconds
        .unwrap_or(match database.engine {
            Engine::PostgreSQL => POSTGRESQL_LIFETIME_SECONDS,
            Engine::MySQL => MYSQL_LIFETIME_SECONDS,
        });
    variables.extend([
        plain(
            binding.named("", "DB_MAX_OPEN_CONNS"),
            binding.max_open.to_string(),
        ),
        plain(
            binding.named("", "DB_MAX_IDLE_CONNS"),
            binding.max_idle.to_string(),
        ),
        plain(
            binding.named("", "DB_CONN_MAX_LIFETIME"),
            go_duration(lifetime),
        ),
    ]);
    variables
}

fn of_postgresql(backend: &str, binding: &Binding, database: &Endpoint) -> Vec<Variable> {
    let mut variables = connection(binding, database, "PG");
    variables.push(plain(
        binding.named("sslMode", "PGSSLMODE"),
        sslmode(database.tls),
    ));
    variables.extend(authority(binding, database, "PGSSLROOTCERT"));
    variables.push(plain(binding.named("appName", "PGAPPNAME"), backend));
    variables
}

fn of_mysql(binding: &Binding, database: &Endpoint) -> Vec<Variable> {
    let mut variables = connection(binding, database, "MYSQL_");
    variables.extend(authority(binding, database, "MYSQL_SSL_CA"));
    variables
}

/// What every engine has, under its own names.
fn connection(binding: &Binding, database: &Endpoint, engine: &str) -> Vec<Variable> {
    let named = |key: &str, usual: &str| binding.named(key, &format!("{engine}{usual}"));
    vec![
        plain(named("host", "HOST"), database.host.clone()),
        plain(named("port", "PORT"), database.port.to_string()),
        plain(named("database", "DATABASE"), database.name.clone()),
        from_secret(named("user", "USER"), &database.secret, &database.user_key),
        from_secret(
            named("password", "PASSWORD"),
            &database.secret,
            &database.password_key,
        ),
    ]
}

/// The file with the certificate of the database's authority.
fn authority(binding: &Binding, database: &Endpoint, usual: &str) -> Option<Variable> {
    database.authority.as_ref()?;
    let file = volumes::authority_file(&binding.database);
    Some(plain(binding.named("sslRootCert", usual), file))
}

/// As Go's `time.Duration` prints it, which its parser reads: `30m0s`.
fn go_duration(seconds: i32) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

fn plain(name: impl Into<String>, value: impl Into<String>) -> Variable {
    Variable {
        name: name.into(),
        value: VariableValue::Plain(value.into()),
    }
}

fn from_secret(name: String, secret: &str, key: &str) -> Variable {
    Variable {
        name,
        value: VariableValue::From(json!({"secretKeyRef": {"name": secret, "key": key}})),
    }
}

fn entry(variable: &Variable) -> Value {
    match &variable.value {
        VariableValue::Plain(value) if value.is_empty() => json!({"name": variable.name}),
        VariableValue::Plain(value) => json!({"name": variable.name, "value": value}),
        VariableValue::From(from) => json!({"name": variable.name, "valueFrom": from}),
    }
}

/// `envFrom` of the container.
pub(super) fn sources(sources: &[EnvironmentFrom]) -> Value {
    let entries: Vec<Value> = sources
        .iter()
        .map(|source| {
            let mut reference = Map::new();
            put(&mut reference, "name", json!(source.name));
            if source.optional {
                put(&mut reference, "optional", json!(true));
            }
            let member = match source.kind {
                SourceKind::ConfigMap => "configMapRef",
                SourceKind::Secret => "secretRef",
            };
            let mut entry = Map::new();
            put(
                &mut entry,
                "prefix",
                source.prefix.as_deref().map_or(Value::Null, Value::from),
            );
            put(&mut entry, member, Value::Object(reference));
            Value::Object(entry)
        })
        .collect();
    json!(entries)
}
