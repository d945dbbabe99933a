//! What `/metrics` tells of objects.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;

use crate::api::backend::Backend;
use crate::api::database::Database;
use crate::api::migration::Migration;
use crate::core::conditions::MIGRATED;
use crate::operator::metrics::Metrics;

fn held_backend() -> Backend {
    serde_json::from_value(json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend",
        "metadata": {"name": "orders", "namespace": "team-a"},
        "spec": {"image": "orders:2"},
        "status": {
            "pending": {"image": "orders:2", "inputHash": "x"},
            "conditions": [
                {"type": "Ready", "status": "False", "reason": "Migrating", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"},
                {"type": "UpdateAvailable", "status": "True", "reason": "Newer", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}
            ]
        }
    }))
    .expect("a Backend")
}

fn migration(name: &str, tool: &str, phase: &str) -> Migration {
    serde_json::from_value(json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Migration",
        "metadata": {"name": name, "namespace": "team-a", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"backend": "orders", "name": name, "database": "orders-db", "tool": tool, "phase": "BeforeRollout",
            "source": {"image": "orders:2", "path": "/migrations"}, "planKey": name},
        "status": {"phase": phase, "pending": 2}
    }))
    .expect("a Migration")
}

fn told(metrics: &Metrics) -> Vec<String> {
    let now: Timestamp = "2026-01-01T00:01:30Z".parse().expect("a time");
    let mut lines: Vec<String> = metrics
        .encode(now)
        .lines()
        .filter(|line| line.contains("team-a") && !line.starts_with('#'))
        .map(str::to_owned)
        .collect();
    lines.sort();
    lines
}

