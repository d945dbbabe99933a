//! How a Database is reached: by the pods as `spec` says, by migrations past the pooler and with credentials of their own where it says so.

use serde_json::{Value, json};

use crate::api::common::Engine;
use crate::api::database::{Credentials, DatabaseSpec, TlsMode};

/// Key of an authority's certificate when nobody names another.
const CERTIFICATE_KEY: &str = "ca.crt";

/// Name of the certificate's file, in whatever folder it is mounted.
pub const CERTIFICATE_FILE: &str = "ca.crt";

/// Where a database is, which Secret opens it, and who vouches for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoint {
    pub engine: Engine,
    pub host: String,
    pub port: i32,
    /// The database's name on the server.
    pub name: String,
    pub tls: TlsMode,
    pub secret: String,
    pub user_key: String,
    pub password_key: String,
    /// The authority that has signed the server's certificate; absent: one that everybody knows.
    pub authority: Option<Authority>,
}

/// A certificate in a ConfigMap or a Secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Authority {
    pub holder: Holder,
    pub key: String,
}

/// Which object holds the certificate, by its name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Holder {
    ConfigMap(String),
    Secret(String),
}

impl Endpoint {
    /// As pods see it.
    #[must_use]
    pub fn of_pods(spec: &DatabaseSpec) -> Self {
        Self::new(spec, &spec.host, spec.port, &spec.credentials)
    }

    /// As migrations see it: they need the server itself and rights on the schema, neither of which pods have to have.
    #[must_use]
    pub fn of_migrations(spec: &DatabaseSpec) -> Self {
        let credentials = migration_credentials(spec).0;
        match &spec.direct {
            Some(direct) => Self::new(spec, &direct.host, direct.port, credentials),
            None => Self::new(spec, &spec.host, spec.port, credentials),
        }
    }

    fn new(spec: &DatabaseSpec, host: &str, port: Option<i32>, credentials: &Credentials) -> Self {
        let keys = credentials.keys.clone().unwrap_or_default();
        let tls = spec.tls.as_ref();
        Self {
            engine: spec.engine,
            host: host.to_owned(),
            port: port.unwrap_or(spec.engine.port()),
            name: spec.name.clone(),
            tls: tls.and_then(|tls| tls.mode).unwrap_or(TlsMode::Prefer),
            secret: credentials.secret.clone(),
            user_key: keys.username.unwrap_or_else(|| "username".to_owned()),
            password_key: keys.password.unwrap_or_else(|| "password".to_owned()),
            authority: tls.and_then(authority),
        }
    }
}

/// The credentials that migrations use, and the field that names them.
#[must_use]
pub fn migration_credentials(spec: &DatabaseSpec) -> (&Credentials, &'static str) {
    match &spec.migration_credentials {
        Some(own) => (own, "spec.migrationCredentials"),
        None => (&spec.credentials, "spec.credentials"),
    }
}

/// Name of the ConfigMap that holds the authority's certificate.
#[must_use]
pub fn config_map_of(spec: &DatabaseSpec) -> Option<&str> {
    spec.tls.as_ref()?.ca.as_ref()?.config_map.as_deref()
}

fn authority(tls: &crate::api::database::Tls) -> Option<Authority> {
    let ca = tls.ca.as_ref()?;
    let holder = match (&ca.config_map, &ca.secret) {
        (Some(name), _) => Holder::ConfigMap(name.clone()),
        (None, Some(name)) => Holder::Secret(name.clone()),
        (None, None) => return None,
    };
    Some(Authority {
        holder,
        key: ca.key.clone().unwrap_or_else(|| CERTIFICATE_KEY.to_owned()),
    })
}

impl Authority {
    /// A volume that shows the certificate as [`CERTIFICATE_FILE`].
    #[must_use]
    pub fn volume(&self, name: &str) -> Value {
        let items = json!([{"key": self.key, "path": CERTIFICATE_FILE}]);
        match &self.holder {
            Holder::ConfigMap(object) => {
                json!({"name": name, "configMap": {"name": object, "items": items}})
            }
            Holder::Secret(object) => {
                json!({"name": name, "secret": {"secretName": object, "items": items}})
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Authority, Endpoint, Holder};
    use crate::api::common::Engine;
    use crate::api::database::{DatabaseSpec, TlsMode};

    #[test]
    fn migrations_go_past_the_pooler_with_their_own_user_and_pods_see_neither() {
        let spec: DatabaseSpec = serde_json::from_value(json!({
            "engine": "MySQL", "host": "pool", "port": 6033, "name": "orders", "credentials": {"secret": "app"},
            "direct": {"host": "server"}, "migrationCredentials": {"secret": "owner", "keys": {"username": "user"}},
            "tls": {"mode": "VerifyFull", "ca": {"configMap": "authority"}},
        }))
        .expect("a valid Database");
        let pods = Endpoint {
            engine: Engine::MySQL,
            host: "pool".to_owned(),
            port: 6033,
            name: "orders".to_owned(),
            tls: TlsMode::VerifyFull,
            secret: "app".to_owned(),
            user_key: "username".to_owned(),
            password_key: "password".to_owned(),
            authority: Some(Authority {
                holder: Holder::ConfigMap("authority".to_owned()),
                key: "ca.crt".to_owned(),
            }),
        };
        let migrations = Endpoint {
            host: "server".to_owned(),
            port: 3306,
            secret: "owner".to_owned(),
            user_key: "user".to_owned(),
            ..pods.clone()
        };
        assert_eq!(
            (Endpoint::of_pods(&spec), Endpoint::of_migrations(&spec)),
            (pods, migrations)
        );
    }
}
