//! golang-migrate's last words: what the database said, and on which line. Made into what may be shown.
//!
//! It ends with one `error: ...` on standard error. That of a file is `error: migration failed: M (column C), DETAIL in line L: FILE
//! (details: ERROR: M (SQLSTATE 23505))` with the driver pgx5, and FILE is all that stands in it; which file it was, only the row tells.
//! With the driver mysql it is `error: migration failed in line 0: FILE (details: Error 1064: M)`.

use super::files::File;
use crate::core::migration::judge::{End, is_refused_connection};
use crate::core::migration::lines::line_of;
use crate::core::migration::message::MessageError;
use crate::core::migration::mysql_error;
use crate::core::migration::sql_error;
use crate::core::migration::words::{self, Words};

/// What begins the last message.
pub const FATAL_MARKS: [&str; 1] = ["error: "];

/// The driver for PostgreSQL: unlike `postgres` it can `sslmode=prefer`, and it tells the SQLSTATE.
pub const POSTGRESQL_SCHEME: &str = "pgx5";

/// Understands the last message, from its mark to the end. `file`: the one that was begun and not ended. `None` where it says nothing of
/// what happened in the database or the files, as after a broken connection.
#[must_use]
pub fn understand(last: &str, file: Option<&File>) -> Option<Words> {
    let last = last.trim_end();
    let opening = last.contains("failed to open database");
    if let Some((code, primary)) = sql(last) {
        let of_connection =
            mysql_error::connection_reason(&code).is_some() || is_refused_connection(&code);
        let refused = opening && of_connection;
        return Some(Words {
            end: if refused {
                End::Refused(code.clone())
            } else {
                End::Sql(code.clone())
            },
            error: MessageError {
                class: if opening { "Connection" } else { "Sql" }.to_owned(),
                file: file.map(|file| file.name.clone()),
                line: file.and_then(|file| line(last, file, &code, &primary)),
                object: sql_error::object(&code, &primary),
                text: if may_be_raised(&code, last) {
                    String::new()
                } else {
                    sql_error::text(&code, &primary)
                },
                code: Some(code),
            },
        });
    }
    let words = |end, class: &str, text: &str| {
        Some(Words {
            end,
            error: MessageError::plain(class, text),
        })
    };
    if last.contains("unknown driver") {
        let text = format!(
            "this golang-migrate lacks the driver {POSTGRESQL_SCHEME}; take one that is built with the tag {POSTGRESQL_SCHEME}, as the \
             project's own image is"
        );
        return words(End::Files, "Tool", &text);
    }
    if last.contains("failed to open source") {
        return words(End::Files, "Files", "golang-migrate cannot read the folder");
    }
    if last.contains("can't acquire") && last.contains("lock") {
        return words(
            End::Locked,
            "Connection",
            "another golang-migrate holds its own lock in the database",
        );
    }
    if opening {
        return words(
            End::Unreachable,
            "Connection",
            "golang-migrate could not connect to the database",
        );
    }
    None
}

/// The message as the pod's log may show it.
#[must_use]
pub fn shown(last: &str, file: Option<&File>) -> String {
    words::shown("error:", understand(last, file))
}

/// Code and primary message. That of a file stands at the end, after all the file.
fn sql(last: &str) -> Option<(String, String)> {
    let details = last.rsplit_once(" (details: ").map(|(_, said)| said);
    let said = details.map_or(last, |said| said.strip_suffix(')').unwrap_or(said));
    let mysql_said = || said.get(said.find("Error ")?..);
    words::postgresql(said).or_else(|| words::mysql(mysql_said()?))
}

/// An older driver of MySQL's does not tell the SQLSTATE by which an author's own words are known, under whatever number.
fn may_be_raised(code: &str, last: &str) -> bool {
    mysql_error::is_number(code) && !last.contains(&format!("Error {code} ("))
}

/// The line that the tool tells, where the database gave it a place (its column is not 0 then); else that of the object which the database
/// names, where it stands on one line only.
fn line(last: &str, file: &File, code: &str, primary: &str) -> Option<i64> {
    told_line(last, file).or_else(|| {
        let token = sql_error::token(code, primary)?;
        line_of(&file.content, 1, &token)
    })
}