#[test]
fn a_board_shows_how_long_a_release_has_waited_and_what_blocks_it() {
    let metrics = Metrics::new("0.1.0", "slipway");
    metrics.backend(&held_backend());
    metrics.migration(&migration("a", "Goose", "Blocked"));
    metrics.migration(&migration("b", "Flyway", "Queued"));
    let labels = r#"namespace="team-a",name="orders""#;
    similar_asserts::assert_eq!(
        told(&metrics),
        [
            r#"slipway_database_queue_length{namespace="team-a",name="orders-db"} 1"#.to_owned(),
            r#"slipway_migration_blocked{namespace="team-a",backend="orders"} 1"#.to_owned(),
            r#"slipway_migration_pending_files{namespace="team-a",backend="orders"} 4"#.to_owned(),
            format!("slipway_release_gate_closed_seconds{{{labels}}} 90"),
            format!(r#"slipway_resource_info{{kind="Backend",{labels},type="Service",reason="Migrating"}} 1"#),
            r#"slipway_resource_info{kind="Migration",namespace="team-a",name="a",type="Goose",reason="Pending"} 1"#.to_owned(),
            r#"slipway_resource_info{kind="Migration",namespace="team-a",name="b",type="Flyway",reason="Pending"} 1"#.to_owned(),
            format!(r#"slipway_resource_ready{{kind="Backend",{labels}}} 0"#),
            r#"slipway_resource_ready{kind="Migration",namespace="team-a",name="a"} 0"#.to_owned(),
            r#"slipway_resource_ready{kind="Migration",namespace="team-a",name="b"} 0"#.to_owned(),
            format!("slipway_update_available{{{labels}}} 1"),
        ]
    );
}

/// A plan that was blocked stays so when a newer image has mended it; an alarm on it must end.
#[test]
fn what_a_newer_plan_has_overtaken_or_ended_needs_nobody() {
    let blocked = |metrics: &Metrics| -> Vec<String> {
        let lines = told(metrics).into_iter();
        let of = lines.filter(|line| line.contains("_blocked") || line.contains("_pending_files"));
        of.filter_map(|line| line.rsplit_once(' ').map(|(_, count)| count.to_owned()))
            .collect()
    };
    let metrics = Metrics::new("0.1.0", "slipway");
    metrics.backend(&held_backend());
    metrics.migration(&migration("schema", "Goose", "Blocked"));
    assert_eq!(blocked(&metrics), ["1", "2"]);
    let mut newer = migration("newer", "Goose", "Running");
    "schema".clone_into(&mut newer.spec.name);
    let later: Timestamp = "2026-01-01T00:00:01Z".parse().expect("a time");
    newer.metadata.creation_timestamp = Some(Time(later));
    newer.status.as_mut().expect("a status").pending = None;
    metrics.migration(&newer);
    assert_eq!(blocked(&metrics), ["0", "0"]);
    metrics.forget("Migration", "team-a", "newer");
    let mut done = held_backend();
    for condition in &mut done.status.as_mut().expect("a status").conditions {
        MIGRATED.clone_into(&mut condition.type_);
        "True".clone_into(&mut condition.status);
    }
    metrics.backend(&done);
    assert_eq!(blocked(&metrics), ["0", "0"]);
    let mut by_hand = migration("repair", "Exec", "Blocked");
    by_hand.spec.plan_key.clear();
    metrics.migration(&by_hand);
    assert_eq!(blocked(&metrics), ["1", "2"], "no plan overtakes that");
}

#[test]
fn the_last_success_of_a_backend_is_told_whichever_database_it_was_on() {
    let database = |name: &str, entries: serde_json::Value| -> Database {
        serde_json::from_value(json!({
            "apiVersion": "slipway.dev/v1alpha1", "kind": "Database", "metadata": {"name": name, "namespace": "team-a"},
            "spec": {"engine": "PostgreSQL", "host": "h", "name": "orders", "credentials": {"secret": "s"}},
            "status": {"ledger": {"entries": entries}},
        }))
        .expect("a Database")
    };
    let entry = |outcome: &str, second: u8| json!({"planKey": outcome, "backend": "orders", "outcome": outcome, "finishedAt": format!("2026-01-01T00:00:0{second}Z")});
    let metrics = Metrics::new("0.1.0", "slipway");
    metrics.database(&database(
        "one",
        json!([entry("Succeeded", 3), entry("Failed", 5)]),
    ));
    metrics.database(&database("two", json!([entry("Succeeded", 1)])));
    let lines = told(&metrics);
    let line = lines.iter().find(|line| line.contains("last_success"));
    assert_eq!(
        line.map(String::as_str),
        Some(
            r#"slipway_migration_last_success_timestamp_seconds{namespace="team-a",backend="orders"} 1767225603"#
        )
    );
}

#[test]
fn the_leader_counts_each_attempt_that_the_ledger_records() {
    let database = |finished: serde_json::Value| -> crate::api::database::Database {
        serde_json::from_value(json!({
            "apiVersion": "slipway.dev/v1alpha1", "kind": "Database",
            "metadata": {"name": "orders-db", "namespace": "team-a"},
            "spec": {"engine": "PostgreSQL", "host": "h", "name": "orders", "credentials": {"secret": "s"}},
            "status": {"ledger": {"entries": [{"planKey": "k", "backend": "orders", "tool": "Goose",
                "phase": "BeforeRollout", "outcome": "Failed", "finishedAt": finished}]}}
        }))
        .expect("a Database")
    };
    let runs = |metrics: &Metrics| -> Vec<String> {
        let lines = told(metrics);
        lines
            .into_iter()
            .filter(|line| line.contains("_runs_total"))
            .collect()
    };
    let metrics = Metrics::new("0.1.0", "slipway");
    metrics.leader(true);
    metrics.database(&database(json!("2026-01-01T00:00:00Z")));
    assert_eq!(runs(&metrics), Vec::<String>::new());
    metrics.database(&database(json!("2026-01-01T00:01:00Z")));
    metrics.database(&database(json!("2026-01-01T00:01:00Z")));
    assert_eq!(
        runs(&metrics),
        [
            r#"slipway_migration_runs_total{namespace="team-a",backend="orders",tool="Goose",phase="BeforeRollout",outcome="Failed"} 1"#
        ]
    );
}

#[test]
fn nothing_is_told_of_an_object_that_is_gone() {
    let metrics = Metrics::new("0.1.0", "slipway");
    metrics.backend(&held_backend());
    metrics.migration(&migration("a", "Goose", "Blocked"));
    metrics.forget("Backend", "team-a", "orders");
    metrics.forget("Migration", "team-a", "a");
    assert_eq!(told(&metrics), Vec::<String>::new());
}
