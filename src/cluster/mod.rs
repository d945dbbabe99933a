//! The API server: client, caches, the one writer, events. Decides nothing; may touch kube and tokio.
//!
//! Reads come from [`caches::Caches`], which watches keep current; writes go through [`writer::Writer`] and nowhere else, each one
//! after the question whether this replica may still write.

pub mod cache;
pub mod caches;
pub mod change;
pub mod client;
pub mod events;
mod failure;
#[cfg(feature = "faults")]
pub mod faults;
mod gone_pods;
pub mod jitter;
pub mod observer;
mod probe_events;
pub mod watch;
pub mod writer;
