//! What a migration's options make of its Job.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use serde_json::{Value, json};

use super::job;
use crate::api::backend::Backend;
use crate::api::database::{Database, RunMode};
use crate::api::migration::Migration;
use crate::core::config_map::ConfigMapDigest;
use crate::core::migration::build::attempt::Attempt;
use crate::core::migration::parameters::{ConfigMapFiles, RunParameters};
use crate::core::migration::planned::planned;
use crate::core::run::{self, ticket};
use crate::core::settings::{Images, Settings, ToolImages};

/// A platform that has these images of tools.
fn with_tools(tools: ToolImages) -> Settings {
    Settings {
        images: Images {
            tools,
            ..Images::default()
        },
        ..Settings::default()
    }
}

/// The first Job of a Backend's only migration, with these options.
fn made(options: &Value, settings: &Settings) -> Value {
    made_on(&json!({"engine": "PostgreSQL"}), options, settings)
}

/// The same on a Database of which something else is said.
fn made_on(more: &Value, options: &Value, settings: &Settings) -> Value {
    let mut spec = json!({"host": "db.acme.test", "name": "orders", "credentials": {"secret": "orders-db-app"}});
    if let (Some(spec), Some(more)) = (spec.as_object_mut(), more.as_object()) {
        spec.extend(more.clone());
    }
    let mut entry = json!({"name": "schema", "tool": "Goose", "source": {"path": "/migrations"}});
    if let (Some(entry), Some(options)) = (entry.as_object_mut(), options.as_object()) {
        entry.extend(options.clone());
    }
    let backend: Backend = object(&json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend", "metadata": {"name": "orders", "namespace": "team-a"},
        "spec": {"image": "orders:1", "databases": [{"name": "db"}], "migrations": [entry]},
    }));
    let database: Database = object(&json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Database", "metadata": {"name": "db", "namespace": "team-a"},
        "spec": spec,
    }));
    let databases = BTreeMap::from([("db".to_owned(), Arc::new(database.clone()))]);
    let config_maps = BTreeMap::from([("sql".to_owned(), Arc::new(config_map()))]);
    let plan = planned(&backend, &databases, &config_maps)
        .migrations
        .pop()
        .expect("one migration");
    let migration: Migration = object(&json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Migration",
        "metadata": {"name": plan.object_name, "namespace": "team-a", "uid": "uid"}, "spec": plan.spec,
    }));
    job(&Attempt {
        spec: &migration.spec,
        known: None,
        may_have_run: false,
        migration: &migration,
        backend: &backend,
        database: &database,
        settings,
        term: "",
        number: 1,
        mode: RunMode::Run,
        lists: false,
        approved: None,
    })
}

/// The ConfigMap `sql`.
fn config_map() -> ConfigMapDigest {
    object(&json!({"metadata": {"name": "sql"}, "data": {"1_a.sql": "SELECT 1;"}}))
}

fn object<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).expect("a valid object")
}

/// The variables of the container that runs the tool, by name in their order: a plain value, or where it comes from.
fn environment(job: &Value) -> Vec<(String, String)> {
    let variables = job.pointer("/spec/template/spec/containers/0/env");
    let text = |variable: &Value| {
        let secret = variable.pointer("/valueFrom/secretKeyRef");
        secret.map_or_else(
            || variable["value"].as_str().unwrap_or("...").to_owned(),
            |secret| format!("{}", secret["key"]),
        )
    };
    let all = variables.and_then(Value::as_array).into_iter().flatten();
    all.map(|variable| {
        (
            variable["name"].as_str().unwrap_or_default().to_owned(),
            text(variable),
        )
    })
    .filter(|(name, _)| !name.starts_with("SLIPWAY_"))
    .collect()
}

fn parameters(job: &Value) -> RunParameters {
    let variables = job.pointer("/spec/template/spec/containers/0/env");
    let found = variables
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .find(|variable| variable["name"] == "SLIPWAY_RUN")
        .and_then(|variable| variable["value"].as_str());
    serde_json::from_str(found.expect("the runner is told")).expect("parameters")
}

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

/// A program of one's own needs no files, and its words stand where the kubelet puts variables into them.
#[test]
fn a_program_runs_in_its_own_image_with_its_own_words() {
    let settings = with_tools(ToolImages {
        goose: Some("tools:1".to_owned()),
        ..ToolImages::default()
    });
    let of = |source: Value| {
        let options = json!({"tool": "Exec", "command": ["/app", "$(PGHOST)"], "source": source});
        let job = made(&options, &settings);
        let at = |pointer: &str| job.pointer(pointer).cloned().unwrap_or_default();
        let inits = at("/spec/template/spec/initContainers");
        (
            at("/spec/template/spec/containers/0/image"),
            at("/spec/template/spec/containers/0/command"),
            inits.as_array().map_or(0, Vec::len),
            parameters(&job).files,
        )
    };
    let command = json!([
        "/slipway-runner/slipway",
        "runner",
        "run",
        "--",
        "/app",
        "$(PGHOST)"
    ]);
    assert_eq!(
        of(Value::Null),
        (json!("orders:1"), command.clone(), 1, String::new())
    );
    assert_eq!(
        of(json!({"image": "sql:9", "path": "/m"})),
        (json!("sql:9"), command, 2, "/slipway-files".to_owned())
    );
}

