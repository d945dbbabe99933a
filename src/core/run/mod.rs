//! A run: one attempt of a migration, that is one Job. Its outcome is recorded in the ledger before anything is cleaned up, also when
//! its Migration, its Backend or its Database is gone. Pure.

mod decide;
pub mod evidence;
mod lost;
mod outcome;
mod seen;
pub mod sqlstate;
pub mod start;
pub mod ticket;
pub mod verdict;

pub use decide::{Decision, decide, report};
pub use seen::Seen;
