//! What the election is told and what it asks for. Pure data.

use super::{Claim, Record, Version};

/// What the machine is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Time has passed.
    Tick,
    /// The watch delivered the Lease, or told of its deletion (`None`).
    Seen(Option<Record>),
    /// The watch works, or does not.
    Watch(Watch),
    /// Request `number` was answered.
    Answered {
        /// The `Request::number` that this answers.
        number: u64,
        /// What came back.
        answer: Answer,
    },
    /// The process is asked to end (SIGTERM).
    Stop,
    /// All writers of this process have stopped, for good.
    Drained,
}

/// Whether changes of the Lease reach us unasked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Watch {
    /// Changes since the last read arrive as `Input::Seen`.
    Open,
    /// They may not: a follower reads the Lease every retry period.
    Broken,
}

/// What the API server said.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// To a read: the Lease, or `None` if there is none (404).
    Found(Option<Record>),
    /// To a write: stored, and the Lease is now this.
    Stored(Record),
    /// To a write: the Lease is not what the write was decided on (409, or 404 for a replace).
    Refused,
    /// Anything else: 403, 429, 5xx, no connection.
    Failed,
}

/// A request to send. While it is unanswered no other is sent; a new one means that the old one was given up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// Grows with each request of this machine; its answer carries it back.
    pub number: u64,
    /// What to ask.
    pub call: Call,
}

/// The three requests of an election.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// GET.
    Read,
    /// POST: there is no Lease yet.
    Create(Claim),
    /// PUT with uid and resourceVersion of the Lease that was decided on.
    Replace(Version, Claim),
}

/// How the election ended for this process. It must not write any more, and a lost one must exit: another may already lead.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ended {
    /// The leadership was lost.
    Lost(Loss),
    /// The process was asked to end and holds nothing any more.
    Released,
}

/// Why a leadership was lost.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Loss {
    /// No renewal succeeded within the renew deadline.
    DeadlinePassed,
    /// The Lease names another process.
    TakenBy(String),
}
