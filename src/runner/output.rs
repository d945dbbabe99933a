//! Passes the tool's output on, line by line and scrubbed, and keeps its last words for those who understand them.

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};

use crate::core::migration::scrub::Scrubber;

/// Longest last words that are kept, bytes; goose prints the whole statement that failed.
const LAST_WORDS_LIMIT: usize = 16 << 20;

/// Longest line that is passed on, bytes.
const LINE_LIMIT: usize = 16 << 10;

/// Lines in which PostgreSQL tells values of rows or the statement itself.
const VALUES: [&str; 5] = ["DETAIL:", "CONTEXT:", "STATEMENT:", "QUERY:", "WHERE:"];

/// Reads to the end. Everything from the first line that holds a mark on is not passed on but returned.
pub async fn pass_on(
    stream: impl AsyncRead + Unpin,
    name: &str,
    marks: &[&str],
    scrubber: &Scrubber,
) -> String {
    let mut reader = BufReader::new(stream);
    let mut last = String::new();
    let mut line = Vec::new();
    while read_line(&mut reader, &mut line).await {
        let text = String::from_utf8_lossy(&line);
        let mark = marks.iter().filter_map(|mark| text.find(mark)).min();
        if !last.is_empty() || mark.is_some() {
            let from = if last.is_empty() {
                mark.unwrap_or(0)
            } else {
                0
            };
            keep(&mut last, text.get(from..).unwrap_or_default());
            continue;
        }
        if !VALUES
            .iter()
            .any(|start| text.trim_start().starts_with(start))
        {
            let text = scrubber.scrub(text.trim_end());
            println!(
                "{name}: {}",
                crate::core::migration::message::clean(&text, LINE_LIMIT)
            );
        }
    }
    last
}

/// The next line, or what comes before the limit of one that does not end: a program may print for ever without a line break, and the tool and
/// the runner share their memory.
async fn read_line(
    reader: &mut (impl tokio::io::AsyncBufRead + Unpin),
    line: &mut Vec<u8>,
) -> bool {
    line.clear();
    let limit = u64::try_from(LAST_WORDS_LIMIT).unwrap_or(u64::MAX);
    let mut part = reader.take(limit);
    matches!(part.read_until(b'\n', line).await, Ok(length) if length > 0)
}

/// Past the limit the middle goes: the beginning names the file, the end the error.
fn keep(last: &mut String, text: &str) {
    last.push_str(text);
    if last.len() > LAST_WORDS_LIMIT {
        let half = LAST_WORDS_LIMIT / 2;
        let head = boundary(last, half);
        let tail = boundary(last, last.len().saturating_sub(half));
        last.replace_range(head..tail, "");
    }
}

/// The character's boundary at `at` or before it.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{LAST_WORDS_LIMIT, pass_on, read_line};
    use crate::core::migration::scrub::Scrubber;

    #[tokio::test]
    async fn a_line_that_does_not_end_is_read_in_parts() {
        let endless = "x".repeat(LAST_WORDS_LIMIT + 3);
        let mut reader = endless.as_bytes();
        let (mut line, mut lengths) = (Vec::new(), Vec::new());
        while read_line(&mut reader, &mut line).await {
            lengths.push(line.len());
        }
        assert_eq!(lengths, [LAST_WORDS_LIMIT, 3]);
    }

    #[tokio::test]
    async fn the_last_words_are_kept_whole_with_the_line_breaks_that_the_database_put_in() {
        let output: &[u8] = b"OK 1_a.sql\nDETAIL: Key (email)=(ann)\n2026/01/01 goose run: ERROR a\nb (SQLSTATE P0001)\n";
        let last = pass_on(output, "goose", &["goose run: "], &Scrubber::default()).await;
        assert_eq!(last, "goose run: ERROR a\nb (SQLSTATE P0001)\n");
    }
}
