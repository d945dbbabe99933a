//! goose's last words: which file, which statement, what the database said. Made into what may be shown.
//!
//! goose 3.27 to 3.29 ends with one `log.Fatalf`, so everything from `goose run:` to the end is one message, whatever line breaks the
//! database's own words hold: `goose run: ERROR 8_x.sql: failed to run SQL migration: failed to execute SQL query "...": ERROR: ... (SQLSTATE 23505)`;
//! with MySQL the end is `Error 1062 (23000): ...`.

use super::files::Files;
use super::statements::Statement;
use crate::core::migration::judge::{End, is_refused_connection};
use crate::core::migration::lines::line_of;
use crate::core::migration::message::MessageError;
use crate::core::migration::mysql_error;
use crate::core::migration::sql_error;
use crate::core::migration::words::{self, Words, mysql, postgresql};

/// What begins the last message.
pub const FATAL_MARKS: [&str; 2] = ["goose run: ", "-dbstring="];

/// Understands the last message, from its mark to the end. `None` where it says nothing of what happened in the database or the files,
/// as after a broken connection.
#[must_use]
pub fn understand(last: &str, files: &Files) -> Option<Words> {
    let last = last.trim_end();
    let file = last
        .split_once("ERROR ")
        .and_then(|(_, rest)| rest.split_once(": "))
        .map(|(name, _)| name)
        .filter(|name| files.named(name).is_some());
    // What stands in the printed statement are the user's words, not goose's.
    let says = |mark: &str| beside_query(last).iter().any(|said| said.contains(mark));
    let in_file = file.is_some() && !says("failed to begin transaction");
    if let Some((code, primary)) = sql(last) {
        let line = file.and_then(|name| line(last, files, name, &code, &primary));
        let of_connection =
            mysql_error::connection_reason(&code).is_some() || is_refused_connection(&code);
        // A program's session may be opened anew in the middle of a file that runs without a transaction.
        let refused = of_connection && !in_file;
        let class = if refused || says("failed to connect to") {
            "Connection"
        } else {
            "Sql"
        };
        return Some(Words {
            end: if refused {
                End::Refused(code.clone())
            } else {
                End::Sql(code.clone())
            },
            error: MessageError {
                class: class.to_owned(),
                file: file.map(str::to_owned),
                line,
                object: sql_error::object(&code, &primary),
                text: sql_error::text(&code, &primary),
                code: Some(code),
            },
        });
    }
    let about_files = [
        "failed to parse SQL migration file",
        "could not parse SQL migration file",
        "failed to open SQL migration file",
    ];
    if about_files.iter().any(|mark| says(mark)) {
        let error = MessageError {
            file: file.map(str::to_owned),
            ..MessageError::plain("Files", "goose cannot parse the file")
        };
        return Some(Words {
            end: End::Files,
            error,
        });
    }
    // Go's MySQL driver says no more than the network's own words.
    let no_server = says(": dial tcp ") || says("failed to connect to");
    (no_server && !in_file).then(|| Words {
        end: End::Unreachable,
        error: MessageError::plain("Connection", "goose could not connect to the database"),
    })
}

/// The message as the pod's log may show it.
#[must_use]
pub fn shown(last: &str, files: &Files) -> String {
    words::shown("goose run: ERROR", understand(last, files))
}

/// Code and primary message.
fn sql(last: &str) -> Option<(String, String)> {
    if last.contains(QUERY_MARK) {
        let said = after_query(last);
        mysql(said).or_else(|| postgresql(said))
    } else {
        postgresql(last).or_else(|| mysql(last.get(last.find("Error ")?..)?))
    }
}

/// What follows the printed statement. Its end is the first quote that is not escaped; a statement that was too long to keep has none: then
/// the last such place must do.
fn after_query(last: &str) -> &str {
    let rest = quoted_query(last).map(|(_, rest)| rest);
    rest.and_then(|rest| rest.strip_prefix(": "))
        .or_else(|| last.rsplit_once("\": ").map(|(_, rest)| rest))
        .unwrap_or_default()
}

