//! What a Backend comes to, from end to end of the pure part.

mod by_hand;
mod contract;
mod deadlines;
mod drift;
mod gate;
mod life;
mod looks;
mod objects;
mod probes;
mod server;
mod size;
mod trouble;
