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
        let lines = self
            .text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line));
        lines
            .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
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
