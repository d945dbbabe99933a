//! Statements that make, change or drop something that has a name.

use sqlparser::ast::{self, ObjectType};

use super::alter;
use super::calls;
use super::fresh::{Fresh, key};
use super::routine;
use super::rules::{Breach, Rule, shown};
use super::statement::{call, not_parsed, parse, parsed, unknown};
use super::words::{self, Statement};
use crate::api::common::Engine;

/// What may be made without harm to what is there.
const MADE: [&str; 17] = [
    "AGGREGATE",
    "CAST",
    "COLLATION",
    "DATABASE",
    "DOMAIN",
    "EXTENSION",
    "GROUP",
    "OPERATOR",
    "POLICY",
    "PUBLICATION",
    "ROLE",
    "SCHEMA",
    "SEQUENCE",
    "SERVER",
    "STATISTICS",
    "TYPE",
    "USER",
];

/// What may be changed, but for its name, without harm.
const CHANGED: [&str; 13] = [
    "AGGREGATE",
    "COLLATION",
    "DATABASE",
    "DEFAULT",
    "FUNCTION",
    "GROUP",
    "OPERATOR",
    "POLICY",
    "PROCEDURE",
    "PUBLICATION",
    "ROLE",
    "SEQUENCE",
    "USER",
];

/// `CREATE` of anything.
pub fn created(
    statement: &Statement,
    rest: &[&str],
    engine: Engine,
    fresh: &mut Fresh,
) -> Vec<Breach> {
    let kind: Vec<&str> = rest
        .iter()
        .copied()
        .skip_while(|word| {
            [
                "OR",
                "REPLACE",
                "TEMP",
                "TEMPORARY",
                "UNLOGGED",
                "LOCAL",
                "GLOBAL",
                "UNIQUE",
                "FULLTEXT",
                "SPATIAL",
                "FOREIGN",
                "RECURSIVE",
                "MATERIALIZED",
            ]
            .contains(word)
        })
        .collect();
    match kind.as_slice() {
        ["TABLE" | "INDEX" | "VIEW", ..] => {
            let mut all: Vec<Breach> = replaced(rest, &kind).into_iter().collect();
            all.extend(parsed(statement, engine, fresh));
            all
        }
        ["RULE", ..] => routine::breaches(statement, engine),
        // MySQL's views name who defines them, and how they are worked out.
        ["ALGORITHM" | "DEFINER" | "SQL", ..]
            if statement.has("VIEW") && statement.first_of(&words::ROUTINES).is_none() =>
        {
            Vec::new()
        }
        [made, ..] if MADE.contains(made) => replaced(rest, &kind).into_iter().collect(),
        ["TEXT", "SEARCH", ..] | ["LANGUAGE" | "ACCESS", ..] => Vec::new(),
        _ => vec![unknown()],
    }
}

/// MariaDB's OR REPLACE drops what is there.
fn replaced(rest: &[&str], kind: &[&str]) -> Option<Breach> {
    let kind = kind.first()?;
    let drops =
        ["TABLE", "DATABASE", "SCHEMA", "SEQUENCE"].contains(kind) && rest.first() == Some(&"OR");
    drops.then(|| {
        Breach::new(
            Rule::DropTable,
            format!("CREATE OR REPLACE {kind} drops the one that is there"),
        )
    })
}

/// `ALTER` of anything.
pub fn altered(
    statement: &Statement,
    rest: &[&str],
    engine: Engine,
    fresh: &mut Fresh,
) -> Vec<Breach> {
    let renames = || {
        vec![Breach::new(
            Rule::Renames,
            "RENAME: the program that runs now still uses the old name",
        )]
    };
    match rest {
        ["TABLE" | "FOREIGN", ..] => parsed(statement, engine, fresh),
        ["TYPE", ..]
            if statement.has("VALUE")
                && statement
                    .first_of(&["ATTRIBUTE", "DROP", "RENAME"])
                    .is_none() =>
        {
            Vec::new()
        }
        ["INDEX", ..] if statement.has("TABLESPACE") => vec![unknown()],
        ["INDEX", ..] => Vec::new(),
        ["SYSTEM" | "EXTENSION" | "DOMAIN", ..] => vec![unknown()],
        _ if statement.has("RENAME") => renames(),
        ["VIEW" | "SCHEMA" | "TRIGGER" | "LANGUAGE", ..] => Vec::new(),
        [changed, ..] if CHANGED.contains(changed) => Vec::new(),
        _ => vec![unknown()],
    }
}

