//! Flyway's last words: the JSON document that `-outputType=json` ends with, made into what may be shown.
//!
//! Flyway 12 puts row values, stack traces and the JDBC URL into it. After a failed file it holds the whole result with `success: false` and
//! `error`; other failures hold `error` alone. Exit code 1 comes from the plug-in that writes reports; without it a failed file ends with 0,
//! so the code is not asked.

use serde_json::Value;

use super::files::Files;
use crate::core::migration::judge::End;
use crate::core::migration::lines::line_of;
use crate::core::migration::message::MessageError;
use crate::core::migration::sql_error;
use crate::core::migration::words::{self, Words};

/// What begins the last message. MariaDB's driver logs each error, with the values that are in it, on a line before.
pub const FATAL_MARKS: [&str; 2] = ["{", "[ WARN] ("];

/// What an error without an SQLSTATE says of the files: nothing of the file in question ran. Beginnings of Flyway's messages.
const ABOUT_FILES: [(&str, &str); 8] = [
    (
        "Detected both transactional and non-transactional",
        "one file holds statements that need a transaction and such that cannot be in one; divide it",
    ),
    (
        "No value provided for placeholder",
        "a placeholder has no value; set it, or placeholderReplacement=false in NAME.sql.conf",
    ),
    (
        "Unable to parse statement",
        "Flyway cannot parse a statement",
    ),
    (
        "Failed to find filesystem location",
        "the folder is not there",
    ),
    (
        "No migration with a target version",
        "no file has the target version",
    ),
    (
        "Invalid SQL filenames",
        "a file's name is none that Flyway takes",
    ),
    (
        "Found more than one",
        "two files have one version or one description",
    ),
    ("Unable to calculate checksum", "a file is not UTF-8"),
];

/// The document in the last words: it begins on a line of its own.
fn document(last: &str) -> Option<Value> {
    let begins = |at: &usize| *at == 0 || last.as_bytes().get(*at - 1) == Some(&b'\n');
    let places = last.match_indices('{').map(|(at, _)| at).filter(begins);
    places.filter_map(|at| last.get(at..)).find_map(|text| {
        serde_json::Deserializer::from_str(text)
            .into_iter()
            .next()?
            .ok()
    })
}

/// Whether Flyway says that all is done.
#[must_use]
pub fn says_success(last: &str) -> bool {
    document(last).is_some_and(|document| document.get("success") == Some(&Value::Bool(true)))
}

/// Understands the last message. `None` where it says nothing of what happened in the database or the files. `folder`: where the files
/// are, which Flyway names in full.
#[must_use]
pub fn understand(last: &str, files: &Files, folder: &str) -> Option<Words> {
    let document = document(last)?;
    let error = document.get("error")?;
    let word = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
    let file = word("path")
        .strip_prefix(folder)
        .map(|path| path.trim_start_matches('/'));
    let file = file.filter(|script| files.named(script).is_some());
    // Flyway opened no session, so that nothing of the next file ran.
    let no_session = word("errorCode") == "DB_CONNECTION";
    if let Some(code) = code(error) {
        let primary = primary(error);
        return Some(Words {
            end: if no_session {
                End::Refused(code.clone())
            } else {
                End::Sql(code.clone())
            },
            error: MessageError {
                class: if no_session { "Connection" } else { "Sql" }.to_owned(),
                file: file.map(str::to_owned),
                line: file.and_then(|script| line(error, files, script, &code, &primary)),
                object: sql_error::object(&code, &primary),
                text: sql_error::text(&code, &primary),
                code: Some(code),
            },
        });
    }
    if no_session {
        let text = "flyway could not connect to the database";
        return Some(Words {
            end: End::Unreachable,
            error: MessageError::plain("Connection", text),
        });
    }
    let message = word("message");
    if message.starts_with("Number of retries exceeded while attempting to acquire") {
        let text = "another Flyway, not of Slipway, holds the lock of the history table";
        return Some(Words {
            end: End::Locked,
            error: MessageError::plain("Tool", text),
        });
    }
    let text = match word("errorCode") {
        "NON_EMPTY_SCHEMA_WITHOUT_SCHEMA_HISTORY_TABLE" => Some(
            "the schema is not empty and has no history table; tell Flyway once what is there: flyway baseline",
        ),
        "VALIDATE_ERROR" => Some(
            "flyway validate finds that files and history table do not fit; run it to see which",
        ),
        _ => ABOUT_FILES
            .iter()
            .find(|(beginning, _)| message.starts_with(beginning))
            .map(|(_, text)| *text),
    };
    let file = file.or_else(|| {
        files
            .iter()
            .map(|file| file.script.as_str())
            .find(|script| message.contains(script))
    });
    text.map(|text| Words {
        end: End::Files,
        error: MessageError {
            file: file.map(str::to_owned),
            ..MessageError::plain("Files", text)
        },
    })
}

