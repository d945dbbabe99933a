//! How large a status or a request body of Slipway may be. Pure.
//!
//! A legal spec can be 1.5 MB (the limit of etcd). Without a limit of Slipway's own, each copy of it (cache, ControllerRevisions, Deployment,
//! status) costs the operator of all tenants memory, and the API server refuses the last of them with a message that names no field.

use std::io;

use serde::Serialize;
use serde_json::Value;

use super::plan::{Apply, Create, ObjectKind, Patch, Step, Stop};
use crate::api::database::DatabaseStatus;

/// Largest status and largest request body, bytes of JSON (promise I-45). The ledger of a Database has its own limit, [`LARGEST_LEDGER`].
pub const LARGEST: usize = 64 * 1024;

/// Largest spec of a Backend or Migration, bytes of JSON. The rest of [`LARGEST`] is for what Slipway adds: defaults, variables of the
/// databases, volumes, metadata.
pub const LARGEST_SPEC: usize = 48 * 1024;

/// Largest ledger of a Database, bytes of JSON. It holds the outcome of each plan that is still needed, of all Backends of the Database; 64 KiB
/// would be full after about 70 plans, and a full ledger starts no migration. The API server refuses an object of about 1.5 MB.
pub const LARGEST_LEDGER: usize = 512 * 1024;

/// Largest object of a cache, bytes of JSON; of a larger one only the metadata is kept. Slipway's own objects are at most [`LARGEST`] and a
/// status, or what other controllers add; a Database holds its ledger. Of a ConfigMap this is its keys with their hashes, some 3,500.
#[must_use]
pub const fn largest_kept(kind: ObjectKind) -> usize {
    match kind {
        ObjectKind::Database => 1024 * 1024,
        _ => 256 * 1024,
    }
}

/// Longest message of a condition, bytes. The longest real one lists the pending files and findings of a runner's message (4 KiB) and a command.
/// Six conditions of this size leave room in [`LARGEST`].
pub const LONGEST_MESSAGE: usize = 6 * 1024;

/// A body or status that is too large to be sent.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{bytes} bytes of JSON, most of them in {largest}, and Slipway takes at most {limit}")]
pub struct TooLarge {
    /// Bytes of JSON.
    pub bytes: usize,
    /// The limit that it exceeds, bytes.
    pub limit: usize,
    /// Path of the largest field, as deep as one field holds most of it. Example: `spec.template.spec.containers[0].env`.
    pub largest: String,
}

/// Checks that a value is at most `limit` bytes of JSON.
///
/// # Errors
/// What is too large, and which field of it most of all.
pub fn check(value: &impl Serialize, limit: usize) -> Result<(), TooLarge> {
    let bytes = of(value);
    if bytes <= limit {
        return Ok(());
    }
    Err(TooLarge {
        bytes,
        limit,
        largest: serde_json::to_value(value)
            .map_or_else(|_| String::new(), |value| largest_field(&value)),
    })
}

/// The stop of a step whose body is too large; it is known before anything is sent.
#[must_use]
pub fn stop_of(step: &Step) -> Option<Stop> {
    let (key, checked) = match step {
        Step::Apply(Apply { key, body, .. })
        | Step::Create(Create { key, body, .. })
        | Step::Patch(Patch { key, body, .. }) => (key, check(body, LARGEST)),
        Step::ReplaceDatabaseStatus(replace) => (&replace.key, check_database(&replace.status)),
        Step::Delete(_) | Step::Confirm(_) => return None,
    };
    checked.err().map(|too_large| Stop::TooLarge {
        key: key.clone(),
        too_large,
    })
}

/// The ledger has a limit of its own.
fn check_database(status: &DatabaseStatus) -> Result<(), TooLarge> {
    let without_ledger = DatabaseStatus {
        observed_generation: status.observed_generation,
        conditions: status.conditions.clone(),
        backends: status.backends,
        ledger: None,
    };
    check(&without_ledger, LARGEST)?;
    check(&status.ledger, LARGEST_LEDGER)
}

/// Bytes of JSON, counted while they are written to nowhere: a large value costs no memory.
#[must_use]
pub fn of(value: &impl Serialize) -> usize {
    let mut counter = Counter(0);
    // A value that cannot be written as JSON is never sent.
    serde_json::to_writer(&mut counter, value).map_or(usize::MAX, |()| counter.0)
}

