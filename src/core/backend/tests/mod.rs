//! What a Backend comes to, from end to end of the pure part.

mod by_hand;
mod contract;
mod drift;
mod gate;
mod life;
mod looks;
mod objects;
mod server;
mod size;
mod trouble;
