//! What a Migration says of its connection, its variables and its limits.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use serde_json::{Value, json};

use super::{environment, made, made_on, object, parameters};
use crate::core::run::{self, ticket};
use crate::core::settings::Settings;

#[test]
fn a_migrations_variables_stand_after_those_of_its_connection() {
    let options = json!({"env": [
        {"name": "DB_ADDR", "value": "$(PGHOST):$(PGPORT)"},
        {"name": "LICENCE", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "licence"}}},
    ]});
    let job = made(&options, &Settings::default());
    let expected = [
        ("PGHOST", "db.acme.test"),
        ("PGPORT", "5432"),
        ("PGDATABASE", "orders"),
        ("PGUSER", "\"username\""),
        ("PGPASSWORD", "\"password\""),
        ("PGSSLMODE", "prefer"),
        ("DB_ADDR", "$(PGHOST):$(PGPORT)"),
        ("LICENCE", "\"licence\""),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(environment(&job), expected);
    assert_eq!(parameters(&job).secrets, ["LICENCE"]);
}

#[test]
fn a_migration_goes_to_the_server_itself_with_its_own_user_and_its_authority() {
    let more = json!({
        "engine": "MySQL", "port": 6033, "direct": {"host": "server", "port": 3307}, "migrationCredentials": {"secret": "owner"},
        "tls": {"mode": "VerifyFull", "ca": {"secret": "authority", "key": "root.pem"}},
    });
    let job = made_on(&more, &json!({}), &Settings::default());
    let expected = [
        ("MYSQL_HOST", "server"),
        ("MYSQL_PORT", "3307"),
        ("MYSQL_DATABASE", "orders"),
        ("MYSQL_USER", "\"username\""),
        ("MYSQL_PASSWORD", "\"password\""),
        ("MYSQL_SSL_CA", "/slipway-database/ca.crt"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(environment(&job), expected);
    let told = parameters(&job);
    assert_eq!(
        (
            told.host.as_str(),
            told.port,
            told.own_user,
            told.authority.as_deref()
        ),
        ("server", 3307, true, Some("/slipway-database/ca.crt"))
    );
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(
        (&pod["volumes"][3], &pod["containers"][0]["volumeMounts"][3]),
        (
            &json!({"name": "database-ca", "secret": {"secretName": "authority", "items": [{"key": "root.pem", "path": "ca.crt"}]}}),
            &json!({"name": "database-ca", "mountPath": "/slipway-database", "readOnly": true}),
        )
    );
    assert!(!job.to_string().contains("orders-db-app"), "{job}");
}

#[test]
fn a_user_is_the_migrations_own_only_where_pods_have_another_secret_or_key() {
    let own = |migration: &Value| {
        let more = json!({"engine": "MySQL", "credentials": {"secret": "orders-db-app"}, "migrationCredentials": migration});
        parameters(&made_on(&more, &json!({}), &Settings::default())).own_user
    };
    let secret = "orders-db-app";
    assert_eq!(
        [
            own(&json!(null)),
            own(&json!({"secret": secret})),
            own(&json!({"secret": secret, "keys": {"username": "username"}})),
            own(&json!({"secret": secret, "keys": {"password": "other"}})),
            own(&json!({"secret": secret, "keys": {"username": "owner"}})),
            own(&json!({"secret": "orders-db-owner"})),
        ],
        [false, false, false, false, true, true]
    );
}

#[test]
fn options_reach_the_runner_and_what_is_not_said_is_as_the_platform_has_it() {
    let told = |options: &Value| {
        let job = made(options, &Settings::default());
        let parameters = parameters(&job);
        let deadline = job.pointer("/spec/activeDeadlineSeconds").cloned();
        (
            parameters.version_table,
            format!("{:?}", parameters.out_of_order),
            [parameters.lock_wait_seconds, parameters.run_seconds],
            deadline.and_then(|seconds| seconds.as_i64()),
        )
    };
    let words = |table: &str, order: &str| (table.to_owned(), order.to_owned());
    let (table, order) = words("goose_db_version", "Refuse");
    // Start, lock wait, run, grace, and the slack that lets the runner's own deadlines come first.
    let deadline = |start: i64, lock: i64, run: i64| Some(start + lock + run + 300 + 120);
    assert_eq!(
        told(&json!({})),
        (table, order, [600, 3600], deadline(300, 600, 3600))
    );
    let options = json!({
        "versionTable": "audit.versions", "outOfOrder": "Allow",
        "timeouts": {"startSeconds": 10, "lockWaitSeconds": 20, "runSeconds": 30},
    });
    let (table, order) = words("audit.versions", "Allow");
    assert_eq!(
        told(&options),
        (table, order, [20, 30], deadline(10, 20, 30))
    );
}

#[test]
fn a_pod_that_does_not_start_is_waited_for_as_long_as_its_migration_says() {
    let job = made(
        &json!({"timeouts": {"startSeconds": 900}, "retry": {"attempts": 2}}),
        &Settings::default(),
    );
    let mut job: Job = object(&job);
    let start: jiff::Timestamp = "2026-11-24T12:00:00Z".parse().expect("a time");
    if let Some(spec) = job.spec.as_mut() {
        spec.suspend = Some(false);
    }
    job.status = object(&json!({"startTime": start.to_string()}));
    assert_eq!(
        ticket::ticket(&job).and_then(|ticket| ticket.attempts),
        Some(2)
    );
    let seen = run::Seen {
        job: Arc::new(job),
        database: None,
        bound: 0,
        migration: None,
        asks: None,
        pods: Vec::new(),
        settings: Arc::new(Settings::default()),
    };
    let after = |seconds| {
        let now = start + jiff::SignedDuration::from_secs(seconds);
        let plan = run::decide(&seen, now).plan;
        (plan.wake, plan.steps.len())
    };
    assert_eq!(after(301), (Some(Duration::from_secs(599)), 0));
    assert_eq!(after(901), (None, 1));
}
