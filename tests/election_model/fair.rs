//! The fair run: from here on everything works and everybody is prompt. Does anybody come to lead?

use slipway::core::election::{Input, Stop, Watch};

use crate::mistakes::Mistake;
use crate::world::{Body, World};

impl World {
    /// From here on everything works and everybody is prompt: does anybody come to lead before `rounds` passes of time are over?
    pub fn somebody_leads_within(&self, rounds: u32, watch: Watch) -> bool {
        let mut world = self.clone();
        for _ in 0..rounds {
            let leads = |place| {
                world.may_write(place, Mistake::None)
                    && world.candidates[place].election.stop == Stop::No
            };
            if (0..world.candidates.len()).any(leads) {
                return true;
            }
            world.fair_round(watch);
        }
        false
    }

    /// One pass of time in which nothing goes wrong.
    pub fn fair_round(&mut self, watch: Watch) {
        for place in 0..self.candidates.len() {
            if self.candidates[place].ended() {
                self.replace(place, watch);
            }
            if self.candidates[place].election.stop == Stop::Asked {
                self.candidates[place].writers = false;
                self.feed(place, Input::Drained, Mistake::None);
            }
            self.feed(place, Input::Tick, Mistake::None);
        }
        while let Some(message) = (!self.network.is_empty()).then(|| self.network.remove(0)) {
            match &message.body {
                Body::Request(_) => {
                    let answer = self.serve(&message, Mistake::None);
                    self.network.extend(answer);
                }
                Body::Answer(answer) => {
                    let input = Input::Answered {
                        number: message.number,
                        answer: answer.clone(),
                    };
                    self.feed(message.from, input, Mistake::None);
                }
            }
        }
        for place in 0..self.candidates.len() {
            if watch == Watch::Open && !self.candidates[place].ended() {
                let lease = self
                    .server
                    .lease
                    .as_ref()
                    .map(|stored| self.record(place, stored));
                self.feed(place, Input::Seen(lease), Mistake::None);
            }
        }
        self.time += 1;
    }
}
