//! The arm protocol and the ledger, walked exhaustively at small size: every order of looks, writes, crashes, changes of leader, late and
//! repeated requests, old caches, ends of programs, deletions by users, edits, restores and passes of time. What decides is the product's own
//! `core::migration`, `core::run` and `core::database`; only the API server is a few lines of memory. Each known mistake, planted, is found.
//!
//! The walk keeps objects by what they hold and decides on the same only once, as the deciding itself takes a hundred times as long as a step.

mod backends;
mod bodies;
mod budget;
mod by_hand;
mod chance;
mod deeds;
mod fair;
mod file_walks;
mod files;
mod kept;
mod kubernetes;
mod leader;
mod looks;
mod mistakes;
mod museum;
#[path = "../cluster/chance.rs"]
#[allow(dead_code, reason = "a walk takes its seed from its test")]
mod numbers;
mod rules;
mod runner;
mod same;
mod server;
mod users;
mod waits;
mod walks;
mod witness;
mod world;

use std::collections::BTreeSet;
use std::sync::Arc;

use slipway::api::database::EntryOutcome;
use slipway::core::database::ledger;
use stateright::{Model, Property};

use budget::Budget;
use deeds::{Deed, deeds};
use kept::print_of;

use leader::Leader;
use looks::{Decided, Root, roots};
use mistakes::Mistake;
use rules::Rule;
use runner::Ending;
use server::Arrival;
use world::{Kind, Lag, Objects, WATCHED, Watched, World};

/// What may happen, and how often.
pub struct Scope {
    backends: Vec<(&'static str, &'static str)>,
    kind: Kind,
    left: Budget,
    /// Of so many states one is tried whether each migration in it moves on or says what it waits for, and whether a fair run from it comes to
    /// rest; 0: none.
    rest: u64,
    /// The walk minds only this rule, as a mistake may break several.
    only: Option<Rule>,
    leader: Leader,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A whole look, its writes at once, its status after them.
    Look(Root),
    /// A look whose writes come later, by the leader of this term.
    Hold(Root, u8),
    /// The next write of held plan n arrives, and may arrive once more.
    Land(usize),
    LandTwice(usize),
    /// The leader dies after so many writes of a look; another takes over.
    Die(Root, usize),
    TakeOver,
    /// The watch of a kind stays behind, and comes back.
    FallBehind(Watched),
    CatchUp(Watched),
    Start(Arc<str>),
    CannotStart(Arc<str>),
    Recover(usize),
    Condemn(Arc<str>),
    End(usize, Ending),
    Do(Deed),
    /// A program of another Database that names the same server begins its work, and ends it.
    StrangerBegins,
    StrangerEnds,
    Pass,
    Moment,
}

/// Which rule a state broke, the state itself tells.
const HOLDS: &str = "no step breaks a rule";
const NAMES: &str = "every state is left or names what it waits for";
const RESTS: &str = "from every state a fair run comes to rest";
const SUCCEEDS: &str = "a plan succeeds";
const RETRIES: &str = "a plan waits for another try";
const AWAITS: &str = "a plan waits for an approval";
const ALL_SUCCEED: &str = "all plans succeed";

