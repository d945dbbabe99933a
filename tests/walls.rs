//! The walls of the house: which room may name which, and what the pure rooms may not touch. Reads every file of `src`.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms from the top to the ground. A room names only rooms of a smaller height; its own parts freely.
const HEIGHTS: [(&str, usize); 6] = [
    ("cli", 5),
    ("operator", 4),
    ("runner", 4),
    ("cluster", 3),
    ("core", 2),
    ("api", 1),
];

/// What `api` and `core` must not name: they decide, and have no client, no clock, no randomness, no files, no waiting.
const IMPURE: [&str; 15] = [
    "async fn",
    ".await",
    "tokio::",
    "futures::",
    "kube::Client",
    "kube::client",
    "kube::runtime",
    "kube::Api",
    "Timestamp::now",
    "SystemTime",
    "Instant::now",
    "rand::",
    "std::fs",
    "std::env",
    "std::net",
];

struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// The first folder below `src`; absent for `main.rs` and `lib.rs`.
    fn room(&self) -> Option<&str> {
        let mut parts = self.path.components();
        let room = parts.next()?.as_os_str().to_str()?;
        HEIGHTS
            .iter()
            .any(|(name, _)| *name == room)
            .then_some(room)
    }

    /// The code without comments and without its own tests, which may use more. Line by line, numbered from 1.
    fn code(&self) -> Vec<(usize, &str)> {
        let lines: Vec<&str> = self.text.lines().collect();
        // `mod tests;` stands anywhere, a module with a body at the end.
        let tests = lines
            .windows(2)
            .position(|pair| pair[0].trim() == "#[cfg(test)]" && pair[1].ends_with('{'));
        lines
            .iter()
            .take(tests.unwrap_or(lines.len()))
            .enumerate()
            .map(|(index, line)| (index + 1, *line))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
            .collect()
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("src can be read") {
            let path = entry.expect("src can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source is text");
                sources.push(Source {
                    path: path.strip_prefix(&root).expect("below src").to_owned(),
                    text,
                });
            }
        }
    }
    assert!(
        sources.len() > 20,
        "only {} sources found: does this test look in the right place?",
        sources.len()
    );
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    sources
}

/// The rooms that the code names by `crate::room`, be it in a `use` or in a path; with the lines.
fn rooms_named(source: &Source) -> Vec<(usize, String)> {
    let mut named = Vec::new();
    for (number, line) in source.code() {
        for (found, _) in line.match_indices("crate::") {
            let rest = &line[found + "crate::".len()..];
            let listed = rest
                .strip_prefix('{')
                .map_or(rest, |inside| inside.split('}').next().unwrap_or_default());
            let first = |text: &str| {
                text.trim()
                    .split(|character: char| !character.is_alphanumeric() && character != '_')
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            };
            if rest.starts_with('{') {
                named.extend(listed.split(',').map(|name| (number, first(name))));
            } else {
                named.push((number, first(listed)));
            }
        }
    }
    named
}

fn height(room: &str) -> Option<usize> {
    HEIGHTS
        .iter()
        .find(|(name, _)| *name == room)
        .map(|(_, height)| *height)
}

fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn arrows_between_rooms_go_downward_only() {
    let mut faults = Vec::new();
    for source in sources() {
        let Some(room) = source.room() else { continue };
        for (number, named) in rooms_named(&source) {
            let goes_down =
                named == room || height(&named).is_none_or(|other| Some(other) < height(room));
            if !goes_down {
                faults.push(format!(
                    "src/{}:{number}: {room} names {named}",
                    source.path.display()
                ));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn deciding_touches_no_client_no_clock_and_no_chance() {
    let mut faults = Vec::new();
    for source in sources()
        .iter()
        .filter(|source| matches!(source.room(), Some("api" | "core")))
    {
        for (number, line) in source.code() {
            faults.extend(
                IMPURE
                    .iter()
                    .filter(|word| line.contains(*word))
                    .map(|word| format!("src/{}:{number}: {word}", source.path.display())),
            );
        }
    }
    assert_none(&faults);
}

#[test]
fn a_name_always_tells_where_it_comes_from() {
    let mut faults = Vec::new();
    for source in sources() {
        for (index, line) in source.text.lines().enumerate() {
            let line = line.trim_start();
            if (line.starts_with("use ") || line.starts_with("pub use ")) && line.contains('*') {
                faults.push(format!(
                    "src/{}:{}: {line}",
                    source.path.display(),
                    index + 1
                ));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn every_file_says_first_what_it_is_for() {
    let silent: Vec<String> = sources()
        .iter()
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| format!("src/{} does not open with //!", source.path.display()))
        .collect();
    assert_none(&silent);
}

/// The rows of a table of `tests/COMMANDS.md` with so many columns, without backticks: what it lists, and who types it.
fn listed(columns: usize) -> Vec<(String, String)> {
    let list = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/COMMANDS.md"))
        .expect("the list is there");
    let cells = |line: &str| -> Vec<String> {
        let inner = line.trim_matches('|').split('|');
        inner.map(|cell| cell.trim().replace('`', "")).collect()
    };
    list.lines()
        .filter(|line| line.starts_with("| `"))
        .map(cells)
        .filter(|cells| cells.len() == columns)
        .filter_map(|mut cells| {
            let by = cells.pop()?;
            Some((cells.join(": "), by))
        })
        .collect()
}

/// The commands in a line of code: their fixed words, at most three.
fn commands(line: &str) -> Vec<String> {
    ["kubectl ", "flyway -", "migrate -path"]
        .into_iter()
        .flat_map(|start| line.match_indices(start))
        .filter_map(|(at, _)| {
            let fixed = line.get(at..)?.split(['{', '}', '"', '`', '\\']).next()?;
            let words: Vec<&str> = fixed.split_whitespace().take(3).collect();
            (words.len() > 1).then(|| words.join(" "))
        })
        .collect()
}

/// Of those that messages are made of.
fn told() -> (Vec<String>, Vec<String>) {
    let (mut told, mut reasons) = (Vec::new(), Vec::new());
    for source in sources() {
        let path = source.path.display().to_string();
        if source.room() != Some("core") || path.contains("/tests") {
            continue;
        }
        for (_, line) in source.code() {
            told.extend(
                commands(line)
                    .into_iter()
                    .map(|command| format!("{path}: {command}")),
            );
            if path.ends_with("migration/message_text.rs") {
                let arm = line.trim_start().strip_prefix('"');
                let arm = arm
                    .filter(|_| line.contains("=>"))
                    .map(|rest| rest.split('"'));
                reasons.extend(arm.into_iter().flatten().step_by(2).filter_map(reason));
            }
        }
    }
    (sorted(told), sorted(reasons))
}

/// A pattern of a reason: one word that begins with a capital.
fn reason(word: &str) -> Option<String> {
    let is_one = word.starts_with(char::is_uppercase) && word.chars().all(char::is_alphabetic);
    is_one.then(|| word.to_owned())
}

fn sorted(mut words: Vec<String>) -> Vec<String> {
    words.sort();
    words.dedup();
    words
}

/// Each command that a message names, and each reason with words of its own, stands in `tests/COMMANDS.md` with a test that is there.
#[test]
fn every_command_of_a_message_is_listed_with_the_test_that_types_it() {
    let (told, reasons) = told();
    let (typed, done) = (listed(3), listed(2));
    let names = |rows: &[(String, String)]| sorted(rows.iter().map(|row| row.0.clone()).collect());
    assert_eq!(told, names(&typed));
    assert_eq!(reasons, names(&done));
    let tests = tests();
    let faults: Vec<String> = typed
        .iter()
        .chain(&done)
        .filter(|(_, by)| !by.starts_with("nobody: ") && !tests.contains(&format!("fn {by}(")))
        .map(|(what, by)| format!("{what}: there is no test {by}"))
        .collect();
    assert_none(&faults);
}

/// A command is typed from anywhere, so it names the namespace.
#[test]
fn every_command_of_a_message_names_the_namespace() {
    let mut faults = Vec::new();
    for source in sources() {
        let path = source.path.display().to_string();
        if source.room() != Some("core") || path.contains("/tests") {
            continue;
        }
        let code = continued(&source);
        for (at, _) in code.match_indices("kubectl ") {
            let command = to_the_end_of_its_text(&code[at..]);
            if !command.contains(" -n {") {
                faults.push(format!("{path}: {command}"));
            }
        }
    }
    assert_none(&faults);
}

/// The code in which a text that goes on in the next line is one line.
fn continued(source: &Source) -> String {
    source
        .code()
        .into_iter()
        .map(|(_, line)| match line.trim_start().strip_suffix('\\') {
            Some(begun) => begun.to_owned(),
            None => format!("{}\n", line.trim_start()),
        })
        .collect()
}

fn to_the_end_of_its_text(code: &str) -> String {
    code.replace("\\\"", "'")
        .split('"')
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// The scenarios' code, in one.
fn tests() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let files = fs::read_dir(folder).expect("the scenarios are there");
    files
        .filter_map(|file| fs::read_to_string(file.ok()?.path()).ok())
        .collect()
}
