//! What a Backend comes to, from end to end of the pure part.

mod contract;
mod drift;
mod gate;
mod life;
mod looks;
mod objects;
mod server;
mod trouble;
