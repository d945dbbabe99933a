//! The Kubernetes objects that an attempt at a Migration needs: its Job, and what that may reach.

pub mod attempt;
pub mod environment;
pub mod job;
pub mod network_policy;
mod parameters;
mod pod;
#[cfg(test)]
mod tests;
mod volumes;
