//! What can change nothing any more is taken out of the world, so that the walk stays small and still covers everything.

use slipway::core::election::{Call, Claim, Ended, Loss, Role};

use crate::mistakes::Mistake;
use crate::world::{Body, Message, TIMINGS, World};

impl World {
    /// Takes away what can change nothing any more, so that the walk does not go through its places in the queue: answers that nobody waits
    /// for, reads and doomed writes whose answer nobody waits for. Where a mistake makes one of them matter, it stays.
    pub fn tidy(&mut self, mistake: Mistake) {
        for place in 0..self.candidates.len() {
            self.anticipate(place, mistake);
        }
        let keep: Vec<bool> = self
            .network
            .iter()
            .map(|message| self.matters(message, mistake))
            .collect();
        let mut keep = keep.into_iter();
        self.network.retain(|_| keep.next().unwrap_or(true));
        self.forget_twins_of_the_gone();
    }

    /// Does what the election does first of all with whatever input comes next: what is late is given up. It comes to the same, and there are
    /// fewer states.
    fn anticipate(&mut self, place: usize, mistake: Mistake) {
        let now = self.now(place);
        let election = &mut self.candidates[place].election;
        if election
            .outstanding
            .is_some_and(|request| request.until <= now)
        {
            election.outstanding = None;
            election.due = now;
        }
        let late = matches!(election.role, Role::Leader { renewed, .. } if renewed.plus(TIMINGS.renew_deadline) <= now);
        if late && mistake != Mistake::NeverLooksAtTheClock {
            election.role = Role::Ended(Ended::Lost(Loss::DeadlinePassed));
            self.forget_answers(place);
        }
    }

    /// Late writes of processes that are gone: of those that do the same only the first has an effect.
    fn forget_twins_of_the_gone(&mut self) {
        let effect = |message: &Message| match &message.body {
            Body::Request(Call::Create(_)) => 0,
            Body::Request(Call::Replace(
                _,
                Claim {
                    holder: Some(_), ..
                },
            )) => 1,
            _ => 2,
        };
        let mut known = [false; 3];
        let gone: Vec<bool> = self
            .network
            .iter()
            .map(|message| !self.is_alive(message))
            .collect();
        let mut gone = gone.into_iter();
        self.network.retain(|message| {
            let twin = gone.next().unwrap_or(false)
                && std::mem::replace(&mut known[effect(message)], true);
            !twin
        });
    }

    fn matters(&self, message: &Message, mistake: Mistake) -> bool {
        let awaited = self.is_awaited(message)
            || mistake == Mistake::TakesLateAnswers && self.is_alive(message);
        awaited
            || match &message.body {
                Body::Request(Call::Replace(version, _)) => self.accepts(version, mistake),
                Body::Request(Call::Create(_)) => {
                    self.server.lease.is_none() || self.left.edits > 0
                }
                Body::Request(Call::Read) | Body::Answer(_) => false,
            }
    }
}
