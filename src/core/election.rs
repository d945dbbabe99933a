//! Leader election over one Lease: who may write. Pure: no client, no clock, no randomness; `operator::leader` runs it.
//!
//! The rules, which `tests/election_model` walks exhaustively:
//! - A leader may write until ten seconds after the *send* of its last good renewal. The lease lasts fifteen seconds, which a follower
//!   counts from when it *saw* the Lease change. The five seconds between are room for clocks of different rates and for writes on their way.
//! - No time that another process wrote is ever compared with our clock; a follower asks only whether the Lease changed.
//! - Each write carries uid and resourceVersion of the Lease it was decided on (or is a create), so of two claims one is refused. Refused
//!   means read again.
//! - Only a leader whose writers have all stopped gives the Lease up.
//!
//! An edited Lease never makes two leaders: what is not a release in our own words (no holder *and* a duration of one second, as client-go
//! writes it) counts as a change like any other, and is waited out. A leader whose Lease was deleted or emptied claims it again.
//! Two limits: a process that starts in the moment between the deletion and its leader's next look cannot know that there was one; and a
//! hand that writes a candidate's own name into the Lease just when that candidate's claim was refused is taken for that claim.

mod calls;
mod message;
mod record;
mod state;
#[cfg(test)]
mod tests;
mod time;

use std::time::Duration;

pub use message::{Answer, Call, Ended, Input, Loss, Request, Watch};
pub use record::{Claim, Holder, Record, Version};
pub use state::{Basis, Outstanding, Purpose, Role, Seen, Stop};
pub use time::{Monotonic, Timings};

/// The longest `leaseDurationSeconds` that is honoured, as a multiple of our own: an edited number must not lock everyone out for years.
const LONGEST_LEASE: u32 = 4;

/// One candidate's whole state. Its fields are public so that the model checker can fold states that differ only by the hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Election {
    /// This process's name, as written into the Lease. Must differ from every other process's, also from this pod's former ones.
    pub identity: String,
    /// The times of this election.
    pub timings: Timings,
    /// Leading or not.
    pub role: Role,
    /// The Lease as last seen; `None` before the first look.
    pub seen: Option<Seen>,
    /// The Lease must be read before anything else is sent.
    pub reread: bool,
    /// The last write was refused: if the next one is refused too, somebody fights for the Lease, and we take our time.
    pub refused: bool,
    /// Whether changes reach us unasked.
    pub watch: Watch,
    /// How far the end of this process has come.
    pub stop: Stop,
    /// The last claim that may still be stored without our knowing: what it was decided on.
    pub claim: Option<Basis>,
    /// No request before this.
    pub due: Monotonic,
    /// The request under way.
    pub outstanding: Option<Outstanding>,
    /// The next request's number.
    pub next_number: u64,
}

impl Election {
    /// A candidate that knows nothing yet. Its first `Input::Tick` sends a read.
    #[must_use]
    pub fn new(identity: String, timings: Timings) -> Self {
        Self {
            identity,
            timings,
            role: Role::Follower,
            seen: None,
            reread: true,
            refused: false,
            watch: Watch::Broken,
            stop: Stop::No,
            claim: None,
            due: Monotonic::default(),
            outstanding: None,
            next_number: 0,
        }
    }

    /// Takes one input, and says what to send. `jitter` is added to a follower's waits, so that replicas do not ask in step; zero to one retry
    /// period, chosen by the caller.
    pub fn step(&mut self, now: Monotonic, jitter: Duration, input: Input) -> Option<Request> {
        self.give_up_what_is_late(now);
        match input {
            Input::Tick => {}
            Input::Seen(lease) => self.see(now, lease),
            Input::Watch(watch) => self.watch_turned(now, watch),
            Input::Answered { number, answer } => self.answered(now, jitter, number, answer),
            Input::Stop => self.stop = self.stop.max(Stop::Asked),
            Input::Drained => {
                self.stop = Stop::Drained;
                self.due = now;
            }
        }
        let call = self.next_call(now)?;
        Some(self.send(now, call))
    }

    /// Whether this process may write at `now`. Ask before each write, and bound the write's own time by `lease - renew_deadline`.
    #[must_use]
    pub fn may_write(&self, now: Monotonic) -> bool {
        self.writes_until().is_some_and(|until| now < until)
    }

    /// When the right to write ends unless the Lease is renewed; `None` when there is no such right.
    #[must_use]
    pub fn writes_until(&self) -> Option<Monotonic> {
        match self.role {
            Role::Leader { renewed, .. } if self.stop != Stop::Drained => {
                Some(renewed.plus(self.timings.renew_deadline))
            }
            _ => None,
        }
    }

