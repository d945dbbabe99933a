//! How long to wait before the next try. Pure: the jitter comes in as a number, so that a test can walk all of it.

use std::time::Duration;

/// A delay that doubles from `first` up to `most`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Backoff {
    pub first: Duration,
    pub most: Duration,
}

/// For a reconcile that failed: 200 ms doubling to 60 s. An event of the object still runs it at once.
pub const RECONCILE: Backoff = Backoff {
    first: Duration::from_millis(200),
    most: Duration::from_mins(1),
};

/// Between two attempts of a migration: 10 s doubling to 10 min (`migrations.md` 4.1).
pub const MIGRATION: Backoff = Backoff {
    first: Duration::from_secs(10),
    most: Duration::from_mins(10),
};

impl Backoff {
    /// The delay after `failures` failures in a row (1 = the first), with `jitter` of 0..=255 spreading it over its upper half.
    #[must_use]
    pub fn delay(self, failures: u32, jitter: u8) -> Duration {
        let doublings = failures.saturating_sub(1).min(20);
        let full = self.first.saturating_mul(1_u32 << doublings).min(self.most);
        full / 2 + full / 2 * u32::from(jitter) / 255
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Backoff, MIGRATION};

    #[test]
    fn the_delay_doubles_up_to_the_most() {
        let delays: Vec<u64> = (1..=9)
            .map(|failures| MIGRATION.delay(failures, 255).as_secs())
            .collect();
        assert_eq!(delays, [10, 20, 40, 80, 160, 320, 600, 600, 600]);
    }

    #[test]
    fn jitter_keeps_the_delay_in_its_upper_half_and_no_count_overflows() {
        let backoff = Backoff {
            first: Duration::from_secs(1),
            most: Duration::from_secs(30),
        };
        for failures in [0, 1, 5, 21, u32::MAX] {
            for jitter in 0..=u8::MAX {
                let delay = backoff.delay(failures, jitter);
                assert!(
                    delay * 2 >= backoff.delay(failures, 255) && delay <= backoff.most,
                    "{failures} {jitter} {delay:?}"
                );
            }
        }
    }
}
