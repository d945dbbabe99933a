//! What one statement may do. A statement is harmless only when it is known to be: everything else counts as unreadable.

use sqlparser::ast;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::alter::alter_table;
use super::calls;
use super::fresh::Fresh;
use super::objects::{altered, created, drop_objects, dropped, new_index, new_table};
use super::routine;
use super::rows::{delete_rows, rows, truncated, update_rows, with};
use super::rules::{Breach, Rule, shown};
use super::words::{self, Statement, is_word};
use crate::api::common::Engine;

/// Deepest nesting that is parsed; deeper is unreadable. The parser's own default.
const DEPTH: usize = 50;

/// Longest statement that is parsed, in tokens: a chain of operators makes a tree as deep as it is long, and the stack has an end.
pub const TOKENS: usize = 3000;

/// First words of statements that change neither data nor a table, whatever follows.
const HARMLESS: [&str; 9] = [
    "COMMENT",
    "COMMIT",
    "DEALLOCATE",
    "END",
    "GRANT",
    "RELEASE",
    "REVOKE",
    "SAVEPOINT",
    "SHOW",
];

/// The same where the engine is PostgreSQL.
const HARMLESS_IN_POSTGRESQL: [&str; 6] = [
    "ABORT",
    "CHECKPOINT",
    "DISCARD",
    "LISTEN",
    "NOTIFY",
    "RESET",
];

/// Settings that change how the text that follows is read.
const READING: [&str; 3] = ["SQL_MODE", "STANDARD_CONFORMING_STRINGS", "BACKSLASH_QUOTE"];

/// What one statement may do, and what is new after it.
#[must_use]
pub fn breaches(statement: &Statement, engine: Engine, fresh: &mut Fresh) -> Vec<Breach> {
    let mut all = Vec::new();
    if let Some(breach) = unreadable_token(statement) {
        return vec![breach];
    }
    all.extend(inner_statements(statement, engine, fresh));
    let head = statement.head();
    let words: Vec<&str> = head.iter().map(String::as_str).collect();
    forget(statement, &words, fresh);
    all.extend(by_first_word(statement, &words, engine, fresh));
    all
}

/// What a client or a tool replaces before the database sees it, or may.
fn unreadable_token(statement: &Statement) -> Option<Breach> {
    let odd = |token: &Token| {
        matches!(
            token,
            Token::Backslash | Token::LBrace | Token::Placeholder(_)
        )
    };
    statement.tokens.iter().any(|token| odd(&token.token)).then(|| {
        Breach::unreadable("it holds a placeholder or a command of a client, so what the database gets is not known")
    })
}

/// `WITH gone AS (DELETE FROM ...)`, `COPY (DELETE ...)`: statements in parentheses are judged as if they stood alone.
fn inner_statements(statement: &Statement, engine: Engine, fresh: &mut Fresh) -> Vec<Breach> {
    const INNER: [&str; 4] = ["DELETE", "UPDATE", "MERGE", "TRUNCATE"];
    let tokens = &statement.tokens;
    let mut all = Vec::new();
    for (place, pair) in tokens.windows(2).enumerate() {
        let [parenthesis, verb] = pair else { continue };
        let is_inner = parenthesis.token == Token::LParen
            && INNER.iter().any(|word| is_word(&verb.token, word));
        if !is_inner {
            continue;
        }
        let mut depth = 1_usize;
        let inside = tokens.iter().skip(place + 1).take_while(|token| {
            match token.token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                _ => {}
            }
            depth > 0
        });
        let inner = Statement {
            line: statement.line,
            tokens: inside.cloned().collect(),
        };
        let head = inner.head();
        let words: Vec<&str> = head.iter().map(String::as_str).collect();
        all.extend(by_first_word(&inner, &words, engine, fresh));
    }
    all
}

fn forget(statement: &Statement, head: &[&str], fresh: &mut Fresh) {
    let other_names = matches!(head, ["USE" | "ROLLBACK" | "ABORT", ..])
        || statement
            .first_of(&["SEARCH_PATH", "SET_CONFIG", "DISCARD"])
            .is_some()
        || matches!(
            head,
            ["RESET", ..] | ["SET", "ROLE" | "SESSION" | "SCHEMA", ..]
        );
    if other_names {
        fresh.forget_all();
    }
}

/// By the first word, and where needed by the whole tree.
pub fn by_first_word(
    statement: &Statement,
    head: &[&str],
    engine: Engine,
    fresh: &mut Fresh,
) -> Vec<Breach> {
    if is_harmless(statement, head, engine) {
        return Vec::new();
    }
    match head {
        ["SET", ..] => set(statement, head),
        ["CREATE", ..] if words::makes_routine(&statement.tokens) => {
            routine::breaches(statement, engine)
        }
        ["CREATE", rest @ ..] => created(statement, rest, engine, fresh),
        ["ALTER", rest @ ..] => altered(statement, rest, engine, fresh),
        ["DROP", rest @ ..] => dropped(statement, rest, engine, fresh),
        ["WITH", ..] => with(statement, engine, fresh),
        [
            "SELECT" | "VALUES" | "TABLE" | "INSERT" | "REPLACE" | "UPDATE" | "DELETE" | "COPY",
            ..,
        ] => rows(statement, head, engine, fresh),
        ["TRUNCATE", ..] => parsed(statement, engine, fresh),
        [first, ..] => vec![by_word(first)],
        [] if opens_with_parenthesis(statement) => rows(statement, &["SELECT"], engine, fresh),
        [] => vec![unknown()],
    }
}

