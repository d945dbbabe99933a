//! Which part of a file counts, by tool.

use crate::api::common::{Engine, Tool};
use crate::core::migration::findings::{SqlFile, findings};

fn found(tool: Tool, engine: Engine, name: &str, content: &str) -> Vec<(i64, String)> {
    findings(tool, engine, [SqlFile { name, content }])
        .into_iter()
        .map(|finding| (finding.line, finding.code))
        .collect()
}

fn row(line: i64, code: &str) -> (i64, String) {
    (line, format!("SLP{code}"))
}

#[test]
fn goose_runs_what_stands_under_up_and_only_that() {
    let content = "-- +goose Up\nDROP TABLE a; DROP TABLE b;\n\n-- +goose StatementBegin\nSELECT 1;\n  TRUNCATE c;\n-- +goose StatementEnd\n\
                   -- +goose Down\nDROP TABLE d;\n";
    assert_eq!(
        found(Tool::Goose, Engine::PostgreSQL, "1_a.sql", content),
        [row(2, "1401"), row(2, "1401"), row(6, "1403")]
    );
    let refused = "DROP TABLE a;";
    assert_eq!(
        found(Tool::Goose, Engine::PostgreSQL, "1_a.sql", refused),
        [row(1, "1400")]
    );
    let replaced = "-- +goose Up\n-- +goose ENVSUB ON\nSELECT 1;\n";
    assert_eq!(
        found(Tool::Goose, Engine::PostgreSQL, "1_a.sql", replaced),
        [row(2, "1400")]
    );
}

#[test]
fn golang_migrate_runs_up_files_and_flyway_all_but_undo_files() {
    let of = |tool, name| found(tool, Engine::PostgreSQL, name, "DROP TABLE a;");
    assert_eq!(
        [
            of(Tool::GolangMigrate, "1_a.up.sql"),
            of(Tool::GolangMigrate, "1_a.down.sql"),
            of(Tool::Flyway, "V1__a.sql"),
            of(Tool::Flyway, "R__a.sql"),
            of(Tool::Flyway, "afterMigrate.sql"),
            of(Tool::Flyway, "U1__a.sql"),
            of(Tool::Flyway, "V2__a.java"),
            of(Tool::Exec, "run"),
        ],
        [
            vec![row(1, "1401")],
            vec![],
            vec![row(1, "1401")],
            vec![row(1, "1401")],
            vec![row(1, "1401")],
            vec![],
            vec![row(1, "1400")],
            vec![row(1, "1400")],
        ]
    );
}

#[test]
fn what_flyway_fills_in_and_cuts_otherwise_is_not_read() {
    assert_eq!(
        found(
            Tool::Flyway,
            Engine::PostgreSQL,
            "V1__a.sql",
            "SELECT 1;\nINSERT INTO a VALUES ('${x}');"
        ),
        [row(2, "1400")]
    );
    let delimiter =
        "SELECT 1;\nDELIMITER $$\nCREATE PROCEDURE p() BEGIN DROP TABLE a; END$$\nDELIMITER ;\n";
    assert_eq!(
        found(Tool::Flyway, Engine::MySQL, "V1__a.sql", delimiter),
        [row(2, "1400")]
    );
}
