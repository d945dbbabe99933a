//! Objects as YAML that every reader understands alike. What one version of YAML takes for a string and another for a boolean or a
//! number (`yes`, `on`, `012`) is always quoted; everything else is plain block style.

use std::fmt::Write as _;

use serde_json::Value;

/// One document with a line feed at its end.
#[must_use]
pub fn document(value: &Value) -> String {
    let mut text = String::new();
    write_value(&mut text, value, 0, Place::Line);
    text
}

/// What stands before the value on its line.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Place {
    /// Nothing: the value starts the line, indented already.
    Line,
    /// A key and its colon.
    Key,
}

fn write_value(text: &mut String, value: &Value, indent: usize, place: Place) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let mut first = place == Place::Line;
            if place == Place::Key {
                text.push('\n');
            }
            for (key, field) in fields {
                begin(text, indent, &mut first);
                write!(text, "{}:", scalar(key)).expect("a String takes all that is written to it");
                // A list under a key stands at the key's own indent, as kubectl writes it.
                let deeper = if field.is_array() { indent } else { indent + 2 };
                write_value(text, field, deeper, Place::Key);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let mut first = place == Place::Line;
            if place == Place::Key {
                text.push('\n');
            }
            for item in items {
                begin(text, indent, &mut first);
                text.push_str("- ");
                write_value(text, item, indent + 2, Place::Line);
            }
        }
        flat => {
            if place == Place::Key {
                text.push(' ');
            }
            text.push_str(&flat.as_str().map_or_else(|| flat.to_string(), scalar));
            text.push('\n');
        }
    }
}

/// The indent of a line, but for the first of a block that starts where it stands.
fn begin(text: &mut String, indent: usize, first: &mut bool) {
    if !*first {
        text.extend(std::iter::repeat_n(' ', indent));
    }
    *first = false;
}

/// A string as it is where no reader can take it for something else, else in double quotes. JSON's escapes are YAML's too.
fn scalar(text: &str) -> String {
    if is_plain(text) {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}

fn is_plain(text: &str) -> bool {
    let starts_as_word =
        text.starts_with(|character: char| character.is_ascii_alphabetic() || character == '/');
    let is_simple = text
        .chars()
        .all(|character| character.is_ascii_alphanumeric() || "-_./".contains(character));
    let lower = text.to_ascii_lowercase();
    let means_more =
        ["y", "n", "yes", "no", "on", "off", "true", "false", "null"].contains(&lower.as_str());
    starts_as_word && is_simple && !means_more
}

#[cfg(test)]
mod tests {
    use super::document;
    use serde_json::json;

    #[test]
    fn what_old_readers_take_for_a_boolean_or_a_number_is_quoted() {
        let value = json!({"a": "yes", "b": "on", "c": "012", "d": "1e3", "e": "plain", "f": true, "g": 3, "h": "a: b", "on": ""});
        assert_eq!(
            document(&value),
            "a: \"yes\"\nb: \"on\"\nc: \"012\"\nd: \"1e3\"\ne: plain\nf: true\ng: 3\nh: \"a: b\"\n\"on\": \"\"\n"
        );
    }

    #[test]
    fn lists_stand_as_kubectl_writes_them() {
        let value = json!({"ports": [{"name": "http", "port": 80}, {"name": "grpc"}], "args": ["run", ["x", "y"]], "none": [], "empty": {}});
        let wanted = "args:\n- run\n- - x\n  - \"y\"\nempty: {}\nnone: []\nports:\n- name: http\n  port: 80\n- name: grpc\n";
        assert_eq!(document(&value), wanted);
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        let value = json!({"a": {"b": [{"c": "line\nfeed \"quoted\" \\"}, [], [[1, 2.5, null]]]}, "d.e/f": "\u{1f680} ~", "-": "- x"});
        let read: serde_json::Value = serde_yaml::from_str(&document(&value)).expect("YAML");
        assert_eq!(read, value);
    }
}