/// The message without the statement that it prints.
fn beside_query(last: &str) -> [&str; 2] {
    match last.split_once(QUERY_MARK) {
        Some((before, _)) => [before, after_query(last)],
        None => [last, ""],
    }
}

const QUERY_MARK: &str = "failed to execute SQL query \"";

/// The statement that goose prints with Go's `%q`, and what comes after it.
fn quoted_query(last: &str) -> Option<(String, &str)> {
    let (_, quoted) = last.split_once(QUERY_MARK)?;
    let mut text = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((text, quoted.get(at + 1..)?)),
            '\\' => match characters.next()?.1 {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                'r' => text.push('\r'),
                'a' => text.push('\u{7}'),
                'b' => text.push('\u{8}'),
                'f' => text.push('\u{c}'),
                'v' => text.push('\u{b}'),
                'x' => text.extend(escaped(&mut characters, 2)),
                'u' => text.extend(escaped(&mut characters, 4)),
                'U' => text.extend(escaped(&mut characters, 8)),
                other => text.push(other),
            },
            plain => text.push(plain),
        }
    }
    None
}

fn escaped(characters: &mut std::str::CharIndices, digits: usize) -> Option<char> {
    let code: String = characters
        .take(digits)
        .map(|(_, character)| character)
        .collect();
    u32::from_str_radix(&code, 16).ok().and_then(char::from_u32)
}

/// The line of the mistake: of the token that the database names, where it stands once in the statement; else where the statement
/// begins. A statement that stands in the file twice has no line: either may be meant.
fn line(last: &str, files: &Files, name: &str, code: &str, primary: &str) -> Option<i64> {
    let (printed, _) = quoted_query(last)?;
    let script = files.named(name)?.script()?;
    let mut meant = script
        .statements
        .iter()
        .filter(|statement| statement.printed().trim() == printed.trim());
    let statement: &Statement = meant.next()?;
    if meant.next().is_some() {
        return None;
    }
    let token = sql_error::token(code, primary);
    token
        .and_then(|token| line_of(&statement.text, statement.line, &token))
        .or(Some(statement.line))
}

#[cfg(test)]
mod tests {
    use super::{shown, understand};
    use crate::core::migration::goose::files::Files;
    use crate::core::migration::judge::End;
    use crate::core::migration::message::MessageError;
    use crate::core::migration::words::Words;

    const CONTENT: &str = "-- +goose Up\nSELECT 1;\n-- why\nCREATE UNIQUE INDEX users_email_key\n  ON users (email); -- \"now\"\nSELECT 1;\n";

    fn files() -> Files {
        Files::new([("8_unique.sql".to_owned(), CONTENT.to_owned())]).expect("good names")
    }

    fn failure(query: &str, said: &str) -> String {
        format!(
            "goose run: ERROR 8_unique.sql: failed to run SQL migration: failed to execute SQL query {query}: {said}\n"
        )
    }

    #[test]
    fn file_line_code_and_object_are_read_from_the_last_words() {
        let last = failure(
            r#""CREATE UNIQUE INDEX users_email_key\n  ON users (email); -- \"now\"""#,
            "ERROR: could not create unique index \"users_email_key\" (SQLSTATE 23505)",
        );
        let error = MessageError {
            class: "Sql".to_owned(),
            code: Some("23505".to_owned()),
            file: Some("8_unique.sql".to_owned()),
            line: Some(4),
            object: Some("users_email_key".to_owned()),
            text: "could not create unique index \"users_email_key\"".to_owned(),
        };
        assert_eq!(
            understand(&last, &files()),
            Some(Words {
                end: End::Sql("23505".to_owned()),
                error
            })
        );
    }

    #[test]
    fn a_statement_that_stands_twice_has_no_line_and_what_an_author_raised_no_text() {
        let last = failure(
            "\"SELECT 1;\"",
            "ERROR: ann@acme.test\nis there twice (SQLSTATE P0001)",
        );
        let words = understand(&last, &files()).expect("a code");
        assert_eq!((words.error.line, words.error.text.as_str()), (None, ""));
        assert_eq!(
            shown(&last, &files()),
            "goose run: ERROR 8_unique.sql SQLSTATE P0001"
        );
    }