fn told_line(last: &str, file: &File) -> Option<i64> {
    let printed = format!(": {} (details: ", file.content);
    let (head, _) = last.split_once(&printed)?;
    let (head, number) = head.rsplit_once(" in line ")?;
    let (_, rest) = head.rsplit_once(" (column ")?;
    let (column, _) = rest.split_once(')')?;
    let is_placed = column.parse::<i64>().is_ok_and(|column| column > 0);
    is_placed.then(|| number.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::{File, shown, understand};
    use crate::core::migration::judge::End;
    use crate::core::migration::message::MessageError;
    use crate::core::migration::words::Words;

    const CONTENT: &str = "-- two (details: ERROR: none (SQLSTATE 00000))\nINSERT INTO a VALUES (1), (1);\nCREATE UNIQUE INDEX a_id\n  ON a (id);\n";

    fn file() -> File {
        File {
            name: "2_b.up.sql".to_owned(),
            content: CONTENT.to_owned(),
        }
    }

    fn failure(before: &str, details: &str) -> String {
        format!("error: migration failed: {before}: {CONTENT} (details: {details})\n")
    }

    #[test]
    fn code_object_and_line_are_read_from_the_last_words_and_no_value_is() {
        let last = failure(
            "could not create unique index \"a_id\" (column 0), Key (id)=(1) is duplicated. in line 1",
            "ERROR: could not create unique index \"a_id\" (SQLSTATE 23505)",
        );
        let error = MessageError {
            class: "Sql".to_owned(),
            code: Some("23505".to_owned()),
            file: Some("2_b.up.sql".to_owned()),
            line: Some(3),
            object: Some("a_id".to_owned()),
            text: "could not create unique index \"a_id\"".to_owned(),
        };
        let wanted = Words {
            end: End::Sql("23505".to_owned()),
            error,
        };
        assert_eq!(understand(&last, Some(&file())), Some(wanted));
        assert_eq!(
            shown(&last, Some(&file())),
            "error: 2_b.up.sql:3 SQLSTATE 23505 on a_id could not create unique index \"a_id\""
        );
    }

    #[test]
    fn the_line_that_the_tool_tells_counts_where_the_database_gave_a_place() {
        let placed = failure(
            "relation \"b\" does not exist (column 6) in line 4",
            "ERROR: relation \"b\" does not exist (SQLSTATE 42P01)",
        );
        let raised = failure(
            "ann\nat home (column 0) in line 1",
            "ERROR: ann\nat home (SQLSTATE P0001)",
        );
        let line = |last: &str| understand(last, Some(&file())).and_then(|words| words.error.line);
        assert_eq!((line(&placed), line(&raised)), (Some(4), None));
        assert_eq!(
            shown(&raised, Some(&file())),
            "error: 2_b.up.sql SQLSTATE P0001"
        );
    }

    #[test]
    fn other_ends_are_told_apart() {
        let end = |last: &str| understand(last, None).map(|words| words.end);
        let sql = |code: &str| Some(End::Sql(code.to_owned()));
        let rows = [
            (
                "error: failed to open database: failed to connect to `user=a database=b`: h: failed SASL auth: FATAL: password \
              authentication failed for user \"a\" (SQLSTATE 28P01)",
                Some(End::Refused("28P01".to_owned())),
            ),
            (
                "error: failed to open database: ERROR: permission denied for schema public (SQLSTATE 42501) in line 0: CREATE TABLE x",
                sql("42501"),
            ),
            (
                "error: failed to open database: failed to connect to `user=a database=b`: dial error",
                Some(End::Unreachable),
            ),
            (
                "error: failed to open database: database driver: unknown driver pgx5 (forgotten import?)",
                Some(End::Files),
            ),
            (
                "error: failed to open source, \"file:///x\": open .: no such file or directory",
                Some(End::Files),
            ),
            (
                "error: timeout: can't acquire database lock",
                Some(End::Locked),
            ),
            (
                "error: migration failed in line 0: SELECT 1; (details: unexpected EOF)",
                None,
            ),
            (
                "error: Dirty database version 2. Fix and force version.",
                None,
            ),
        ];
        for (last, wanted) in rows {
            assert_eq!(end(last), wanted, "{last}");
        }
    }
}
