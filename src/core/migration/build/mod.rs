//! The one Kubernetes object that a Migration needs.

pub mod job;
