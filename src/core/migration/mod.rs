//! A migration, from plan to outcome: what is planned, which Job does it, what its message means. Pure.

pub mod approval;
mod approval_text;
mod arm;
mod asked;
pub mod build;
mod contract;
mod decide;
mod doubt;
pub mod dsn;
pub mod findings;
pub mod flyway;
pub mod golang_migrate;
pub mod goose;
mod inputs;
pub mod judge;
mod lines;
pub mod message;
mod message_text;
pub mod mysql_error;
pub mod mysql_server;
pub mod parameters;
pub mod planned;
pub mod program;
mod report;
pub mod scrub;
mod seen;
mod situation;
pub mod sql_error;
mod table_words;
pub mod words;

pub use contract::NotDue;
pub use decide::{Decision, decide, next_job};
pub use report::report;
pub use seen::Seen;
pub use situation::Situation;
