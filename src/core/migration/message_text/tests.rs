//! The sentences, whole.

use serde_json::{Value, json};

use super::{blocked, failed, retry_wait, skipped, succeeded};
use crate::api::database::Entry;
use crate::api::migration::Migration;

/// Of a folder in the Backend's image.
fn migration(tool: &str) -> Migration {
    let migration = json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Migration", "metadata": {"name": "orders-x", "namespace": "team-a"},
        "spec": {"backend": "orders", "name": "schema", "database": "orders-db", "tool": tool, "phase": "BeforeRollout",
            "source": {"image": "orders:1", "path": "/migrations"}, "planKey": "k"},
    });
    serde_json::from_value(migration).expect("a Migration")
}

/// migrations.md 4.5: both ways out, each with the version that golang-migrate must be told.
#[test]
fn a_dirty_database_is_told_with_both_commands_and_the_last_good_version() {
    let migration = migration("GolangMigrate");
    let text = |last_good: Option<&str>| {
        let entry = Entry {
            reason: "DatabaseDirty".to_owned(),
            after: Some("3".to_owned()),
            last_good: last_good.map(str::to_owned),
            message: Some("3_c.up.sql:1 SQLSTATE 42601 syntax_error".to_owned()),
            ..Entry::default()
        };
        blocked(&migration, &entry)
    };
    assert_eq!(
        text(Some("2")),
        "database orders-db is dirty at version 3: 3_c.up.sql:1 SQLSTATE 42601 syntax_error. Undo by hand what is there of the file, \
         then: migrate -path /migrations -database URL force 2; or finish it by hand, then: migrate -path /migrations -database URL \
         force 3. In either case, last: kubectl annotate --overwrite slm/orders-x -n team-a slipway.dev/retry=1"
    );
    assert!(text(Some("-1")).contains("-database URL force -- -1; or"));
    assert!(text(None).contains("-database URL force VERSION_BEFORE_IT; or"));
}

/// What the runner warned of is told before the next command, which stays last.
#[test]
fn what_the_runner_warned_of_is_told_however_it_ended() {
    let migration = migration("Goose");
    let entry = Entry {
        reason: "SqlError".to_owned(),
        message: Some("2_b.sql:1".to_owned()),
        before: Some("1".to_owned()),
        after: Some("2".to_owned()),
        files_top: Some("1".to_owned()),
        warnings: vec!["one of 3".to_owned(), "left INVALID".to_owned()],
        ..Entry::default()
    };
    assert_eq!(
        [
            succeeded(&entry),
            skipped(&entry),
            failed(&migration, &entry)
        ],
        [
            "the schema went from version 1 to 2; warning: one of 3; left INVALID",
            "the database is at version 1, ahead of 1; nothing was run, and no down file ever is; warning: one of 3; left INVALID",
            "2_b.sql:1; warning: one of 3; left INVALID. Fix the cause, push a new image; or: kubectl annotate --overwrite slm/orders-x -n \
             team-a slipway.dev/retry=1",
        ]
    );
}

/// What a person changes is the ConfigMap; there is no folder in an image to run a tool in.
#[test]
fn files_of_a_config_map_are_told_by_its_name() {
    let migration: Migration = serde_json::from_value(json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Migration", "metadata": {"name": "orders-x", "namespace": "team-a"},
        "spec": {"backend": "orders", "name": "schema", "database": "orders-db", "tool": "Flyway", "phase": "BeforeRollout",
            "source": {"image": "orders:1", "configMap": "orders-sql", "digest": "d"}, "planKey": "k"},
    }))
    .expect("a Migration");
    let entry = |reason: &str, message: &str| Entry {
        reason: reason.to_owned(),
        message: Some(message.to_owned()),
        next_attempt_after: Some("2027-01-15T08:00:00Z".to_owned()),
        ..Entry::default()
    };
    let retry = "kubectl annotate --overwrite slm/orders-x -n team-a slipway.dev/retry=1";
    assert_eq!(
        blocked(&migration, &entry("ChecksumMismatch", "V1__a.sql")),
        format!(
            "ChecksumMismatch: V1__a.sql. Put the file back as it ran and change configmap orders-sql; or, if the schema is as the new file \
             has it, with its files in FOLDER: flyway -url=URL -user=USER -locations=filesystem:FOLDER repair; then: {retry}"
        )
    );
    assert_eq!(
        failed(&migration, &entry("NoMigrationFiles", "none")),
        format!(
            "no migration files in configmap orders-sql: none. Fix the cause, change configmap orders-sql; or: {retry}"
        )
    );
    assert_eq!(
        retry_wait(&migration, &entry("SourceChanged", "2 files")),
        format!(
            "configmap orders-sql is not as it was planned: 2 files; the next attempt is at 2027-01-15T08:00:00Z. At once: {retry}"
        )
    );
}

