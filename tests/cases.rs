//! The list of cases that a migration can meet: each of them is a test that says so in its doc comment, as `migrations.md case 12` or
//! `migrations.md cases 1, 2`. Reads the sources of the tests, nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// How many there are.
const CASES: u32 = 54;

#[test]
fn every_case_of_a_migration_has_a_test_that_says_so() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut told = BTreeSet::new();
    for folder in ["src", "tests"] {
        collect(&root.join(folder), &mut told);
    }
    let missing: Vec<u32> = (1..=CASES).filter(|case| !told.contains(case)).collect();
    assert!(missing.is_empty(), "no test says that it shows {missing:?}");
}

#[test]
fn a_case_counts_where_the_comment_of_a_function_begins_a_line_with_it() {
    let told = |text: &str| told_in(text).into_iter().collect::<Vec<_>>();
    let test = "#[test]\n#[ignore = \"long\"]\nfn a() {}\n";
    for (comment, expected) in [
        ("/// migrations.md case 12.\n", vec![12]),
        (
            "    /// migrations.md cases 1, 2: why.\n/// More.\n",
            vec![1, 2],
        ),
        (
            "/// migrations.md case 3.\n/// migrations.md case 4.\n",
            vec![3, 4],
        ),
        ("/// As in migrations.md case 12.\n", vec![]),
        ("// migrations.md case 12.\n", vec![]),
        ("/// migrations.md case 12.\nstruct A;\n", vec![]),
        ("/// migrations.md 4.2.\n", vec![]),
    ] {
        assert_eq!(told(&format!("{comment}{test}")), expected, "{comment}");
    }
}

fn collect(folder: &Path, told: &mut BTreeSet<u32>) {
    let entries = fs::read_dir(folder).expect("a folder of sources");
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            collect(&path, told);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            told.extend(told_in(&fs::read_to_string(&path).expect("a source")));
        }
    }
}

/// The cases of which comments of functions tell.
fn told_in(text: &str) -> BTreeSet<u32> {
    let mut lines = text.lines().map(str::trim_start);
    let mut told = BTreeSet::new();
    while let Some(line) = lines.next() {
        let Some(cases) = cases_of(line) else {
            continue;
        };
        let mut after = lines.clone();
        let ends = after.find(|line| !line.starts_with("///") && !line.starts_with("#["));
        if ends.is_some_and(|line| line.contains("fn ")) {
            told.extend(cases);
        }
    }
    told
}

/// The numbers of a line like `/// migrations.md cases 1, 2: why`.
fn cases_of(line: &str) -> Option<Vec<u32>> {
    let rest = line.strip_prefix("/// migrations.md case")?;
    let rest = rest.strip_prefix('s').unwrap_or(rest).trim_start();
    let end = rest.find(|character: char| !"0123456789, ".contains(character));
    let numbers = rest.get(..end.unwrap_or(rest.len()))?.split(',');
    Some(
        numbers
            .filter_map(|number| number.trim().parse().ok())
            .collect(),
    )
}
