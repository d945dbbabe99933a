//! Deciding. Pure and synchronous: no client, no clock (`now` is an argument), no randomness, no files.
//!
//! The operator, `slipway render` and the tests all run this very code.

pub mod backend;
pub mod backoff;
pub mod compare;
pub mod conditions;
pub mod config_map;
pub mod crds;
pub mod database;
pub mod election;
pub mod hash;
pub mod meta;
pub mod migration;
pub mod plan;
pub mod probe_failure;
pub mod quantity;
pub mod rights;
pub mod run;
pub mod settings;
pub mod size;
pub mod version;
