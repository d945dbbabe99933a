//! Hashes: stable over versions and machines. SHA-256 over canonical JSON (keys sorted, no blanks), or over length-prefixed parts.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Letters of RFC 4648's base32 in lower case without the padding: valid in names and label values.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Base32 of SHA-256 over length-prefixed parts, so that `a-b` + `c` and `a` + `b-c` differ. 52 characters.
#[must_use]
pub fn of_parts<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    of_bytes(parts.into_iter().map(str::as_bytes))
}

/// As [`of_parts`], of parts that need not be text.
#[must_use]
pub fn of_bytes<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    base32(&hasher.finalize())
}

/// Base32 of SHA-256 over the canonical JSON of a value. 52 characters: fits a label value (63).
#[must_use]
pub fn of_value(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    base32(&Sha256::digest(text.as_bytes()))
}

/// As [`of_value`], of anything that serialises. What cannot be written as JSON hashes as null; our types all can.
#[must_use]
pub fn of<T: Serialize>(value: &T) -> String {
    of_value(&serde_json::to_value(value).unwrap_or(Value::Null))
}

/// The first `length` characters: for names.
#[must_use]
pub fn short(hash: &str, length: usize) -> &str {
    hash.get(..length).unwrap_or(hash)
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            out.push('{');
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                write_canonical(map.get(key).unwrap_or(&Value::Null), out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 8 / 5 + 1);
    let mut buffer = 0_u32;
    let mut bits = 0_u32;
    for byte in bytes {
        buffer = (buffer << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(letter(buffer >> bits));
        }
        buffer &= (1 << bits) - 1;
    }
    if bits > 0 {
        text.push(letter(buffer << (5 - bits)));
    }
    text
}

fn letter(five_bits: u32) -> char {
    ALPHABET
        .get((five_bits & 31) as usize)
        .map_or('a', |byte| char::from(*byte))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{base32, of_parts, of_value};

    #[test]
    fn base32_is_that_of_rfc_4648_in_lower_case() {
        let pairs = [
            ("", ""),
            ("f", "my"),
            ("fo", "mzxq"),
            ("foo", "mzxw6"),
            ("foobar", "mzxw6ytboi"),
        ];
        assert_eq!(
            pairs.map(|(input, _)| base32(input.as_bytes())),
            pairs.map(|(_, output)| output.to_owned())
        );
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(of_parts(["a-b", "c"]), of_parts(["a", "b-c"]));
    }

    #[test]
    fn the_order_of_keys_does_not_matter_and_the_hash_is_the_same_for_ever() {
        assert_eq!(
            of_value(&json!({"b": 1, "a": [null, "x"]})),
            of_value(&json!({"a": [null, "x"], "b": 1}))
        );
        assert_eq!(of_value(&json!({"a": 1})).len(), 52);
    }
}