/// What changes neither data nor a table.
fn is_harmless(statement: &Statement, head: &[&str], engine: Engine) -> bool {
    const RUN: [&str; 6] = ["DELETE", "INSERT", "REPLACE", "SELECT", "UPDATE", "WITH"];
    match head {
        ["USE" | "ROLLBACK", ..] | ["START", "TRANSACTION", ..] | ["UNLOCK", "TABLES", ..] => true,
        ["VACUUM", ..] => !statement.has("FULL"),
        ["REINDEX" | "REFRESH", ..] => statement.has("CONCURRENTLY"),
        // MariaDB's ANALYZE runs the statement that follows, as does its BEGIN NOT ATOMIC.
        ["ANALYZE", ..] => statement.first_of(&RUN).is_none(),
        ["BEGIN", ..] => !statement.has("ATOMIC"),
        [first, ..] => {
            HARMLESS.contains(first)
                || engine == Engine::PostgreSQL && HARMLESS_IN_POSTGRESQL.contains(first)
        }
        [] => false,
    }
}

/// What the first word alone condemns.
fn by_word(first: &str) -> Breach {
    match first {
        "RENAME" => Breach::new(
            Rule::Renames,
            "RENAME: the program that runs now still uses the old name",
        ),
        "VACUUM" | "CLUSTER" | "OPTIMIZE" | "REPAIR" => Breach::new(
            Rule::Rewrites,
            format!("{first} writes the table anew and locks it meanwhile"),
        ),
        "REINDEX" => Breach::new(
            Rule::DropIndex,
            "REINDEX blocks writes; REINDEX ... CONCURRENTLY would not",
        ),
        "REFRESH" => Breach::new(
            Rule::Refreshes,
            "REFRESH MATERIALIZED VIEW blocks reads; CONCURRENTLY would not",
        ),
        "LOCK" => Breach::new(
            Rule::Locks,
            "LOCK blocks whoever uses the table until the end of the transaction",
        ),
        "DO" | "CALL" | "EXECUTE" | "PREPARE" => {
            Breach::unreadable(format!("{first} runs code that is not read"))
        }
        _ => unknown(),
    }
}

fn opens_with_parenthesis(statement: &Statement) -> bool {
    statement
        .tokens
        .first()
        .is_some_and(|token| token.token == Token::LParen)
}

/// Of a statement that no rule knows.
pub fn unknown() -> Breach {
    Breach::unreadable("it is not a statement that is known to be harmless")
}

/// Of a statement that the parser does not take.
pub fn not_parsed() -> Breach {
    Breach::unreadable("it cannot be parsed")
}

fn set(statement: &Statement, head: &[&str]) -> Vec<Breach> {
    // MariaDB's SET STATEMENT ... FOR.
    if head.get(1) == Some(&"STATEMENT") {
        return vec![Breach::unreadable(
            "SET STATEMENT runs a statement that is not read",
        )];
    }
    let word = statement
        .first_of(&READING)
        .or_else(|| statement.first_of(&["GLOBAL", "PERSIST"]));
    if let Some(word) = word {
        return vec![Breach::unreadable(format!(
            "SET {word} changes how the server reads or does what follows"
        ))];
    }
    call(statement).into_iter().collect()
}

/// A call of something that is not read.
pub fn call(statement: &Statement) -> Option<Breach> {
    calls::unknown(&statement.tokens)
        .map(|name| Breach::unreadable(format!("it calls {}, which is not read", shown(&name))))
}

/// The statement's tree; `None` where the parser does not know it to its last word.
#[must_use]
pub fn parse(statement: &Statement, engine: Engine) -> Option<ast::Statement> {
    if statement.tokens.len() > TOKENS {
        return None;
    }
    let dialect = words::dialect(engine);
    let mut parser = Parser::new(dialect.as_ref())
        .with_recursion_limit(DEPTH)
        .with_tokens_with_locations(statement.tokens.clone());
    let tree = parser.parse_statement().ok()?;
    (parser.peek_token().token == Token::EOF).then_some(tree)
}

/// By its tree; what it makes counts as new from then on.
pub fn parsed(statement: &Statement, engine: Engine, fresh: &mut Fresh) -> Vec<Breach> {
    let Some(tree) = parse(statement, engine) else {
        return vec![if statement.tokens.len() > TOKENS {
            Breach::unreadable(format!("it has more than {TOKENS} words, too many to read"))
        } else {
            not_parsed()
        }];
    };
    match &tree {
        ast::Statement::CreateView(view) if view.materialized => {
            call(statement).into_iter().collect()
        }
        ast::Statement::Insert(insert) if insert.overwrite || insert.replace_into => {
            vec![Breach::new(
                Rule::Empties,
                "it deletes the rows that it replaces",
            )]
        }
        ast::Statement::Query(_) | ast::Statement::CreateView(_) | ast::Statement::Insert(_) => {
            Vec::new()
        }
        ast::Statement::Delete(delete) => delete_rows(delete, engine, fresh),
        ast::Statement::Update(update) => update_rows(update, engine, fresh),
        ast::Statement::Truncate(truncate) => truncated(truncate, engine, fresh),
        ast::Statement::CreateTable(table) => new_table(statement, table, engine, fresh),
        ast::Statement::CreateIndex(index) => new_index(index, engine, fresh),
        ast::Statement::AlterTable(alter) => alter_table(alter, engine, fresh),
        ast::Statement::Drop { .. } => drop_objects(&tree, engine, fresh),
        _ => vec![unknown()],
    }
}
