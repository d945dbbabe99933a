//! What may happen next, what comes of it, and the rules that hold in every state.

use slipway::core::election::{Answer, Ended, Input, Loss, Purpose, Role, Stop, Watch};
use stateright::{Model, Property};

use crate::mistakes::Mistake;
use crate::world::{Body, Candidate, Message, Scope, Stored, TIMINGS, World};

/// One step of the walk.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Time passes, for everybody. Nobody has to do anything in it: a process may be stopped for as long as it likes.
    Pass,
    Tick(usize),
    /// The watch delivers the Lease.
    See(usize),
    /// The watch delivers the Lease as it was before.
    SeeLate(usize),
    /// Message number n arrives, and may arrive once more.
    Arrive(usize),
    ArriveTwice(usize),
    /// Request number n is answered by 429 or 5xx; the server has done it, or not.
    Fail {
        message: usize,
        done: bool,
    },
    Crash(usize),
    Restart(usize),
    Stop(usize),
    WritersStopped(usize),
    Edit(Edit),
}

/// What a hand does to the Lease.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Edit {
    Delete,
    EmptyHolder,
    ZeroDuration,
}

pub const ONE_WRITER: &str = "never two may write at once";
pub const IN_TIME: &str = "nobody may write past the renew deadline";
pub const DRAINED: &str = "the Lease is released only when all writers have stopped";
const ALIVE: &str = "from every state somebody can come to lead";
const LEADS: &str = "somebody leads";
const SUCCEEDS: &str = "a leader that lost is succeeded";

impl Model for Scope {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let mut world = World::new(self);
        while self.edits > 0 && !settled(&world) {
            world.fair_round(self.watch);
        }
        vec![world]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        actions.push(Action::Pass);
        for (index, message) in world.network.iter().enumerate() {
            actions.push(Action::Arrive(index));
            if world.left.repeats > 0 {
                actions.push(Action::ArriveTwice(index));
            }
            if world.left.failures > 0
                && matches!(message.body, Body::Request(_))
                && world.is_alive(message)
            {
                actions.extend([true, false].map(|done| Action::Fail {
                    message: index,
                    done,
                }));
            }
        }
        for (place, candidate) in world.candidates.iter().enumerate() {
            if candidate.ended() {
                // Of a Lease deleted under its leader a new process cannot know; see the limit stated in `core::election`.
                if self.edits == 0 {
                    actions.push(Action::Restart(place));
                }
                continue;
            }
            if candidate
                .election
                .wake()
                .is_some_and(|wake| wake <= world.now(place))
            {
                actions.push(Action::Tick(place));
            }
            if self.watch == Watch::Open {
                actions.push(Action::See(place));
                if self.late_news && world.server.before.is_some() {
                    actions.push(Action::SeeLate(place));
                }
            }
            if world.left.crashes > 0 {
                actions.push(Action::Crash(place));
            }
            match candidate.election.stop {
                Stop::No if world.left.stops > 0 => actions.push(Action::Stop(place)),
                Stop::Asked => actions.push(Action::WritersStopped(place)),
                Stop::No | Stop::Drained => {}
            }
        }
        if world.left.edits > 0 {
            actions.extend([Edit::Delete, Edit::EmptyHolder, Edit::ZeroDuration].map(Action::Edit));
        }
    }

    fn next_state(&self, last: &World, action: Action) -> Option<World> {
        let mut world = last.clone();
        match action {
            Action::Pass => world.time += 1,
            Action::Tick(place) => world.feed(place, Input::Tick, self.mistake),
            Action::See(place) => self.see(&mut world, place, last.server.lease.as_ref()),
            Action::SeeLate(place) => {
                self.see(&mut world, place, last.server.before.as_ref()?.as_ref());
            }
            Action::Arrive(index) => {
                let message = world.network.remove(index);
                self.arrive(&mut world, &message);
            }
            Action::ArriveTwice(index) => {
                world.left.repeats -= 1;
                let message = world.network.get(index)?.clone();
                self.arrive(&mut world, &message);
            }
            Action::Fail { message, done } => {
                world.left.failures -= 1;
                let message = world.network.remove(message);
                if done {
                    world.serve(&message, self.mistake);
                }
                world.network.push(Message {
                    body: Body::Answer(Answer::Failed),
                    ..message
                });
            }
            Action::Crash(place) => {
                world.left.crashes -= 1;
                world.replace(place, self.watch);
            }
            Action::Restart(place) => world.replace(place, self.watch),
            Action::Stop(place) => {
                world.left.stops -= 1;
                world.feed(place, Input::Stop, self.mistake);
                if self.mistake == Mistake::ReleasesBeforeWritersStopped {
                    world.feed(place, Input::Drained, self.mistake);
                }
            }
            Action::WritersStopped(place) => {
                world.candidates[place].writers = false;
                world.feed(place, Input::Drained, self.mistake);
            }
            Action::Edit(edit) => {
                world.left.edits -= 1;
                self.edit(&mut world, edit)?;
            }
        }
        if !self.late_news {
            world.server.before = None;
        }
        world.tidy(self.mistake);
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(ONE_WRITER, |scope: &Scope, world: &World| {
                (0..world.candidates.len())
                    .filter(|place| world.may_write(*place, scope.mistake))
                    .count()
                    <= 1
            }),
            Property::always(IN_TIME, |scope: &Scope, world: &World| {
                (0..world.candidates.len())
                    .all(|place| !world.may_write(place, scope.mistake) || is_in_time(world, place))
            }),
            Property::always(DRAINED, |_: &Scope, world: &World| {
                let releases = |candidate: &Candidate| {
                    candidate
                        .election
                        .outstanding
                        .is_some_and(|request| request.purpose == Purpose::Release)
                };
                !world
                    .candidates
                    .iter()
                    .any(|candidate| candidate.writers && releases(candidate))
            }),
            Property::sometimes(LEADS, |scope: &Scope, world: &World| {
                (0..world.candidates.len()).any(|place| world.may_write(place, scope.mistake))
            }),
            Property::sometimes(SUCCEEDS, |scope: &Scope, world: &World| {
                let lost = |candidate: &Candidate| {
                    candidate.election.role == Role::Ended(Ended::Lost(Loss::DeadlinePassed))
                };
                world.candidates.iter().any(lost)
                    && (0..world.candidates.len())
                        .any(|place| world.may_write(place, scope.mistake))
            }),
        ];
        if self.liveness {
            properties.push(Property::always(ALIVE, |scope: &Scope, world: &World| {
                world.somebody_leads_within(FAIR_ROUNDS, scope.watch)
            }));
        }
        properties
    }
}

