//! What the SQL of pending migration files may do to data and to the program that runs now. Pure: from text to findings, for the
//! approval, and for whoever wants to know before.
//!
//! The promise is one-sided: a statement without a finding is known to lose nothing and to block no table that existed before the files
//! for longer than a moment, in itself or by what it keeps locked for the rest of its transaction. What cannot be read has a finding that says so. A finding may well be a false alarm: what is in the
//! database, and how large, is not known here.

mod alter;
mod calls;
mod fresh;
mod held;
mod objects;
mod routine;
mod rows;
mod rules;
mod source;
mod statement;
#[cfg(test)]
mod tests;
mod words;

pub use rules::{Finding, Severity};

use crate::api::common::{Engine, Tool};
use fresh::Fresh;
use held::{Held, Transaction};
use rules::Breach;

/// A pending file.
#[derive(Clone, Copy, Debug)]
pub struct SqlFile<'a> {
    /// Name without the folder.
    pub name: &'a str,
    pub content: &'a str,
}

/// The findings in the pending files, which are given in the order in which they run.
#[must_use]
pub fn findings<'a>(
    tool: Tool,
    engine: Engine,
    files: impl IntoIterator<Item = SqlFile<'a>>,
) -> Vec<Finding> {
    let mut fresh = Fresh::default();
    files
        .into_iter()
        .flat_map(|file| in_file(tool, engine, file, &mut fresh))
        .collect()
}

fn in_file(tool: Tool, engine: Engine, file: SqlFile, fresh: &mut Fresh) -> Vec<Finding> {
    let source = source::up(tool, engine, file.name, file.content);
    let mut all = source.findings;
    let mut held = Held::default();
    for piece in &source.pieces {
        if source.transaction == Transaction::Piece {
            held.next();
        }
        let in_file = |line: i64| piece.line.saturating_add(line).saturating_sub(1);
        let (statements, broken) = words::statements(&piece.text, engine);
        for statement in &statements {
            if source.transaction == Transaction::Statement {
                held.next();
            }
            let taken = held::taken(statement, engine, fresh);
            let mut breaches = statement::breaches(statement, engine, fresh);
            // MySQL's DDL ends the transaction.
            if engine == Engine::PostgreSQL {
                breaches.extend(held.breach(statement, taken, &breaches, engine, fresh));
            }
            all.extend(
                breaches
                    .into_iter()
                    .map(|breach| breach.at(file.name, in_file(statement.line))),
            );
        }
        all.extend(broken.map(|line| {
            Breach::unreadable("from here on the text cannot be cut into statements")
                .at(file.name, in_file(line))
        }));
    }
    all.sort_by_key(|finding| finding.line);
    all.dedup();
    all
}
