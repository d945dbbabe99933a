//! Databases, and how a Backend names them.

#![allow(clippy::too_many_lines, reason = "tables: a line is a row")]

use super::{Input, backend, backend_passes, database, database_passes};

pub(super) fn databases() -> Vec<Input> {
    let entries = |count: usize| {
        (0..count)
            .map(|n| {
                if n == 0 {
                    "{name: d0}".to_owned()
                } else {
                    format!("{{name: d{n}, envPrefix: D{n}_}}")
                }
            })
            .collect::<Vec<_>>()
            .join(", ")
    };
    vec![
        backend(
            "B-23",
            "databases: [{name: \"\"}]",
            "spec.databases[0].name",
        ),
        backend(
            "B-23",
            "databases: [{name: \"..\"}]",
            "spec.databases[0].name",
        ),
        backend(
            "B-24",
            "databases: [{name: other/orders-db}]",
            "spec.databases[0].name",
        ),
        backend(
            "B-24",
            "databases: [{name: orders-db, namespace: other}]",
            "spec.databases[0]",
        ),
        backend(
            "B-23",
            &format!("databases: [{{name: {}}}]", "a".repeat(300)),
            "spec.databases[0].name",
        ),
        backend(
            "",
            &format!("databases: [{}]", entries(5)),
            "spec.databases",
        ),
        backend(
            "",
            "databases: [{name: a, envPrefix: A_}]",
            "the first entry has the plain variables",
        ),
        backend(
            "",
            "databases: [{name: a}, {name: b}]",
            "every entry but the first needs an envPrefix",
        ),
        backend(
            "",
            "databases: [{name: a}, {name: b, envPrefix: X_}, {name: c, envPrefix: X_}]",
            "two entries have the same envPrefix",
        ),
        backend(
            "",
            "databases: [{name: a}, {name: a, envPrefix: X_}]",
            "spec.databases[1]",
        ),
        backend(
            "B-19",
            "databases: [{name: a}, {name: b, envPrefix: SLIPWAY_}]",
            "choose another envPrefix",
        ),
        backend(
            "",
            "databases: [{name: a, env: {hostname: H}}]",
            "env renames host, port, database",
        ),
        backend(
            "B-19",
            "databases: [{name: a, env: {host: SLIPWAY_H}}]",
            "choose another name in env",
        ),
        backend(
            "",
            "databases: [{name: a, env: {host: \"A=B\"}}]",
            "spec.databases[0].env",
        ),
        backend(
            "",
            "databases: [{name: a, pool: {maxOpen: 0}}]",
            "pool.maxOpen",
        ),
        backend(
            "",
            "databases: [{name: a, pool: {maxIdle: 11}}]",
            "pool.maxIdle is above maxOpen",
        ),
        backend(
            "",
            "databases: [{name: a, pool: {maxOpen: 2, maxIdle: 3}}]",
            "pool.maxIdle is above maxOpen",
        ),
        backend_passes(
            "databases: [{name: a, pool: {maxOpen: 12, maxIdle: 12, maxLifetimeSeconds: 240}, env: {host: DB_HOST, sslMode: DB_TLS, sslRootCert: DB_CA}}]",
        ),
        backend_passes(&format!("databases: [{}]", entries(4))),
        database("B-23", "name: \"\"", "spec.name"),
        database("B-23", "name: \"..\"", "spec.name"),
        database("B-23", "name: a/b", "spec.name"),
        database("B-23", &format!("name: {}", "a".repeat(300)), "spec.name"),
        database("", "name: -c", "spec.name"),
        database(
            "B-29",
            "host: \"user:pass@db.acme.test\"",
            "user and password belong in the Secret",
        ),
        database(
            "B-29",
            "host: \"postgres://db.acme.test\"",
            "user and password belong in the Secret",
        ),
        database(
            "",
            "host: \"db.acme.test:5432\"",
            "the port belongs in spec.port",
        ),
        database("", "host: \"a b\"", "is one host name or IP address"),
        database(
            "",
            "host: \"a.test,b.test\"",
            "is one host name or IP address",
        ),
        database("", "host: \"\"", "spec.host"),
        database("B-11", "port: 0", "spec.port"),
        database("B-11", "port: 65536", "spec.port"),
        database("", "engine: Oracle", "spec.engine"),
        database("B-30", "credentials: null", "spec.credentials"),
        database("B-30", "url: postgres://a", "spec"),
        database(
            "B-24",
            "credentials: {secret: other/s}",
            "spec.credentials.secret",
        ),
        database("", "tls: {mode: Maybe}", "spec.tls.mode"),
        database_passes("host: 10.1.2.3, port: 65535, name: orders_v2.eu, tls: {mode: VerifyFull}"),
        database_passes(
            "host: \"2001:db8::1\", credentials: {secret: s, keys: {username: u, password: p.w}}",
        ),
        database_passes("host: my_db.acme.test., port: 1"),
        database_passes(
            "engine: MySQL, direct: {host: db-0.acme.test}, migrationCredentials: {secret: owner, keys: {username: u}}",
        ),
        database_passes("direct: {host: \"2001:db8::1\", port: 5433}"),
        database("", "direct: {port: 5433}", "spec.direct.host"),
        database(
            "B-29",
            "direct: {host: \"user:pass@db\"}",
            "spec.direct.host is one host name",
        ),
        database(
            "",
            "direct: {host: \"db:5432\"}",
            "the port belongs in spec.direct.port",
        ),
        database("B-11", "direct: {host: db, port: 0}", "spec.direct.port"),
        database(
            "",
            "migrationCredentials: {secret: other/s}",
            "spec.migrationCredentials.secret",
        ),
        database_passes("tls: {mode: VerifyFull, ca: {configMap: authority}}"),
        database_passes("tls: {mode: VerifyFull, ca: {secret: authority, key: root.pem}}"),
        database(
            "",
            "tls: {mode: VerifyFull, ca: {}}",
            "exactly one of configMap and secret",
        ),
        database(
            "",
            "tls: {mode: VerifyFull, ca: {configMap: a, secret: b}}",
            "exactly one of configMap and secret",
        ),
        database(
            "",
            "tls: {mode: Require, ca: {configMap: a}}",
            "is used with spec.tls.mode: VerifyFull only",
        ),
        database(
            "",
            "tls: {ca: {configMap: a}}",
            "is used with spec.tls.mode: VerifyFull only",
        ),
        database(
            "",
            "tls: {mode: VerifyFull, ca: {configMap: a, key: \"a/b\"}}",
            "spec.tls.ca.key",
        ),
        database(
            "B-24",
            "tls: {mode: VerifyFull, ca: {configMap: other/a}}",
            "spec.tls.ca.configMap",
        ),
    ]
}
