//! golang-migrate, as far as it can be known from text: its file names, its one row, its last words. From the sources of 4.20;
//! `tests/contracts.rs` pins it against the real one. Pure.

pub mod files;
pub mod versions;
pub mod words;
