//! A little chance, so that many who wait for the same thing do not all come back at once.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// A random byte. The standard library seeds each of its hashers anew, which is chance enough for a delay.
#[must_use]
pub fn random_byte() -> u8 {
    let [byte, ..] = RandomState::new().build_hasher().finish().to_le_bytes();
    byte
}
