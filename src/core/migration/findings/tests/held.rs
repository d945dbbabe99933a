//! What works on while a table stays locked by an earlier statement of the same transaction.

use super::found;
use crate::api::common::{Engine, Tool};
use crate::core::migration::findings::{Finding, Severity, SqlFile, findings};

const NOTHING: [i64; 0] = [];
const FILL: &str = "UPDATE users SET n = 1 WHERE n IS NULL";

/// Lines of what is found kept locked.
fn lines(tool: Tool, engine: Engine, content: &str) -> Vec<i64> {
    let name = if tool == Tool::Flyway {
        "V1__x.sql"
    } else {
        "1_x.sql"
    };
    findings(tool, engine, [SqlFile { name, content }])
        .into_iter()
        .filter(|finding| finding.code == "SLP1421")
        .map(|finding| finding.line)
        .collect()
}

fn in_postgresql(content: &str) -> Vec<i64> {
    lines(Tool::GolangMigrate, Engine::PostgreSQL, content)
}

#[test]
fn work_under_a_lock_that_an_earlier_statement_took_is_found() {
    let locks = [
        "ALTER TABLE users ADD COLUMN n int",
        "ALTER TABLE IF EXISTS ONLY app.\"Users\" DROP CONSTRAINT c",
        "ALTER TABLE users ADD CONSTRAINT c CHECK (n > 0) NOT VALID",
        "ALTER TABLE users ADD CONSTRAINT c UNIQUE USING INDEX a",
        "ALTER TABLE parts ATTACH PARTITION users FOR VALUES IN (1)",
        "CREATE TABLE t (id int, org int REFERENCES orgs, name text)",
        "CREATE TABLE t PARTITION OF users FOR VALUES IN (1)",
        "CREATE INDEX a ON orgs (id)",
        "CREATE TRIGGER t BEFORE UPDATE OF n ON users FOR EACH ROW EXECUTE FUNCTION touch()",
        "DROP TRIGGER t ON users",
        "CREATE POLICY p ON users USING (true)",
        "DROP TABLE gone",
        "TRUNCATE orgs",
        "LOCK TABLE orgs",
        "LOCK orgs IN SHARE ROW EXCLUSIVE MODE",
    ];
    for lock in locks {
        let content = format!("{lock};\n{FILL};");
        assert_eq!(in_postgresql(&content), [2], "{lock}");
    }
    let works = [
        FILL,
        "DELETE FROM users WHERE n = 1",
        "INSERT INTO t (a) SELECT id FROM users",
        "WITH old AS (SELECT id FROM users) UPDATE users SET n = 3 FROM old WHERE users.id = old.id",
        "CREATE TABLE t AS SELECT id FROM users",
        "CREATE MATERIALIZED VIEW v AS SELECT id FROM users",
        "ALTER TABLE users VALIDATE CONSTRAINT c",
        "ALTER TABLE orgs ALTER COLUMN n SET NOT NULL",
        "COPY users (id) FROM '/srv/users.csv'",
        "CREATE INDEX a ON orgs (id)",
        "SELECT setval('ids', max(id)) FROM users",
    ];
    for work in works {
        let content = format!("ALTER TABLE users ADD COLUMN n int;\n\n{work};");
        assert_eq!(in_postgresql(&content), [3], "{work}");
    }
    // One statement, one lock.
    let both = "ALTER TABLE users DROP CONSTRAINT d, VALIDATE CONSTRAINT c";
    assert_eq!(in_postgresql(both), [1]);
}

