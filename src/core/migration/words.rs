//! A tool's last words, understood: what they show of its end, and what may be said of them. Each tool has its own reader; what they make
//! of it is this. Pure.

use super::judge::End;
use super::message::MessageError;
use super::mysql_error;

/// What was understood.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Words {
    pub end: End,
    pub error: MessageError,
}

/// An error as the pod's log may show it: without the statement, without values, without a connection string. `mark` is how the tool
/// begins such a line.
#[must_use]
pub fn shown(mark: &str, words: Option<Words>) -> String {
    let Some(Words { error, end: _ }) = words else {
        return format!("{mark} ended without a message that can be shown");
    };
    let MessageError {
        class: _,
        code,
        file,
        line,
        object,
        text,
    } = error;
    let mut parts = vec![mark.to_owned()];
    parts.extend(
        file.map(|file| line.map_or_else(|| file.clone(), |line| format!("{file}:{line}"))),
    );
    parts.extend(code.map(|code| {
        if mysql_error::is_number(&code) {
            format!("MySQL error {code}")
        } else {
            format!("SQLSTATE {code}")
        }
    }));
    parts.extend(object.map(|object| format!("on {object}")));
    parts.extend((!text.is_empty()).then_some(text));
    parts.join(" ")
}

/// Code and primary message of an error of PostgreSQL: pgx writes `SEVERITY: message (SQLSTATE code)`, in the server's language.
#[must_use]
pub fn postgresql(said: &str) -> Option<(String, String)> {
    let (said, rest) = said.rsplit_once(" (SQLSTATE ")?;
    let code = rest.get(..5).filter(|code| {
        code.chars()
            .all(|character| character.is_ascii_alphanumeric())
    })?;
    let marks = ["ERROR: ", "FATAL: ", "PANIC: "];
    let primary = marks
        .iter()
        .filter_map(|mark| said.find(mark).and_then(|at| said.get(at + mark.len()..)))
        .min_by_key(|rest| said.len() - rest.len())
        .or_else(|| said.split_once(": ").map(|(_, rest)| rest))
        .unwrap_or(said);
    Some((code.to_owned(), primary.to_owned()))
}

/// Number and message of an error of MySQL: Go's driver writes `Error number (SQLSTATE): message`. SQLSTATE 45000 is an author's own, whatever number it borrows.
#[must_use]
pub fn mysql(said: &str) -> Option<(String, String)> {
    let (head, message) = said.strip_prefix("Error ")?.split_once(": ")?;
    let (number, state) = head.split_once(' ').unwrap_or((head, ""));
    let message = if state == "(45000)" { "" } else { message };
    mysql_error::is_number(number).then(|| (number.to_owned(), message.to_owned()))
}
