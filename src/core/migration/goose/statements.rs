//! Cuts a file into the statements of its Up part, by goose's rules, and remembers on which line each begins.

use crate::core::migration::statement_reader::{Effect, effect};

/// The Up part of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Script {
    /// False after `-- +goose NO TRANSACTION`.
    pub transactional: bool,
    pub statements: Vec<Statement>,
}

impl Script {
    /// Whether all of it runs in the one transaction that goose opens for it, and so leaves nothing behind when it fails.
    #[must_use]
    pub fn rolls_back(&self) -> bool {
        self.transactional && !self.sent().any(|effect| effect.ends_transaction)
    }

    /// Whether a statement of it may give up waiting for a lock. A concurrent index must not: it would stay behind, invalid. One can follow on
    /// a COMMIT of the file's own.
    #[must_use]
    pub fn may_give_up(&self) -> bool {
        self.rolls_back()
            || self.transactional && !self.sent().any(|effect| effect.needs_no_transaction)
    }

    /// What the statements do, up to the first that the server must refuse: goose sends none after it.
    fn sent(&self) -> impl Iterator<Item = Effect> {
        let effects = self
            .statements
            .iter()
            .map(|statement| effect(&statement.text));
        effects.take_while(|effect| !effect.is_unfinished)
    }
}

/// One statement.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Statement {
    /// Line of its first word, counted from 1.
    pub line: i64,
    /// As goose sends it.
    pub text: String,
}

impl Statement {
    /// As goose prints it: without lines that are comments or empty.
    #[must_use]
    pub fn printed(&self) -> String {
        let mut out = String::new();
        for line in self.text.split_inclusive('\n') {
            let bare = line.trim_end_matches(['\r', '\n']);
            if !bare.starts_with("--") && !bare.is_empty() {
                out.push_str(line);
            }
        }
        out
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum State {
    Start,
    Up,
    UpBlock,
    Down,
    DownBlock,
}

/// `None` where goose would refuse the file.
#[must_use]
pub fn parse(content: &str) -> Option<Script> {
    let mut script = Script {
        transactional: true,
        statements: Vec::new(),
    };
    let mut state = State::Start;
    let mut buffer = Buffer::default();
    for (line, number) in content.lines().zip(1_i64..) {
        if state == State::Start && line.trim().is_empty() {
            continue;
        }
        if line.trim().starts_with("--") && line.contains("+goose") {
            match (annotation(line)?, state) {
                (Annotation::Up, State::Start) => state = State::Up,
                (Annotation::Down, State::Up) if buffer.is_blank() => state = State::Down,
                (Annotation::Begin, State::Up) => state = State::UpBlock,
                (Annotation::Begin, State::Down) => state = State::DownBlock,
                (Annotation::End, State::UpBlock) => {
                    script.statements.extend(buffer.take());
                    state = State::Up;
                }
                (Annotation::End, State::DownBlock) => state = State::Down,
                (Annotation::NoTransaction, _) => script.transactional = false,
                (Annotation::Envsub, _) => {}
                _ => return None,
            }
            continue;
        }
        if buffer.is_empty() && (line.trim().starts_with("--") || line.is_empty()) {
            continue;
        }
        match state {
            State::Start => return None,
            State::Down | State::DownBlock => {}
            State::Up | State::UpBlock => {
                buffer.push(line, number);
                if state == State::Up && ends_with_semicolon(line) {
                    script.statements.extend(buffer.take());
                }
            }
        }
    }
    let whole = matches!(state, State::Up | State::Down) && buffer.is_blank();
    whole.then_some(script)
}

enum Annotation {
    Up,
    Down,
    Begin,
    End,
    NoTransaction,
    Envsub,
}

fn annotation(line: &str) -> Option<Annotation> {
    if line.starts_with([' ', '\t']) {
        return None;
    }
    let command = line.replace("--", "").replacen("+goose", "", 1);
    match command.trim().to_ascii_lowercase().as_str() {
        "up" => Some(Annotation::Up),
        "down" => Some(Annotation::Down),
        "statementbegin" => Some(Annotation::Begin),
        "statementend" => Some(Annotation::End),
        "no transaction" => Some(Annotation::NoTransaction),
        "envsub on" | "envsub off" => Some(Annotation::Envsub),
        _ => None,
    }
}

/// The last word before a comment ends with a semicolon.
fn ends_with_semicolon(line: &str) -> bool {
    line.split_whitespace()
        .take_while(|word| !word.starts_with("--"))
        .last()
        .is_some_and(|word| word.ends_with(';'))
}

/// The lines of a statement so far.
#[derive(Default)]
struct Buffer {
    text: String,
    line: i64,
}

impl Buffer {
    fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    fn push(&mut self, line: &str, number: i64) {
        if self.is_blank() {
            self.line = number;
            self.text.clear();
        }
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn take(&mut self) -> Option<Statement> {
        let text = std::mem::take(&mut self.text).trim().to_owned();
        (!text.is_empty()).then_some(Statement {
            line: self.line,
            text,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Script, Statement, parse};

    fn statement(line: i64, text: &str) -> Statement {
        Statement {
            line,
            text: text.to_owned(),
        }
    }

    #[test]
    fn statements_are_cut_as_goose_cuts_them_and_know_their_line() {
        let content = "\n-- +goose NO TRANSACTION\n-- +goose Up\n-- why\nCREATE TABLE a (\n  -- key\n  id int\n); -- done\n\n\
                       -- +goose StatementBegin\nDO $$ BEGIN\n  PERFORM 1;\nEND $$;\n-- +goose StatementEnd\n\n-- +goose Down\nDROP TABLE a;\n";
        assert_eq!(
            parse(content),
            Some(Script {
                transactional: false,
                statements: vec![
                    statement(5, "CREATE TABLE a (\n  -- key\n  id int\n); -- done"),
                    statement(11, "DO $$ BEGIN\n  PERFORM 1;\nEND $$;"),
                ],
            })
        );
    }

    #[test]
    fn what_goose_refuses_is_no_script() {
        for content in [
            "SELECT 1;",
            "-- +goose Up\nSELECT 1",
            "-- +goose Up\n-- +goose StatementBegin\nSELECT 1;",
            "-- +goose Sideways",
            " -- +goose Up",
        ] {
            assert_eq!(parse(content), None, "{content}");
        }
    }
}
