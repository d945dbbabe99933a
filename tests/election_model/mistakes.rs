//! Mistakes planted on purpose, each known from a real leader election. They live here, between the real code and its world, so that the product
//! holds no switch for them.

use slipway::core::election::{Answer, Election, Holder, Input, Monotonic, Record, Role, Seen};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    None,
    /// The deadline counts from the answer to the renewal.
    CountsFromTheAnswer,
    /// A follower compares `renewTime` with its own wall clock, which runs an hour ahead.
    TrustsRenewTime,
    /// A follower waits for the holder to change, not for the Lease to change.
    WaitsOnlyForTheHolder,
    /// PUT without resourceVersion.
    WritesWithoutVersion,
    /// 409 is taken for "it is stored already".
    TakesRefusalForSuccess,
    /// Any good answer is taken for the answer to the last request.
    TakesLateAnswers,
    /// Reading one's own name counts as a renewal.
    TakesReadingForRenewal,
    /// Whoever won goes on writing until somebody tells it otherwise.
    NeverLooksAtTheClock,
    /// SIGTERM releases the Lease while writers are at work.
    ReleasesBeforeWritersStopped,
}

impl Mistake {
    /// Spoils what the election is told.
    pub fn before(self, election: &mut Election, now: Monotonic, input: Input) -> Input {
        let (Input::Answered { number, answer }, Some(outstanding)) =
            (&input, election.outstanding.as_mut())
        else {
            return input;
        };
        match (self, answer) {
            (Self::CountsFromTheAnswer, Answer::Stored(_)) if outstanding.number == *number => {
                outstanding.sent = now;
                input
            }
            (Self::TakesLateAnswers, Answer::Stored(_)) => Input::Answered {
                number: outstanding.number,
                answer: answer.clone(),
            },
            (Self::TakesRefusalForSuccess, Answer::Refused) => {
                match election.seen.as_ref().and_then(|seen| seen.lease.as_ref()) {
                    Some(record) => {
                        let mut record = Record {
                            holder: Holder::Us,
                            ..record.clone()
                        };
                        record.version.resource_version.push('0');
                        Input::Answered {
                            number: *number,
                            answer: Answer::Stored(record),
                        }
                    }
                    None => input,
                }
            }
            (Self::TakesReadingForRenewal, Answer::Found(Some(record))) => {
                if let (Role::Leader { renewed, .. }, Holder::Us) =
                    (&mut election.role, &record.holder)
                {
                    *renewed = now;
                }
                input
            }
            _ => input,
        }
    }

    /// Spoils what the election concludes. `before` is what it had seen before this input.
    pub fn after(self, election: &mut Election, now: Monotonic, before: Option<&Seen>) {
        let (Role::Follower, Some(seen)) = (&election.role, election.seen.as_mut()) else {
            return;
        };
        let holder = |seen: &Seen| seen.lease.as_ref().map(|record| record.holder.clone());
        match (self, before) {
            (Self::TrustsRenewTime, _) => seen.free_at = now,
            (Self::WaitsOnlyForTheHolder, Some(before)) if holder(before) == holder(seen) => {
                seen.free_at = before.free_at;
            }
            _ => {}
        }
    }
}