    #[test]
    fn a_token_tells_the_line_inside_the_statement() {
        let last = failure(
            r#""CREATE UNIQUE INDEX users_email_key\n  ON users (email); -- \"now\"""#,
            "ERROR: column \"email\" does not exist (SQLSTATE 42703)",
        );
        assert_eq!(
            understand(&last, &files()).and_then(|words| words.error.line),
            Some(5)
        );
    }

    #[test]
    fn an_error_of_mysql_has_its_number_its_line_and_no_value() {
        let last = failure(
            r#""CREATE UNIQUE INDEX users_email_key\n  ON users (email); -- \"now\"""#,
            "Error 1062 (23000): Duplicate entry 'ann' for key 'users_email_key'",
        );
        let words = understand(&last, &files()).expect("a number");
        assert_eq!(words.end, End::Sql("1062".to_owned()));
        assert_eq!(
            shown(&last, &files()),
            "goose run: ERROR 8_unique.sql:4 MySQL error 1062 on users_email_key Duplicate entry \"...\""
        );
        let raised = failure(
            "\"SELECT 1;\"",
            "Error 1050 (45000): Table 'ann' already exists",
        );
        assert_eq!(
            shown(&raised, &files()),
            "goose run: ERROR 8_unique.sql MySQL error 1050"
        );
    }

    /// A file without a transaction may be half applied then, whatever the session that was opened anew is told.
    #[test]
    fn a_connection_that_is_refused_in_the_middle_of_a_file_is_no_refusal_before_it() {
        let end = |last: &str| understand(last, &files()).map(|words| words.end);
        let sql = |code: &str| Some(End::Sql(code.to_owned()));
        let starting = "failed to connect to `user=a database=b`: server error: FATAL: the database system is starting up (SQLSTATE 57P03)";
        assert_eq!(end(&failure("\"SELECT 1;\"", starting)), sql("57P03"));
        let of_statement = "ERROR: database \"b\" does not exist (SQLSTATE 3D000)";
        assert_eq!(
            end(&failure("\"DROP DATABASE b;\"", of_statement)),
            sql("3D000")
        );
        let away = "failed to connect to `user=a database=b`: dial tcp 10.0.0.1:5432: connect: connection refused";
        assert_eq!(end(&failure("\"SELECT 1;\"", away)), None);
    }

    /// A statement may hold any words, also those of goose.
    #[test]
    fn what_the_printed_statement_says_is_not_what_goose_says() {
        let query = r#""INSERT INTO help VALUES ('failed to connect to the server'), ('failed to parse SQL migration file');""#;
        let last = failure(query, "unexpected EOF");
        assert_eq!(understand(&last, &files()), None);
    }

    #[test]
    fn other_ends_are_told_apart() {
        let end = |last: &str| understand(last, &files()).map(|words| words.end);
        assert_eq!(
            end("goose run: ERROR 8_unique.sql: failed to parse SQL migration file: x"),
            Some(End::Files)
        );
        assert_eq!(
            end("goose run: failed to connect to `user=a database=b`: dial error"),
            Some(End::Unreachable)
        );
        assert_eq!(
            end(
                "goose run: failed to connect to `user=a database=b`: server error: FATAL: password authentication failed for user \"a\" (SQLSTATE 28P01)"
            ),
            Some(End::Refused("28P01".to_owned()))
        );
        assert_eq!(
            end(
                "goose run: ERROR 8_unique.sql: failed to run SQL migration: failed to begin transaction: failed to connect to `user=a database=b`: dial error"
            ),
            Some(End::Unreachable)
        );
        assert_eq!(
            end("goose run: dial tcp 10.0.0.1:3306: connect: connection refused"),
            Some(End::Unreachable)
        );
        assert_eq!(
            end("goose run: Error 1045 (28000): Access denied for user 'a'@'b'"),
            Some(End::Refused("1045".to_owned()))
        );
        assert_eq!(
            end("goose run: ERROR 8_unique.sql: failed to run SQL migration: unexpected EOF"),
            None
        );
    }
}
