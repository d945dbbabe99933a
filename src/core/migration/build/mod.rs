//! The one Kubernetes object that a Migration needs.

pub mod environment;
pub mod job;
