//! Slipway ships a backend service together with the database schema it needs.
//!
//! The map of the house; arrows go downward only (`tests/walls.rs` holds them):
//!
//! ```text
//! cli        what people and pipelines type
//! operator   the driver, one thin file of watches per kind, leader, admin server, metrics
//! runner     one attempt of a migration, inside its pod
//!    |
//! cluster    the API server: client, caches, the one writer, events
//!    |
//! core       deciding, pure: no client, no clock, no randomness
//!    |
//! api        what a user may say: the custom resources
//! ```
//!
//! Each look at an object goes the same way: observe -> resolve -> decide -> execute -> report -> one status write.

pub mod api;
pub mod cli;
pub mod cluster;
pub mod core;
pub mod operator;
pub mod runner;
