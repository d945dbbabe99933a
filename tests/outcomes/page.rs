//! The page that people read: what is the same stands once.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use slipway::api::common::Tool;
use slipway::core::migration::judge::{Judgement, still_pending};
use slipway::core::migration::message::Outcome;
use slipway::core::migration::program::Program;

use super::cases::{programs, tools};
use super::seen::{Group, groups};
use super::{Combination, all};

/// `Blocked PartiallyApplied`, and `retry` where another attempt is safe.
fn word(judgement: Judgement) -> String {
    let Judgement {
        outcome,
        reason,
        retry_safe,
    } = judgement;
    let retry = if retry_safe { ", retry" } else { "" };
    if matches!(outcome, Outcome::Succeeded) {
        return "**Succeeded**".to_owned();
    }
    format!("{outcome:?} {reason}{retry}")
}

/// The page.
pub fn page() -> String {
    let all = all();
    let mut page = format!(
        "# What follows from what was seen\n\n\
         {} combinations of evidence, tool and engine, judged by `judge.rs` and `program.rs` and written by `tests/generated.rs`. A row counts\n\
         where none above it fits. `retry`: Slipway tries again by itself, up to `retry.attempts`; all else waits for a person, `Unknown` for a\n\
         Check run. A pod or a tool that never started, a database that cannot be reached and a lock that is not to be had are `Failed, retry`\n\
         before any of this, as nothing was begun. golang-migrate marks a file before it begins it: without a mark none was begun.\n",
        all.len()
    );
    let (programs, tools): (Vec<&Combination>, Vec<&Combination>) = all
        .iter()
        .partition(|combination| combination.case.tool == Tool::Exec);
    page.push_str("\n## Tools with files\n\n");
    page.push_str(&table(&tools));
    let (seen, unseen): (Vec<&Combination>, Vec<&Combination>) =
        programs.into_iter().partition(|combination| {
            let program = combination.case.program;
            program.is_some_and(Program::sessions_are_seen)
        });
    page.push_str("\n## Programs of one's own (`Exec`) on PostgreSQL, or with a user for migrations alone\n\n");
    page.push_str(&table(&seen));
    page.push_str("\n## Programs of one's own on MySQL as the pods' user, so that no session is seen that one leaves behind\n\n");
    page.push_str(&table(&unseen));
    page.push_str(
        "\n## A Check run that finds files pending after an attempt of which nobody can tell\n\n",
    );
    page.push_str(&checks());
    page
}

/// A table: rows by what was seen and how it ended, columns by cases; what is the same stands once.
fn table(combinations: &[&Combination]) -> String {
    let mut rows: Vec<(String, Vec<String>)> = Vec::new();
    let names = ordered(combinations.iter().map(|one| one.case.name()));
    for Group { words, members } in groups() {
        let here = combinations.iter();
        let here: Vec<&&Combination> = here.filter(|one| members.contains(&one.seen)).collect();
        let meanings = ordered(here.iter().map(|one| one.meaning.to_owned()));
        let lines: Vec<(String, Vec<String>)> = meanings
            .into_iter()
            .map(|meaning| {
                let line = names.iter().map(|name| {
                    let of = here
                        .iter()
                        .filter(|one| one.meaning == meaning && one.case.name() == *name);
                    only(of.map(|one| word(one.judgement)), name, &meaning)
                });
                (meaning.clone(), line.collect())
            })
            .collect();
        let first = lines
            .first()
            .map(|(_, line)| line.clone())
            .unwrap_or_default();
        if lines.iter().all(|(_, line)| *line == first) {
            rows.push((format!("{words}, however it ended"), first));
        } else {
            let of_this = |(meaning, line)| (format!("{words}: {meaning}"), line);
            rows.extend(lines.into_iter().map(of_this));
        }
    }
    written(&names, &rows)
}

/// The one word that all of them are: cases of one name and codes of one meaning must not differ.
fn only(words: impl Iterator<Item = String>, name: &str, meaning: &str) -> String {
    let words: BTreeSet<String> = words.collect();
    assert_eq!(words.len(), 1, "{name}, {meaning}: {words:?}");
    words.into_iter().next().unwrap_or_default()
}

/// Each once, in the order in which they come.
fn ordered(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut known = BTreeSet::new();
    names.filter(|name| known.insert(name.clone())).collect()
}

/// Columns that are the same from top to bottom are one; numbers stand for them in the table, as their names are long.
fn written(names: &[String], rows: &[(String, Vec<String>)]) -> String {
    let column = |at: usize| -> Vec<&String> { rows.iter().map(|(_, line)| &line[at]).collect() };
    let mut columns: Vec<(usize, Vec<&String>)> = Vec::new();
    for (at, name) in names.iter().enumerate() {
        match columns
            .iter_mut()
            .find(|(first, _)| column(*first) == column(at))
        {
            Some((_, members)) => members.push(name),
            None => columns.push((at, vec![name])),
        }
    }
    let mut text = String::new();
    for (number, (_, members)) in (1..).zip(&columns) {
        let members: Vec<&str> = members.iter().map(|name| name.as_str()).collect();
        let _ = writeln!(text, "{number}. {}", members.join("; "));
    }
    let heads: String = (1..=columns.len()).fold(String::new(), |mut heads, number| {
        let _ = write!(heads, " {number} |");
        heads
    });
    let _ = writeln!(
        text,
        "\n| seen |{heads}\n|---|{}",
        "---|".repeat(columns.len())
    );
    for (words, line) in rows {
        let cells: Vec<&str> = columns.iter().map(|(at, _)| line[*at].as_str()).collect();
        let _ = writeln!(text, "| {words} | {} |", cells.join(" | "));
    }
    text
}

fn checks() -> String {
    let mut text = "| the first pending file | once more? |\n|---|---|\n".to_owned();
    for case in tools() {
        add(&mut text, &case.name(), still_pending(case.left()));
    }
    for program in programs().into_iter().filter_map(|case| case.program) {
        let name = match (program.idempotent, program.sessions_are_seen()) {
            (false, _) => "a program",
            (true, true) => {
                "a program, `idempotent`, on PostgreSQL or with a user for migrations alone"
            }
            (true, false) => "a program, `idempotent`, on MySQL as the pods' user",
        };
        add(&mut text, name, program.still_pending());
    }
    text
}

/// Each line once.
fn add(text: &mut String, name: &str, judgement: Judgement) {
    let line = format!("| {name} | {} |\n", word(judgement));
    if !text.contains(&line) {
        text.push_str(&line);
    }
}
