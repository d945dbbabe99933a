//! What a user reads. Text that comes from elsewhere is cut and cleaned first.

use jiff::Timestamp;

/// Longest piece of foreign text in a message, in characters.
const FOREIGN_LIMIT: usize = 300;

/// Foreign text in one line, cut at a character boundary. What the API server quotes as an invalid value is left out: it may be a variable's.
pub(super) fn foreign(text: &str) -> String {
    let mut cleaned = String::new();
    let mut rest = text;
    while let Some((before, quoted)) = rest.split_once("Invalid value: \"") {
        cleaned.push_str(before);
        cleaned.push_str("invalid value");
        rest = quoted.split_once('"').map_or("", |(_, after)| after);
    }
    cleaned.push_str(rest);
    cleaned
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .filter(|letter| !matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
        .take(FOREIGN_LIMIT)
        .collect()
}

/// `22:14 UTC`.
pub(super) fn clock(time: Timestamp) -> String {
    time.strftime("%H:%M UTC").to_string()
}

/// What a newer Slipway would change.
pub(super) fn update(version: &str, paths: &[String]) -> String {
    let shown: Vec<&str> = paths.iter().take(3).map(String::as_str).collect();
    let more = paths.len().saturating_sub(shown.len());
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!(
        "Slipway {version} would change {}{more} of the pod template; the next release takes it",
        shown.join(", ")
    )
}

/// Puts these words before the next step that a message ends with.
pub(super) fn before_next(message: &str, words: &str) -> String {
    match message.split_once(". Next:") {
        Some((cause, next)) => format!("{cause}; {words}. Next:{next}"),
        None => format!("{message}; {words}"),
    }
}

/// Puts what serves into a Migration's own message, before the next step that ends it.
pub(super) fn with_serving(migration: &str, message: &str, serving: &str) -> String {
    let named = if message.starts_with("migration ") {
        message.to_owned()
    } else {
        format!("migration {migration}: {message}")
    };
    match named.split_once(". ") {
        Some((cause, next)) => format!("{cause}; {serving}. {next}"),
        None => format!("{named}; {serving}"),
    }
}
