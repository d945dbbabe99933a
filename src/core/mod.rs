//! (room is being built)
