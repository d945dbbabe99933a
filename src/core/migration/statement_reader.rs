//! Cuts SQL into statements outside of quotes, comments and function bodies, by PostgreSQL's rules of quoting, and knows which statements end a
//! transaction. Where a text could be read in two ways, the answer is the careful one. Pure.

/// Most words of a statement's beginning that are kept.
const BEGINNING: usize = 4;

/// Words at a statement's beginning by which Flyway 12 knows that it cannot run in a transaction; `*` is any one word or none.
const WITHOUT_TRANSACTION: [&str; 13] = [
    "CREATE DATABASE",
    "CREATE TABLESPACE",
    "CREATE SUBSCRIPTION",
    "DROP DATABASE",
    "DROP TABLESPACE",
    "DROP SUBSCRIPTION",
    "ALTER SYSTEM",
    "CREATE * INDEX CONCURRENTLY",
    "DROP INDEX CONCURRENTLY",
    "REINDEX * SCHEMA",
    "REINDEX * DATABASE",
    "REINDEX * SYSTEM",
    "DISCARD ALL",
];

/// A statement, without its semicolon.
pub struct Statement {
    /// Line of its first word, counted from 1.
    pub line: i64,
    pub text: String,
    /// Its first words, in upper case; at most four.
    pub words: Vec<String>,
    /// Whether it says CONCURRENTLY, anywhere.
    pub is_concurrent: bool,
}

/// What a piece of SQL does to the transaction that its sender has opened around it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Effect {
    /// A statement commits, rolls back, or hands over to two-phase commit.
    pub ends_transaction: bool,
    /// A statement cannot run in a transaction, or works beside one.
    pub needs_no_transaction: bool,
    /// A body has no end, so the server refuses the whole piece.
    pub is_unfinished: bool,
}

/// Finds out what the piece does to the transaction around it.
#[must_use]
pub fn effect(piece: &str) -> Effect {
    let mut reader = Reader::new(piece);
    let mut effect = Effect::default();
    while let Some(statement) = reader.statement() {
        effect.ends_transaction |= ends_transaction(&statement.words);
        // PostgreSQL refuses all that works concurrently, also what Flyway does not know.
        effect.needs_no_transaction |=
            statement.is_concurrent || needs_no_transaction(&statement.words);
    }
    effect.is_unfinished = reader.unfinished;
    effect
}

/// Whether a statement that begins with these words ends the transaction around it. A way back to a savepoint does not.
#[must_use]
pub fn ends_transaction(words: &[String]) -> bool {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["ROLLBACK" | "ABORT", rest @ ..] => !rest.contains(&"TO"),
        ["COMMIT" | "END", ..] | ["PREPARE", "TRANSACTION", ..] => true,
        _ => false,
    }
}

/// Whether the server refuses a statement that begins with these words inside a transaction.
#[must_use]
pub fn needs_no_transaction(words: &[String]) -> bool {
    let begins_with = |pattern: &str, skip: bool| {
        let mut words = words.iter();
        pattern.split(' ').all(|wanted| {
            (wanted == "*" && !skip)
                || words
                    .next()
                    .is_some_and(|word| wanted == "*" || wanted == word)
        })
    };
    words.first().is_some_and(|word| word == "VACUUM")
        || WITHOUT_TRANSACTION
            .iter()
            .any(|pattern| begins_with(pattern, false) || begins_with(pattern, true))
}

/// Goes through a text once.
pub struct Reader<'a> {
    rest: &'a str,
    line: i64,
    /// Whether a body was begun and not ended.
    unfinished: bool,
}

/// A piece of SQL that is read as one.
enum Piece {
    End,
    Comment,
    Blank,
    Word,
    Other,
}

impl<'a> Reader<'a> {
    /// At the beginning of a text, after a byte order mark.
    #[must_use]
    pub fn new(content: &'a str) -> Self {
        Self {
            rest: content.strip_prefix('\u{feff}').unwrap_or(content),
            line: 1,
            unfinished: false,
        }
    }

