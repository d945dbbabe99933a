//! What a user may say: the custom resources of `slipway.dev/v1alpha1`. Types, their rules (CEL) and columns; no client, no clock.
//!
//! The schema holds no defaults: a server that writes defaults into a user's spec makes every GitOps tool see drift.

pub mod backend;
pub mod common;
pub mod database;
pub mod migration;
pub mod ports;
pub mod workload;
