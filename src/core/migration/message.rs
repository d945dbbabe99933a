//! The message that a runner leaves behind: one JSON object of at most 4096 bytes in the container's termination message.

use serde::{Deserialize, Serialize};

use super::findings::Finding;
use crate::api::database::TakenForApplied;

/// The kubelet keeps this many bytes of a termination message.
pub const MESSAGE_LIMIT: usize = 4096;

/// Longest `error.text`, bytes.
pub const TEXT_LIMIT: usize = 512;

/// Version of the format.
pub const FORMAT: i64 = 1;

/// What the runner found out; `migrations.md` section 2. Versions are strings.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Message {
    /// Version of this format: 1.
    pub v: i64,
    pub outcome: Outcome,
    /// One of the reasons of `experience.md` section 3. Example: `SqlError`.
    pub reason: String,
    pub plan_key: String,
    pub attempt: i64,
    /// Whether the tool was started.
    pub started: bool,
    /// Whether there was no table in the database before; absent: nobody has looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found_empty: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_exit: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_top: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_digest: Option<String>,
    pub file_count: i64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<String>,
    pub pending_total: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_digest: Option<String>,
    /// Names of the pending files, where they are listed for an approval.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pending_files: Vec<String>,
    /// What was found in them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    pub findings_total: i64,
    pub applied: i64,
    /// Whether the version table marks a file as begun and not ended.
    pub dirty: bool,
    /// With `dirty`: the version before that file, up to which all is applied; -1: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_good: Option<String>,
    /// For a tool whose table does not name what was applied: the files that its version takes for applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_for_applied: Option<TakenForApplied>,
    /// Whether 4.4 calls another attempt safe.
    pub retry_safe: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<MessageError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    pub lock_ms: i64,
    pub tool_ms: i64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub invalid_indexes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum Outcome {
    Succeeded,
    Skipped,
    Failed,
    Blocked,
    #[default]
    Unknown,
}

/// What went wrong, without any value that a row may hold.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MessageError {
    /// `Sql`, `Connection`, `Files`, `Tool`...
    pub class: String,
    /// SQLSTATE. Example: `23505`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<i64>,
    /// Table or constraint. Example: `users_email_key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The primary message, at most 512 bytes, without control characters and without values.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
}

impl MessageError {
    /// An error that no SQLSTATE names. `text` is ours, so it holds no value.
    #[must_use]
    pub fn plain(class: &str, text: &str) -> Self {
        Self {
            class: class.to_owned(),
            text: clean(text, TEXT_LIMIT),
            ..Self::default()
        }
    }
}

impl Message {
    /// The JSON, at most [`MESSAGE_LIMIT`] bytes. Cut in this order: warnings, pending, error.text, findings, file names, then the lists and words
    /// that can be long; what the outcome hangs on is never cut.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut message = self.clone();
        loop {
            let text = serde_json::to_string(&message).unwrap_or_default();
            if text.len() <= MESSAGE_LIMIT || !message.shorten() {
                return text;
            }
        }
    }

    /// The code the runner exits with. A hint only: 0 Succeeded and Skipped, 10 safe to retry, 11 Failed, 12 Blocked, 13 Unknown.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.outcome {
            Outcome::Succeeded | Outcome::Skipped => 0,
            Outcome::Failed if self.retry_safe => 10,
            Outcome::Failed => 11,
            Outcome::Blocked => 12,
            Outcome::Unknown => 13,
        }
    }

    /// Takes something away, the least important first; false when there is nothing left that may go.
    fn shorten(&mut self) -> bool {
        if self.warnings.pop().is_some() || self.pending.pop().is_some() {
            return true;
        }
        if let Some(error) = self.error.as_mut().filter(|error| !error.text.is_empty()) {
            error.text = clean(&error.text, error.text.len() / 2);
            return true;
        }
        if self.findings.pop().is_some()
            || self.pending_files.pop().is_some()
            || self.invalid_indexes.pop().is_some()
        {
            return true;
        }
        let error = self.error.take();
        let had_error = error.is_some();
        self.error = error.and_then(|error| {
            let short = MessageError {
                file: error.file.as_deref().map(|file| clean(file, 128)),
                object: error.object.as_deref().map(|object| clean(object, 128)),
                ..error.clone()
            };
            (short != error).then_some(short)
        });
        had_error
    }
}

/// One line without control characters, at most `limit` bytes, cut at a character's boundary.
#[must_use]
pub fn clean(text: &str, limit: usize) -> String {
    let mut out = String::new();
    for character in text.chars() {
        let character = if character.is_control() {
            ' '
        } else {
            character
        };
        if out.len() + character.len_utf8() > limit {
            break;
        }
        out.push(character);
    }
    out.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{MESSAGE_LIMIT, Message, MessageError, Outcome, clean};

    fn message() -> Message {
        Message {
            v: 1,
            outcome: Outcome::Failed,
            reason: "SqlError".to_owned(),
            error: Some(MessageError {
                code: Some("23505".to_owned()),
                ..MessageError::plain("Sql", &"é".repeat(400))
            }),
            ..Message::default()
        }
    }

    /// migrations.md case 32.
    #[test]
    fn a_long_message_loses_warnings_then_pending_then_the_text_and_keeps_what_the_outcome_hangs_on()
     {
        let warnings_go = Message {
            warnings: vec!["w".repeat(4000)],
            pending: vec!["1".to_owned()],
            ..message()
        };
        assert_eq!(
            warnings_go.to_json(),
            Message {
                warnings: Vec::new(),
                ..warnings_go.clone()
            }
            .to_json()
        );
        let pending: Vec<String> = (0..2000).map(|number| number.to_string()).collect();
        let pending_goes = Message {
            pending: pending.clone(),
            pending_total: 2000,
            ..message()
        };
        let read: Message = serde_json::from_str(&pending_goes.to_json()).expect("still JSON");
        assert!(pending_goes.to_json().len() <= MESSAGE_LIMIT);
        assert_eq!(
            read,
            Message {
                pending: read.pending.clone(),
                ..pending_goes
            }
        );
        assert_eq!(read.pending[..], pending[..read.pending.len()]);
        let all = Message {
            invalid_indexes: vec!["i".repeat(5000)],
            ..message()
        };
        let read: Message = serde_json::from_str(&all.to_json()).expect("still JSON");
        assert_eq!(
            (read.outcome, read.error.and_then(|error| error.code)),
            (Outcome::Failed, Some("23505".to_owned()))
        );
    }

    #[test]
    fn exit_codes_hint_at_the_outcome() {
        let code = |outcome, retry_safe| {
            Message {
                outcome,
                retry_safe,
                ..Message::default()
            }
            .exit_code()
        };
        assert_eq!(
            [
                code(Outcome::Succeeded, false),
                code(Outcome::Skipped, false),
                code(Outcome::Failed, true),
                code(Outcome::Failed, false),
                code(Outcome::Blocked, false),
                code(Outcome::Unknown, true),
            ],
            [0, 0, 10, 11, 12, 13]
        );
    }

    #[test]
    fn text_is_one_line_and_cut_between_characters() {
        assert_eq!(clean("a\nb\u{1b}c", 10), "a b c");
        assert_eq!(clean("ééé", 5), "éé");
    }
}
