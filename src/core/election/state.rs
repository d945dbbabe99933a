//! What a candidate knows and is: the parts of an election's state.

use super::{Ended, Monotonic, Record, Version};

/// What a candidate is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Waiting for the Lease.
    Follower,
    /// Holding it.
    Leader {
        /// When the last good renewal was sent.
        renewed: Monotonic,
        /// `leaseTransitions` of this leadership.
        transitions: i32,
    },
    /// Neither ever again.
    Ended(Ended),
}

/// How far the end of the process has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stop {
    /// Nobody asked for it.
    No,
    /// Asked for; writers may still be at work, so a leader goes on renewing.
    Asked,
    /// The writers have stopped.
    Drained,
}

/// The Lease as last seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its content; `None`: there is no Lease.
    pub lease: Option<Record>,
    /// When a follower may take it, if it does not change until then.
    pub free_at: Monotonic,
}

/// What a claim was decided on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Basis {
    /// That there is no Lease.
    Absent,
    /// This state of the Lease.
    At(Version),
}

/// A request under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Outstanding {
    /// Its number.
    pub number: u64,
    /// When it was sent.
    pub sent: Monotonic,
    /// When it is given up.
    pub until: Monotonic,
    /// It claims or renews the Lease, releases it, or only reads.
    pub purpose: Purpose,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// To know the Lease.
    Read,
    /// To hold it; a new holder writes this many transitions.
    Hold(i32),
    /// To give it up.
    Release,
}
