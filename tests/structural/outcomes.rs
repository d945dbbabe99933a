//! Every combination of what was seen of an attempt, for each tool on each engine: what follows. Walked here with the product's own judges
//! and written as a page that people read.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use slipway::api::common::{Engine, Tool};
use slipway::core::migration::judge::{
    Cause, End, Evidence, Judgement, Left, Lock, ReadBack, judge, still_pending,
};
use slipway::core::migration::message::Outcome;
use slipway::core::migration::program::{self, Proof};

const ENGINES: [Engine; 2] = [Engine::PostgreSQL, Engine::MySQL];

const PROOFS: [(Proof, &str); 3] = [
    (Proof::ExitCode, "its exit code is all that is known"),
    (Proof::CleanTable, "`readBack` without files"),
    (Proof::TableAtTarget, "`readBack` with files"),
];

/// A tool with files or a program of one's own, on an engine, with the kind of file in which it stops.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    tool: Tool,
    engine: Engine,
    /// Where it stops: in a file that the tool runs in a transaction, or not.
    in_transaction: bool,
    proof: Proof,
    idempotent: bool,
}

/// Each tool with files on each engine, in both kinds of files.
fn tools() -> Vec<Case> {
    let mut cases = Vec::new();
    for tool in [Tool::Goose, Tool::Flyway, Tool::GolangMigrate] {
        for engine in ENGINES {
            for in_transaction in [true, false] {
                cases.push(Case {
                    tool,
                    engine,
                    in_transaction,
                    proof: Proof::TableAtTarget,
                    idempotent: false,
                });
            }
        }
    }
    cases
}

fn programs() -> Vec<Case> {
    let mut cases = Vec::new();
    for (proof, _) in PROOFS {
        for idempotent in [false, true] {
            for engine in ENGINES {
                cases.push(Case {
                    tool: Tool::Exec,
                    engine,
                    in_transaction: false,
                    proof,
                    idempotent,
                });
            }
        }
    }
    cases
}

impl Case {
    /// What is left of the file in which it stopped, as the runner tells it from file and table. golang-migrate marks a file before it begins
    /// it: without a mark none was begun.
    fn left(self) -> Option<Left> {
        let left = match (self.tool, self.in_transaction) {
            (Tool::Exec, _) => return None,
            (Tool::GolangMigrate, _) => Left::NotBegun,
            (Tool::Goose | Tool::Flyway, true) => Left::RolledBack,
            (Tool::Goose | Tool::Flyway, false) => Left::Half,
        };
        Some(left.on(self.engine))
    }

    fn judge(self, seen: Seen, end: &End, exit: Option<i64>) -> Judgement {
        let evidence = Evidence {
            lock: seen.lock,
            orphan: seen.orphan,
            read_back: seen.read_back,
            end: end.clone(),
            transactional: self.left().is_some_and(Left::is_nothing),
        };
        match self.tool {
            Tool::Exec => program::judge(&evidence, exit, self.proof, self.idempotent),
            Tool::Goose | Tool::GolangMigrate | Tool::Flyway => judge(&evidence),
        }
    }

    /// The column that it belongs to.
    fn name(self) -> String {
        let (tool, engine) = (self.tool.word(), self.engine.word());
        match (self.tool, self.in_transaction) {
            (Tool::Exec, _) => {
                let proof = PROOFS.iter().find(|(proof, _)| *proof == self.proof);
                let proof = proof.map_or("", |(_, name)| name);
                let idempotent = if self.idempotent {
                    ", `idempotent`"
                } else {
                    ""
                };
                format!("{proof}{idempotent}")
            }
            (Tool::GolangMigrate, _) => format!("{tool}, {engine}"),
            (_, true) => format!("{tool}, {engine}, file in a transaction"),
            (_, false) => format!("{tool}, {engine}, file without"),
        }
    }
}

/// What is seen beside the tool's own end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    lock: Lock,
    orphan: bool,
    read_back: ReadBack,
}

const READ_BACKS: [(ReadBack, &str); 4] = [
    (
        ReadBack::AtTarget,
        "the version table is at the target and clean",
    ),
    (ReadBack::Missing, "the version table cannot be read"),
    (
        ReadBack::Marked("(the mark)"),
        "the version table marks a file as failed or dirty",
    ),
    (ReadBack::Below, "the version table is below the target"),
];

/// What belongs together on the page, if the same follows from it.
struct Group {
    words: String,
    members: Vec<Seen>,
}

