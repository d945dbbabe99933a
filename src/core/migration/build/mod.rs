//! The one Kubernetes object that a Migration needs.

pub mod attempt;
pub mod environment;
pub mod job;
mod parameters;
mod pod;
#[cfg(test)]
mod tests;
mod volumes;