/// No init container copies them: the runner itself compares what it takes out of the mount.
#[test]
fn the_files_of_a_config_map_are_mounted_and_the_runner_is_told_their_digest() {
    let options = |tool: &str| json!({"tool": tool, "source": {"configMap": "sql"}});
    let settings = with_tools(ToolImages {
        flyway: Some("flyway:1".to_owned()),
        ..ToolImages::default()
    });
    let job = made(&options("Goose"), &settings);
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(
        (
            &pod["volumes"],
            &pod["initContainers"][1],
            &pod["containers"][0]["volumeMounts"],
        ),
        (
            &json!([
                {"name": "runner", "emptyDir": {}},
                {"name": "tmp", "emptyDir": {}},
                {"name": "files", "emptyDir": {}},
                {"name": "config-map", "configMap": {"name": "sql", "optional": true}},
            ]),
            &Value::Null,
            &json!([
                {"name": "runner", "mountPath": "/slipway-runner"},
                {"name": "tmp", "mountPath": "/tmp"},
                {"name": "files", "mountPath": "/slipway-files"},
                {"name": "config-map", "mountPath": "/slipway-config-map", "readOnly": true},
            ]),
        )
    );
    let told = parameters(&job);
    assert_eq!(
        (told.files.as_str(), told.config_map),
        (
            "/slipway-files",
            Some(ConfigMapFiles {
                name: "sql".to_owned(),
                folder: "/slipway-config-map".to_owned(),
                digest: config_map().digest(),
            })
        )
    );
    let image = |options: &Value| {
        made(options, &settings)["spec"]["template"]["spec"]["containers"][0]["image"].clone()
    };
    let own = json!({"tool": "Goose", "source": {"configMap": "sql", "image": "tools:2"}});
    assert_eq!(
        [
            image(&options("Goose")),
            image(&options("Flyway")),
            image(&own)
        ],
        [json!("orders:1"), json!("flyway:1"), json!("tools:2")]
    );
}

/// KEP-4639: the runner copies out of the mount itself, so that a folder that is not there has a reason of its own.
#[test]
fn where_the_platform_says_so_the_files_come_by_a_volume_of_their_image() {
    let settings = Settings {
        images: Images {
            volumes: true,
            ..Images::default()
        },
        ..Settings::default()
    };
    let source = json!({"source": {"path": "/migrations", "image": "sql:9"}});
    let job = made(&source, &settings);
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(
        (
            &pod["volumes"],
            &pod["initContainers"][1],
            &pod["containers"][0]["volumeMounts"],
        ),
        (
            &json!([
                {"name": "runner", "emptyDir": {}},
                {"name": "tmp", "emptyDir": {}},
                {"name": "files", "emptyDir": {}},
                {"name": "source", "image": {"reference": "sql:9"}},
            ]),
            &Value::Null,
            &json!([
                {"name": "runner", "mountPath": "/slipway-runner"},
                {"name": "tmp", "mountPath": "/tmp"},
                {"name": "files", "mountPath": "/slipway-files"},
                {"name": "source", "mountPath": "/slipway-image", "readOnly": true},
            ]),
        )
    );
    let told = parameters(&job);
    assert_eq!(
        (told.files.as_str(), told.image_folder.as_deref()),
        ("/slipway-files", Some("/slipway-image/migrations"))
    );
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
fn a_tool_path_means_the_image_of_the_files_whatever_tool_image_the_platform_has() {
    let settings = with_tools(ToolImages {
        goose: Some("tools:1".to_owned()),
        flyway: Some("flyway:1".to_owned()),
        ..ToolImages::default()
    });
    let of = |options: &Value| {
        let job = made(options, &settings);
        let image = job.pointer("/spec/template/spec/containers/0/image");
        (image.cloned(), parameters(&job).tool_path)
    };
    assert_eq!(of(&json!({})), (Some(json!("tools:1")), None));
    let other = |tool: &str| of(&json!({"tool": tool})).0;
    assert_eq!(
        (other("Flyway"), other("GolangMigrate")),
        (Some(json!("flyway:1")), Some(json!("orders:1")))
    );
    assert_eq!(
        of(&json!({"toolPath": "/bin/goose"})),
        (Some(json!("orders:1")), Some("/bin/goose".to_owned()))
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