    /// The next statement.
    pub fn statement(&mut self) -> Option<Statement> {
        let mut found = Statement {
            line: self.line,
            text: String::new(),
            words: Vec::new(),
            is_concurrent: false,
        };
        let mut body = Body::default();
        while !self.rest.is_empty() {
            let (piece, text) = self.piece();
            let begun = !found.text.is_empty();
            match piece {
                Piece::End if !body.is_open() => {
                    if begun {
                        return Some(found);
                    }
                    continue;
                }
                Piece::Comment | Piece::Blank if !begun => {
                    self.pass(text);
                    continue;
                }
                Piece::Word => {
                    let word = text.to_uppercase();
                    body.pass(&word);
                    found.is_concurrent |= word == "CONCURRENTLY";
                    if found.words.len() < BEGINNING {
                        found.words.push(word);
                    }
                }
                _ => {}
            }
            if !begun {
                found.line = self.line;
            }
            self.pass(text);
            found.text.push_str(text);
        }
        self.unfinished |= body.is_open();
        found.text.truncate(found.text.trim_end().len());
        (!found.text.is_empty()).then_some(found)
    }

    /// Takes the next piece off the rest. Lines are counted by `pass`.
    fn piece(&mut self) -> (Piece, &'a str) {
        let rest = self.rest;
        let first = rest.chars().next().unwrap_or(' ');
        let (piece, length) = match first {
            ';' => (Piece::End, 1),
            '-' if rest.starts_with("--") => (
                Piece::Comment,
                rest.find(['\n', '\r']).unwrap_or(rest.len()),
            ),
            '/' if rest.starts_with("/*") => (Piece::Comment, comment(rest)),
            '\'' | '"' | '`' => (Piece::Other, quoted(rest, first, false)),
            'E' | 'e' if rest.get(1..).is_some_and(|rest| rest.starts_with('\'')) => (
                Piece::Other,
                1 + quoted(rest.get(1..).unwrap_or_default(), '\'', true),
            ),
            '$' => {
                let (length, unfinished) = dollar_quoted(rest);
                self.unfinished |= unfinished;
                (Piece::Other, length)
            }
            _ if first.is_whitespace() => (Piece::Blank, first.len_utf8()),
            _ if is_of_word(first) => {
                let end = rest.find(|character| !is_of_word(character) && character != '$');
                (Piece::Word, end.unwrap_or(rest.len()))
            }
            _ => (Piece::Other, first.len_utf8()),
        };
        let (text, rest) = rest.split_at_checked(length).unwrap_or((rest, ""));
        self.rest = rest;
        (piece, text)
    }

    fn pass(&mut self, text: &str) {
        let lines = text.matches('\n').count();
        self.line = self.line.saturating_add(i64::try_from(lines).unwrap_or(0));
    }

    /// Passes over the rows after `COPY .. FROM STDIN;`, up to the line `\.`.
    pub fn skip_copied_rows(&mut self) {
        let end = self.rest.find("\n\\.").map_or(self.rest.len(), |at| at + 3);
        let (rows, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.pass(rows);
        self.rest = rest;
    }
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Length of the comment at the beginning; comments nest.
fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0_usize);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth = depth.saturating_sub(1);
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// Length of the quoted text at the beginning; a doubled quote does not end it.
fn quoted(text: &str, quote: char, backslash: bool) -> usize {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if backslash && character == '\\' {
            characters.next();
        } else if character == quote && characters.next_if(|(_, next)| *next == quote).is_none() {
            return at + quote.len_utf8();
        }
    }
    text.len()
}