/// `DROP` of anything.
pub fn dropped(
    statement: &Statement,
    rest: &[&str],
    engine: Engine,
    fresh: &mut Fresh,
) -> Vec<Breach> {
    let cascades = statement.has("CASCADE");
    match rest {
        // The parser takes the word for the name of the index.
        ["INDEX", "CONCURRENTLY", ..] if !cascades => parsed_concurrently(statement, engine),
        [
            "TABLE" | "TEMPORARY" | "FOREIGN" | "SCHEMA" | "DATABASE" | "INDEX",
            ..,
        ]
        | ["MATERIALIZED", "VIEW", ..] => parsed(statement, engine, fresh),
        ["SEQUENCE", ..] => vec![Breach::new(
            Rule::DropOther,
            "DROP SEQUENCE loses how far it has counted",
        )],
        ["EXTENSION", ..] => vec![Breach::new(
            Rule::DropOther,
            "DROP EXTENSION takes the extension's own tables and types with it",
        )],
        ["OWNED", ..] => vec![Breach::new(
            Rule::DropOther,
            "DROP OWNED drops all that a role owns",
        )],
        ["TABLESPACE" | "SERVER" | "SUBSCRIPTION" | "EVENT", ..] => vec![unknown()],
        [kind, ..] if cascades => vec![Breach::new(
            Rule::DropOther,
            format!("DROP {kind} ... CASCADE drops whatever depends on it, columns included"),
        )],
        [
            "AGGREGATE" | "CAST" | "COLLATION" | "DOMAIN" | "FUNCTION" | "GROUP" | "OPERATOR"
            | "POLICY" | "PROCEDURE" | "PUBLICATION" | "ROLE" | "ROUTINE" | "RULE" | "STATISTICS"
            | "TEXT" | "TRIGGER" | "TYPE" | "USER" | "VIEW",
            ..,
        ] => Vec::new(),
        _ => vec![unknown()],
    }
}

fn parsed_concurrently(statement: &Statement, engine: Engine) -> Vec<Breach> {
    let plain = statement.without(2);
    if parse(&plain, engine).is_some() {
        Vec::new()
    } else {
        vec![not_parsed()]
    }
}

/// `IF NOT EXISTS` may find a table that is there and in use, so it makes nothing new for sure.
pub fn new_table(
    statement: &Statement,
    table: &ast::CreateTable,
    engine: Engine,
    fresh: &mut Fresh,
) -> Vec<Breach> {
    if !table.if_not_exists && !table.or_replace {
        fresh.add_table(key(&table.name, engine));
    }
    if table.query.is_none() {
        return Vec::new();
    }
    call(statement).into_iter().collect()
}

/// `CREATE INDEX`.
pub fn new_index(index: &ast::CreateIndex, engine: Engine, fresh: &mut Fresh) -> Vec<Breach> {
    if fresh.has_table(&key(&index.table_name, engine)) {
        if let Some(name) = index.name.as_ref().filter(|_| !index.if_not_exists) {
            fresh.add_index(key(name, engine));
        }
        return Vec::new();
    }
    let mut all = Vec::new();
    let table = shown(&index.table_name);
    let online = match engine {
        Engine::PostgreSQL => index.concurrently,
        Engine::MySQL => alter::is_declared_online(&index.alter_options),
    };
    if !online {
        let kind = if index.unique {
            "UNIQUE INDEX"
        } else {
            "INDEX"
        };
        all.push(Breach::new(
            Rule::CreateIndex,
            match engine {
                Engine::PostgreSQL => format!("CREATE {kind} blocks writes to {table}; CONCURRENTLY would not"),
                Engine::MySQL => format!("CREATE {kind} may block writes to {table}; with ALGORITHM=INPLACE LOCK=NONE the server refuses to"),
            },
        ));
    }
    let expressions: Vec<String> = index
        .columns
        .iter()
        .map(ToString::to_string)
        .chain(index.predicate.iter().map(ToString::to_string))
        .collect();
    all.extend(
        alter::call_in(&expressions.join(", "), engine, calls::unknown).map(|name| {
            Breach::unreadable(format!("it calls {}, which is not read", shown(&name)))
        }),
    );
    all
}

/// `DROP`, as the parser knows it.
pub fn drop_objects(tree: &ast::Statement, engine: Engine, fresh: &mut Fresh) -> Vec<Breach> {
    let ast::Statement::Drop {
        object_type,
        names,
        cascade,
        temporary,
        table,
        ..
    } = tree
    else {
        return vec![unknown()];
    };
    let mut all = Vec::new();
    for name in names {
        let key = key(name, engine);
        let name = shown(name);
        let breach = match object_type {
            ObjectType::Table if *temporary || (fresh.has_table(&key) && !cascade) => None,
            ObjectType::Table | ObjectType::ForeignTable => Some(Breach::new(
                Rule::DropTable,
                format!("DROP TABLE loses all of {name}"),
            )),
            ObjectType::Schema | ObjectType::Database => Some(Breach::new(
                Rule::DropTable,
                format!("DROP {object_type} loses all that is in {name}"),
            )),
            ObjectType::MaterializedView => Some(Breach::new(
                Rule::DropOther,
                format!("DROP MATERIALIZED VIEW loses what {name} holds"),
            )),
            ObjectType::Index if fresh.has_index(&key) && !cascade => None,
            ObjectType::Index => Some(Breach::new(
                Rule::DropIndex,
                match (engine, table) {
                    (Engine::MySQL, Some(table)) => format!(
                        "DROP INDEX may block {}; ALTER TABLE ... ALGORITHM=INPLACE, LOCK=NONE is refused where it would",
                        shown(table)
                    ),
                    _ => format!("DROP INDEX {name} blocks its table; CONCURRENTLY would not"),
                },
            )),
            _ => Some(unknown()),
        };
        all.extend(breach);
        if *object_type == ObjectType::Table {
            fresh.forget_table(&key);
        }
    }
    all
}
