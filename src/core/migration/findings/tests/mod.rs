//! What is found in statements, by whole value: line and code of each finding.

mod held;
mod hidden;
mod mysql;
mod properties;
mod sources;

use super::{Finding, Severity, SqlFile, findings};
use crate::api::common::{Engine, Tool};

/// Line and code of what is found in one golang-migrate file, which goes to the database as it is.
fn found(engine: Engine, content: &str) -> Vec<(i64, String)> {
    let file = SqlFile {
        name: "1_x.up.sql",
        content,
    };
    findings(Tool::GolangMigrate, engine, [file])
        .into_iter()
        .map(|finding| (finding.line, finding.code))
        .collect()
}

/// The codes of statements that each stand alone.
fn check(engine: Engine, rows: &[(&str, &[&str])]) {
    for (sql, wanted) in rows {
        let codes: Vec<String> = found(engine, sql)
            .into_iter()
            .map(|(_, code)| code)
            .collect();
        let wanted: Vec<String> = wanted.iter().map(|code| format!("SLP{code}")).collect();
        assert_eq!(codes, wanted, "{sql}");
    }
}

#[test]
fn what_loses_data_is_found() {
    check(
        Engine::PostgreSQL,
        &[
            ("DROP TABLE users", &["1401"]),
            (
                "DROP TABLE IF EXISTS users, app.orders CASCADE",
                &["1401", "1401"],
            ),
            ("DROP SCHEMA app CASCADE", &["1401"]),
            ("DROP DATABASE app", &["1401"]),
            ("ALTER TABLE users DROP COLUMN email", &["1402"]),
            (
                "ALTER TABLE users DROP email, DROP COLUMN IF EXISTS name",
                &["1402", "1402"],
            ),
            ("TRUNCATE users", &["1403"]),
            (
                "TRUNCATE TABLE users, orders RESTART IDENTITY CASCADE",
                &["1403"],
            ),
            ("DELETE FROM users", &["1404"]),
            ("DELETE FROM users WHERE true", &["1404"]),
            ("DELETE FROM users WHERE 1 = 1", &["1404"]),
            ("DELETE FROM users WHERE id = id OR name = 'x'", &["1404"]),
            ("DELETE FROM users USING gone", &["1404"]),
            ("DELETE FROM users WHERE id = 3", &["1408"]),
            (
                "WITH old AS (DELETE FROM users WHERE n < 3 RETURNING id) INSERT INTO t SELECT id FROM old",
                &["1408"],
            ),
            ("UPDATE users SET name = ''", &["1405"]),
            ("UPDATE users SET name = upper(name) FROM gone", &["1405"]),
            (
                "ALTER TABLE users ALTER COLUMN name TYPE varchar(20)",
                &["1406"],
            ),
            (
                "ALTER TABLE users ALTER name SET DATA TYPE integer USING name::integer",
                &["1406"],
            ),
            ("DROP SEQUENCE ids", &["1407"]),
            ("DROP TYPE mood CASCADE", &["1407"]),
            ("DROP EXTENSION postgis", &["1407"]),
            ("DROP OWNED BY app", &["1407"]),
            ("DROP MATERIALIZED VIEW totals", &["1407"]),
        ],
    );
}

#[test]
fn what_blocks_a_table_that_exists_is_found() {
    check(
        Engine::PostgreSQL,
        &[
            ("CREATE INDEX a ON users (email)", &["1410"]),
            (
                "CREATE UNIQUE INDEX IF NOT EXISTS a ON app.users (lower(email)) WHERE email IS NOT NULL",
                &["1410"],
            ),
            ("DROP INDEX a", &["1411"]),
            ("REINDEX TABLE users", &["1411"]),
            (
                "ALTER TABLE users ALTER COLUMN email SET NOT NULL",
                &["1412"],
            ),
            (
                "ALTER TABLE users ADD CONSTRAINT u FOREIGN KEY (org) REFERENCES orgs (id)",
                &["1413"],
            ),
            (
                "ALTER TABLE users ADD CONSTRAINT c CHECK (length(email) > 3)",
                &["1413"],
            ),
            ("ALTER TABLE users ADD UNIQUE (email)", &["1413"]),
            ("ALTER TABLE users ADD PRIMARY KEY (id)", &["1413"]),
            ("ALTER TABLE users ALTER COLUMN id TYPE bigint", &["1414"]),
            (
                "ALTER TABLE users ADD COLUMN token uuid DEFAULT gen_random_uuid()",
                &["1415"],
            ),
            ("ALTER TABLE users ADD COLUMN n bigserial", &["1415"]),
            (
                "ALTER TABLE users ADD COLUMN org bigint REFERENCES orgs (id)",
                &["1415"],
            ),
            (
                "ALTER TABLE users ADD COLUMN up text GENERATED ALWAYS AS (upper(email)) STORED",
                &["1415"],
            ),
            ("VACUUM FULL users", &["1416"]),
            ("VACUUM (FULL, ANALYZE) users", &["1416"]),
            ("CLUSTER users USING a", &["1416"]),
            ("ALTER TABLE users SET UNLOGGED", &["1416"]),
            ("LOCK TABLE users IN ACCESS EXCLUSIVE MODE", &["1417"]),
            ("ALTER TABLE users DETACH PARTITION old", &["1417"]),
            ("ALTER TABLE users RENAME TO people", &["1418"]),
            ("ALTER TABLE users RENAME COLUMN email TO mail", &["1418"]),
            ("ALTER VIEW v RENAME TO w", &["1418"]),
            ("REFRESH MATERIALIZED VIEW totals", &["1420"]),
        ],
    );
}

