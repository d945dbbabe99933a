//! What a user may say: the custom resources of `slipway.dev/v1alpha1`. Types, their rules (CEL) and columns; no client, no clock.
//!
//! The schema of a spec holds no defaults: a server that writes defaults into a user's spec makes every GitOps tool see drift. "Default" in
//! a description is worked out in memory and shown in the status. Doc comments on fields are what `kubectl explain` prints.

pub mod backend;
mod backend_rules;
mod backend_status;
pub mod common;
pub mod database;
mod database_rules;
mod definitions;
mod environment;
mod files;
mod ledger;
pub mod migration;
mod migration_options;
pub mod migration_rules;
pub mod patterns;
pub mod ports;
mod resource_rules;
mod schema;
pub mod workload;

pub use definitions::crds;
