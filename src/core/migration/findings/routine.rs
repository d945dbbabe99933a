//! Functions, procedures, triggers, rules and events. What makes one does not run it, but rows that are written later may: so a body that
//! holds anything that takes data or locks away is told, as is one in a language that cannot be read.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::calls;
use super::rules::{Breach, shown};
use super::words::{self, Statement, is_word, word};
use crate::api::common::Engine;

/// Words in a body that may do harm, whoever runs it.
const RISKY: [&str; 24] = [
    "ALTER", "CALL", "CLUSTER", "COPY", "CREATE", "DELETE", "DISABLE", "DO", "DROP", "EXEC",
    "EXECUTE", "GRANT", "HANDLER", "IMPORT", "LOAD", "LOCK", "MERGE", "PREPARE", "REINDEX",
    "RENAME", "REPLACE", "TRUNCATE", "UPDATE", "VACUUM",
];

/// Languages whose bodies are SQL.
const READ: [&str; 2] = ["SQL", "PLPGSQL"];

/// What the statement brings with it.
#[must_use]
pub fn breaches(statement: &Statement, engine: Engine) -> Vec<Breach> {
    if engine == Engine::PostgreSQL && statement.head().get(1).is_some_and(|word| word == "EVENT") {
        return vec![Breach::unreadable(
            "an event trigger runs at each change of the schema",
        )];
    }
    match engine {
        Engine::PostgreSQL => of_postgresql(statement),
        Engine::MySQL => of_mysql(statement),
    }
    .into_iter()
    .collect()
}

fn of_postgresql(statement: &Statement) -> Option<Breach> {
    if statement.has("ATOMIC") || statement.head().iter().any(|word| word == "RULE") {
        return in_body(body_after(&statement.tokens, &["ATOMIC", "DO"]));
    }
    if statement.head().iter().any(|word| word == "TRIGGER") {
        // The function that it names has a body of its own.
        return None;
    }
    let language = language(statement);
    if language.is_some_and(|language| !READ.contains(&language.as_str())) {
        return Some(Breach::unreadable(
            "its body is in a language that is not read",
        ));
    }
    let mut bodies = statement
        .tokens
        .iter()
        .filter_map(|token| match &token.token {
            Token::DollarQuotedString(body) => Some(body.value.as_str()),
            Token::SingleQuotedString(body) | Token::EscapedStringLiteral(body) => {
                Some(body.as_str())
            }
            _ => None,
        });
    bodies.find_map(|body| {
        let (statements, broken) = words::statements(body, Engine::PostgreSQL);
        if broken.is_some() {
            return Some(Breach::unreadable("its body cannot be read"));
        }
        statements
            .iter()
            .find_map(|statement| in_body(&statement.tokens))
    })
}

fn of_mysql(statement: &Statement) -> Option<Breach> {
    in_body(body_after(
        &statement.tokens,
        &["BEGIN", "ROW", "DO", "RETURN", ")"],
    ))
}

/// The tokens after the first of these marks; all of them without one.
fn body_after<'a>(tokens: &'a [TokenWithSpan], marks: &[&str]) -> &'a [TokenWithSpan] {
    let is_mark = |token: &TokenWithSpan| {
        marks
            .iter()
            .any(|mark| is_word(&token.token, mark) || *mark == ")" && token.token == Token::RParen)
    };
    let found = tokens.iter().position(is_mark);
    found
        .and_then(|place| tokens.get(place + 1..))
        .unwrap_or(tokens)
}

fn in_body(tokens: &[TokenWithSpan]) -> Option<Breach> {
    let risky = tokens.iter().enumerate().find_map(|(place, token)| {
        let word = word(&token.token)?;
        let harmless_form = word == "REPLACE"
            && tokens
                .get(place + 1)
                .is_some_and(|next| next.token == Token::LParen)
            || word == "DO"
                && tokens
                    .get(place + 1)
                    .is_some_and(|next| is_word(&next.token, "NOTHING"));
        (RISKY.contains(&word.as_str()) && !harmless_form).then_some(word)
    });
    if let Some(word) = risky {
        return Some(Breach::unreadable(format!(
            "its body holds {word}, which is not followed"
        )));
    }
    calls::unknown(tokens).map(|name| {
        Breach::unreadable(format!(
            "its body calls {}, which is not read",
            shown(&name)
        ))
    })
}

fn language(statement: &Statement) -> Option<String> {
    let place = statement
        .tokens
        .iter()
        .position(|token| is_word(&token.token, "LANGUAGE"))?;
    match &statement.tokens.get(place + 1)?.token {
        Token::Word(word) => Some(word.value.to_ascii_uppercase()),
        Token::SingleQuotedString(name) => Some(name.to_ascii_uppercase()),
        _ => Some(String::new()),
    }
}