/// A fair run leads to a leader within so many passes of time: a stale claim, a whole Lease, another, and the requests between.
const FAIR_ROUNDS: u32 = 20;

impl Scope {
    fn see(&self, world: &mut World, place: usize, stored: Option<&Stored>) {
        let lease = stored.map(|stored| world.record(place, stored));
        world.feed(place, Input::Seen(lease), self.mistake);
    }

    fn arrive(&self, world: &mut World, message: &Message) {
        match &message.body {
            Body::Request(_) => {
                let answer = world.serve(message, self.mistake);
                world.network.extend(answer);
            }
            Body::Answer(answer) => {
                let input = Input::Answered {
                    number: message.number,
                    answer: answer.clone(),
                };
                world.feed(message.from, input, self.mistake);
            }
        }
    }

    #[allow(
        clippy::unused_self,
        reason = "an action of the model as the others are"
    )]
    fn edit(&self, world: &mut World, edit: Edit) -> Option<()> {
        let stored = world.server.lease.clone()?;
        let version = world.server.next_version;
        let edited = match edit {
            Edit::Delete => None,
            Edit::EmptyHolder => Some(Stored {
                version,
                holder: None,
                ..stored
            }),
            Edit::ZeroDuration => Some(Stored {
                version,
                duration_seconds: 0,
                ..stored
            }),
        };
        world.change(edited);
        Some(())
    }
}

/// By the writer's own clock, less than the renew deadline has passed since the send of a renewal that the server really stored.
fn is_in_time(world: &World, place: usize) -> bool {
    let candidate = &world.candidates[place];
    candidate.proof.is_some_and(|sent| {
        u64::from((world.time - sent) * candidate.rate) < TIMINGS.renew_deadline.as_secs()
    })
}

/// Somebody leads, and the others have seen it.
fn settled(world: &World) -> bool {
    let leads = (0..world.candidates.len()).any(|place| world.may_write(place, Mistake::None));
    leads && world.time > 2
}
