//! The Backend: from what a team wrote and what the caches show to a plan and a status. Pure: the operator, `slipway render` and the tests run
//! this very code.
//!
//! `resolve` puts defaults in and refuses what cannot work; `build` makes the objects; `gate` says whether a new release may go out; `decide`
//! makes the plan; `report` makes the status from what came back.

pub mod build;
mod children;
mod contract;
mod decide;
mod decision;
mod deployed;
mod gate;
mod input_hash;
mod problems;
mod release;
mod render;
mod report;
mod resolve;
mod resolved;
mod seen;
mod steps;
#[cfg(test)]
mod tests;

pub use self::build::headless_service::name_of as headless_name;
pub use self::decide::decide;
pub use self::decision::Decision;
pub use self::render::{Rendered, render};
pub use self::report::report;
pub use self::resolve::{Invalid, Missing, resolve};
pub use self::resolved::{ResolvedBackend, short_image};
pub use self::seen::{Seen, authorities_of, config_maps_of, databases_of};
