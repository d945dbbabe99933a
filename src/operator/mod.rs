//! Running: the driver, one thin file of watches per kind, the leader, the admin server, metrics, logs. It carries out what core decides.

pub mod admin;
pub mod driver;
mod keys;
pub mod kind;
pub mod kinds;
pub mod leader;
mod life;
pub mod metrics;
pub mod options;
mod queue;
mod run;
pub mod telemetry;

pub use run::{RunError, run};
