//! The Database: its ledger and its status. Pure.

pub mod contracts;
pub mod endpoint;
pub mod ledger;
mod status;

pub use status::{Decision, Seen, decide, replace, report, status_with};
