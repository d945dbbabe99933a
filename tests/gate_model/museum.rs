//! Each mistake of the museum, planted, breaks the rule that it should.

use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model};

use crate::leader::Leader;
use crate::mistakes::Mistake;
use crate::rules::Rule;
use crate::walks::{budget, one};
use crate::world::{Budget, World};
use crate::{HOLDS, RECONCILES, Scope};

/// Walks until the mistake breaks this rule.
fn finds(rule: Rule, mistake: Mistake, left: Budget) {
    let scope = Scope {
        rest: 0,
        only: Some(rule),
        ..one(left)
    };
    let found = finds_that(HOLDS, mistake, scope);
    assert_eq!(
        found.broken,
        Some(rule),
        "{mistake:?} must break: {}",
        rule.sentence()
    );
}

/// Walks until this is no longer so; the state in which it is not.
fn finds_that(sentence: &'static str, mistake: Mistake, mut scope: Scope) -> World {
    let start = Instant::now();
    scope.leader = Leader::new(mistake);
    let found = HasDiscoveries::AnyOf([sentence].into());
    let checker = scope.checker().threads(2).finish_when(found);
    let checker = checker.spawn_bfs().join();
    let path = checker.discovery(sentence);
    let found = path.as_ref().map(|path| path.last_state().clone());
    let path = path.map(stateright::Path::into_actions);
    println!(
        "{mistake:?}: {} steps, {:.1} s, {path:?}",
        checker.state_count(),
        start.elapsed().as_secs_f32()
    );
    found.unwrap_or_else(|| panic!("{mistake:?} must break: {sentence}"))
}

#[test]
fn a_deployment_before_its_controller_revision_is_found() {
    finds(Rule::KeptFirst, Mistake::KeepsItAfterwards, budget!());
}

#[test]
fn a_status_that_is_believed_without_the_ledger_is_found() {
    let left = budget!(lies: 2);
    finds(Rule::MigratedFirst, Mistake::BelievesTheStatus, left);
    finds(Rule::ReadyAfterMigrations, Mistake::BelievesTheStatus, left);
}

#[test]
fn a_gate_that_asks_the_first_migration_only_is_found() {
    finds(Rule::MigratedFirst, Mistake::AsksTheFirstOnly, budget!());
}

#[test]
fn migrations_that_are_made_all_at_once_are_found() {
    finds(Rule::InOrder, Mistake::MakesAllAtOnce, budget!());
}

#[test]
fn a_template_that_goes_out_with_the_replicas_is_found() {
    finds(
        Rule::LastRelease,
        Mistake::ReleasesWithTheReplicas,
        budget!(edits: 1, scales: 1),
    );
}

#[test]
fn an_apply_without_a_version_is_found() {
    let left = budget!(edits: 1, late: 1);
    finds(Rule::NoLateTemplate, Mistake::AppliesBlindly, left);
    let left = budget!(edits: 2, late: 1);
    finds(Rule::GenerationNeverFalls, Mistake::AppliesBlindly, left);
}

#[test]
fn a_release_of_what_an_old_cache_asks_for_is_found() {
    finds(
        Rule::OpenedByTheGate,
        Mistake::TrustsTheCache,
        budget!(lags: 1, pauses: 1),
    );
}

#[test]
fn a_gate_behind_which_nothing_is_written_is_found() {
    let scope = Scope {
        rest: 1,
        ..one(budget!(edits: 1, scales: 1))
    };
    finds_that(RECONCILES, Mistake::FreezesBehindTheGate, scope);
}

#[test]
fn a_status_made_of_wishes_is_found() {
    finds(Rule::ReadyIsTrue, Mistake::ReportsItsWish, budget!());
}

#[test]
fn a_label_that_is_believed_without_the_number_beside_is_found() {
    let scope = Scope {
        rest: 1,
        ..one(budget!(edits: 1, raises: 1))
    };
    finds_that(RECONCILES, Mistake::BelievesTheLabel, scope);
}

#[test]
fn a_release_that_is_forgotten_with_its_controller_revision_is_found() {
    let left = budget!(edits: 1, pauses: 1, losses: 1, deletions: 1);
    finds(Rule::LastRelease, Mistake::ForgetsTheStatus, left);
}
