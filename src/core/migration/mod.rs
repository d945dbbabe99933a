//! A migration, from plan to outcome: what is planned, which Job does it, what its message means. Pure.

pub mod message;
pub mod parameters;
pub mod planned;
