//! For all texts: no panic, no endless work, and lines that are those of the file.

use proptest::prelude::{Strategy, any, prop, proptest};
use proptest::prop_oneof;

use super::found;
use crate::api::common::{Engine, Tool};
use crate::core::migration::findings::statement::TOKENS;
use crate::core::migration::findings::{SqlFile, findings};

const WORDS: [&str; 44] = [
    "DROP",
    "TABLE",
    "users",
    "ALTER",
    "COLUMN",
    "(",
    ")",
    ";",
    ",",
    "'",
    "\"",
    "`",
    "$$",
    "--",
    "/*",
    "*/",
    "\n",
    "CREATE",
    "INDEX",
    "ON",
    "SELECT",
    "FROM",
    "WHERE",
    "=",
    "1",
    "UNION",
    "CASE",
    "WHEN",
    "BEGIN",
    "END",
    "FUNCTION",
    "AS",
    "E'\\",
    "COPY",
    "STDIN",
    "\\.",
    "DELIMITER",
    "/*!",
    "WITH",
    "DELETE",
    "UPDATE",
    "SET",
    "é",
    "-- +goose Up",
];

fn engine() -> impl Strategy<Value = Engine> {
    prop_oneof![
        proptest::strategy::Just(Engine::PostgreSQL),
        proptest::strategy::Just(Engine::MySQL)
    ]
}

fn tool() -> impl Strategy<Value = Tool> {
    prop::sample::select(vec![
        Tool::Goose,
        Tool::GolangMigrate,
        Tool::Flyway,
        Tool::Exec,
    ])
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(engine in engine(), tool in tool(), name in "[VU1]{0,2}_{0,2}[a-z.]{0,8}", content in any::<String>()) {
        let _ = findings(tool, engine, [SqlFile { name: &name, content: &content }]);
    }

    #[test]
    fn no_row_of_words_makes_the_reader_panic(engine in engine(), tool in tool(), words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..120)) {
        let content = words.join(" ");
        let _ = findings(tool, engine, [SqlFile { name: "V1__a.up.sql", content: &content }]);
    }

    /// Whatever stands between them, each DROP is found on its own line.
    #[test]
    fn every_destructive_statement_is_found_on_its_own_line(engine in engine(), gaps in prop::collection::vec(prop::sample::select(vec![
        "", "\n", "\n\n", "-- DROP TABLE x;\n", "/* a\n b */", "SELECT 'x;\ny';\n", "CREATE TABLE \"a;b\" (id int);\n", "INSERT INTO t VALUES (1,\n 2);",
    ]), 1..12)) {
        let gaps: Vec<&str> = gaps.into_iter().filter(|gap| engine == Engine::PostgreSQL || !gap.contains('"')).collect();
        let mut content = String::new();
        let mut lines = Vec::new();
        for (number, gap) in gaps.iter().enumerate() {
            content.push_str(gap);
            lines.push((i64::try_from(content.matches('\n').count()).expect("few lines") + 1, "SLP1401".to_owned()));
            content = format!("{content}DROP TABLE users{number}; ");
        }
        proptest::prop_assert_eq!(found(engine, &content), lines);
    }
}

/// The deepest trees that are parsed fit into the smallest stack that a thread gets, 2 MiB; a deeper one is not read.
#[test]
fn nesting_and_length_are_bounded() {
    let chain = |words: usize| format!("SELECT a FROM t WHERE {}1", "1 + ".repeat(words / 2));
    let either = |words: usize| {
        format!(
            "UPDATE t SET b = 1 WHERE {}a = 1",
            "a = 1 OR ".repeat(words / 4)
        )
    };
    let unions = |words: usize| format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(words / 4));
    let nested = |depth: usize| format!("SELECT {}1{}", "(".repeat(depth), ")".repeat(depth));
    let cases = |depth: usize| {
        format!(
            "SELECT {}1{}",
            "CASE WHEN ".repeat(depth),
            " THEN 1 END".repeat(depth)
        )
    };
    for sql in [
        chain(TOKENS - 20),
        either(TOKENS - 20),
        unions(TOKENS - 20),
        nested(20),
    ] {
        assert_eq!(found(Engine::PostgreSQL, &sql), [], "{} bytes", sql.len());
    }
    for sql in [
        chain(1_000_000),
        either(200_000),
        unions(200_000),
        nested(100_000),
        nested(200),
        cases(200),
        format!(
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS '{}'",
            "SELECT f(".repeat(50_000)
        ),
    ] {
        assert_eq!(
            found(Engine::PostgreSQL, &sql),
            [(1, "SLP1400".to_owned())],
            "{} bytes",
            sql.len()
        );
    }
}

/// Rows to be put in are no program, so any number of them is read.
#[test]
fn a_long_list_of_rows_is_read() {
    let sql = format!(
        "INSERT INTO t (a, b) VALUES {}(1, 'x')",
        "(-1, 'x;'), ".repeat(20_000)
    );
    assert_eq!(found(Engine::PostgreSQL, &sql), []);
}
