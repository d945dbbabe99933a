//! What a Backend comes to, from end to end of the pure part.

mod life;
mod objects;
mod server;
