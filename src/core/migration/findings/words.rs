//! A file cut into statements, each a row of tokens with the line on which it begins, by the lexical rules of the engine.

use sqlparser::dialect::{Dialect, MySqlDialect, PostgreSqlDialect};
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use crate::api::common::Engine;

/// Words of a header that are looked at to see whether a routine is made.
const HEADER_WORDS: usize = 16;

/// What defines something with a body of statements.
pub const ROUTINES: [&str; 5] = ["FUNCTION", "PROCEDURE", "TRIGGER", "EVENT", "PACKAGE"];

/// The rules of the engine's language.
#[must_use]
pub fn dialect(engine: Engine) -> Box<dyn Dialect> {
    match engine {
        Engine::PostgreSQL => Box::new(PostgreSqlDialect {}),
        Engine::MySQL => Box::new(MySqlDialect {}),
    }
}

/// One statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// Line of its first word in the text, counted from 1.
    pub line: i64,
    /// All its tokens but white space and comments.
    pub tokens: Vec<TokenWithSpan>,
}

/// The statements of a text; the last item is the line from which on the text could not be cut, if so.
#[must_use]
pub fn statements(text: &str, engine: Engine) -> (Vec<Statement>, Option<i64>) {
    let mut tokens = Vec::new();
    let end = Tokenizer::new(dialect(engine).as_ref(), text)
        .tokenize_with_location_into_buf(&mut tokens)
        .err()
        .map(|error| line_number(error.location.line));
    let mut all = Vec::new();
    let mut current: Vec<TokenWithSpan> = Vec::new();
    for token in tokens {
        match &token.token {
            Token::Whitespace(_) | Token::EOF => {}
            Token::SemiColon if !is_inside_routine(&current, engine) => {
                take(&mut current, &mut all);
            }
            _ => current.push(token),
        }
    }
    // What was cut off in the middle is told by the line of the error, unless it begins with a whole statement.
    take(&mut current, &mut all);
    (all, end)
}

fn take(current: &mut Vec<TokenWithSpan>, all: &mut Vec<Statement>) {
    let tokens = std::mem::take(current);
    if let Some(first) = tokens.first() {
        all.push(Statement {
            line: line_number(first.span.start.line),
            tokens,
        });
    }
}

fn line_number(line: u64) -> i64 {
    i64::try_from(line).unwrap_or(i64::MAX).max(1)
}

/// A body between BEGIN and END has semicolons of its own; where it ends is not worked out: it reaches to the end of the text.
fn is_inside_routine(tokens: &[TokenWithSpan], engine: Engine) -> bool {
    makes_routine(tokens)
        && match engine {
            Engine::PostgreSQL => tokens.iter().any(|token| is_word(&token.token, "ATOMIC")),
            Engine::MySQL => tokens.iter().any(|token| is_word(&token.token, "BEGIN")),
        }
}

/// Whether the statement makes a routine or a trigger.
#[must_use]
pub fn makes_routine(tokens: &[TokenWithSpan]) -> bool {
    const PASSED: [&str; 4] = ["OR", "REPLACE", "AGGREGATE", "CONSTRAINT"];
    let mut words = tokens
        .iter()
        .take(HEADER_WORDS)
        .filter_map(|token| word(&token.token));
    if words.next().as_deref() != Some("CREATE") {
        return false;
    }
    let mut rest = words.skip_while(|word| PASSED.contains(&word.as_str()));
    match rest.next().as_deref() {
        // MySQL names who defines it first.
        Some("DEFINER") => rest
            .find(|word| word == "VIEW" || ROUTINES.contains(&word.as_str()))
            .is_some_and(|word| word != "VIEW"),
        Some(made) => ROUTINES.contains(&made),
        None => false,
    }
}

/// An unquoted word in capitals.
#[must_use]
pub fn word(token: &Token) -> Option<String> {
    match token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_ascii_uppercase()),
        _ => None,
    }
}

/// Whether the token is this unquoted word.
#[must_use]
pub fn is_word(token: &Token, wanted: &str) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted))
}

impl Statement {
    /// The unquoted words in capitals, from the beginning, up to the first token that is none.
    #[must_use]
    pub fn head(&self) -> Vec<String> {
        self.tokens
            .iter()
            .map_while(|token| word(&token.token))
            .collect()
    }

    /// Whether the word stands anywhere in it, unquoted.
    #[must_use]
    pub fn has(&self, wanted: &str) -> bool {
        self.tokens
            .iter()
            .any(|token| is_word(&token.token, wanted))
    }

    /// Whether any of the words stands in it, unquoted.
    #[must_use]
    pub fn first_of(&self, wanted: &[&'static str]) -> Option<&'static str> {
        wanted.iter().copied().find(|word| self.has(word))
    }

    /// The same without its words at these places.
    #[must_use]
    pub fn without(&self, place: usize) -> Self {
        let mut statement = self.clone();
        if place < statement.tokens.len() {
            statement.tokens.remove(place);
        }
        statement
    }
}
