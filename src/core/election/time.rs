//! Time as the election knows it: one process's own steady clock, and how long things last. Pure.

use std::time::Duration;

/// A reading of a clock that never jumps: the time since some fixed moment of this process, such as its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Monotonic(pub Duration);

impl Monotonic {
    /// This much later.
    #[must_use]
    pub const fn plus(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(wait))
    }

    /// How long from `earlier` until here; zero if it is the other way round.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// The times of an election.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Timings {
    /// How long the Lease must stay unchanged before a follower takes it. client-go's default: 15 s.
    pub lease: Duration,
    /// How long a leader writes after the send of its last good renewal. client-go's default: 10 s; must be less than `lease`.
    pub renew_deadline: Duration,
    /// From one renewal to the next, and from a failed request to the next. client-go's default: 2 s.
    pub retry: Duration,
    /// When an unanswered request is given up. 5 s: half the renew deadline, so that one dead connection costs no leadership.
    pub request: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry: Duration::from_secs(2),
            request: Duration::from_secs(5),
        }
    }
}