#[test]
fn what_locks_nothing_that_exists_or_only_for_a_moment_is_not_told() {
    let harmless = [
        // A table of the file itself.
        "CREATE TABLE users (id int); ALTER TABLE users ADD COLUMN n int; UPDATE users SET n = 1 WHERE n IS NULL",
        "CREATE TABLE t (id int, up int REFERENCES t); INSERT INTO t SELECT id FROM users",
        // On an empty table nothing takes long, whatever is locked.
        "CREATE TABLE t (org int REFERENCES orgs); CREATE INDEX a ON t (org); INSERT INTO t VALUES (1), (2)",
        // The work comes first.
        "UPDATE users SET n = 1 WHERE n IS NULL; ALTER TABLE users ADD COLUMN m int",
        // Others read and write under these locks.
        "ALTER TABLE users VALIDATE CONSTRAINT c; UPDATE users SET n = 1 WHERE n IS NULL",
        "ALTER TABLE users SET (fillfactor = 70); UPDATE users SET n = 1 WHERE n IS NULL",
        "UPDATE orgs SET n = 1 WHERE n IS NULL; UPDATE users SET n = 1 WHERE n IS NULL",
        "COMMENT ON TABLE users IS 'x'; UPDATE users SET n = 1 WHERE n IS NULL",
        // The transaction is over before.
        "BEGIN; ALTER TABLE users ADD COLUMN n int; COMMIT; UPDATE users SET n = 1 WHERE n IS NULL",
        // All of it is short.
        "ALTER TABLE users ADD COLUMN n int; ALTER TABLE orgs ADD COLUMN n int; INSERT INTO t VALUES (1)",
    ];
    for sql in harmless {
        assert_eq!(in_postgresql(sql), NOTHING, "{sql}");
    }
    assert_eq!(
        found(
            Engine::PostgreSQL,
            "LOCK users IN SHARE UPDATE EXCLUSIVE MODE;\nCREATE INDEX a ON orgs (id)"
        ),
        [(1, "SLP1417".to_owned()), (2, "SLP1410".to_owned())]
    );
}

#[test]
fn how_long_a_lock_is_kept_is_as_the_tool_and_the_engine_have_it() {
    let plain = format!("ALTER TABLE users ADD COLUMN n int;\n{FILL};\n");
    let goose = |head: &str| format!("{head}-- +goose Up\n{plain}");
    let of = |tool, content: &str| lines(tool, Engine::PostgreSQL, content);
    assert_eq!(of(Tool::Goose, &goose("")), [3]);
    assert_eq!(
        of(Tool::Goose, &goose("-- +goose NO TRANSACTION\n")),
        NOTHING
    );
    // What goose sends in one piece is one transaction for PostgreSQL.
    let piece = format!(
        "-- +goose NO TRANSACTION\n-- +goose Up\n-- +goose StatementBegin\n{plain}-- +goose StatementEnd\n"
    );
    assert_eq!(of(Tool::Goose, &piece), [5]);
    assert_eq!(of(Tool::Flyway, &plain), [2]);
    let concurrent = format!("{plain}CREATE INDEX CONCURRENTLY a ON users (n);\n");
    assert_eq!(of(Tool::Flyway, &concurrent), NOTHING);
    assert_eq!(of(Tool::Flyway, &format!("BEGIN;\n{concurrent}")), [3]);
    for tool in [Tool::Goose, Tool::GolangMigrate, Tool::Flyway] {
        assert_eq!(lines(tool, Engine::MySQL, &goose("")), NOTHING);
    }
    // Each file is a transaction of its own.
    let file = |name, content| SqlFile { name, content };
    let two = [
        file("1_a.up.sql", "ALTER TABLE users ADD COLUMN n int"),
        file("2_b.up.sql", FILL),
    ];
    assert_eq!(findings(Tool::GolangMigrate, Engine::PostgreSQL, two), []);
}

#[test]
fn the_finding_says_what_stays_locked_and_what_to_do() {
    let file = SqlFile {
        name: "1_x.up.sql",
        content: "ALTER TABLE app.users ADD COLUMN n int;\nALTER TABLE orgs ADD COLUMN n int;\nUPDATE app.users SET n = 1 WHERE n IS NULL;",
    };
    assert_eq!(
        findings(Tool::GolangMigrate, Engine::PostgreSQL, [file]),
        [Finding {
            file: "1_x.up.sql".to_owned(),
            line: 3,
            code: "SLP1421".to_owned(),
            why: "UPDATE works while app.users, orgs stays locked until the transaction of the file ends; put it into a file of its own"
                .to_owned(),
            severity: Severity::Blocks,
        }]
    );
}
