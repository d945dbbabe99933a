//! The blocks of the README by how they are checked, which a comment above each says: `<!-- checked: HOW -->`.

use std::collections::BTreeMap;

const README: &str = include_str!("../../README.md");

/// The blocks of each way, in the order of the page. A block of plain text is a picture.
pub fn blocks() -> BTreeMap<&'static str, Vec<String>> {
    let mut blocks: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut marker = None;
    let mut open: Option<Vec<&str>> = None;
    for line in README.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (Some(lines), Some(_)) => {
                let how = marker.take().expect("a block is opened with its marker");
                blocks.entry(how).or_default().push(lines.join("\n"));
                open = None;
            }
            (Some(lines), None) => lines.push(line),
            (None, Some("text")) => {
                marker = Some("picture");
                open = Some(Vec::new());
            }
            (None, Some(language)) => {
                assert!(
                    marker.is_some(),
                    "a block of {language} without <!-- checked: ... --> above it"
                );
                open = Some(Vec::new());
            }
            (None, None) => {
                marker = line
                    .strip_prefix("<!-- checked: ")
                    .and_then(|rest| rest.strip_suffix(" -->"));
            }
        }
    }
    blocks
}
