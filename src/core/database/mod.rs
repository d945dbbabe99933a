//! The Database: its ledger and its status. Pure.

pub mod contracts;
pub mod demands;
pub mod endpoint;
pub mod finalizer;
pub mod ledger;
pub mod restored;
pub mod retention;
pub mod retries;
mod status;
mod waits;

pub use status::{Decision, Seen, decide, replace, report, status_with};