    /// The name of this leadership, the same throughout it and never used again: `identity/leaseTransitions`. `None` when not leading.
    #[must_use]
    pub fn term(&self) -> Option<String> {
        match self.role {
            Role::Leader { transitions, .. } => Some(format!("{}/{transitions}", self.identity)),
            _ => None,
        }
    }

    /// How it ended, if it did.
    #[must_use]
    pub fn ended(&self) -> Option<&Ended> {
        match &self.role {
            Role::Ended(ended) => Some(ended),
            _ => None,
        }
    }

    /// When to give the next `Input::Tick` at the latest; `None` when only an input can change anything.
    #[must_use]
    pub fn wake(&self) -> Option<Monotonic> {
        let next = match (&self.outstanding, &self.role) {
            (_, Role::Ended(_)) => return None,
            (Some(outstanding), _) => outstanding.until,
            (None, Role::Leader { .. }) => self.due,
            (None, Role::Follower) => match &self.seen {
                Some(seen) if !self.must_read() => self.due.max(seen.free_at),
                _ => self.due,
            },
        };
        match self.role {
            Role::Leader { renewed, .. } => {
                Some(next.min(renewed.plus(self.timings.renew_deadline)))
            }
            _ => Some(next),
        }
    }

    /// A leader past its deadline has lost, whatever arrives now; a request past its time is as good as unanswered.
    fn give_up_what_is_late(&mut self, now: Monotonic) {
        if let Role::Leader { renewed, .. } = self.role
            && now >= renewed.plus(self.timings.renew_deadline)
        {
            self.end(Ended::Lost(Loss::DeadlinePassed));
        }
        if self
            .outstanding
            .is_some_and(|outstanding| now >= outstanding.until)
        {
            self.outstanding = None;
            self.due = now;
        }
    }

    /// The watch delivered the Lease.
    fn see(&mut self, now: Monotonic, lease: Option<Record>) {
        match self.role {
            Role::Follower => self.observe(now, lease),
            Role::Leader { .. } => {
                // Our own renewals come back this way, also late ones. Anything else may be old news, so it only brings the next renewal
                // forward: the API server tells whether the Lease is still ours.
                let ours = lease
                    .as_ref()
                    .is_some_and(|record| record.holder == Holder::Us);
                let known = self.seen.as_ref().is_some_and(|seen| seen.lease == lease);
                if !ours && !known {
                    self.due = now;
                }
            }
            Role::Ended(_) => {}
        }
    }

    /// The watch opened or broke. Between two watches a change can be missed, so a follower reads the Lease: at once if the new watch stands,
    /// else after a moment in which it may come to stand.
    fn watch_turned(&mut self, now: Monotonic, watch: Watch) {
        if self.watch == watch {
            return;
        }
        self.watch = watch;
        if self.role == Role::Follower {
            self.reread = true;
            self.due = match watch {
                Watch::Open => now,
                Watch::Broken => self.due.max(now.plus(self.timings.retry)),
            };
        }
    }

    fn answered(&mut self, now: Monotonic, jitter: Duration, number: u64, answer: Answer) {
        let Some(outstanding) = self
            .outstanding
            .filter(|outstanding| outstanding.number == number)
        else {
            return;
        };
        self.outstanding = None;
        match (outstanding.purpose, answer) {
            (Purpose::Read, Answer::Found(lease)) => self.found(now, jitter, lease),
            (Purpose::Hold(transitions), Answer::Stored(record))
                if self.is_ours_and_new(&record) =>
            {
                self.holds(now, outstanding.sent, transitions, record);
            }
            (Purpose::Release, Answer::Stored(_)) => self.end(Ended::Released),
            (Purpose::Hold(_) | Purpose::Release, Answer::Refused) => {
                self.reread = true;
                self.due = if self.refused {
                    now.plus(self.pause(jitter))
                } else {
                    now
                };
                self.refused = true;
            }
            _ => self.due = now.max(outstanding.sent.plus(self.pause(jitter))),
        }
    }

    /// A write that changed nothing is no renewal: followers see no change. (It takes a wall clock that stands still.) What counts is the
    /// version that the write was decided on: a follower's watch may show its own claim before the claim is answered.
    fn is_ours_and_new(&self, record: &Record) -> bool {
        let changed_nothing = if self.role == Role::Follower {
            self.claim == Some(Basis::At(record.version.clone()))
        } else {
            let before = self.seen.as_ref().and_then(|seen| seen.lease.as_ref());
            before.is_some_and(|before| before.version == record.version)
        };
        record.holder == Holder::Us && !changed_nothing
    }

