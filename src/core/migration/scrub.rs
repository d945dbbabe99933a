//! Takes secrets out of text, in each form in which a tool may print them. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use super::dsn::quoted;

/// What stands where a secret stood.
const MASK: &str = "***";

/// A shorter line of a secret of several would make the log unreadable; bytes.
const SHORTEST_LINE: usize = 6;

/// The forms of the secrets, the longest first.
#[derive(Clone, Debug, Default)]
pub struct Scrubber {
    forms: Vec<String>,
}

impl Scrubber {
    /// Of these secrets; empty ones are none.
    #[must_use]
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut forms: Vec<String> = secrets
            .into_iter()
            .flat_map(pieces_of)
            .filter(|secret| !secret.is_empty())
            .flat_map(forms_of)
            .filter(|form| !form.is_empty())
            .collect();
        forms.sort_by(|left, right| right.len().cmp(&left.len()).then(left.cmp(right)));
        forms.dedup();
        Self { forms }
    }

    /// The text without any of them.
    #[must_use]
    pub fn scrub(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for form in &self.forms {
            if text.contains(form.as_str()) {
                text = text.replace(form.as_str(), MASK);
            }
        }
        text
    }
}

/// The secret, and how it looks in an output that is passed on by line: without the line break that many a Secret ends with, and its lines
/// each for itself.
fn pieces_of(secret: &str) -> Vec<&str> {
    let lines = secret.lines().map(str::trim);
    let mut pieces: Vec<&str> = lines.filter(|line| line.len() >= SHORTEST_LINE).collect();
    pieces.extend([secret, secret.trim()]);
    pieces
}

fn forms_of(secret: &str) -> Vec<String> {
    let json = serde_json::to_string(secret).unwrap_or_default();
    let inner = |text: &str| {
        text.get(1..text.len().saturating_sub(1))
            .unwrap_or_default()
            .to_owned()
    };
    let mut forms = vec![
        secret.to_owned(),
        inner(&quoted(secret)),
        inner(&json),
        inner(&format!("{secret:?}")),
        percent(secret, |_| false, true),
        percent(secret, |_| false, false),
    ];
    // Encoders differ in what they leave as it is: RFC 3986's sub-delimiters in a user's part, more of them in a query.
    forms.push(percent(secret, |byte| b"$&+,/:;=@".contains(&byte), true));
    forms.push(percent(secret, |byte| b"$&+,;=".contains(&byte), true));
    forms.push(percent(secret, |byte| b"!*'()".contains(&byte), true));
    forms.push(percent(secret, |byte| byte == b' ', true).replace(' ', "+"));
    for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
        forms.push(engine.encode(secret));
    }
    forms
}

fn percent(text: &str, keep: impl Fn(u8) -> bool, upper: bool) -> String {
    let encoded = text.bytes().map(|byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || keep(byte) {
            char::from(byte).to_string()
        } else if upper {
            format!("%{byte:02X}")
        } else {
            format!("%{byte:02x}")
        }
    });
    encoded.collect()
}

#[cfg(test)]
mod tests {
    use super::Scrubber;

    #[test]
    fn a_secret_of_several_lines_goes_from_an_output_that_comes_by_line() {
        let scrubber = Scrubber::new(["token-4711\n", "BEGIN KEY\nabcdefgh\n}\n"]);
        let lines = ["it is token-4711", "BEGIN KEY", "key: abcdefgh", "{}"];
        assert_eq!(
            lines.map(|line| scrubber.scrub(line)),
            ["it is ***", "***", "key: ***", "{}"]
        );
    }

    const PASSWORD: &str = "p@:/?#%+&'\"\\ é";

    #[test]
    fn a_password_goes_in_every_form_in_which_a_tool_prints_it() {
        let scrubber = Scrubber::new([PASSWORD, ""]);
        let forms = [
            PASSWORD,
            "p%40%3A%2F%3F%23%25%2B%26%27%22%5C%20%C3%A9",
            "p%40%3a%2f%3f%23%25%2b%26%27%22%5c%20%c3%a9",
            "p%40%3A%2F%3F%23%25%2B%26%27%22%5C+%C3%A9",
            "cEA6Lz8jJSsmJyJcIMOp",
            r#"p@:/?#%+&\'"\\ é"#,
            r#"p@:/?#%+&'\"\\ é"#,
        ];
        for form in forms {
            assert_eq!(scrubber.scrub(&format!("<{form}>")), "<***>", "{form}");
        }
    }
}
