//! Flyway, as far as it can be known from text: its file names and versions, checksums, which files run in a transaction, its history
//! table, its JSON. From the sources of Flyway 12 OSS; `tests/contracts/flyway.rs` pins it against the real one. Pure.

pub mod callbacks;
pub mod files;
pub mod history;
mod name;
pub mod settings;
pub mod statements;
pub mod stray;
pub mod units;
pub mod version;
pub mod words;
