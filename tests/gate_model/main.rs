//! The gate of a Backend, walked exhaustively at small size: every order of looks, writes, crashes, changes of leader, late plans, old caches,
//! edits of the spec there and back, outcomes of migrations and lies about them. What decides and reports is the product's own
//! `core::backend`; only the API server is a few lines of memory, and nobody minds the order of migrations but the Backend. Each known mistake,
//! planted, is found.
//!
//! One Backend with two migrations before its rollout and one after it, on one Database. `rollout.after` of I-4 is not in the API yet, nor is
//! an autoscaler (I-12). No time passes and no pod fails: deadlines and trouble are matters of `core::backend::report`'s own tests.

mod edits;
mod fair;
#[path = "../arm_model/kept.rs"]
#[allow(dead_code, reason = "a Backend has no Jobs to tell apart")]
mod kept;
mod leader;
mod migrations;
mod mistakes;
mod museum;
mod plans;
mod rules;
mod server;
mod walks;
mod witness;
mod world;

use std::collections::BTreeSet;
use std::sync::Arc;

use stateright::{Model, Property};

use edits::Edit;
use kept::print_of;
use leader::Leader;
use migrations::Outcome;
use rules::Rule;
use server::Arrival;
use world::{Budget, Lag, WATCHED, Watched, World};

/// What may happen, and how often.
pub struct Scope {
    left: Budget,
    /// Of so many states one is tried whether looks alone bring in what no gate holds, and whether a fair run from it ends Ready; 0: none.
    rest: u64,
    /// The walk minds only this rule, as a mistake may break several.
    only: Option<Rule>,
    leader: Leader,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A whole look, its writes at once, its status after them.
    Look,
    /// A look whose writes come later, by the leader of this term.
    Hold(u8),
    /// The next write of held plan n arrives.
    Land(usize),
    /// The leader dies after so many writes of a look; another takes over.
    Die(usize),
    /// The watch of a kind stays behind, and comes back.
    FallBehind(Watched),
    CatchUp(Watched),
    /// A Migration ends: the ledger says how, and its status shows that at once, or later; or somebody writes there that it is done.
    End(Arc<str>, Outcome),
    Record(Arc<str>, Outcome),
    Show(Arc<str>),
    Lie(Arc<str>),
    /// The pods of the Deployment are as it asks.
    RollOut,
    Do(Edit),
}

/// Which rule a state broke, the state itself tells.
const HOLDS: &str = "no write breaks a rule";
const RECONCILES: &str =
    "I-12: whatever the gate says, replicas and Service come to be what the spec asks for";
const RESTS: &str = "from every state a fair run ends Ready, or at a pause";
const RELEASES: &str = "a second release is out and Ready";

impl Model for Scope {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let mut world = World::new(self.left);
        world.only = self.only;
        vec![world]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        if world.broken.is_some() {
            return;
        }
        let left = world.left;
        self.looks(world, actions);
        actions.extend((0..world.held.len()).map(Action::Land));
        for kind in WATCHED {
            if world.lags.contains_key(&kind) {
                actions.push(Action::CatchUp(kind));
            } else if left.lags > 0 {
                actions.push(Action::FallBehind(kind));
            }
        }
        for name in world.migrations() {
            for outcome in world.possible_outcomes(&name) {
                actions.push(Action::End(Arc::clone(&name), outcome));
                if left.delays > 0 {
                    actions.push(Action::Record(Arc::clone(&name), outcome));
                }
            }
            if left.lies > 0 && world.recorded(&name).is_none() {
                actions.push(Action::Lie(Arc::clone(&name)));
            }
            if world.shows_less(&name) {
                actions.push(Action::Show(name));
            }
        }
        if world.is_rolling() {
            actions.push(Action::RollOut);
        }
        actions.extend(world.possible_edits().into_iter().map(Action::Do));
    }

    fn next_state(&self, last: &World, action: Action) -> Option<World> {
        let mut world = last.clone();
        match action {
            Action::Look => self.leader.look(&mut world),
            Action::Hold(term) => {
                world.left.late -= 1;
                let held = self.leader.plan(&world, term);
                world.held.push(held);
            }
            Action::Land(index) => self.leader.land(&mut world, index),
            Action::Die(writes) => {
                world.left.crashes -= 1;
                let mut plan = self.leader.plan(&world, world.term);
                for _ in 0..writes {
                    if !self.leader.step(&mut world, &mut plan, Arrival::Prompt) {
                        break;
                    }
                }
                world.take_over();
            }
            Action::FallBehind(kind) => {
                world.left.lags -= 1;
                let lag = Lag {
                    shown: Arc::clone(&world.server),
                    waits: false,
                };
                world.lags.insert(kind, lag);
            }
            Action::CatchUp(kind) => {
                world.lags.remove(&kind);
            }
            Action::End(name, outcome) => {
                world.end(&name, outcome);
                world.show(&name);
            }
            Action::Record(name, outcome) => {
                world.left.delays -= 1;
                world.end(&name, outcome);
            }
            Action::Show(name) => world.show(&name),
            Action::Lie(name) => {
                world.left.lies -= 1;
                world.put_phase(&name, Outcome::Succeeded);
            }
            Action::RollOut => world.roll_out(),
            Action::Do(edit) => world.edit(edit),
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![Property::always(HOLDS, |_, world: &World| {
            world.broken.is_none()
        })];
        if self.left.edits > 0 {
            properties.push(Property::sometimes(RELEASES, |_, world: &World| {
                world.last_release() == Some(2) && world.is_ready()
            }));
        }
        if self.rest > 0 {
            properties.push(Property::always(RECONCILES, |scope: &Scope, world| {
                !scope.is_tried(world) || scope.reconciles_what_no_gate_holds(world)
            }));
            properties.push(Property::always(RESTS, |scope: &Scope, world| {
                !scope.is_tried(world) || scope.comes_to_rest(world)
            }));
        }
        properties
    }
}

impl Scope {
    fn looks(&self, world: &World, actions: &mut Vec<Action>) {
        if world.lags.values().any(|lag| lag.waits) {
            return;
        }
        let left = world.left;
        let shown = world.shown();
        let decided = self.leader.decide(&shown);
        let writes = decided.steps.len();
        if writes > 0 || decided.shows_news(&shown) {
            actions.push(Action::Look);
        }
        if writes > 0 && left.late > 0 {
            let terms = BTreeSet::from([world.term, world.term.saturating_sub(1)]);
            actions.extend(terms.into_iter().map(Action::Hold));
        }
        if left.crashes > 0 {
            actions.extend((0..=writes).map(Action::Die));
        }
    }

    fn is_tried(&self, world: &World) -> bool {
        world.broken.is_none() && print_of(world).is_multiple_of(self.rest)
    }
}
