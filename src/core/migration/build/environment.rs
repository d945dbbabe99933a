//! The environment of the container that runs the tool: where the database is and who we are there, then what the migration's own `env`
//! says, so that `$(PGHOST)` resolves in it. User and password come from the Secret by the kubelet; Slipway never sees them.

use serde_json::{Value, json};

use crate::api::common::Engine;
use crate::api::workload::EnvironmentVariable;
use crate::core::database::endpoint::{CERTIFICATE_FILE, Endpoint};
use crate::core::migration::dsn;

/// The variables of the connection, under the names that the engine's own programs read.
#[must_use]
pub fn connection(endpoint: &Endpoint) -> Vec<Value> {
    let prefix = match endpoint.engine {
        Engine::PostgreSQL => "PG",
        Engine::MySQL => "MYSQL_",
    };
    let plain =
        |name: &str, value: &str| json!({"name": format!("{prefix}{name}"), "value": value});
    let secret = |name: &str, key: &str| json!({"name": format!("{prefix}{name}"), "valueFrom": {"secretKeyRef": {"name": endpoint.secret, "key": key}}});
    let mut variables = vec![
        plain("HOST", &endpoint.host),
        plain("PORT", &endpoint.port.to_string()),
        plain("DATABASE", &endpoint.name),
        secret("USER", &endpoint.user_key),
        secret("PASSWORD", &endpoint.password_key),
    ];
    if endpoint.engine == Engine::PostgreSQL {
        variables.push(plain("SSLMODE", dsn::sslmode(endpoint.tls)));
    }
    if endpoint.authority.is_some() {
        let name = match endpoint.engine {
            Engine::PostgreSQL => "SSLROOTCERT",
            Engine::MySQL => "SSL_CA",
        };
        variables.push(plain(name, &authority_file()));
    }
    variables
}

/// Folder of the certificate of the database's authority in the pod.
pub const AUTHORITY_FOLDER: &str = "/slipway-database";

/// The certificate's file.
#[must_use]
pub fn authority_file() -> String {
    format!("{AUTHORITY_FOLDER}/{CERTIFICATE_FILE}")
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