/// All that can be seen beside the tool's own end, each once.
fn groups() -> Vec<Group> {
    let tables = |chosen: fn(ReadBack) -> bool, lock, orphan| -> Vec<Seen> {
        let read_backs = READ_BACKS.iter().map(|(read_back, _)| *read_back);
        let chosen = read_backs.filter(|read_back| chosen(*read_back));
        chosen
            .map(|read_back| Seen {
                lock,
                orphan,
                read_back,
            })
            .collect()
    };
    let orphans = [Lock::Lost, Lock::Held].map(|lock| tables(|_| true, lock, true));
    let lost = |chosen| tables(chosen, Lock::Lost, false);
    let group = |words: &str, members| Group {
        words: words.to_owned(),
        members,
    };
    let mut groups = vec![
        group("a session of it is still at work", orphans.concat()),
        group(
            "the lock was lost, the version table is at the target and clean",
            lost(|read_back| read_back == ReadBack::AtTarget),
        ),
        group(
            "the lock was lost, the version table is not at the target",
            lost(|read_back| read_back != ReadBack::AtTarget),
        ),
    ];
    groups.extend(READ_BACKS.map(|(read_back, words)| Group {
        words: words.to_owned(),
        members: vec![Seen {
            lock: Lock::Held,
            orphan: false,
            read_back,
        }],
    }));
    groups
}

/// Ends that mean the same: what it is called, and on each engine the codes for it.
struct Meaning {
    name: &'static str,
    ends: fn(Engine) -> Vec<End>,
}

fn sql(codes: &[&str]) -> Vec<End> {
    codes
        .iter()
        .map(|code| End::Sql((*code).to_owned()))
        .collect()
}

fn refused(codes: &[&str]) -> Vec<End> {
    codes
        .iter()
        .map(|code| End::Refused((*code).to_owned()))
        .collect()
}

/// How a tool with files may end.
const MEANINGS: [Meaning; 16] = [
    Meaning {
        name: "it exits with 0",
        ends: |_| vec![End::Zero],
    },
    Meaning {
        name: "it cannot read or parse its files",
        ends: |_| vec![End::Files],
    },
    Meaning {
        name: "it cannot connect, and says no more",
        ends: |_| vec![End::Unreachable],
    },
    Meaning {
        name: "its own lock in the database is not to be had",
        ends: |_| vec![End::Locked],
    },
    Meaning {
        name: "it is not let in: user or password",
        ends: |engine| match engine {
            Engine::PostgreSQL => refused(&["28P01", "28000"]),
            Engine::MySQL => refused(&["1044", "1045", "1130", "1698"]),
        },
    },
    Meaning {
        name: "it is not let in: too many sessions, starting up, no such database",
        ends: |engine| match engine {
            Engine::PostgreSQL => refused(&["53300", "57P03", "3D000", "08001", "08006"]),
            Engine::MySQL => refused(&["1040", "1203", "1226", "1049", "1129", "08000"]),
        },
    },
    Meaning {
        name: "it is not let in: the server is read-only",
        ends: |engine| match engine {
            Engine::PostgreSQL => refused(&["25006"]),
            Engine::MySQL => refused(&["1290", "1792", "1836"]),
        },
    },
    Meaning {
        name: "inside a file: lock timeout, deadlock, serialization",
        ends: |engine| match engine {
            Engine::PostgreSQL => sql(&["55P03", "40P01", "40001"]),
            Engine::MySQL => sql(&["1205", "1213"]),
        },
    },
    Meaning {
        name: "inside a file: the session is ended by the server",
        ends: |engine| match engine {
            Engine::PostgreSQL => sql(&["57P01", "57P02", "57P05", "08006", "08003"]),
            Engine::MySQL => sql(&["1927", "1317", "1053"]),
        },
    },
    Meaning {
        name: "inside a file: the server is short of something",
        ends: |engine| match engine {
            Engine::PostgreSQL => sql(&["53100", "53200"]),
            Engine::MySQL => sql(&["1021", "1037", "1041"]),
        },
    },
    Meaning {
        name: "inside a file: the server has become read-only",
        ends: |engine| match engine {
            Engine::PostgreSQL => sql(&["25006"]),
            Engine::MySQL => sql(&["1290", "1792", "1836"]),
        },
    },
    Meaning {
        name: "inside a file: any other error",
        ends: |engine| match engine {
            Engine::PostgreSQL => sql(&["23505", "42601", "42703", "57014", "P0001", "22001"]),
            Engine::MySQL => sql(&["1062", "1064", "1054", "1644", "1146", "1050"]),
        },
    },
    Meaning {
        name: "ended by the runner at the run deadline",
        ends: |_| vec![End::Cut(Cause::RunDeadline)],
    },
    Meaning {
        name: "ended by the runner, as the pod is told to stop",
        ends: |_| vec![End::Cut(Cause::Stop)],
    },
    Meaning {
        name: "killed by a signal",
        ends: |_| vec![End::Cut(Cause::Other)],
    },
    Meaning {
        name: "another code than 0, for no reason that Slipway understands",
        ends: |_| vec![End::Cut(Cause::Other)],
    },
];

