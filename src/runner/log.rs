//! The pod's log: one line an event, for people. Nothing of a user's data is in it.

/// Writes a line of the runner's own.
pub fn say(text: &str) {
    println!("slipway: {text}");
}
