//! Databases and migrations.

#![allow(clippy::too_many_lines, reason = "tables: a line is a row")]

use super::{Answer, Input, Kind, backend, backend_passes, database, database_passes, row};

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

pub(super) fn migrations() -> Vec<Input> {
    let with = |migration: &str| {
        format!("databases: [{{name: d}}, {{name: e, envPrefix: E_}}], migrations: [{migration}]")
    };
    let goose =
        |options: &str| format!("{{name: s, tool: Goose, source: {{path: /m}}, {options}}}");
    vec![
        backend(
            "",
            "migrations: [{name: schema, tool: Goose, source: {path: /m}}]",
            "spec.migrations needs spec.databases",
        ),
        backend(
            "",
            &with("{name: s, tool: Goose, source: {path: /m}, database: f}"),
            "database names no entry of spec.databases",
        ),
        backend(
            "",
            &with("{name: s, tool: Liquibase, source: {path: /m}}"),
            "tool",
        ),
        backend("", &with("{name: s, tool: Goose}"), "source"),
        backend(
            "",
            &with("{name: s, tool: Goose, source: {path: m}}"),
            "source.path",
        ),
        backend(
            "",
            &with("{name: s, tool: Goose, source: {path: /m/../n}}"),
            "source.path must not contain",
        ),
        backend(
            "",
            &with("{name: s, tool: Goose, source: {path: /m, image: A}}"),
            "source.image",
        ),
        backend(
            "",
            &with("{name: s, tool: Goose, source: {path: /m, configMap: sql}}"),
            "source has path or configMap, not both",
        ),
        backend(
            "",
            &with("{name: s, tool: Goose, source: {configMap: SQL}}"),
            "source.configMap",
        ),
        backend_passes(&with(
            "{name: s, tool: Goose, source: {configMap: orders.sql, image: \"r.example/goose:3\"}}, {name: t, tool: Exec, readBack: Goose, target: \"7\", command: [/app], source: {configMap: sql}}",
        )),
        backend(
            "",
            &with("{name: s, tool: Goose, source: {path: /m}, target: \"7a\"}"),
            "target",
        ),
        backend(
            "",
            &with("{name: s, tool: Goose, source: {path: /m}, target: \"0\"}"),
            "target",
        ),
        backend(
            "",
            &with("{name: s, tool: Goose, source: {path: /m}, target: \"1.2\"}"),
            "target is one number of at most 18 digits",
        ),
        backend(
            "",
            &with("{name: s, tool: Flyway, source: {path: /m}, target: \"1.\"}"),
            "spec.migrations[0].target",
        ),
        backend(
            "B-55",
            &with("{name: s, tool: Goose, source: {path: /m}, target: 7}"),
            "target",
        ),
        backend(
            "",
            &with("{name: S, tool: Goose, source: {path: /m}}"),
            "spec.migrations[0].name",
        ),
        backend(
            "B-38",
            &with(
                "{name: s, tool: Goose, source: {path: /m}}, {name: s, tool: Goose, source: {path: /n}}",
            ),
            "spec.migrations[1]",
        ),
        backend(
            "",
            &with("{name: s, tool: Goose, source: {path: /m}, phase: Later}"),
            "phase",
        ),
        backend(
            "",
            &with("{name: s, tool: Goose, source: {path: /m}, soakSeconds: 60}"),
            "soakSeconds is for phase: AfterRollout only",
        ),
        backend(
            "",
            &with(
                "{name: s, tool: Goose, source: {path: /m}, phase: BeforeRollout, soakSeconds: 60}",
            ),
            "soakSeconds is for phase: AfterRollout only",
        ),
        backend(
            "",
            &with(
                "{name: s, tool: Goose, source: {path: /m}, phase: AfterRollout, soakSeconds: 86401}",
            ),
            "soakSeconds",
        ),
        backend(
            "",
            &with(
                "{name: s, tool: Goose, source: {path: /m}, phase: AfterRollout, soakSeconds: -1}",
            ),
            "soakSeconds",
        ),
        backend_passes(&with(
            "{name: s, tool: Goose, source: {path: /m}, phase: BeforeRollout, target: \"7\"}, {name: t, tool: Goose, source: {path: /m}, phase: AfterRollout, soakSeconds: 0}",
        )),
        backend_passes(&with(
            "{name: s, tool: Goose, source: {path: /m}, phase: AfterRollout, soakSeconds: 86400}, {name: t, tool: Goose, source: {path: /n}, phase: AfterRollout}",
        )),
        backend_passes(&with(
            "{name: s, tool: Goose, source: {path: /m, image: \"r.example/sql:9\"}, target: \"20240102030405\", database: e}, {name: t, tool: Goose, source: {path: /n/o.p}}",
        )),
        backend_passes(&with(
            "{name: s, tool: Goose, source: {path: /m}, env: [{name: DB, value: \"$(PGHOST)\"}], versionTable: audit.Versions_1, outOfOrder: Allow, toolPath: /usr/bin/goose, timeouts: {startSeconds: 1, lockWaitSeconds: 86400, runSeconds: 60}, retry: {attempts: 10}}, {name: t, tool: Flyway, source: {path: /n}, target: \"1_2.10\", outOfOrder: Refuse, env: [{name: K, valueFrom: {secretKeyRef: {name: s, key: k}}}]}",
        )),
        backend(
            "",
            &with(&goose("env: [{name: PGHOST, value: elsewhere}]")),
            "env must not set PGHOST",
        ),
        backend(
            "B-19",
            &with(&goose("env: [{name: SLIPWAY_RUN, value: x}]")),
            "names that begin with SLIPWAY_",
        ),
        backend(
            "B-16",
            &with(&goose("env: [{name: A, value: x}, {name: A, value: y}]")),
            "spec.migrations[0].env[1]",
        ),
        backend(
            "B-17",
            &with(&goose("env: [{name: A}]")),
            "either value or valueFrom",
        ),
        backend("", &with(&goose("versionTable: \"a b\"")), "versionTable"),
        backend("", &with(&goose("versionTable: a.b.c")), "versionTable"),
        backend("", &with(&goose("outOfOrder: Maybe")), "outOfOrder"),
        backend(
            "",
            &with("{name: s, tool: GolangMigrate, source: {path: /m}, outOfOrder: Allow}"),
            "outOfOrder is for Goose and Flyway",
        ),
        backend("", &with(&goose("toolPath: goose")), "toolPath"),
        backend(
            "",
            &with("{name: s, tool: Exec, command: [/app], toolPath: /goose}"),
            "toolPath is not for Exec",
        ),
        backend(
            "B-33",
            &with(&goose("timeouts: {runSeconds: 0}")),
            "timeouts.runSeconds",
        ),
        backend(
            "B-33",
            &with(&goose("timeouts: {startSeconds: -1}")),
            "timeouts.startSeconds",
        ),
        backend(
            "B-33",
            &with(&goose("timeouts: {lockWaitSeconds: 5 minutes}")),
            "timeouts.lockWaitSeconds",
        ),
        backend(
            "B-33",
            &with(&goose("timeouts: {runSeconds: 315360000}")),
            "timeouts.runSeconds",
        ),
        backend(
            "B-34",
            &with(&goose("retry: {attempts: 1000000}")),
            "retry.attempts",
        ),
        backend(
            "B-34",
            &with(&goose("retry: {attempts: 0}")),
            "retry.attempts",
        ),
        backend_passes(&with(
            "{name: s, tool: Exec, command: [/app, migrate, \"$(PGHOST)\"]}, {name: t, tool: Exec, command: [/app], idempotent: true, source: {image: \"r.example/sql:9\"}}, {name: u, tool: Exec, command: [/app], readBack: Flyway, versionTable: v, target: \"7\", source: {path: /m}}",
        )),
        backend(
            "B-31",
            &with("{name: s, tool: Exec, command: []}"),
            "command",
        ),
        backend(
            "B-31",
            &with("{name: s, tool: Exec, command: [\"\"]}"),
            "command[0]",
        ),
        backend(
            "B-31",
            &with(&format!(
                "{{name: s, tool: Exec, command: [{}]}}",
                vec!["a"; 10_000].join(", ")
            )),
            "command",
        ),
        backend(
            "B-32",
            &with("{name: s, tool: Exec, command: [\"a\\0b\"]}"),
            "command[0]",
        ),
        backend(
            "B-32",
            &with(&format!(
                "{{name: s, tool: Exec, command: [{}]}}",
                "a".repeat(1 << 20)
            )),
            "command[0]",
        ),
        backend(
            "",
            &with("{name: s, tool: Exec}"),
            "spec.migrations: command is the program of tool Exec",
        ),
        backend(
            "",
            &with(&goose("command: [/app]")),
            "command is the program of tool Exec",
        ),
        backend(
            "",
            &with(&goose("readBack: Goose")),
            "spec.migrations: readBack and idempotent are for tool Exec",
        ),
        backend(
            "",
            &with(&goose("idempotent: true")),
            "readBack and idempotent are for tool Exec",
        ),
        backend(
            "",
            &with("{name: s, tool: Exec, command: [/app], readBack: Exec}"),
            "readBack",
        ),
        backend(
            "",
            &with("{name: s, tool: Exec, command: [/app], versionTable: v}"),
            "spec.migrations: versionTable of tool Exec",
        ),
        backend(
            "",
            &with("{name: s, tool: Exec, command: [/app], readBack: Goose, target: \"7\"}"),
            "spec.migrations: target of tool Exec needs readBack",
        ),
        backend(
            "",
            &with("{name: s, tool: Goose, source: {image: \"r.example/sql:9\"}}"),
            "source says where the files are",
        ),
        row(
            "",
            Kind::Migration,
            "{spec: {tool: Exec, command: [/app], source: {path: null}, readBack: Goose}}",
            Answer::Accepted,
        ),
        row(
            "",
            Kind::Migration,
            "{spec: {tool: Exec}}",
            Answer::Refused("spec: command is the program of tool Exec"),
        ),
        row(
            "",
            Kind::Migration,
            "{spec: {idempotent: true}}",
            Answer::Refused("spec: readBack and idempotent are for tool Exec"),
        ),
        row(
            "",
            Kind::Migration,
            "{spec: {tool: Exec, command: [/app], versionTable: v}}",
            Answer::Refused("spec: versionTable of tool Exec"),
        ),
        row(
            "",
            Kind::Migration,
            "{spec: {tool: Exec, command: [/app], target: \"7\"}}",
            Answer::Refused("spec: target of tool Exec needs readBack"),
        ),
        row(
            "",
            Kind::Migration,
            "{spec: {source: {path: null}}}",
            Answer::Refused("spec: source says where the files are"),
        ),
        row(
            "",
            Kind::Migration,
            "{spec: {source: {configMap: sql}}}",
            Answer::Refused("spec: source has path or configMap, not both"),
        ),
        row(
            "",
            Kind::Migration,
            "{spec: {source: {path: null, configMap: sql}}}",
            Answer::Refused("spec: source.digest is that of source.configMap"),
        ),
        row(
            "",
            Kind::Migration,
            &format!(
                "{{spec: {{source: {{path: null, configMap: sql, digest: {}}}}}}}",
                "a".repeat(52)
            ),
            Answer::Accepted,
        ),
        row(
            "",
            Kind::Migration,
            "{spec: {env: [{name: PGUSER, value: x}]}}",
            Answer::Refused("spec: env must not set"),
        ),
        row(
            "",
            Kind::Migration,
            "{spec: {tool: GolangMigrate, outOfOrder: Allow}}",
            Answer::Refused("spec: outOfOrder is for Goose and Flyway"),
        ),
        row(
            "",
            Kind::Migration,
            "{spec: {tool: Goose, target: \"1.2\"}}",
            Answer::Refused("spec: target is one number"),
        ),
        row(
            "",
            Kind::Migration,
            "{spec: {tool: Exec, command: [/app], toolPath: /goose}}",
            Answer::Refused("spec: toolPath is not for Exec"),
        ),
        row(
            "",
            Kind::Migration,
            "{spec: {env: [{name: A, value: x}], versionTable: v, outOfOrder: Allow, toolPath: /goose, timeouts: {runSeconds: 1}, retry: {attempts: 1}}}",
            Answer::Accepted,
        ),
        row(
            "",
            Kind::Migration,
            "{spec: {planKey: short}}",
            Answer::Refused("spec.planKey"),
        ),
        row(
            "",
            Kind::Migration,
            "{spec: {database: a/b}}",
            Answer::Refused("spec.database"),
        ),
        row(
            "",
            Kind::Migration,
            "{spec: {source: {path: m}}}",
            Answer::Refused("spec.source.path"),
        ),
        row(
            "",
            Kind::Migration,
            "{spec: {target: \"7\"}}",
            Answer::Accepted,
        ),
        row(
            "",
            Kind::Migration,
            "{spec: {soakSeconds: 60}}",
            Answer::Refused("soakSeconds is for phase: AfterRollout only"),
        ),
        row(
            "",
            Kind::Migration,
            "{spec: {phase: AfterRollout, soakSeconds: 60}}",
            Answer::Accepted,
        ),
    ]
}