/// How a program of one's own may end: what it is called, what the runner makes of it, and its code.
const PROGRAM_ENDS: [(&str, End, Option<i64>); 5] = [
    ("it exits with 0", End::Zero, Some(0)),
    ("another code than 0", End::Cut(Cause::Other), Some(3)),
    ("killed by a signal", End::Cut(Cause::Other), None),
    (
        "ended by the runner at the run deadline",
        End::Cut(Cause::RunDeadline),
        None,
    ),
    (
        "ended by the runner, as the pod is told to stop",
        End::Cut(Cause::Stop),
        None,
    ),
];

/// One combination with its outcome.
pub struct Combination {
    pub case: Case,
    pub seen: Seen,
    /// What its end is called.
    pub meaning: &'static str,
    pub judgement: Judgement,
}

/// All of them.
pub fn all() -> Vec<Combination> {
    let mut all = Vec::new();
    for seen in groups().into_iter().flat_map(|group| group.members) {
        for case in tools() {
            for meaning in &MEANINGS {
                for end in (meaning.ends)(case.engine) {
                    let judgement = case.judge(seen, &end, None);
                    all.push(Combination {
                        case,
                        seen,
                        meaning: meaning.name,
                        judgement,
                    });
                }
            }
        }
        for case in programs() {
            for (meaning, end, exit) in &PROGRAM_ENDS {
                let judgement = case.judge(seen, end, *exit);
                all.push(Combination {
                    case,
                    seen,
                    meaning,
                    judgement,
                });
            }
        }
    }
    all
}

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
    page.push_str("\n## Programs of one's own (`Exec`), on both engines\n\n");
    page.push_str(&table(&programs));
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
        let judgement = still_pending(case.left(), false);
        let line = format!("| {} | {} |\n", case.name(), word(judgement));
        if !text.contains(&line) {
            text.push_str(&line);
        }
    }
    for idempotent in [false, true] {
        let name = if idempotent {
            "a program, `idempotent`"
        } else {
            "a program"
        };
        let _ = writeln!(
            text,
            "| {name} | {} |",
            word(still_pending(None, idempotent))
        );
    }
    text
}

/// migrations.md 4.4: every pair of evidence and tool has an outcome, and these hold for all of them.
#[test]
fn what_is_proven_has_succeeded_and_what_is_not_known_to_be_harmless_is_never_repeated() {
    for Combination {
        case,
        seen,
        meaning,
        judgement,
    } in all()
    {
        let told = format!("{case:?} {seen:?} {meaning}: {judgement:?}");
        let whole = !seen.orphan && seen.lock == Lock::Held;
        let proven = !seen.orphan
            && seen.read_back == ReadBack::AtTarget
            && case.proof == Proof::TableAtTarget;
        let succeeded = judgement.outcome == Outcome::Succeeded;
        assert!(succeeded || !proven, "at the target and clean: {told}");
        let may_succeed =
            proven || (case.tool == Tool::Exec && whole && meaning == "it exits with 0");
        assert!(may_succeed || !succeeded, "without proof: {told}");
        if judgement.retry_safe {
            assert!(whole, "with evidence that is not whole: {told}");
            assert!(
                judgement.outcome == Outcome::Failed,
                "not a failure: {told}"
            );
            assert!(
                case.tool != Tool::Exec || case.idempotent,
                "a program: {told}"
            );
            let inside = meaning.starts_with("inside") || meaning.contains("ended by");
            let harmless = case.left().is_some_and(Left::is_nothing) || case.idempotent || !inside;
            assert!(harmless, "half of a file may be there: {told}");
        }
        let blocked = judgement.outcome == Outcome::Blocked;
        assert!(
            !(blocked && judgement.retry_safe),
            "a person is asked: {told}"
        );
        assert!(!judgement.reason.is_empty(), "{told}");
    }
}