/// MySQL's number, where there is one; PostgreSQL has none, and an SQLSTATE.
fn code(error: &Value) -> Option<String> {
    let number = error.get("sqlErrorCode").and_then(Value::as_i64);
    if let Some(number) = number.filter(|number| *number > 0) {
        return Some(number.to_string());
    }
    let state = state(error);
    let is_state = state.len() == 5
        && state
            .chars()
            .all(|character| character.is_ascii_alphanumeric());
    is_state.then(|| state.to_owned())
}

fn state(error: &Value) -> &str {
    error
        .get("sqlState")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The database's own first line, from the innermost cause that looks like one. What follows on further lines (Detail, Hint, Where) holds
/// values. SQLSTATE 45000 is an author's own, whatever number it borrows.
fn primary(error: &Value) -> String {
    let mut found = String::new();
    let mut cause = error.get("cause");
    while let Some(inner) = cause.filter(|cause| !cause.is_null()) {
        let message = inner
            .get("message")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let said = message.lines().next().and_then(said);
        if let Some(primary) = said.filter(|_| state(error) != "45000") {
            primary.clone_into(&mut found);
        }
        cause = inner.get("cause");
    }
    found
}

/// PostgreSQL's driver begins with a word in capitals and a colon, MariaDB's with the connection's number in brackets.
fn said(line: &str) -> Option<&str> {
    let postgresql = || {
        line.split_once(": ")
            .filter(|(severity, _)| is_severity(severity))
    };
    let mariadb = || line.strip_prefix("(conn=")?.split_once(") ");
    mariadb().or_else(postgresql).map(|(_, primary)| primary)
}

fn is_severity(word: &str) -> bool {
    !word.is_empty() && word.chars().all(char::is_uppercase)
}

/// The line of the mistake: of the token that the database names, where it stands once in the statement; else where the statement
/// begins, which Flyway says.
fn line(error: &Value, files: &Files, script: &str, code: &str, primary: &str) -> Option<i64> {
    let begin = error
        .get("lineNumber")
        .and_then(Value::as_i64)
        .filter(|line| *line > 0)?;
    let statements = files.named(script)?.statements().statements;
    let statement = statements.iter().find(|statement| statement.line == begin);
    statement
        .zip(sql_error::token(code, primary))
        .and_then(|(statement, token)| line_of(&statement.text, statement.line, &token))
        .or(Some(begin))
}

/// The message as the pod's log may show it: without values, stack traces and connection strings.
#[must_use]
pub fn shown(last: &str, files: &Files, folder: &str) -> String {
    if !says_success(last) {
        return words::shown("ERROR", understand(last, files, folder));
    }
    let document = document(last).unwrap_or_default();
    let count = document
        .get("migrationsExecuted")
        .and_then(Value::as_i64)
        .unwrap_or(0);
    format!("applied {count} files")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{says_success, shown, understand};
    use crate::core::migration::flyway::files::Files;
    use crate::core::migration::judge::End;
    use crate::core::migration::message::MessageError;
    use crate::core::migration::words::Words;

    const CONTENT: &str =
        "SELECT 1;\n-- why\nCREATE UNIQUE INDEX users_email_key\n  ON users (email);\n";

    fn files() -> Files {
        Files::new([("V8__unique.sql".to_owned(), CONTENT.to_owned())]).expect("good names")
    }

    fn failure(code: Option<&str>, error_code: &str, said: &str) -> String {
        let message = format!(
            "Failed to execute script V8__unique.sql\n---\nMessage    : {said}\nLine       : 3\n"
        );
        let document: Value = json!({"error": {
            "errorCode": error_code, "sqlState": code, "sqlErrorCode": 0, "message": message, "lineNumber": 3, "path": "/files/V8__unique.sql",
            "cause": {"message": message, "stackTrace": "x", "cause": {"message": said, "cause": null}},
        }, "success": false});
        format!("WARNING: x\n{document:#}\nPicked up\n")
    }

    #[test]
    fn file_line_code_and_object_are_read_and_no_value_is() {
        let said = "ERROR: could not create unique index \"users_email_key\"\n  Detail: Key (email)=(ann) is duplicated.";
        let last = failure(Some("23505"), "FAILED_VERSIONED_MIGRATION", said);
        let error = MessageError {
            class: "Sql".to_owned(),
            code: Some("23505".to_owned()),
            file: Some("V8__unique.sql".to_owned()),
            line: Some(3),
            object: Some("users_email_key".to_owned()),
            text: "could not create unique index \"users_email_key\"".to_owned(),
        };
        assert_eq!(
            understand(&last, &files(), "/files"),
            Some(Words {
                end: End::Sql("23505".to_owned()),
                error
            })
        );
        assert_eq!(
            shown(&last, &files(), "/files"),
            "ERROR V8__unique.sql:3 SQLSTATE 23505 on users_email_key could not create unique index \"users_email_key\""
        );
        let token = failure(
            Some("42703"),
            "FAILED_VERSIONED_MIGRATION",
            "ERROR: column \"email\" does not exist",
        );
        let line = understand(&token, &files(), "/files").and_then(|words| words.error.line);
        assert_eq!(line, Some(4));
    }

    #[test]
    fn other_ends_are_told_apart() {
        let end = |last: &str| understand(last, &files(), "/files").map(|words| words.end);
        let plain = |code: &str, message: &str| {
            json!({"error": {"errorCode": code, "message": message, "cause": null}}).to_string()
        };
        assert_eq!(
            end(&failure(
                Some("28P01"),
                "DB_CONNECTION",
                "FATAL: password authentication failed for user \"a\""
            )),
            Some(End::Refused("28P01".to_owned()))
        );
        let crowded = json!({"error": {
            "errorCode": "DB_CONNECTION", "sqlState": "08004", "sqlErrorCode": 1040, "message": "x", "cause": null,
        }});
        assert_eq!(
            end(&crowded.to_string()),
            Some(End::Refused("1040".to_owned()))
        );
        assert_eq!(
            end(&plain("DB_CONNECTION", "Unable to obtain connection")),
            Some(End::Unreachable)
        );
        assert_eq!(
            end(&plain(
                "ERROR",
                "Detected both transactional and non-transactional statements"
            )),
            Some(End::Files)
        );
        assert_eq!(
            end(&plain("VALIDATE_ERROR", "Validate failed")),
            Some(End::Files)
        );
        assert_eq!(
            end(&plain(
                "ERROR",
                "Number of retries exceeded while attempting to acquire PostgreSQL advisory lock."
            )),
            Some(End::Locked)
        );
        for unknown in [
            plain("FAULT", "Java heap space"),
            plain("ERROR", "x"),
            "Exception in thread {".to_owned(),
            String::new(),
        ] {
            assert_eq!(end(&unknown), None, "{unknown}");
        }
        let said = "(conn=7) You have an error in your SQL syntax";
        let mysql = json!({"error": {
            "errorCode": "FAILED_VERSIONED_MIGRATION", "sqlState": "42000", "sqlErrorCode": 1064, "message": "x", "lineNumber": 1,
            "path": "/files/V8__unique.sql", "cause": {"message": "x", "cause": {"message": said, "cause": null}},
        }});
        assert_eq!(end(&mysql.to_string()), Some(End::Sql("1064".to_owned())));
        let success = json!({"success": true, "migrationsExecuted": 2}).to_string();
        assert_eq!(
            (end(&success), shown(&success, &files(), "/files")),
            (None, "applied 2 files".to_owned())
        );
        assert_eq!(
            [says_success(&success), says_success(&plain("ERROR", "x"))],
            [true, false]
        );
    }
}
