//! Statements that read or write rows.

use sqlparser::ast;
use sqlparser::tokenizer::Token;

use super::fresh::{Fresh, key};
use super::rules::{Breach, Rule, shown};
use super::statement::{by_first_word, call, not_parsed, parse, parsed};
use super::words::{self, Statement, is_word, word};
use crate::api::common::Engine;

/// Reads and writes of rows.
pub fn rows(
    statement: &Statement,
    head: &[&str],
    engine: Engine,
    fresh: &mut Fresh,
) -> Vec<Breach> {
    let mut all: Vec<Breach> = call(statement).into_iter().collect();
    match head {
        ["REPLACE", ..] => all.push(Breach::new(
            Rule::Empties,
            "REPLACE deletes the rows that it replaces",
        )),
        ["COPY", ..] if statement.has("PROGRAM") => all.push(Breach::unreadable(
            "COPY ... PROGRAM runs a program on the server",
        )),
        // Its options have forms of every age; none of them takes rows away.
        ["COPY", ..] => {}
        ["INSERT", ..] if is_plain_data(statement) => {}
        _ => all.extend(parsed(statement, engine, fresh)),
    }
    all
}

/// `WITH ... DELETE FROM`: what follows the named queries is judged as if it stood alone.
pub fn with(statement: &Statement, engine: Engine, fresh: &mut Fresh) -> Vec<Breach> {
    const VERBS: [&str; 6] = ["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "VALUES"];
    let mut depth = 0_usize;
    let main = statement.tokens.iter().position(|token| {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && VERBS.iter().any(|verb| is_word(&token.token, verb))
    });
    let Some(tokens) = main.and_then(|place| statement.tokens.get(place..)) else {
        return vec![not_parsed()];
    };
    let alone = Statement {
        line: statement.line,
        tokens: tokens.to_vec(),
    };
    let head = alone.head();
    let words: Vec<&str> = head.iter().map(String::as_str).collect();
    let mut all: Vec<Breach> = call(statement).into_iter().collect();
    if parse(statement, engine).is_none() {
        all.push(not_parsed());
    }
    all.extend(by_first_word(&alone, &words, engine, fresh));
    all
}

/// A long list of literal rows needs no parser.
fn is_plain_data(statement: &Statement) -> bool {
    let mut tokens = statement
        .tokens
        .iter()
        .skip_while(|token| !is_word(&token.token, "VALUES"))
        .skip(1)
        .peekable();
    tokens.peek().is_some()
        && !statement
            .tokens
            .iter()
            .take_while(|token| !is_word(&token.token, "VALUES"))
            .any(|token| is_word(&token.token, "SELECT"))
        && tokens.all(|token| match &token.token {
            Token::LParen
            | Token::RParen
            | Token::Comma
            | Token::Minus
            | Token::Plus
            | Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::EscapedStringLiteral(_)
            | Token::HexStringLiteral(_)
            | Token::NationalStringLiteral(_) => true,
            other => word(other)
                .is_some_and(|word| ["NULL", "TRUE", "FALSE", "DEFAULT"].contains(&word.as_str())),
        })
}

/// No `WHERE` makes a DELETE harmless: which rows go is what a person should read.
pub fn delete_rows(delete: &ast::Delete, engine: Engine, fresh: &Fresh) -> Vec<Breach> {
    let tables = match &delete.from {
        ast::FromTable::WithFromKeyword(tables) | ast::FromTable::WithoutKeyword(tables) => tables,
    };
    let all_fresh = !tables.is_empty()
        && delete.tables.is_empty()
        && tables
            .iter()
            .all(|table| table.joins.is_empty() && is_fresh(&table.relation, engine, fresh));
    if all_fresh {
        return Vec::new();
    }
    let from = tables
        .first()
        .map(|table| shown(&table.relation))
        .unwrap_or_default();
    let chosen = delete
        .selection
        .as_ref()
        .is_some_and(|condition| chooses(condition, engine));
    vec![if chosen {
        Breach::new(
            Rule::DeletesRows,
            format!("DELETE takes rows of {from} away for good"),
        )
    } else {
        Breach::new(
            Rule::DeletesAll,
            format!("DELETE without a WHERE that chooses rows empties {from}"),
        )
    }]
}

/// A `WHERE` that chooses makes an UPDATE the everyday fill of a new column, which asks nobody.
pub fn update_rows(update: &ast::Update, engine: Engine, fresh: &Fresh) -> Vec<Breach> {
    let fresh = update.table.joins.is_empty() && is_fresh(&update.table.relation, engine, fresh);
    if fresh
        || (update
            .selection
            .as_ref()
            .is_some_and(|condition| chooses(condition, engine)))
    {
        return Vec::new();
    }
    vec![Breach::new(
        Rule::UpdatesAll,
        format!(
            "UPDATE without a WHERE that chooses rows changes and locks all of {}",
            shown(&update.table.relation)
        ),
    )]
}

fn is_fresh(table: &ast::TableFactor, engine: Engine, fresh: &Fresh) -> bool {
    matches!(table, ast::TableFactor::Table { name, .. } if fresh.has_table(&key(name, engine)))
}

/// Whether the condition can leave a row out: `true`, `1 = 1`, `id = id` and what is joined to them by OR cannot.
fn chooses(condition: &ast::Expr, engine: Engine) -> bool {
    match condition {
        ast::Expr::Nested(inner) => chooses(inner, engine),
        ast::Expr::BinaryOp {
            left,
            op: ast::BinaryOperator::Or,
            right,
        } => chooses(left, engine) && chooses(right, engine),
        ast::Expr::BinaryOp {
            left,
            op: ast::BinaryOperator::And,
            right,
        } => chooses(left, engine) || chooses(right, engine),
        ast::Expr::BinaryOp { left, right, .. } if left == right => false,
        other => names_something(other, engine),
    }
}

fn names_something(expression: &ast::Expr, engine: Engine) -> bool {
    const NOTHING: [&str; 9] = [
        "TRUE", "FALSE", "NOT", "AND", "OR", "NULL", "IS", "IN", "BETWEEN",
    ];
    let (statements, _) = words::statements(&expression.to_string(), engine);
    statements
        .iter()
        .flat_map(|statement| &statement.tokens)
        .any(|token| {
            matches!(token.token, Token::Word(_))
                && word(&token.token).is_none_or(|word| !NOTHING.contains(&word.as_str()))
        })
}

/// `TRUNCATE`.
pub fn truncated(truncate: &ast::Truncate, engine: Engine, fresh: &Fresh) -> Vec<Breach> {
    let cascades = matches!(truncate.cascade, Some(ast::CascadeOption::Cascade));
    let old: Vec<String> = truncate
        .table_names
        .iter()
        .filter(|table| cascades || !fresh.has_table(&key(&table.name, engine)))
        .map(|table| shown(&table.name))
        .collect();
    if old.is_empty() {
        return Vec::new();
    }
    vec![Breach::new(
        Rule::Empties,
        format!("TRUNCATE empties {}", old.join(", ")),
    )]
}
