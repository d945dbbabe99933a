//! The environment of the container that runs the tool: where the database is and who we are there, then what the migration's own `env`
//! says, so that `$(PGHOST)` resolves in it. User and password come from the Secret by the kubelet; Slipway never sees them.

use serde_json::{Value, json};

use crate::api::common::Engine;
use crate::api::database::{DatabaseSpec, TlsMode};
use crate::api::workload::EnvironmentVariable;
use crate::core::migration::dsn;
use crate::core::migration::planned;

/// The variables of the connection, under the names that the engine's own programs read.
#[must_use]
pub fn connection(database: &DatabaseSpec) -> Vec<Value> {
    let prefix = match database.engine {
        Engine::PostgreSQL => "PG",
        Engine::MySQL => "MYSQL_",
    };
    let credentials = &database.credentials;
    let keys = credentials.keys.clone().unwrap_or_default();
    let user_key = keys.username.unwrap_or_else(|| "username".to_owned());
    let password_key = keys.password.unwrap_or_else(|| "password".to_owned());
    let plain =
        |name: &str, value: &str| json!({"name": format!("{prefix}{name}"), "value": value});
    let secret = |name: &str, key: &str| json!({"name": format!("{prefix}{name}"), "valueFrom": {"secretKeyRef": {"name": credentials.secret, "key": key}}});
    let mut variables = vec![
        plain("HOST", &database.host),
        plain("PORT", &planned::port(database).to_string()),
        plain("DATABASE", &database.name),
        secret("USER", &user_key),
        secret("PASSWORD", &password_key),
    ];
    if database.engine == Engine::PostgreSQL {
        let mode = database.tls.as_ref().and_then(|tls| tls.mode);
        variables.push(plain(
            "SSLMODE",
            dsn::sslmode(mode.unwrap_or(TlsMode::Prefer)),
        ));
    }
    variables
}

/// The migration's own variables; they have Kubernetes' shape already.
pub fn own(environment: &[EnvironmentVariable]) -> impl Iterator<Item = Value> + '_ {
    environment
        .iter()
        .filter_map(|variable| serde_json::to_value(variable).ok())
}

/// Names of the variables that a Secret fills: the runner keeps their values out of the log.
#[must_use]
pub fn secrets(environment: &[EnvironmentVariable]) -> Vec<String> {
    let from_secret = |variable: &&EnvironmentVariable| {
        variable
            .value_from
            .as_ref()
            .is_some_and(|source| source.secret_key_ref.is_some())
    };
    environment
        .iter()
        .filter(from_secret)
        .map(|variable| variable.name.clone())
        .collect()
}
