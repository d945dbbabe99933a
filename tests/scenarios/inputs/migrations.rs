//! Migrations: what a Backend asks for, and the objects themselves.

#![allow(clippy::too_many_lines, reason = "tables: a line is a row")]

use super::{Input, backend, backend_passes, migration, migration_passes};

/// `spec.migrations` of a Backend.
pub(super) fn entries() -> Vec<Input> {
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
            "",
            &with(
                "{name: s, tool: Flyway, source: {path: /m}, env: [{name: FLYWAY_ENCODING, value: ISO-8859-1}]}",
            ),
            "env must not set FLYWAY_ENCODING",
        ),
        backend(
            "",
            &with(
                "{name: s, tool: Flyway, source: {path: /m}, env: [{name: FLYWAY_ENCODING, valueFrom: {secretKeyRef: {name: s, key: k}}}]}",
            ),
            "env must not set FLYWAY_ENCODING",
        ),
        backend(
            "",
            &with(
                "{name: s, tool: Flyway, source: {path: /m}, env: [{name: FLYWAY_DETECT_ENCODING, value: \"true\"}]}",
            ),
            "env must not set FLYWAY_ENCODING",
        ),
        backend_passes(&with(
            "{name: s, tool: Flyway, source: {path: /m}, env: [{name: FLYWAY_ENCODING, value: UTF-8}, {name: FLYWAY_PLACEHOLDER_PREFIX, value: \"@{\"}]}",
        )),
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
    ]
}

/// Migrations, as somebody may write them by hand.
pub(super) fn objects() -> Vec<Input> {
    vec![
        migration_passes("tool: Exec, command: [/app], source: {path: null}, readBack: Goose"),
        migration("tool: Exec", "spec: command is the program of tool Exec"),
        migration(
            "idempotent: true",
            "spec: readBack and idempotent are for tool Exec",
        ),
        migration(
            "tool: Exec, command: [/app], versionTable: v",
            "spec: versionTable of tool Exec",
        ),
        migration(
            "tool: Exec, command: [/app], target: \"7\"",
            "spec: target of tool Exec needs readBack",
        ),
        migration(
            "source: {path: null}",
            "spec: source says where the files are",
        ),
        migration(
            "source: {configMap: sql}",
            "spec: source has path or configMap, not both",
        ),
        migration(
            "source: {path: null, configMap: sql}",
            "spec: source.digest and planKey are written by Slipway",
        ),
        migration_passes(&format!(
            "source: {{path: null, configMap: sql, digest: {}}}",
            "a".repeat(52)
        )),
        migration(
            "env: [{name: PGUSER, value: x}]",
            "spec: env must not set PGHOST",
        ),
        migration(
            "tool: Flyway, env: [{name: FLYWAY_ENCODING, value: UTF-16}]",
            "spec: env must not set FLYWAY_ENCODING",
        ),
        migration(
            "tool: GolangMigrate, outOfOrder: Allow",
            "spec: outOfOrder is for Goose and Flyway",
        ),
        migration("tool: Goose, target: \"1.2\"", "spec: target is one number"),
        migration(
            "tool: Exec, command: [/app], toolPath: /goose",
            "spec: toolPath is not for Exec",
        ),
        migration_passes(
            "env: [{name: A, value: x}], versionTable: v, outOfOrder: Allow, toolPath: /goose, timeouts: {runSeconds: 1}, retry: {attempts: 1}",
        ),
        migration("planKey: short", "spec.planKey"),
        migration("database: a/b", "spec.database"),
        migration("source: {path: m}", "spec.source.path"),
        migration_passes("target: \"7\""),
        migration(
            "soakSeconds: 60",
            "soakSeconds is for phase: AfterRollout only",
        ),
        migration_passes("phase: AfterRollout, soakSeconds: 60"),
    ]
}
