//! Migrations as people write them, in which something destructive is hidden. None may pass as harmless.

use super::found;
use crate::api::common::Engine;

const POSTGRESQL: &[&str] = &[
    "DO $$ BEGIN EXECUTE 'DROP TABLE users'; END $$;",
    "DO $do$ DECLARE r record; BEGIN FOR r IN SELECT tablename FROM pg_tables LOOP EXECUTE format('DROP TABLE %I', r.tablename); END LOOP; END $do$;",
    "SELECT wipe();",
    "SELECT app.\"wipe\"(1);",
    "SELECT * FROM wipe() AS t (id int);",
    "INSERT INTO log (n) SELECT purge_users() ;",
    "WITH gone AS (DELETE FROM users RETURNING *) INSERT INTO archive SELECT * FROM gone;",
    "WITH x AS (SELECT 1) DELETE FROM users;",
    "COPY (DELETE FROM users RETURNING *) TO '/tmp/x';",
    "COPY users FROM PROGRAM 'rm -rf /';",
    "EXPLAIN ANALYZE DELETE FROM users;",
    "PREPARE gone AS DELETE FROM users; EXECUTE gone;",
    "CALL wipe();",
    "-- harmless\rDROP TABLE users;",
    "/* /* */ */ DROP TABLE users;",
    "SELECT E'it\\'s'; DROP TABLE users; --';",
    "SELECT $a$ ' $a$; DROP TABLE users; --'",
    "SELECT U&'\\0041'; DROP TABLE users",
    "\\i other.sql\nSELECT 1;",
    "SELECT 1 \\gexec\nSELECT 2;",
    "SELECT 'DROP TABLE users' \\gexec",
    "SET standard_conforming_strings = off; SELECT '\\'; DROP TABLE users; --';",
    "CREATE TABLE t (id int); ROLLBACK; DROP TABLE t;",
    "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'DELETE FROM users';",
    "CREATE FUNCTION f() RETURNS void LANGUAGE plpython3u AS $$ plpy.run('x') $$;",
    "CREATE FUNCTION f() RETURNS void BEGIN ATOMIC SELECT 1; DELETE FROM users; END;",
    "CREATE RULE r AS ON INSERT TO log DO ALSO DELETE FROM users;",
    "CREATE INDEX function ON users (email);",
    "CREATE INDEX trigger ON users (email);",
    "CREATE TABLE event AS SELECT wipe();",
    "ALTER TABLE users ADD COLUMN a int, DROP COLUMN email;",
    "ALTER TABLE users ALTER COLUMN a TYPE text USING wipe(a);",
    "ALTER TABLE users ADD COLUMN a int DEFAULT app.next_one();",
    "ALTER TYPE address DROP ATTRIBUTE city CASCADE;",
    "ALTER TYPE address DROP ATTRIBUTE city, ADD ATTRIBUTE value int;",
    "DELETE FROM users WHERE (1 = 1) OR id = 3;",
    "MERGE INTO users u USING gone g ON u.id = g.id WHEN MATCHED THEN DELETE;",
    "SELECT query_to_xml('DELETE FROM users', true, true, '');",
    "SELECT dblink_exec('dbname=x', 'DROP TABLE users');",
    "IMPORT FOREIGN SCHEMA a FROM SERVER b INTO c;",
    "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f();",
    "DROP FUNCTION f() CASCADE;",
    "DROP TABLE users\n",
    "BEGIN; TRUNCATE users; COMMIT;",
    "SELECT 1; ; ; DROP TABLE \"users\"",
    "INSERT INTO t VALUES (1); DROP TABLE users; INSERT INTO t VALUES ('",
    "ALTER TABLE ALL IN TABLESPACE a SET TABLESPACE b;",
    "{{ template }}",
    "DROP TABLE :name;",
];

const MYSQL: &[&str] = &[
    "/*!50001 DROP TABLE users */;",
    "/*M!100100 DROP TABLE users */;",
    "DELETE FROM users /*!99999 WHERE id = 1 */;",
    "/*!40101 SET NAMES utf8 */; DROP TABLE users;",
    "/*!40101 SET @a = 1 */ ; /*!50001 DROP TABLE users */;",
    "SELECT 1; -- comment\nDROP TABLE users;",
    "SELECT 5--1; DROP TABLE users;",
    "SELECT 'a\\\\'; DROP TABLE users; -- ';",
    "SET sql_mode = 'NO_BACKSLASH_ESCAPES'; SELECT '\\'; DROP TABLE users; -- ';",
    "SET @q = 'DROP TABLE users'; PREPARE s FROM @q; EXECUTE s;",
    "EXECUTE IMMEDIATE 'DROP TABLE users';",
    "SET STATEMENT max_statement_time = 10 FOR DROP TABLE users;",
    "ANALYZE DELETE FROM users;",
    "BEGIN NOT ATOMIC DROP TABLE users; END;",
    "CREATE OR REPLACE TABLE users (id int);",
    "CREATE OR REPLACE DATABASE app;",
    "CREATE PROCEDURE p() BEGIN DELETE FROM users; END; CALL p();",
    "CREATE PROCEDURE p() BEGIN SELECT 1; END; SELECT wipe();",
    "CREATE DEFINER=CURRENT_USER() PROCEDURE p() BEGIN SELECT 'VIEW' AS view; DROP TABLE users; END",
    "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM users;",
    "CREATE TRIGGER t AFTER INSERT ON log FOR EACH ROW DELETE FROM users;",
    "CREATE TABLE t (id int); USE other; DROP TABLE t;",
    "LOAD DATA INFILE '/x' REPLACE INTO TABLE users;",
    "ALTER TABLE users DROP PARTITION p0;",
    "ALTER TABLE users TRUNCATE PARTITION p0;",
    "ALTER TABLE users EXCHANGE PARTITION p0 WITH TABLE t;",
    "DROP TABLE Users, users;",
    "RESET MASTER;",
    "DO wipe();",
    "SET @a = wipe();",
    "HANDLER users OPEN;",
];

#[test]
fn nothing_destructive_hides_from_the_findings() {
    let rows = POSTGRESQL
        .iter()
        .map(|sql| (Engine::PostgreSQL, *sql))
        .chain(MYSQL.iter().map(|sql| (Engine::MySQL, *sql)));
    let passed: Vec<&str> = rows
        .filter(|(engine, sql)| found(*engine, sql).is_empty())
        .map(|(_, sql)| sql)
        .collect();
    assert_eq!(passed, Vec::<&str>::new());
}
