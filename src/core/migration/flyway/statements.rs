//! Cuts a file into statements as Flyway does, to tell on which line each begins and whether it can run in a transaction. Where the two
//! might differ, the answer is the careful one: a file that ends transactions by itself counts as one that runs without.

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

/// Words at a statement's beginning by which Flyway knows that it cannot run in a transaction; `*` is any one word or none.
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

/// Most words of a beginning.
const BEGINNING: usize = 4;

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

fn needs_no_transaction(words: &[String]) -> bool {
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

fn ends_transaction(words: &[String]) -> bool {
    match words
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["ROLLBACK" | "ABORT", rest @ ..] => !rest.contains(&"TO"),
        ["COMMIT" | "END", ..] | ["PREPARE", "TRANSACTION", ..] => true,
        _ => false,
    }
}

/// A statement on its way.
struct Found {
    line: i64,
    text: String,
    /// Its first words, in upper case.
    words: Vec<String>,
}

/// Goes through a file once.
struct Reader<'a> {
    rest: &'a str,
    line: i64,
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
    fn new(content: &'a str) -> Self {
        Self {
            rest: content.strip_prefix('\u{feff}').unwrap_or(content),
            line: 1,
        }
    }

    /// The next statement, without its semicolon.
    fn statement(&mut self) -> Option<Found> {
        let mut found = Found {
            line: self.line,
            text: String::new(),
            words: Vec::new(),
        };
        // In the body of a function (BEGIN ATOMIC) a semicolon ends no statement, up to its END.
        let (mut last_word, mut atomic) = (String::new(), false);
        while !self.rest.is_empty() {
            let (piece, text) = self.piece();
            let begun = !found.text.is_empty();
            match piece {
                Piece::End if !atomic || last_word == "END" => {
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
                    atomic |= last_word == "BEGIN" && word == "ATOMIC";
                    if found.words.len() < BEGINNING {
                        found.words.push(word.clone());
                    }
                    last_word = word;
                }
                _ => {}
            }
            if !begun {
                found.line = self.line;
            }
            self.pass(text);
            found.text.push_str(text);
        }
        found.text.truncate(found.text.trim_end().len());
        (!found.text.is_empty()).then_some(found)
    }

    /// Takes the next piece off the rest. Lines are counted by `pass`.
    fn piece(&mut self) -> (Piece, &'a str) {
        let rest = self.rest;
        let first = rest.chars().next().unwrap_or(' ');
        let (piece, length) = match first {
            ';' => (Piece::End, 1),
            '-' if rest.starts_with("--") => {
                (Piece::Comment, rest.find('\n').unwrap_or(rest.len()))
            }
            '/' if rest.starts_with("/*") => (Piece::Comment, comment(rest)),
            '\'' | '"' | '`' => (Piece::Other, quoted(rest, first, false)),
            'E' | 'e' if rest.get(1..).is_some_and(|rest| rest.starts_with('\'')) => (
                Piece::Other,
                1 + quoted(rest.get(1..).unwrap_or_default(), '\'', true),
            ),
            '$' => (Piece::Other, dollar_quoted(rest)),
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

    /// The rows after `COPY .. FROM STDIN;`, up to the line `\.`.
    fn skip_copied_rows(&mut self) {
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

/// Length of the dollar-quoted text at the beginning; 1 where the dollar quotes nothing.
fn dollar_quoted(text: &str) -> usize {
    let tag = text
        .get(1..)
        .and_then(|rest| rest.find('$'))
        .and_then(|end| text.get(..end + 2))
        .filter(|tag| {
            tag.get(1..tag.len() - 1)
                .is_some_and(|name| name.chars().all(is_of_word))
        });
    let Some(tag) = tag else { return 1 };
    text.get(tag.len()..)
        .and_then(|rest| rest.find(tag))
        .map_or(text.len(), |at| at + 2 * tag.len())
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
