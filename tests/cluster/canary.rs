//! The password of every database user that a test makes, and how it is found again where it must not stand. Touches nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// No other text has this word. It holds nothing that a URL or a query must encode, so it stands in the encoded password, too.
pub const WORD: &str = "canary-7f3";

/// All bytes that break a badly built connection string. The word stands at both ends: what is cut off at one of the odd bytes is found
/// whichever part of it is told.
pub const PASSWORD: &str = "canary-7f3 @:/?#%+&'\"\\ `$(x) é canary-7f3";

/// Whether the password, or a part of it with the word, stands in a text: as it is, percent-encoded, query-encoded or in base64.
pub fn is_in(text: &str) -> bool {
    text.contains(WORD) || in_base64().iter().any(|word| text.contains(word.as_str()))
}

/// What the word looks like in the base64 of any text around it, by how many bytes stand before it in its group of three.
fn in_base64() -> [String; 3] {
    [0, 1, 2].map(|before: usize| {
        let text = [&vec![0; before][..], WORD.as_bytes()].concat();
        let encoded = STANDARD_NO_PAD.encode(&text);
        // A letter is told by six bits; those that the neighbours share are left out.
        let (first, end) = ((before * 8).div_ceil(6), text.len() * 8 / 6);
        encoded.get(first..end).unwrap_or_default().to_owned()
    })
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    use super::{PASSWORD, WORD, in_base64, is_in};

    #[test]
    fn the_password_is_found_in_every_dress() {
        let percent: String = PASSWORD.split(' ').collect::<Vec<_>>().join("%20");
        let query: String = PASSWORD.split(' ').collect::<Vec<_>>().join("+");
        assert!([PASSWORD, &percent, &query].into_iter().all(is_in));
        for before in ["", "a", "ab", "postgres://user:", "user:"] {
            let text = format!("{before}{PASSWORD}@host");
            assert!(is_in(&STANDARD.encode(&text)), "{before}");
            assert!(is_in(&URL_SAFE.encode(&text)), "{before}");
        }
        for part in PASSWORD.split(['@', '?', '#', '\'']) {
            assert_eq!(is_in(part), part.contains(WORD));
        }
        assert!(in_base64().iter().all(|word| word.len() >= 12));
        assert!(!is_in("a canary, 7f3, and Y2FuYXJ5"));
    }
}