impl Model for Scope {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let mut world = World::new(&self.backends, self.kind, self.left);
        world.only = self.only;
        world.kind.locks = self.leader.mistake != Mistake::RunsWithoutTheLock;
        vec![world]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        if world.broken.is_some() {
            return;
        }
        let left = world.left;
        self.looks_at(world, actions);
        for index in 0..world.held.len() {
            actions.push(Action::Land(index));
            if left.repeats > 0 {
                actions.push(Action::LandTwice(index));
            }
        }
        if left.crashes > 0 {
            actions.push(Action::TakeOver);
        }
        for kind in WATCHED {
            if world.lags.contains_key(&kind) {
                actions.push(Action::CatchUp(kind));
            } else if left.lags > 0 && (kind != Watched::ConfigMaps || left.files > 0) {
                actions.push(Action::FallBehind(kind));
            }
        }
        programs(world, actions);
        actions.extend(deeds(world).into_iter().map(Action::Do));
        if world.stranger {
            actions.push(Action::StrangerEnds);
        } else if left.strangers > 0 && world.lock_is_free() {
            actions.push(Action::StrangerBegins);
        }
        if left.passes > 0 && !world.waits_for_grace() {
            actions.push(Action::Pass);
        }
        if left.moments > 0 {
            actions.push(Action::Moment);
        }
    }

    fn next_state(&self, last: &World, action: Action) -> Option<World> {
        let mut world = last.clone();
        match action {
            Action::Look(root) => self.leader.look(&mut world, &root),
            Action::Hold(root, term) => {
                world.left.late -= 1;
                let held = self.leader.plan(&world, &root, term);
                world.held.push(held);
            }
            Action::Land(index) => self.leader.land(&mut world, index, 1),
            Action::LandTwice(index) => {
                world.left.repeats -= 1;
                self.leader.land(&mut world, index, 2);
            }
            Action::Die(root, writes) => {
                world.left.crashes -= 1;
                let mut plan = self.leader.plan(&world, &root, world.term);
                for _ in 0..writes {
                    if !self.leader.step(&mut world, &mut plan, Arrival::Prompt) {
                        break;
                    }
                }
                world.take_over();
            }
            Action::TakeOver => {
                world.left.crashes -= 1;
                world.take_over();
            }
            Action::FallBehind(kind) => {
                world.left.lags -= 1;
                let lag = Lag {
                    shown: world.server.clone(),
                    waits: BTreeSet::new(),
                };
                world.lags.insert(kind, lag);
            }
            Action::CatchUp(kind) => {
                world.lags.remove(&kind);
            }
            Action::Start(name) => world.start(&name, true),
            Action::CannotStart(name) => {
                world.left.stuck -= 1;
                world.start(&name, false);
            }
            Action::Recover(index) => world.recover(index),
            Action::Condemn(name) => {
                world.left.deadlines -= 1;
                world.condemn(&name);
            }
            Action::End(index, ending) => {
                if ending != Ending::Well {
                    world.left.failures -= 1;
                }
                world.end(index, ending);
            }
            Action::Do(deed) => world.does(&deed),
            Action::StrangerBegins => {
                world.left.strangers -= 1;
                world.stranger = true;
            }
            Action::StrangerEnds => world.stranger = false,
            Action::Pass => {
                world.left.passes -= 1;
                world.pass();
            }
            Action::Moment => {
                world.left.moments -= 1;
                world.moment();
            }
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![Property::always(HOLDS, |_, world: &World| {
            world.broken.is_none()
        })];
        properties.push(Property::sometimes(SUCCEEDS, |_, world: &World| {
            has(world, EntryOutcome::Succeeded)
        }));
        if self.left.failures > 0 {
            properties.push(Property::sometimes(RETRIES, |_, world: &World| {
                has(world, EntryOutcome::RetryWait)
            }));
        }
        if self.kind.approved {
            properties.push(Property::sometimes(AWAITS, |_, world: &World| {
                has(world, EntryOutcome::Listed)
            }));
        }
        properties.push(Property::sometimes(ALL_SUCCEED, |_, world: &World| {
            let ledger = ledger::of(&world.server.database.kept.object);
            let entries = ledger.entries.iter();
            entries
                .filter(|entry| entry.outcome == EntryOutcome::Succeeded)
                .count()
                >= world.truth.len()
        }));
        if self.rest > 0 {
            properties.push(Property::always(NAMES, |scope: &Scope, world: &World| {
                world.broken.is_some()
                    || !print_of(world).is_multiple_of(scope.rest)
                    || scope.names_what_it_waits_for(world)
            }));
            properties.push(Property::always(RESTS, |scope: &Scope, world: &World| {
                world.broken.is_some()
                    || !print_of(world).is_multiple_of(scope.rest)
                    || scope.comes_to_rest(world)
            }));
        }
        properties
    }
}

fn has(world: &World, outcome: EntryOutcome) -> bool {
    let ledger = ledger::of(&world.server.database.kept.object);
    ledger.entries.iter().any(|entry| entry.outcome == outcome)
}

impl Scope {
    fn looks_at(&self, world: &World, actions: &mut Vec<Action>) {
        let shown = world.shown();
        let left = world.left;
        for root in roots(&shown) {
            if world.lags.values().any(|lag| lag.waits.contains(&root)) {
                continue;
            }
            let Leader { looks, mistake } = &self.leader;
            let decided = looks.decide(world, &shown, &root, world.term, *mistake);
            let writes = decided.steps.len();
            if writes > 0 || shows_news(&shown, &root, &decided) {
                actions.push(Action::Look(root.clone()));
            }
            if writes > 0 && left.late > 0 {
                actions.push(Action::Hold(root.clone(), world.term));
                if world.term > 0 {
                    actions.push(Action::Hold(root.clone(), world.term - 1));
                }
            }
            if left.crashes > 0 {
                actions.extend((1..=writes).map(|after| Action::Die(root.clone(), after)));
            }
        }
    }
}

fn shows_news(shown: &Objects, root: &Root, decided: &Decided) -> bool {
    let Root::Migration(name) = root else {
        return false;
    };
    let migration = &shown.migrations[name].object;
    let phase = migration.status.as_ref().and_then(|status| status.phase);
    phase != decided.phase || decided.fixes_the_key_of(migration)
}

fn programs(world: &World, actions: &mut Vec<Action>) {
    for name in world.jobs_to_start() {
        if world.left.stuck > 0 {
            actions.push(Action::CannotStart(Arc::clone(&name)));
        }
        actions.push(Action::Start(name));
    }
    if world.left.deadlines > 0 {
        actions.extend(world.jobs_with_time_left().into_iter().map(Action::Condemn));
    }
    for (index, pod) in world.server.pods.iter().enumerate() {
        if pod.runs {
            actions.push(Action::End(index, Ending::Well));
            if world.left.failures > 0 {
                let endings = world.kind.endings.iter();
                actions.extend(endings.map(|ending| Action::End(index, *ending)));
            }
        } else if !pod.gone && world.has_unfinished_pod(pod.job) {
            actions.push(Action::Recover(index));
        }
    }
}