/// Length of the dollar-quoted text at the beginning, and whether its end is missing; 1 where the dollar quotes nothing.
fn dollar_quoted(text: &str) -> (usize, bool) {
    let tag = text
        .get(1..)
        .and_then(|rest| rest.find('$'))
        .and_then(|end| text.get(..end + 2))
        .filter(|tag| {
            tag.get(1..tag.len() - 1).is_some_and(|name| {
                name.chars().all(is_of_word)
                    && !name.starts_with(|first: char| first.is_ascii_digit())
            })
        });
    let Some(tag) = tag else {
        return (1, false);
    };
    let end = text.get(tag.len()..).and_then(|rest| rest.find(tag));
    end.map_or((text.len(), true), |at| (at + 2 * tag.len(), false))
}

/// The body of a function between `BEGIN ATOMIC` and its `END`, in which a semicolon ends no statement.
#[derive(Default)]
struct Body {
    begun: bool,
    last_is_begin: bool,
    /// Each `CASE` inside has an `END` of its own.
    open_cases: usize,
}

impl Body {
    fn is_open(&self) -> bool {
        self.begun
    }

    fn pass(&mut self, word: &str) {
        match word {
            "ATOMIC" if self.last_is_begin => self.begun = true,
            "CASE" if self.begun => self.open_cases += 1,
            "END" if self.open_cases > 0 => self.open_cases -= 1,
            "END" => self.begun = false,
            _ => {}
        }
        self.last_is_begin = word == "BEGIN";
    }
}

#[cfg(test)]
mod tests {
    use super::effect;

    #[test]
    fn a_statement_that_ends_a_transaction_is_found_outside_of_quotes_and_bodies() {
        let ends = [
            "COMMIT",
            "create table a (); commit;",
            "/* x */ COMMIT AND CHAIN;",
            "END;",
            "end transaction;",
            "BEGIN; SELECT 1; COMMIT;",
            "ROLLBACK;",
            "ROLLBACK WORK;",
            "ABORT",
            "PREPARE TRANSACTION 'a';",
            "SELECT 'it''s'; COMMIT;",
            "SELECT E'\\''; COMMIT;",
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END; COMMIT;",
            "DO $$ BEGIN PERFORM 1; END $$; COMMIT;",
            "-- a line of another system\rCOMMIT;",
        ];
        for piece in ends {
            assert!(effect(piece).ends_transaction, "{piece}");
        }
        let keeps = [
            "CREATE TABLE commits (commit int, \"END\" int);",
            "SELECT ';COMMIT;', \"; COMMIT;\";",
            "-- COMMIT;\nSELECT 1; /* ; COMMIT; /* ; END; */ ; COMMIT; */",
            "DO $x$ BEGIN\n  COMMIT;\nEND $x$;",
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END;",
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;",
            "SAVEPOINT a; ROLLBACK TO a; ROLLBACK WORK TO SAVEPOINT a; RELEASE a;",
            "PREPARE x AS SELECT 1;",
            "BEGIN; SELECT 1;",
            "SELECT 1 AS commit;",
            "",
        ];
        for piece in keeps {
            assert!(!effect(piece).ends_transaction, "{piece}");
        }
    }

    #[test]
    fn what_cannot_run_in_a_transaction_is_known_also_where_flyway_errs() {
        for piece in [
            "VACUUM a",
            "create unique index concurrently a_id on a (id)",
            "REINDEX (VERBOSE) TABLE CONCURRENTLY a",
            "ALTER TABLE a DETACH PARTITION b CONCURRENTLY",
        ] {
            assert!(effect(piece).needs_no_transaction, "{piece}");
        }
        assert!(!effect("CREATE INDEX a_concurrently ON a (id)").needs_no_transaction);
    }

    /// goose without StatementBegin cuts a body at its semicolons; the server refuses the first piece, and none of the others is sent.
    #[test]
    fn a_body_without_its_end_is_no_piece_that_a_server_takes() {
        let piece = "CREATE FUNCTION f() RETURNS int AS $$ BEGIN RETURN 1;";
        assert!(effect(piece).is_unfinished);
        assert!(effect("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1;").is_unfinished);
        assert!(!effect("SELECT $$ x $$, $1, a$1$b;").is_unfinished);
    }
}
