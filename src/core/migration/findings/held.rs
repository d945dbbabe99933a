//! Locks that a transaction keeps. PostgreSQL frees none before the end, so a lock that is taken for a moment lasts as long as all that
//! follows it in the same transaction.

use std::collections::BTreeMap;

use sqlparser::ast::{self, AlterTableOperation, Ident, ObjectName, ObjectNamePart};
use sqlparser::tokenizer::Token;

use super::fresh::{Fresh, key};
use super::rules::{Breach, Rule, Severity, shown};
use super::statement::parse;
use super::words::{Statement, is_word};
use crate::api::common::Engine;

/// Modes of LOCK under which others read and write on.
const WEAK_MODES: [&str; 4] = [
    "ACCESS SHARE",
    "ROW SHARE",
    "ROW EXCLUSIVE",
    "SHARE UPDATE EXCLUSIVE",
];

/// Key of a locked table, and its name as the sentence shows it.
type Lock = (String, String);

/// How much of a file runs in one transaction.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Transaction {
    #[default]
    File,
    /// What is sent in one piece is one transaction even where the tool opens none.
    Piece,
    Statement,
}

/// The tables of before the files that are locked against writes, or against reads too, and as the sentence shows them.
#[derive(Debug, Default)]
pub struct Held {
    tables: BTreeMap<String, String>,
    /// The file itself has said BEGIN.
    begun: bool,
}

impl Held {
    /// A transaction of the tool is over, but for one that the file has opened itself.
    pub fn next(&mut self) {
        if !self.begun {
            self.tables.clear();
        }
    }

    /// Whether the statement works on under what is locked before it; what it locks is kept after it. `breaches`: what is found in the
    /// statement alone.
    #[must_use]
    pub fn breach(
        &mut self,
        statement: &Statement,
        taken: Vec<Lock>,
        breaches: &[Breach],
        engine: Engine,
        fresh: &Fresh,
    ) -> Option<Breach> {
        let head = statement.head();
        let words: Vec<&str> = head.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["BEGIN" | "START", ..] => self.begun = true,
            // What is locked after a savepoint is free after the way back to it, but not what was locked before.
            ["ROLLBACK", ..] if statement.has("TO") => {}
            ["COMMIT" | "END" | "ROLLBACK" | "ABORT", ..] => {
                self.begun = false;
                self.tables.clear();
            }
            _ => {}
        }
        let tree = tree_of(statement, &words, engine);
        // Its own lock is told already, if it is told as blocking.
        let own: &[_] = if breaches
            .iter()
            .any(|breach| breach.rule.severity() == Severity::Blocks)
        {
            &taken
        } else {
            &[]
        };
        // One ALTER TABLE takes the strongest lock of its parts for all of them.
        if tree.as_ref().is_some_and(validates) {
            self.tables.extend(taken.iter().cloned());
        }
        let locked: Vec<&str> = self
            .tables
            .iter()
            .filter(|(key, _)| !own.iter().any(|(owned, _)| owned == *key))
            .map(|(_, table)| table.as_str())
            .collect();
        let verb = works_on_rows(statement, &words, tree.as_ref(), breaches, engine, fresh);
        let breach = verb.filter(|_| !locked.is_empty()).map(|verb| {
            Breach::new(
                Rule::KeepsLocked,
                format!(
                    "{verb} works while {} stays locked until the transaction of the file ends; put it into a file of its own",
                    locked.join(", ")
                ),
            )
        });
        self.tables.extend(taken);
        breach
    }
}

/// The tables that exist and that it locks more than ROW EXCLUSIVE: against writes at least.
#[must_use]
pub fn taken(statement: &Statement, engine: Engine, fresh: &Fresh) -> Vec<Lock> {
    let head = statement.head();
    let words: Vec<&str> = head.iter().map(String::as_str).collect();
    let all = match words.as_slice() {
        ["ALTER", "TABLE", ..] => {
            let own = names(statement, &["TABLE"]);
            let tree = parse(statement, engine);
            let mut all = if tree.as_ref().is_some_and(is_weak) {
                Vec::new()
            } else {
                own
            };
            all.extend(names(statement, &["REFERENCES"]));
            all.extend(names(statement, &["ATTACH", "PARTITION"]));
            all
        }
        ["LOCK", ..] if is_weak_lock(statement) => Vec::new(),
        ["DROP" | "TRUNCATE" | "LOCK", "TABLE", ..] => names(statement, &["TABLE"]),
        [verb @ ("TRUNCATE" | "LOCK"), ..] => names(statement, &[*verb]),
        ["CREATE", rest @ ..] => match rest.iter().find(|word| MADE.contains(*word)) {
            Some(&"TABLE") => {
                let own = names(statement, &["TABLE"]);
                let mut all = names(statement, &["REFERENCES"]);
                all.extend(names(statement, &["PARTITION", "OF"]));
                all.retain(|name| !own.contains(name));
                all
            }
            Some(&"INDEX") if statement.has("CONCURRENTLY") => Vec::new(),
            Some(&"RULE") => names(statement, &["TO"]),
            Some(_) => names(statement, &["ON"]),
            None => Vec::new(),
        },
        ["ALTER" | "DROP", "TRIGGER" | "POLICY" | "RULE", ..] => names(statement, &["ON"]),
        _ => Vec::new(),
    };
    all.into_iter()
        .map(|name| (key(&name, engine), shown(&name)))
        .filter(|(key, _)| !fresh.has_table(key))
        .collect()
}

fn tree_of(statement: &Statement, head: &[&str], engine: Engine) -> Option<ast::Statement> {
    matches!(head, ["ALTER" | "CREATE", ..])
        .then(|| parse(statement, engine))
        .flatten()
}

