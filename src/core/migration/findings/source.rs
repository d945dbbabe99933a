//! The part of a migration file that the tool sends to the database, and what cannot be seen in it.

use crate::api::common::{Engine, Tool};
use crate::core::migration::{flyway, goose};

use super::held::Transaction;
use super::rules::{Breach, Finding};

/// Longest file that is read, bytes: 4 MiB.
const FILE_LIMIT: usize = 4 * 1024 * 1024;

/// A text that goes to the database in one piece, and the line of the file on which it begins, counted from 1.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Piece {
    pub line: i64,
    pub text: String,
}

/// What is sent, and what is found before a statement is looked at.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Source {
    pub pieces: Vec<Piece>,
    pub findings: Vec<Finding>,
    pub transaction: Transaction,
}

/// The up part of a file by the tool's rule.
#[must_use]
pub fn up(tool: Tool, engine: Engine, file: &str, content: &str) -> Source {
    if content.len() > FILE_LIMIT {
        return unreadable(file, 1, "the file is longer than 4 MiB, too long to read");
    }
    let content = content.strip_prefix('\u{feff}').unwrap_or(content);
    let mut source = match tool {
        Tool::Goose => of_goose(file, content),
        Tool::GolangMigrate if file.contains(".down.") => Source::default(),
        Tool::Flyway if is_undo(file) => Source::default(),
        Tool::Flyway if !has_extension(file, "sql") => unreadable(file, 1, "it is no SQL file"),
        // Settings beside the file that open no transaction are not seen here: a false alarm at worst.
        Tool::Flyway if flyway::statements::parse(content).needs_no_transaction => Source {
            transaction: Transaction::Statement,
            ..whole(content)
        },
        // golang-migrate sends the file in one piece.
        Tool::GolangMigrate | Tool::Flyway => whole(content),
        Tool::Exec => unreadable(file, 1, "what a program does is not read"),
    };
    if tool == Tool::Flyway && content.contains("${") {
        source.findings.push(at_first(
            file,
            content,
            "${",
            "a placeholder is filled in by Flyway, and its value is not known",
        ));
    }
    if engine == Engine::MySQL {
        let hidden: Vec<Finding> = source
            .pieces
            .iter()
            .flat_map(|piece| hidden_code(file, piece))
            .collect();
        source.findings.extend(hidden);
        for piece in &mut source.pieces {
            source.findings.extend(cut_at_delimiter(file, piece));
        }
    }
    source
}

fn unreadable(file: &str, line: i64, why: &str) -> Source {
    Source {
        pieces: Vec::new(),
        findings: vec![Breach::unreadable(why).at(file, line)],
        ..Source::default()
    }
}

fn whole(content: &str) -> Source {
    let piece = Piece {
        line: 1,
        text: content.to_owned(),
    };
    Source {
        pieces: vec![piece],
        ..Source::default()
    }
}

fn of_goose(file: &str, content: &str) -> Source {
    let Some(script) = goose::statements::parse(content) else {
        return unreadable(file, 1, "goose would refuse the file");
    };
    let replaced = content
        .lines()
        .zip(1_i64..)
        .find(|(line, _)| line.contains("+goose") && line.to_ascii_uppercase().contains("ENVSUB"));
    Source {
        transaction: if script.transactional {
            Transaction::File
        } else {
            Transaction::Piece
        },
        pieces: script
            .statements
            .into_iter()
            .map(|statement| Piece {
                line: statement.line,
                text: statement.text,
            })
            .collect(),
        findings: replaced
            .map(|(_, line)| {
                Breach::unreadable("ENVSUB puts in values of the environment that are not known")
                    .at(file, line)
            })
            .into_iter()
            .collect(),
    }
}

/// `U3__name.sql` undoes; Slipway never runs it.
fn is_undo(file: &str) -> bool {
    let name = file.rsplit_once('/').map_or(file, |(_, name)| name);
    name.strip_prefix('U').is_some_and(|rest| {
        rest.starts_with(|first: char| first.is_ascii_digit()) && rest.contains("__")
    })
}

fn has_extension(file: &str, wanted: &str) -> bool {
    file.rsplit_once('.')
        .is_some_and(|(_, extension)| extension.eq_ignore_ascii_case(wanted))
}

fn at_first(file: &str, content: &str, mark: &str, why: &str) -> Finding {
    let line = content
        .lines()
        .zip(1_i64..)
        .find(|(line, _)| line.contains(mark))
        .map_or(1, |(_, line)| line);
    Breach::unreadable(why).at(file, line)
}

/// `/*! ... */` is code for MySQL, by its version, and `/*M! ... */` for MariaDB.
fn hidden_code(file: &str, piece: &Piece) -> Vec<Finding> {
    piece
        .text
        .lines()
        .zip(piece.line..)
        .filter(|(line, _)| {
            (line.contains("/*!") || line.contains("/*M!")) && !is_plain_setting(line)
        })
        .map(|(_, line)| {
            Breach::unreadable("a comment /*! ... */ holds code that some servers run")
                .at(file, line)
        })
        .collect()
}

/// `/*!40101 SET NAMES utf8 */;`, as dumps are full of.
fn is_plain_setting(line: &str) -> bool {
    let line = line.trim().trim_end_matches(';').trim_end();
    let inside = line
        .strip_prefix("/*!")
        .and_then(|rest| rest.strip_suffix("*/"))
        .map(|rest| {
            rest.trim_start_matches(|digit: char| digit.is_ascii_digit())
                .trim_start()
        });
    inside.is_some_and(|inside| {
        let upper = inside.to_ascii_uppercase();
        upper.starts_with("SET ")
            && !upper.contains("SQL_MODE")
            && !inside.contains("*/")
            && !inside.contains(';')
    })
}

/// After another delimiter the text is cut by another rule, so what follows is not read.
fn cut_at_delimiter(file: &str, piece: &mut Piece) -> Option<Finding> {
    let mut offset = 0_usize;
    for (line, number) in piece.text.split_inclusive('\n').zip(piece.line..) {
        let first = line.split_whitespace().next().unwrap_or_default();
        if first.eq_ignore_ascii_case("DELIMITER") {
            piece.text.truncate(offset);
            return Some(
                Breach::unreadable(
                    "DELIMITER: what follows is cut by another rule and is not read",
                )
                .at(file, number),
            );
        }
        offset += line.len();
    }
    None
}
