//! The container's termination message: a file that the kubelet reads when the container has ended.

use std::io::{self, Write as _};
use std::path::PathBuf;

use crate::core::migration::message::Message;
use crate::core::migration::scrub::Scrubber;

use super::log::say;

/// The file, and what must never be in it.
#[derive(Clone, Debug)]
pub struct TerminationLog {
    path: PathBuf,
    scrubber: Scrubber,
}

impl TerminationLog {
    /// In this file; what is written into it is scrubbed.
    pub fn new(path: PathBuf, scrubber: Scrubber) -> Self {
        Self { path, scrubber }
    }

    /// Writes the message over the one before. A failure is said in the log only: the operator then finds no message, and checks.
    pub fn write(&self, message: &Message) {
        if let Err(error) = self.replace(&self.scrubbed(message)) {
            say(&format!("cannot write the termination message: {error}"));
        }
    }

    /// The file is a mount, so it cannot be replaced by a rename.
    fn replace(&self, message: &Message) -> io::Result<()> {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&self.path)?;
        file.write_all(message.to_json().as_bytes())
    }

    fn scrubbed(&self, message: &Message) -> Message {
        let mut message = message.clone();
        let scrub = |text: &mut String| *text = self.scrubber.scrub(text);
        if let Some(error) = &mut message.error {
            scrub(&mut error.text);
            error.object.iter_mut().for_each(scrub);
            error.file.iter_mut().for_each(scrub);
        }
        message
            .warnings
            .iter_mut()
            .chain(&mut message.invalid_indexes)
            .for_each(scrub);
        message
    }
}
