//! The walks themselves: what may happen in each, and how often. Small ones for every day, large ones for the night.

use std::time::Instant;

use stateright::{Checker, Model};

use crate::Scope;
use crate::leader::Leader;
use crate::mistakes::Mistake;
use crate::world::Budget;

/// So often these things, and nothing else.
macro_rules! budget {
    ($($what:ident: $times:literal),*) => {
        $crate::world::Budget { $($what: $times,)* ..$crate::world::Budget::default() }
    };
}
pub(crate) use budget;

/// One Backend.
pub fn one(left: Budget) -> Scope {
    Scope {
        left,
        rest: 10,
        only: None,
        leader: Leader::new(Mistake::None),
    }
}

/// Walks all states and fails on the first that breaks a rule.
fn holds(left: Budget) {
    let start = Instant::now();
    let checker = one(left).checker().threads(2).spawn_bfs().join();
    println!(
        "{left:?}: {} states, {} steps, {} different looks, {:.1} s",
        checker.unique_state_count(),
        checker.state_count(),
        checker.model().leader.count(),
        start.elapsed().as_secs_f32()
    );
    checker.assert_properties();
}

#[test]
fn a_release_goes_out_only_after_its_migrations_whatever_becomes_of_them_and_whoever_lies() {
    holds(budget!(others: 2, lies: 1, delays: 1));
    holds(budget!(edits: 1, others: 1, contracts: 1));
    holds(budget!(edits: 1, lies: 1));
}

#[test]
fn edits_there_and_back_crashes_and_late_plans_never_bring_an_older_template_back() {
    holds(budget!(edits: 2, crashes: 1));
    holds(budget!(edits: 2, late: 1));
}

#[test]
fn a_closed_gate_keeps_the_template_while_replicas_and_service_go_on() {
    holds(budget!(edits: 1, scales: 1));
    holds(budget!(edits: 1, removals: 1));
    holds(budget!(pauses: 2, crashes: 1));
}

#[test]
fn caches_that_stay_behind_open_no_gate() {
    holds(budget!(edits: 1, lags: 1, crashes: 1));
    holds(budget!(edits: 1, lags: 1, pauses: 1));
}

#[test]
fn what_people_do_to_the_release_by_hand_brings_no_other_template() {
    holds(budget!(edits: 1, raises: 2));
    holds(budget!(edits: 2, losses: 1, hides: 1));
    holds(budget!(edits: 1, losses: 1, deletions: 1));
}

#[test]
#[ignore = "for the night"]
fn more_of_everything_opens_no_gate() {
    holds(budget!(edits: 2, lags: 1, crashes: 1));
    holds(budget!(edits: 2, late: 2, crashes: 2));
    holds(budget!(edits: 2, scales: 1, pauses: 2, others: 1, removals: 1));
    holds(budget!(edits: 2, lags: 2, crashes: 1, pauses: 1));
    holds(budget!(edits: 2, lags: 1, late: 1, crashes: 1, others: 1));
    holds(budget!(edits: 2, losses: 1, hides: 1, crashes: 1));
    holds(budget!(edits: 1, raises: 1, losses: 1, hides: 1, deletions: 1));
    holds(budget!(edits: 1, pauses: 1, losses: 1, deletions: 1));
    holds(budget!(edits: 1, raises: 1, lags: 1, crashes: 1));
    holds(budget!(edits: 2, lies: 2, others: 2, delays: 1, contracts: 1));
}