/// The first `longest` bytes at most, cut between two characters.
#[must_use]
pub fn cut_at(text: &str, longest: usize) -> &str {
    let end = (0..=longest.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or_default()).unwrap_or_default()
}

/// The path of the largest field: from the whole value down, as long as one member holds at least half of its parent.
#[must_use]
pub fn largest_field(value: &Value) -> String {
    let mut path = String::new();
    let (mut current, mut size) = (value, of(value));
    while let Some((step, member, bytes)) = largest_member(current) {
        if bytes.saturating_mul(2) < size {
            break;
        }
        path.push_str(&step);
        (current, size) = (member, bytes);
    }
    path.trim_start_matches('.').to_owned()
}

fn largest_member(value: &Value) -> Option<(String, &Value, usize)> {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| (name, member, of(member)))
            .max_by_key(|(_, _, bytes)| *bytes)
            .map(|(name, member, bytes)| (format!(".{name}"), member, bytes)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| (index, item, of(item)))
            .max_by_key(|(_, _, bytes)| *bytes)
            .map(|(index, item, bytes)| (step_to(index, item), item, bytes)),
        _ => None,
    }
}

/// `[LOG_LEVEL]` where the item has a name, as Slipway's messages write it; else `[3]`.
fn step_to(index: usize, item: &Value) -> String {
    item.get("name")
        .and_then(Value::as_str)
        .map_or_else(|| format!("[{index}]"), |name| format!("[{name}]"))
}

struct Counter(usize);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{LARGEST, LARGEST_LEDGER, TooLarge, check, largest_field, of, stop_of};
    use crate::api::database::{DatabaseStatus, Entry, Ledger};
    use crate::core::plan::{ObjectKey, ObjectKind, ReplaceDatabaseStatus, Step, Stop};

    #[test]
    fn a_size_is_that_of_the_json_that_is_sent() {
        let value = json!({"a": ["\u{1}", "é", 1, null], "b": {"c": "<\">"}});
        assert_eq!(of(&value), value.to_string().len());
    }

    #[test]
    fn what_is_too_large_is_named_with_its_largest_field() {
        let body = json!({
            "metadata": {"name": "orders"},
            "spec": {"env": [{"name": "A", "value": "x"}, {"name": "LONG", "value": "x".repeat(200)}]},
        });
        assert_eq!(check(&body, of(&body)), Ok(()));
        assert_eq!(
            check(&body, 100),
            Err(TooLarge {
                bytes: of(&body),
                limit: 100,
                largest: "spec.env[LONG].value".to_owned(),
            })
        );
    }

    #[test]
    fn where_no_field_is_the_largest_the_list_of_them_is_named() {
        let values: Vec<String> = (0..50).map(|number| format!("value {number}")).collect();
        assert_eq!(
            largest_field(&json!({"spec": {"args": values}})),
            "spec.args"
        );
    }

    /// I-45: outcomes that are still needed must not lock a Database that many Backends share.
    #[test]
    fn the_ledger_of_a_database_has_a_limit_of_its_own() {
        let stop = |bytes: usize| {
            let entry = Entry {
                message: Some("x".repeat(bytes)),
                ..Entry::default()
            };
            let ledger = Ledger {
                entries: vec![entry],
                ..Ledger::default()
            };
            let status = DatabaseStatus {
                ledger: Some(ledger),
                ..DatabaseStatus::default()
            };
            let key = ObjectKey {
                kind: ObjectKind::Database,
                namespace: "shop".to_owned(),
                name: "orders".to_owned(),
            };
            stop_of(&Step::ReplaceDatabaseStatus(Box::new(
                ReplaceDatabaseStatus {
                    key,
                    uid: String::new(),
                    resource_version: String::new(),
                    status,
                },
            )))
        };
        assert_eq!(stop(2 * LARGEST), None);
        let largest = match stop(LARGEST_LEDGER) {
            Some(Stop::TooLarge { too_large, .. }) => too_large.largest,
            other => format!("{other:?}"),
        };
        assert_eq!(largest, "entries[0].message");
    }
}
