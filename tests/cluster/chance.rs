//! Chance from a seed, so that what happened can be made to happen again.

use std::time::{SystemTime, UNIX_EPOCH};

/// The seed that this variable names, else one that nobody has seen.
pub fn seed(variable: &str) -> u64 {
    let named = std::env::var(variable).ok();
    let clock = SystemTime::now().duration_since(UNIX_EPOCH);
    let clock = clock.map_or(0, |clock| clock.as_secs());
    named.and_then(|seed| seed.parse().ok()).unwrap_or(clock)
}

/// Numbers that look like chance and come from a seed (splitmix64).
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One of these.
    pub fn one_of<T: Copy, const COUNT: usize>(&mut self, all: [T; COUNT]) -> T {
        let count = u64::try_from(COUNT).unwrap_or(u64::MAX);
        all[usize::try_from(self.below(count)).unwrap_or_default()]
    }

    /// Below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }
}
