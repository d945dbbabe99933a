//! What may be said of an error of the database: the primary message without values, and the object it names. PostgreSQL's here, MySQL's in
//! `mysql_error`. Pure.
//!
//! A primary message quotes values where its class is 22 (data exception), and says whatever a migration's author wrote where it was
//! raised by hand: class P0, a code of its own, or a borrowed one. So the words of a class in which values or free text may stand are
//! given only in the server's own, known form.

use super::message::{TEXT_LIMIT, clean};
use super::mysql_error;

/// Classes whose primary messages name objects and syntax only, when the server itself wrote them.
const PLAIN_CLASSES: [&str; 14] = [
    "08", "0A", "21", "25", "2B", "3D", "3F", "40", "42", "53", "54", "55", "57", "58",
];

/// The server's own words that name an object: what stands before it, what comes after it.
const OBJECTS: [(&str, &str, &str); 17] = [
    (
        "23505",
        "duplicate key value violates unique constraint \"",
        "",
    ),
    ("23505", "could not create unique index \"", ""),
    (
        "23P01",
        "conflicting key value violates exclusion constraint \"",
        "",
    ),
    (
        "23503",
        "insert or update on table \"*\" violates foreign key constraint \"",
        "",
    ),
    (
        "23503",
        "update or delete on table \"*\" violates foreign key constraint \"",
        " on table",
    ),
    ("23514", "check constraint \"", " of relation"),
    (
        "23514",
        "new row for relation \"*\" violates check constraint \"",
        "",
    ),
    ("23502", "null value in column \"", " of relation"),
    ("23502", "column \"", " of relation"),
    ("42P01", "relation \"", " does not exist"),
    ("42P01", "table \"", " does not exist"),
    ("42P07", "relation \"", " already exists"),
    ("42703", "column \"", ""),
    ("42701", "column \"", " of relation"),
    ("42704", "type \"", " does not exist"),
    ("42710", "constraint \"", " for relation"),
    ("42501", "permission denied for ", ""),
];

/// The words that may leave the pod; empty where none may.
#[must_use]
pub fn text(code: &str, primary: &str) -> String {
    if mysql_error::is_number(code) {
        return clean(&mysql_error::text(code, primary), TEXT_LIMIT);
    }
    let text = match code.get(..2) {
        Some("22" | "28") => without_quoted(primary),
        Some("23") if object(code, primary).is_some() => primary.to_owned(),
        Some(class) if PLAIN_CLASSES.contains(&class) => without_literals(primary),
        _ => String::new(),
    };
    clean(&text, TEXT_LIMIT)
}

/// The constraint, table or column that the server names.
#[must_use]
pub fn object(code: &str, primary: &str) -> Option<String> {
    if mysql_error::is_number(code) {
        return mysql_error::object(code, primary);
    }
    OBJECTS
        .iter()
        .filter(|(listed, _, _)| *listed == code)
        .find_map(|(_, before, after)| {
            let rest = strip(primary, before)?;
            let (name, rest) = if before.ends_with('"') {
                rest.split_once('"')?
            } else {
                (rest, "")
            };
            rest.starts_with(after).then(|| clean(name, 128))
        })
        .filter(|name| !name.is_empty())
}

/// The token at which the server's parser stopped, or the object it does not know: where it stands is where the mistake is.
#[must_use]
pub fn token(code: &str, primary: &str) -> Option<String> {
    if mysql_error::is_number(code) {
        return mysql_error::token(code, primary);
    }
    let from_parser = primary
        .rsplit_once("at or near \"")
        .and_then(|(_, rest)| rest.strip_suffix('"'));
    let token = from_parser
        .map(str::to_owned)
        .or_else(|| object(code, primary))?;
    (!token.contains(['\n', '\''])).then_some(token)
}

/// What follows `pattern`, in which `*` stands for a name without quotes.
fn strip<'a>(text: &'a str, pattern: &str) -> Option<&'a str> {
    match pattern.split_once('*') {
        None => text.strip_prefix(pattern),
        Some((start, end)) => {
            let (name, rest) = text.strip_prefix(start)?.split_once('"')?;
            let end = end.strip_prefix('"')?;
            (!name.contains('\n')).then(|| rest.strip_prefix(end))?
        }
    }
}

/// Without everything between the first and the last quote, of any language's kind: a value may itself hold quotes.
fn without_quoted(text: &str) -> String {
    const QUOTES: [char; 8] = ['"', '\'', '«', '»', '„', '“', '”', '`'];
    match (text.find(QUOTES), text.rfind(QUOTES)) {
        (Some(first), Some(last)) => {
            let rest = text
                .get(last..)
                .unwrap_or_default()
                .trim_start_matches(QUOTES);
            format!("{}\"...\"{rest}", text.get(..first).unwrap_or_default())
        }
        _ => text.to_owned(),
    }
}

/// Names stay; quoted SQL that begins a literal, holds one, or runs on goes.
fn without_literals(text: &str) -> String {
    let quoted = text
        .split_once('"')
        .and_then(|(_, rest)| rest.rsplit_once('"'))
        .map(|(quoted, _)| quoted);
    match quoted {
        Some(quoted) if quoted.contains(['\'', '$', '\n']) || quoted.len() > 200 => {
            without_quoted(text)
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{object, text, token};

    /// migrations.md section 2, message: values stand in class 22 and in what an author raised.
    #[test]
    fn no_value_of_a_row_is_in_the_text() {
        let cases = [
            (
                "22P02",
                "invalid input syntax for type integer: \"ann\"o\"",
                "invalid input syntax for type integer: \"...\"",
            ),
            (
                "22003",
                "value \"99\" is out of range for type integer",
                "value \"...\" is out of range for type integer",
            ),
            (
                "22P02",
                "ungültige Eingabesyntax für Typ integer: »ann«",
                "ungültige Eingabesyntax für Typ integer: \"...\"",
            ),
            ("P0001", "user ann has no email", ""),
            ("23505", "ann is there twice", ""),
            ("AB123", "ann", ""),
            (
                "42601",
                "unterminated quoted string at or near \"'ann;\"",
                "unterminated quoted string at or near \"...\"",
            ),
            (
                "42601",
                "syntax error at or near \"TABEL\"",
                "syntax error at or near \"TABEL\"",
            ),
            (
                "23505",
                "duplicate key value violates unique constraint \"users_email_key\"",
                "duplicate key value violates unique constraint \"users_email_key\"",
            ),
        ];
        for (code, primary, expected) in cases {
            assert_eq!(text(code, primary), expected);
        }
    }

    #[test]
    fn the_object_is_what_the_server_names() {
        let cases = [
            (
                "23505",
                "could not create unique index \"users_email_key\"",
                Some("users_email_key"),
            ),
            (
                "23503",
                "insert or update on table \"a\" violates foreign key constraint \"a_b_fkey\"",
                Some("a_b_fkey"),
            ),
            (
                "23502",
                "null value in column \"x\" of relation \"t\" violates not-null constraint",
                Some("x"),
            ),
            (
                "42P01",
                "relation \"ordres\" does not exist",
                Some("ordres"),
            ),
            (
                "42501",
                "permission denied for schema public",
                Some("schema public"),
            ),
            ("23505", "ann \"x\"", None),
        ];
        for (code, primary, expected) in cases {
            assert_eq!(object(code, primary).as_deref(), expected, "{primary}");
        }
        assert_eq!(
            token("42601", "syntax error at or near \"TABEL\"").as_deref(),
            Some("TABEL")
        );
    }
}
