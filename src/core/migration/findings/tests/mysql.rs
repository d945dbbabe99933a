//! The same of MySQL and MariaDB.

use super::{check, found};
use crate::api::common::Engine;

#[test]
fn mysql_alters_a_table_without_a_finding_only_where_the_server_would_refuse_to_block() {
    check(
        Engine::MySQL,
        &[
            ("ALTER TABLE users ADD COLUMN n int", &["1419"]),
            ("ALTER TABLE users ADD COLUMN n int, ALGORITHM=INSTANT", &[]),
            (
                "ALTER TABLE users ADD INDEX a (email), ALGORITHM=INPLACE, LOCK=NONE",
                &[],
            ),
            (
                "ALTER TABLE users ADD INDEX a (email), ALGORITHM=INPLACE",
                &["1419"],
            ),
            (
                "ALTER TABLE users ADD COLUMN n int, ALGORITHM=COPY",
                &["1419"],
            ),
            (
                "ALTER TABLE users DROP COLUMN n, ALGORITHM=INSTANT",
                &["1402"],
            ),
            (
                "ALTER TABLE users MODIFY COLUMN email varchar(20)",
                &["1406", "1419"],
            ),
            (
                "ALTER TABLE users CHANGE email mail varchar(20)",
                &["1406", "1418", "1419"],
            ),
            ("ALTER TABLE `users` RENAME TO people", &["1418"]),
            ("RENAME TABLE users TO people", &["1418"]),
            ("CREATE INDEX a ON users (email)", &["1410"]),
            (
                "CREATE INDEX a ON users (email) ALGORITHM=INPLACE LOCK=NONE",
                &[],
            ),
            ("DROP INDEX a ON users", &["1411"]),
            ("DROP TABLE `users`", &["1401"]),
            ("TRUNCATE TABLE users", &["1403"]),
            ("REPLACE INTO users VALUES (1, 'a')", &["1403"]),
            ("DELETE FROM users", &["1404"]),
            (
                "DELETE u FROM users u JOIN gone g ON g.id = u.id",
                &["1404"],
            ),
            (
                "UPDATE users u JOIN x ON x.id = u.id SET u.n = 1",
                &["1405"],
            ),
            ("OPTIMIZE TABLE users", &["1416"]),
            ("LOCK TABLES users WRITE", &["1417"]),
        ],
    );
}

#[test]
fn what_is_harmless_on_mysql_is_not_told() {
    let harmless = [
        "CREATE TABLE `users` (`id` bigint NOT NULL AUTO_INCREMENT, `email` varchar(255), PRIMARY KEY (`id`), KEY `a` (`email`)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
        "CREATE TABLE t (id int); ALTER TABLE t ADD COLUMN n int; CREATE INDEX a ON t (n); DROP TABLE t",
        "INSERT INTO users (id, email) VALUES (1, 'it\\'s; DROP TABLE users; --') ON DUPLICATE KEY UPDATE email = VALUES(email)",
        "# DROP TABLE users;\nUPDATE users SET n = 1 WHERE id = 2",
        "/*!40101 SET NAMES utf8 */;",
        "CREATE TRIGGER t BEFORE UPDATE ON users FOR EACH ROW SET NEW.at = NOW()",
        "SET FOREIGN_KEY_CHECKS = 0",
        "START TRANSACTION; COMMIT",
    ];
    for sql in harmless {
        assert_eq!(found(Engine::MySQL, sql), [], "{sql}");
    }
}
