//! goose, as far as it can be known from text: its file names, how it cuts a file into statements, its version table, its last words.
//! From the sources of goose 3.27 to 3.29; `tests/runner/goose.rs` pins it against the real one. Pure.

pub mod files;
pub mod statements;
pub mod versions;
pub mod words;
