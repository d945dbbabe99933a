//! Cuts a file into statements as Flyway does, to tell on which line each begins and whether it can run in a transaction. Where the two
//! might differ, the answer is the careful one: a file that ends transactions by itself counts as one that runs without.

use crate::core::migration::statement_reader::{Reader, ends_transaction, needs_no_transaction};

/// One statement.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Statement {
    /// Line of its first word, counted from 1.
    pub line: i64,
    pub text: String,
}

/// What a file holds.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Script {
    pub statements: Vec<Statement>,
    /// Whether one of them is refused inside a transaction, by which Flyway opens none.
    pub needs_no_transaction: bool,
    /// Whether one of them ends the transaction that Flyway has opened.
    pub ends_transactions: bool,
}

/// Reads a file.
#[must_use]
pub fn parse(content: &str) -> Script {
    let mut script = Script::default();
    let mut reader = Reader::new(content);
    while let Some(statement) = reader.statement() {
        let words = &statement.words;
        script.needs_no_transaction |= needs_no_transaction(words);
        script.ends_transactions |= ends_transaction(words);
        if words.first().is_some_and(|word| word == "COPY")
            && statement.text.to_uppercase().contains("STDIN")
        {
            reader.skip_copied_rows();
        }
        script.statements.push(Statement {
            line: statement.line,
            text: statement.text,
        });
    }
    script
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn statements_are_cut_outside_of_quotes_comments_and_bodies_and_know_their_line() {
        let content = "-- why\n/* a; /* b; */ */\nSELECT ';', \"a;\", E'\\';', 'it''s;';\n\n\
                       DO $x$ BEGIN\n  PERFORM 1; END $x$;\nCREATE FUNCTION f() RETURNS int BEGIN ATOMIC\n SELECT 1; END;\n\
                       COPY a FROM STDIN;\n1;2\n'\n\\.\nSELECT 2";
        let found: Vec<(i64, String)> = parse(content)
            .statements
            .into_iter()
            .map(|statement| (statement.line, statement.text.chars().take(9).collect()))
            .collect();
        let expected = [
            (3, "SELECT ';"),
            (5, "DO $x$ BE"),
            (7, "CREATE FU"),
            (9, "COPY a FR"),
            (13, "SELECT 2"),
        ];
        assert_eq!(found, expected.map(|(line, text)| (line, text.to_owned())));
    }

    /// migrations.md case 18.
    #[test]
    fn what_cannot_run_in_a_transaction_and_what_ends_one_is_found_at_a_statements_beginning() {
        let needs_none = |content: &str| parse(content).needs_no_transaction;
        for content in [
            "create index concurrently a_id on a (id)",
            "CREATE UNIQUE /* x */ INDEX\nCONCURRENTLY a_id ON a (id);",
            "VACUUM a;",
            "SELECT 1; DROP INDEX CONCURRENTLY a_id;",
            "REINDEX DATABASE x;",
            "REINDEX VERBOSE SCHEMA x;",
            "ALTER SYSTEM SET a = 1;",
        ] {
            assert!(needs_none(content), "{content}");
        }
        for content in [
            "CREATE INDEX a_id ON a (id);",
            "SELECT 'VACUUM; VACUUM';",
            "-- VACUUM\nSELECT 1;",
            "ALTER TABLE system ADD x int",
        ] {
            assert!(!needs_none(content), "{content}");
        }
        for (content, ends) in [
            ("BEGIN; SELECT 1; COMMIT;", true),
            ("ROLLBACK;", true),
            ("ROLLBACK TO SAVEPOINT a;", false),
            ("PREPARE x AS SELECT 1;", false),
            (
                "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END;",
                false,
            ),
        ] {
            assert_eq!(parse(content).ends_transactions, ends, "{content}");
        }
    }
}
