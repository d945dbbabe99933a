//! Walks in which a ConfigMap goes, comes and is another, and a Backend is paused.

use crate::Scope;
use crate::files::Takes;
use crate::runner::Ending;
use crate::walks::{after, approved, budget, holds, holds_and_says, one, two};
use crate::world::{Kind, Truth};

/// A scope with files of a ConfigMap.
pub fn with_files(takes: Takes, scope: Scope) -> Scope {
    Scope {
        kind: Kind {
            takes,
            ..scope.kind
        },
        ..scope
    }
}

/// What a status says, in part.
const MISSING: &str = "configmap sql not found (named by ";
const READ: &str = "being read to find out";
const UNREADABLE: &str = "how it ended cannot be read any more";

/// The same after a soak.
pub fn soaked(scope: Scope) -> Scope {
    let kind = Kind {
        soaked: true,
        ..scope.kind
    };
    after(Scope { kind, ..scope })
}

/// The same where what ends badly ends without a word: then somebody must read.
fn without_a_word(scope: Scope) -> Scope {
    let kind = Kind {
        endings: &[
            Ending::Silent(Truth::Untouched),
            Ending::Silent(Truth::Done),
        ],
        ..scope.kind
    };
    Scope { kind, ..scope }
}

#[test]
fn only_the_files_of_a_config_map_that_were_planned_are_run_and_whoever_lacks_them_says_so() {
    let entry = |left| with_files(Takes::Entry, one(left));
    let superseded = "backend orders does not ask for it any more";
    holds_and_says(entry(budget!(files: 2, crashes: 1)), &[MISSING, superseded]);
    holds(entry(budget!(files: 1, late: 1)));
    holds(entry(budget!(files: 1, lags: 1)));
    holds_and_says(
        entry(budget!(files: 1, failures: 1, passes: 1)),
        &["configmap sql is not as it was planned"],
    );
}

/// migrations.md 4.6: releases wait to know how a contract ended.
#[test]
fn a_contract_with_files_of_a_config_map_is_read_by_them_or_a_person_looks() {
    let entry = |left| without_a_word(soaked(with_files(Takes::Entry, one(left))));
    holds_and_says(
        entry(budget!(files: 2, failures: 1, passes: 1)),
        &[MISSING, READ, "Only with these files can be read"],
    );
}

#[test]
fn what_a_person_wrote_with_files_of_a_config_map_is_run_by_them_or_says_why_not() {
    let by_hand = |left| with_files(Takes::ByHand, one(left));
    let overtaken = "it never runs unless that is put back";
    holds_and_says(
        by_hand(budget!(writings: 1, files: 2)),
        &[MISSING, overtaken],
    );
    holds_and_says(
        without_a_word(soaked(by_hand(
            budget!(writings: 1, files: 1, failures: 1, passes: 1),
        ))),
        &[MISSING, READ, UNREADABLE],
    );
}

#[test]
fn while_a_backend_is_paused_what_is_armed_ends_and_nothing_new_begins() {
    holds_and_says(
        one(budget!(pauses: 2, crashes: 1)),
        &["spec.rollout.paused of backend orders is true"],
    );
    holds(one(budget!(pauses: 2, late: 1)));
    holds(one(budget!(pauses: 1, lags: 1)));
    holds(one(budget!(pauses: 2, failures: 1, passes: 1)));
    holds(soaked(one(budget!(pauses: 2, failures: 1, passes: 1))));
}

#[test]
#[ignore = "for the night"]
fn more_changes_of_files_and_pauses_leave_nothing_stuck() {
    let entry = |left| without_a_word(with_files(Takes::Entry, one(left)));
    let by_hand = |left| without_a_word(soaked(with_files(Takes::ByHand, one(left))));
    holds(entry(budget!(files: 1, pauses: 1, failures: 1, passes: 1)));
    holds(by_hand(
        budget!(writings: 1, erasures: 1, files: 1, failures: 1),
    ));
    holds(approved(entry(budget!(files: 1, approvals: 1, pauses: 1))));
    holds(with_files(Takes::Entry, two(budget!(files: 1, pauses: 1))));
    holds(entry(budget!(files: 2, failures: 1, retries: 1, passes: 1)));
}