/// migrations.md 4.5: what is told of a program's own leavings names the table of the tool that it has built in; one that may begin anew must
/// only not begin beside itself.
#[test]
fn a_program_that_is_left_to_a_person_is_told_with_what_to_look_for() {
    let text = |options: Value, reason: &str, version_table: &str| {
        let mut spec = json!({"backend": "orders", "name": "schema", "database": "orders-db", "tool": "Exec", "phase": "BeforeRollout",
            "command": ["/app"], "source": {"image": "orders:1"}, "planKey": "k"});
        if let (Some(spec), Some(options)) = (spec.as_object_mut(), options.as_object()) {
            spec.extend(options.clone());
        }
        let migration: Migration = serde_json::from_value(json!({
            "apiVersion": "slipway.dev/v1alpha1", "kind": "Migration", "metadata": {"name": "orders-x", "namespace": "team-a"}, "spec": spec,
        }))
        .expect("a Migration");
        let entry = Entry {
            reason: reason.to_owned(),
            version_table: version_table.to_owned(),
            message: Some("it ended".to_owned()),
            ..Entry::default()
        };
        blocked(&migration, &entry)
    };
    let retry = "kubectl annotate --overwrite slm/orders-x -n team-a slipway.dev/retry=1";
    let half = |tool: &str, table: &str| text(json!({"readBack": tool}), "PartiallyApplied", table);
    assert_eq!(
        [
            half("Goose", "goose_db_version"),
            half("GolangMigrate", "schema_migrations"),
            half("Flyway", "flyway_schema_history"),
        ],
        [
            "add its row (INSERT INTO goose_db_version (version_id, is_applied) VALUES (NUMBER, true), with the number of the file)",
            "put its number into the row of schema_migrations",
            "add its row to flyway_schema_history",
        ]
        .map(|row| format!(
            "PartiallyApplied: it ended. The program may have left part of a file in the schema: undo it, or finish it by hand and {row}; then: \
             {retry}"
        ))
    );
    assert_eq!(
        [
            text(json!({}), "OutcomeUnknown", ""),
            text(json!({"idempotent": true}), "OutcomeUnknown", ""),
        ],
        [
            format!(
                "it ended. Nothing proves whether the program did its work (readBack is not set). Look at the database: undo what is there of it, \
                 or see that it may begin anew (then set idempotent: true); then: {retry}"
            ),
            format!(
                "it ended. It may begin anew (idempotent) once no session of the program is at work in the database any more: look at its \
                 sessions; then: {retry}"
            ),
        ]
    );
}

/// What a person wrote is the record of what was done: its spec cannot be changed, so no message says so.
#[test]
fn of_what_a_person_wrote_every_message_leads_to_another_migration() {
    let mut by_hand = migration("Goose");
    by_hand.spec.plan_key.clear();
    let said = |reason: &str| {
        let entry = Entry {
            reason: reason.to_owned(),
            ..Entry::default()
        };
        [failed(&by_hand, &entry), blocked(&by_hand, &entry)]
    };
    for reason in [
        "SqlError",
        "InvalidSource",
        "OutOfOrder",
        "UnknownDatabaseVersion",
        "ChecksumMismatch",
    ] {
        for text in said(reason) {
            let misleads = ["push", "Ship", "spec.migrations", "configmap"];
            let misleads = misleads.into_iter().find(|words| text.contains(words));
            assert_eq!(misleads, None, "{text}");
        }
    }
    let [_, out_of_order] = said("OutOfOrder");
    assert!(
        out_of_order.contains("or write another migration with outOfOrder: Allow;"),
        "{out_of_order}"
    );
}
