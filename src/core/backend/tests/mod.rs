//! What a Backend comes to, from end to end of the pure part.

mod contract;
mod gate;
mod life;
mod objects;
mod server;