#[test]
fn what_is_harmless_is_not_told() {
    let harmless = [
        "CREATE TABLE users (id bigint PRIMARY KEY, email text NOT NULL UNIQUE, org bigint REFERENCES orgs (id), at timestamptz DEFAULT now())",
        "CREATE TABLE t AS SELECT id, lower(email) FROM users",
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS a ON users USING gin (to_tsvector('simple', email))",
        "DROP INDEX CONCURRENTLY IF EXISTS a",
        "REINDEX INDEX CONCURRENTLY a",
        "ALTER TABLE users ADD COLUMN name text",
        "ALTER TABLE users ADD COLUMN IF NOT EXISTS n int NOT NULL DEFAULT 0, ADD COLUMN at timestamptz DEFAULT now()",
        "ALTER TABLE users ADD CONSTRAINT c CHECK (n > 0) NOT VALID",
        "ALTER TABLE users VALIDATE CONSTRAINT c",
        "ALTER TABLE users ADD CONSTRAINT u UNIQUE USING INDEX a",
        "ALTER TABLE users ALTER COLUMN n DROP NOT NULL, ALTER COLUMN n SET DEFAULT 1, DROP CONSTRAINT c",
        "ALTER TABLE users ENABLE ROW LEVEL SECURITY",
        "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'glad' AFTER 'ok'",
        "INSERT INTO users (id, email) VALUES (1, 'a'), (2, 'b') ON CONFLICT (id) DO NOTHING",
        "INSERT INTO t (a, b) SELECT id, count(*) FROM users GROUP BY id",
        "UPDATE users SET email = lower(email) WHERE email <> lower(email)",
        "WITH old AS (SELECT id FROM users WHERE n < 3) UPDATE users SET n = 3 FROM old WHERE users.id = old.id",
        "SELECT setval('ids', max(id)) FROM users",
        "COMMENT ON TABLE users IS 'DROP TABLE users;'",
        "GRANT SELECT ON users TO app",
        "SET LOCAL lock_timeout = '5s'",
        "BEGIN; COMMIT",
        "CREATE EXTENSION IF NOT EXISTS pgcrypto",
        "CREATE TYPE mood AS ENUM ('ok', 'sad')",
        "CREATE SCHEMA app",
        "CREATE OR REPLACE VIEW v AS SELECT id FROM users",
        "DROP VIEW v",
        "DROP FUNCTION f(int)",
        "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.at = now(); RETURN NEW; END $$",
        "CREATE TRIGGER t BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch()",
        "VACUUM ANALYZE users",
        "ANALYZE users",
        "COPY users (id) FROM '/srv/users.csv' WITH (FORMAT csv)",
        "-- DROP TABLE users;\n/* DROP TABLE users; /* nested */ TRUNCATE users; */ SELECT 'DROP TABLE users'",
        "",
    ];
    for sql in harmless {
        assert_eq!(found(Engine::PostgreSQL, sql), [], "{sql}");
    }
}

#[test]
fn tables_that_the_pending_files_make_are_nobodys_yet() {
    let first = SqlFile {
        name: "1_a.up.sql",
        content: "CREATE TABLE Users (id int);\nCREATE INDEX a ON users (id);\nCREATE TABLE IF NOT EXISTS there (id int);",
    };
    let second = SqlFile {
        name: "2_b.up.sql",
        content: "ALTER TABLE users ALTER COLUMN id SET NOT NULL;\nCREATE INDEX b ON \"Users\" (id);\nCREATE INDEX c ON there (id);\n\
                  DROP INDEX a;\nALTER TABLE users RENAME TO people;\nTRUNCATE people;\nDROP TABLE people;\nDROP TABLE people;",
    };
    let third = SqlFile {
        name: "3_c.up.sql",
        content: "CREATE TABLE t (id int);\nSET search_path = other;\nDROP TABLE t;",
    };
    let all: Vec<(String, i64, String)> = findings(
        Tool::GolangMigrate,
        Engine::PostgreSQL,
        [first, second, third],
    )
    .into_iter()
    .map(|finding| (finding.file, finding.line, finding.code))
    .collect();
    let row = |file: &str, line, code: &str| (file.to_owned(), line, code.to_owned());
    assert_eq!(
        all,
        [
            row("2_b.up.sql", 2, "SLP1410"),
            row("2_b.up.sql", 3, "SLP1410"),
            row("2_b.up.sql", 3, "SLP1421"),
            row("2_b.up.sql", 8, "SLP1401"),
            row("3_c.up.sql", 3, "SLP1401"),
        ]
    );
}

#[test]
fn a_finding_says_file_line_code_why_and_what_it_threatens() {
    let file = SqlFile {
        name: "00008_unique.up.sql",
        content: "-- why\n\nSELECT 1;\n  CREATE UNIQUE INDEX\n  users_email_key ON users (email);",
    };
    assert_eq!(
        findings(Tool::GolangMigrate, Engine::PostgreSQL, [file]),
        [Finding {
            file: "00008_unique.up.sql".to_owned(),
            line: 4,
            code: "SLP1410".to_owned(),
            why: "CREATE UNIQUE INDEX blocks writes to users; CONCURRENTLY would not".to_owned(),
            severity: Severity::Blocks,
        }]
    );
}
