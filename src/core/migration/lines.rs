//! Where a word stands in a text: how the line of a mistake is found when a database names the word and not the line. Pure.

/// The line on which this piece stands as a word, if it stands on one line of the text only; comments do not count. `first` is the number
/// of the text's first line.
#[must_use]
pub fn line_of(text: &str, first: i64, piece: &str) -> Option<i64> {
    let mut found = text
        .lines()
        .zip(first..)
        .filter(|(line, _)| !line.trim_start().starts_with("--") && has_word(line, piece))
        .map(|(_, number)| number);
    let line = found.next();
    if found.next().is_none() { line } else { None }
}

/// Whether the piece stands in the line as a whole word.
fn has_word(line: &str, piece: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    !piece.is_empty()
        && line.match_indices(piece).any(|(at, _)| {
            let before = line.get(..at).and_then(|text| text.chars().next_back());
            let after = line
                .get(at + piece.len()..)
                .and_then(|text| text.chars().next());
            let joined_before = before.is_some_and(is_part) && piece.starts_with(is_part);
            let joined_after = after.is_some_and(is_part) && piece.ends_with(is_part);
            !joined_before && !joined_after
        })
}

#[cfg(test)]
mod tests {
    use super::line_of;

    #[test]
    fn a_piece_has_a_line_only_where_it_stands_on_one_line_as_a_word() {
        let text = "ALTER TABLE a\n  ADD x int,\n  ADD ax int,\n  DROP y, DROP a;\n-- x";
        assert_eq!(
            ["x", "ax", "y", "a", "z"].map(|piece| line_of(text, 4, piece)),
            [Some(5), Some(6), Some(7), None, None]
        );
    }
}
