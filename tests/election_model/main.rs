//! The leader election, walked exhaustively at small size: every order of requests, answers, watch events, passes of time, crashes and
//! stops, with messages late, lost and repeated and with clocks of different rates. The candidates are the real `core::election`. Each known mistake,
//! planted, is found.

mod fair;
mod key;
mod mistakes;
mod model;
mod planted;
mod superfluous;
mod world;

use std::time::Instant;

use slipway::core::election::Watch;
use stateright::{Checker, Model};

use mistakes::Mistake;
use world::Scope;

/// Two candidates with good clocks, to whom nothing bad happens.
fn two() -> Scope {
    Scope {
        rates: vec![8, 8],
        watch: Watch::Open,
        crashes: 0,
        repeats: 0,
        failures: 0,
        stops: 0,
        edits: 0,
        late_news: false,
        liveness: false,
        mistake: Mistake::None,
    }
}

/// Walks all states and fails on the first that breaks a rule.
fn holds(what: &str, scope: Scope) {
    let start = Instant::now();
    let checker = scope.checker().threads(2).spawn_bfs().join();
    println!(
        "{what}: {} states, {} steps, {:.1} s",
        checker.unique_state_count(),
        checker.state_count(),
        start.elapsed().as_secs_f32()
    );
    checker.assert_properties();
}

#[test]
fn of_two_candidates_never_both_may_write_and_somebody_always_can_lead() {
    holds(
        "two candidates",
        Scope {
            liveness: true,
            ..two()
        },
    );
}

#[test]
fn a_crash_makes_no_second_leader() {
    holds(
        "crash",
        Scope {
            crashes: 1,
            ..two()
        },
    );
}

#[test]
fn messages_that_arrive_twice_make_no_second_leader() {
    holds(
        "repeat",
        Scope {
            repeats: 1,
            ..two()
        },
    );
}

#[test]
fn failed_requests_done_or_not_make_no_second_leader() {
    holds(
        "failure",
        Scope {
            failures: 1,
            ..two()
        },
    );
}

#[test]
fn a_release_at_any_moment_makes_no_second_leader() {
    holds("stop", Scope { stops: 1, ..two() });
}

/// The clocks may differ by less than the ratio of lease and renew deadline, which is 1.5.
#[test]
fn clocks_of_different_rates_make_no_second_leader() {
    holds(
        "clocks 8 to 11",
        Scope {
            rates: vec![8, 11],
            ..two()
        },
    );
}

#[test]
fn without_a_watch_two_candidates_hold_to_the_same_and_somebody_always_can_lead() {
    holds(
        "no watch, crash",
        Scope {
            watch: Watch::Broken,
            crashes: 1,
            liveness: true,
            ..two()
        },
    );
}

/// F-12, among processes that have seen the leader.
#[test]
fn no_edit_of_the_lease_makes_a_second_leader() {
    holds("edit", Scope { edits: 1, ..two() });
}

#[test]
fn of_three_candidates_never_two_may_write() {
    holds(
        "three candidates, no watch",
        Scope {
            rates: vec![16, 16, 16],
            watch: Watch::Broken,
            ..two()
        },
    );
}

#[test]
#[ignore = "ten minutes: for the night"]
fn more_of_everything_makes_no_second_leader() {
    holds(
        "two stops, crash",
        Scope {
            crashes: 1,
            stops: 2,
            ..two()
        },
    );
    holds(
        "clocks 4 to 5, crash",
        Scope {
            rates: vec![4, 5],
            crashes: 1,
            ..two()
        },
    );
    holds(
        "late news, crash",
        Scope {
            late_news: true,
            crashes: 1,
            ..two()
        },
    );
}
