//! Each known mistake, planted: the walk finds the rule that it breaks.

use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model};

use crate::mistakes::Mistake;
use crate::model::{DRAINED, IN_TIME, ONE_WRITER};
use crate::two;
use crate::world::Scope;

/// Walks until the mistake breaks this rule.
fn finds(rule: &'static str, scope: Scope) {
    let mistake = scope.mistake;
    let start = Instant::now();
    let checker = scope
        .checker()
        .threads(2)
        .finish_when(HasDiscoveries::AnyOf([rule].into()))
        .spawn_bfs()
        .join();
    let path = checker.discovery(rule).map(stateright::Path::into_actions);
    println!(
        "{mistake:?}: {} states, {:.1} s, {path:?}",
        checker.unique_state_count(),
        start.elapsed().as_secs_f32()
    );
    assert!(
        path.is_some(),
        "{mistake:?} must break the rule that {rule}"
    );
}

#[test]
fn counting_the_deadline_from_the_answer_is_found() {
    finds(
        IN_TIME,
        Scope {
            rates: vec![4, 4],
            mistake: Mistake::CountsFromTheAnswer,
            ..two()
        },
    );
}

#[test]
fn trusting_the_renew_time_is_found() {
    finds(
        ONE_WRITER,
        Scope {
            mistake: Mistake::TrustsRenewTime,
            ..two()
        },
    );
}

#[test]
fn waiting_only_for_the_holder_to_change_is_found() {
    finds(
        ONE_WRITER,
        Scope {
            mistake: Mistake::WaitsOnlyForTheHolder,
            ..two()
        },
    );
}

#[test]
fn writing_without_a_resource_version_is_found() {
    finds(
        ONE_WRITER,
        Scope {
            mistake: Mistake::WritesWithoutVersion,
            ..two()
        },
    );
}

#[test]
fn taking_a_refusal_for_success_is_found() {
    finds(
        ONE_WRITER,
        Scope {
            mistake: Mistake::TakesRefusalForSuccess,
            ..two()
        },
    );
}

#[test]
fn taking_the_answer_to_an_older_request_is_found() {
    finds(
        IN_TIME,
        Scope {
            rates: vec![4, 4],
            mistake: Mistake::TakesLateAnswers,
            ..two()
        },
    );
}

#[test]
fn taking_a_read_for_a_renewal_is_found() {
    finds(
        IN_TIME,
        Scope {
            mistake: Mistake::TakesReadingForRenewal,
            rates: vec![4, 4],
            ..two()
        },
    );
}

#[test]
fn writing_without_a_look_at_the_clock_is_found() {
    finds(
        ONE_WRITER,
        Scope {
            mistake: Mistake::NeverLooksAtTheClock,
            ..two()
        },
    );
}

#[test]
fn releasing_the_lease_before_the_writers_stopped_is_found() {
    finds(
        DRAINED,
        Scope {
            stops: 1,
            mistake: Mistake::ReleasesBeforeWritersStopped,
            ..two()
        },
    );
}

/// F-10: beyond the bound the election alone is not enough, so late writes must be harmless by themselves.
#[test]
fn clocks_that_differ_by_more_than_the_bound_are_found() {
    finds(
        ONE_WRITER,
        Scope {
            rates: vec![4, 8],
            ..two()
        },
    );
}