/// What is made on a table, or may refer to one.
const MADE: [&str; 5] = ["TABLE", "INDEX", "TRIGGER", "POLICY", "RULE"];

/// The names that follow these words, parted by commas.
fn names(statement: &Statement, after: &[&str]) -> Vec<ObjectName> {
    const PASSED: [&str; 4] = ["IF", "NOT", "EXISTS", "ONLY"];
    // After REFERENCES a comma parts columns or constraints, and there may be many.
    let refers = after == ["REFERENCES"];
    let tokens = &statement.tokens;
    let starts = tokens
        .windows(after.len())
        .enumerate()
        .filter(|(_, window)| {
            window
                .iter()
                .zip(after)
                .all(|(token, word)| is_word(&token.token, word))
        })
        .map(|(place, _)| place + after.len());
    let mut all = Vec::new();
    for start in starts {
        let mut rest = tokens
            .iter()
            .skip(start)
            .map(|token| &token.token)
            .skip_while(|token| PASSED.iter().any(|word| is_word(token, word)))
            .peekable();
        loop {
            let mut parts = Vec::new();
            while let Some(Token::Word(word)) = rest.peek() {
                parts.push(ObjectNamePart::Identifier(Ident {
                    value: word.value.clone(),
                    quote_style: word.quote_style,
                    span: sqlparser::tokenizer::Span::empty(),
                }));
                rest.next();
                if rest.next_if(|token| **token == Token::Period).is_none() {
                    break;
                }
            }
            if parts.is_empty() {
                break;
            }
            all.push(ObjectName(parts));
            if refers || rest.next_if(|token| **token == Token::Comma).is_none() {
                break;
            }
        }
        if !refers {
            break;
        }
    }
    all
}

fn is_weak_lock(statement: &Statement) -> bool {
    let mode: Vec<String> = statement
        .tokens
        .iter()
        .skip_while(|token| !is_word(&token.token, "IN"))
        .skip(1)
        .take_while(|token| !is_word(&token.token, "MODE"))
        .map(|token| token.token.to_string().to_ascii_uppercase())
        .collect();
    WEAK_MODES.contains(&mode.join(" ").as_str())
}

/// SHARE UPDATE EXCLUSIVE is stronger, but others read and write under it.
fn is_weak(tree: &ast::Statement) -> bool {
    operations(tree).iter().all(|operation| {
        matches!(
            operation,
            AlterTableOperation::ValidateConstraint { .. }
                | AlterTableOperation::SetOptionsParens { .. }
                | AlterTableOperation::AttachPartitionOf { .. }
        )
    })
}

fn validates(tree: &ast::Statement) -> bool {
    operations(tree)
        .iter()
        .any(|operation| matches!(operation, AlterTableOperation::ValidateConstraint { .. }))
}

fn operations(tree: &ast::Statement) -> &[AlterTableOperation] {
    match tree {
        ast::Statement::AlterTable(alter) => &alter.operations,
        _ => &[],
    }
}

/// The verb of a statement whose work grows with the rows of a table that is not new.
fn works_on_rows(
    statement: &Statement,
    head: &[&str],
    tree: Option<&ast::Statement>,
    breaches: &[Breach],
    engine: Engine,
    fresh: &Fresh,
) -> Option<String> {
    let is_fresh = |after: &str| {
        names(statement, &[after])
            .first()
            .is_some_and(|name| fresh.has_table(&key(name, engine)))
    };
    let (slow, verb) = match head {
        ["UPDATE", ..] => (
            !is_fresh("UPDATE") || statement.first_of(&["FROM", "SELECT"]).is_some(),
            "UPDATE",
        ),
        ["DELETE", ..] => (
            !is_fresh("FROM") || statement.first_of(&["USING", "SELECT"]).is_some(),
            "DELETE",
        ),
        ["INSERT", ..] => (
            statement.first_of(&["SELECT", "TABLE"]).is_some(),
            "INSERT ... SELECT",
        ),
        ["SELECT", ..] | [] => (statement.has("FROM"), "SELECT"),
        [
            verb @ ("WITH" | "MERGE" | "COPY" | "TABLE" | "REFRESH" | "REINDEX" | "CLUSTER"),
            ..,
        ] => (true, *verb),
        ["CREATE", rest @ ..] if rest.contains(&"MATERIALIZED") => (
            !(statement.has("NO") && statement.has("DATA")),
            "CREATE MATERIALIZED VIEW",
        ),
        ["CREATE", rest @ ..] if rest.contains(&"INDEX") => (
            !statement.has("CONCURRENTLY") && !is_fresh("ON"),
            "CREATE INDEX",
        ),
        ["CREATE", ..] => (
            matches!(tree, Some(ast::Statement::CreateTable(table)) if table.query.is_some()),
            "CREATE TABLE AS",
        ),
        ["ALTER", "TABLE", ..] if tree.is_some_and(validates) => {
            (!is_fresh("TABLE"), "VALIDATE CONSTRAINT")
        }
        ["ALTER", "TABLE", ..] => (
            breaches.iter().any(|breach| reads_all(breach.rule)),
            "ALTER TABLE",
        ),
        _ => (false, ""),
    };
    slow.then(|| verb.to_owned())
}

/// Rules of what reads or writes a whole table.
fn reads_all(rule: Rule) -> bool {
    matches!(
        rule,
        Rule::SetNotNull
            | Rule::AddConstraint
            | Rule::ChangesType
            | Rule::NarrowsType
            | Rule::AddColumn
            | Rule::Rewrites
    )
}
