//! Named points where the operator ends itself, for the project's own scenarios. Compiled only with the feature `faults`.

use std::sync::atomic::{AtomicU64, Ordering};

/// Exit code of a process that ended at such a point, so that a scenario can tell it from a fault of its own.
pub const EXIT_CODE: i32 = 86;

/// What `SLIPWAY_FAULTS` asks for.
#[derive(Debug, Default)]
pub struct Faults {
    /// `exit-before-write=N`: ends instead of sending the N-th write (1 = the first).
    pub exit_before_write: Option<u64>,
    /// `exit-after-write=N`: ends when the N-th write is answered.
    pub exit_after_write: Option<u64>,
    /// `panic-for=NAMESPACE/NAME`: each look at this object panics.
    pub panic_for: Option<String>,
    /// `builder-salt=TEXT`.
    pub builder_salt: String,
    writes: AtomicU64,
}

impl Faults {
    /// Parses a comma list; a word that is not known is an error that names it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut faults = Self::default();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let number = |value: &str| value.parse().map_err(|_| format!("no number: {part}"));
            match part.split_once('=') {
                Some(("exit-before-write", value)) => {
                    faults.exit_before_write = Some(number(value)?);
                }
                Some(("exit-after-write", value)) => faults.exit_after_write = Some(number(value)?),
                Some(("panic-for", value)) => faults.panic_for = Some(value.to_owned()),
                Some(("builder-salt", value)) => value.clone_into(&mut faults.builder_salt),
                _ => return Err(format!("unknown fault: {part}")),
            }
        }
        Ok(faults)
    }

    pub(super) fn before_write(&self) -> u64 {
        let number = self.writes.fetch_add(1, Ordering::SeqCst) + 1;
        if self.exit_before_write == Some(number) {
            std::process::exit(EXIT_CODE);
        }
        number
    }

    pub(super) fn after_write(&self, number: u64) {
        if self.exit_after_write == Some(number) {
            std::process::exit(EXIT_CODE);
        }
    }
}