    /// The Lease is stored in our name, by a request sent at `sent`.
    fn holds(&mut self, now: Monotonic, sent: Monotonic, transitions: i32, record: Record) {
        self.claim = None;
        self.refused = false;
        self.seen = Some(Seen {
            lease: Some(record),
            free_at: now.plus(self.timings.lease),
        });
        if self.role == Role::Follower && self.stop == Stop::Asked {
            // Nobody was told of this leadership, so nobody has to be waited for.
            self.stop = Stop::Drained;
        }
        let transitions = match self.role {
            Role::Leader { transitions, .. } => transitions,
            _ => transitions,
        };
        self.role = Role::Leader {
            renewed: sent,
            transitions,
        };
        self.due = if self.stop == Stop::Drained {
            now
        } else {
            now.max(sent.plus(self.timings.retry))
        };
    }

    /// A read was answered.
    fn found(&mut self, now: Monotonic, jitter: Duration, lease: Option<Record>) {
        self.reread = false;
        match self.role {
            Role::Leader { .. } => self.found_as_leader(now, lease),
            Role::Follower => {
                self.observe(now, lease);
                self.due = match self.watch {
                    Watch::Open => now,
                    Watch::Broken => now.plus(self.pause(jitter)),
                };
            }
            Role::Ended(_) => {}
        }
    }

    /// A leader reads only after a refusal: a renewal of ours was stored without an answer, or somebody interfered.
    fn found_as_leader(&mut self, now: Monotonic, lease: Option<Record>) {
        let holder = lease
            .as_ref()
            .map_or(&Holder::Nobody, |record| &record.holder);
        match (holder, self.stop) {
            (Holder::Another(_) | Holder::Nobody, Stop::Drained) => self.end(Ended::Released),
            (Holder::Another(name), _) => self.end(Ended::Lost(Loss::TakenBy(name.clone()))),
            (Holder::Us | Holder::Nobody, _) => {
                self.seen = Some(Seen {
                    lease,
                    free_at: now.plus(self.timings.lease),
                });
                self.due = now;
            }
        }
    }

    /// A follower sees the Lease. Only a change starts the wait anew.
    fn observe(&mut self, now: Monotonic, lease: Option<Record>) {
        if self.seen.as_ref().is_some_and(|seen| seen.lease == lease) {
            return;
        }
        self.forget_claim_if_overtaken(lease.as_ref());
        let wait = self.wait_for(lease.as_ref());
        self.refused = false;
        self.seen = Some(Seen {
            lease,
            free_at: now.plus(wait),
        });
    }

    /// A claim decided on one state of the Lease cannot be stored once there is another.
    fn forget_claim_if_overtaken(&mut self, lease: Option<&Record>) {
        let now_at = lease.map_or(Basis::Absent, |record| Basis::At(record.version.clone()));
        let ours = lease.is_some_and(|record| record.holder == Holder::Us);
        if !ours && self.claim.as_ref().is_some_and(|basis| *basis != now_at) {
            self.claim = None;
        }
    }

    /// How long a follower waits on a Lease that it sees like this for the first time.
    fn wait_for(&self, lease: Option<&Record>) -> Duration {
        let Some(record) = lease else {
            // A cluster without a Lease is new. One whose Lease vanished before our eyes may still have a leader.
            let was_held = self
                .seen
                .as_ref()
                .and_then(|seen| seen.lease.as_ref())
                .is_some_and(|record| !record.is_released());
            return if was_held {
                self.timings.lease
            } else {
                Duration::ZERO
            };
        };
        if record.is_released() {
            return Duration::ZERO;
        }
        if record.holder == Holder::Us && self.claim.is_some() {
            return Duration::ZERO;
        }
        let written = record
            .duration_seconds
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map_or(Duration::ZERO, Duration::from_secs);
        written.clamp(
            self.timings.lease,
            self.timings.lease.saturating_mul(LONGEST_LEASE),
        )
    }

    /// Without a watch a follower reads the Lease again and again.
    fn must_read(&self) -> bool {
        self.reread || self.watch == Watch::Broken
    }

    /// How long until the next try. A leader keeps to the beat: thirty renewals a minute.
    fn pause(&self, jitter: Duration) -> Duration {
        match self.role {
            Role::Leader { .. } => self.timings.retry,
            _ => self
                .timings
                .retry
                .saturating_add(jitter.min(self.timings.retry)),
        }
    }

    fn end(&mut self, ended: Ended) {
        self.role = Role::Ended(ended);
        self.outstanding = None;
    }
}
