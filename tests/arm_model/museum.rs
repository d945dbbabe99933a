//! Each mistake of the museum, planted, breaks the rule that it should.

use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model};

use crate::Scope;
use crate::budget::{Budget, CALM};
use crate::leader::Leader;
use crate::looks::Looks;
use crate::mistakes::Mistake;
use crate::rules::Rule;
use crate::walks::{after, approved, one, two};

/// Walks until the mistake breaks this rule.
fn finds(rule: Rule, mistake: Mistake, scope: Scope) {
    let scope = Scope {
        leader: Leader {
            looks: Looks::default(),
            mistake,
        },
        only: Some(rule),
        rest: 0,
        ..scope
    };
    let start = Instant::now();
    let checker = scope
        .checker()
        .threads(2)
        .finish_when(HasDiscoveries::AnyOf([rule.sentence()].into()))
        .spawn_bfs()
        .join();
    let path = checker
        .discovery(rule.sentence())
        .map(stateright::Path::into_actions);
    println!(
        "{mistake:?}: {} states, {:.1} s, {path:?}",
        checker.unique_state_count(),
        start.elapsed().as_secs_f32()
    );
    assert!(path.is_some(), "{mistake:?} must break {}", rule.sentence());
}

fn crash_and_late() -> Budget {
    Budget {
        crashes: 1,
        late: 1,
        passes: 1,
        ..CALM
    }
}

#[test]
fn a_patch_without_a_precondition_is_found() {
    finds(
        Rule::NoOlderArm,
        Mistake::PatchesWithoutPrecondition,
        one(crash_and_late()),
    );
}

#[test]
fn a_delete_on_an_old_view_is_found() {
    let left = Budget {
        late: 1,
        edits: 2,
        ..CALM
    };
    finds(Rule::NeverKilled, Mistake::DeletesOnAnOldView, one(left));
}

#[test]
fn a_409_answered_with_the_old_body_is_found() {
    let left = Budget { late: 1, ..CALM };
    finds(
        Rule::RecordedWhenItEnded,
        Mistake::WritesTheLedgerBlindly,
        two(left),
    );
}

#[test]
fn an_arm_before_the_ledger_is_found() {
    finds(
        Rule::ArmedByTheLedger,
        Mistake::ArmsBeforeTheLedger,
        one(CALM),
    );
    let left = Budget { late: 1, ..CALM };
    finds(Rule::OneJob, Mistake::ArmsBeforeTheLedger, two(left));
}

#[test]
fn an_outcome_in_the_ledger_before_complete_is_found() {
    finds(
        Rule::RecordedWhenItEnded,
        Mistake::RecordsBeforeTheEnd,
        one(Budget { passes: 1, ..CALM }),
    );
}

#[test]
fn a_clean_up_before_the_record_is_found() {
    finds(
        Rule::RecordedBeforeItGoes,
        Mistake::ReleasesBeforeTheRecord,
        one(CALM),
    );
}

#[test]
fn a_time_to_live_before_the_record_is_found() {
    let left = Budget { passes: 1, ..CALM };
    finds(
        Rule::RecordedBeforeItGoes,
        Mistake::LivesOnlyForAWhile,
        one(left),
    );
    finds(Rule::BornInert, Mistake::LivesOnlyForAWhile, one(CALM));
}

#[test]
fn a_job_born_at_work_is_found() {
    finds(Rule::BornInert, Mistake::BornArmed, one(CALM));
}

#[test]
fn a_job_made_by_apply_is_found() {
    let left = Budget { late: 1, ..CALM };
    finds(Rule::NeverSuspendedAgain, Mistake::AppliesTheJob, one(left));
}

#[test]
fn a_random_job_name_is_found() {
    let left = Budget {
        late: 1,
        repeats: 1,
        ..CALM
    };
    finds(Rule::OneJobAnAttempt, Mistake::NamesAtRandom, one(left));
}

#[test]
fn a_job_that_may_retry_and_a_pod_that_may_restart_are_found() {
    finds(Rule::BornInert, Mistake::LetsTheJobRetry, one(CALM));
    finds(Rule::BornInert, Mistake::LetsThePodRestart, one(CALM));
}

#[test]
fn a_leader_that_touches_nothing_is_found() {
    finds(
        Rule::NoOlderArm,
        Mistake::TouchesNothing,
        one(crash_and_late()),
    );
}

#[test]
fn trust_in_an_old_cache_is_found() {
    let left = Budget {
        lags: 1,
        edits: 1,
        ..CALM
    };
    finds(Rule::Wanted, Mistake::TrustsTheCache, one(left));
}

#[test]
fn a_forgotten_back_off_is_found() {
    let left = Budget {
        failures: 1,
        ..CALM
    };
    finds(Rule::AfterTheBackOff, Mistake::ForgetsTheBackOff, one(left));
}

#[test]
fn a_job_gone_taken_for_a_job_that_never_was_is_found() {
    let left = Budget {
        failures: 1,
        deletions: 1,
        passes: 1,
        ..CALM
    };
    finds(Rule::SafeRetry, Mistake::TakesAbsenceForNothing, one(left));
}

#[test]
fn a_pod_forgotten_with_its_job_is_found() {
    let left = Budget {
        deletions: 1,
        moments: 1,
        ..CALM
    };
    finds(Rule::OnePod, Mistake::ForgetsPodsWithoutAJob, one(left));
}

#[test]
fn silence_taken_for_failure_or_for_success_is_found() {
    let left = Budget {
        failures: 1,
        passes: 1,
        ..CALM
    };
    finds(Rule::SafeRetry, Mistake::TakesSilenceForFailure, one(left));
    finds(
        Rule::SuccessIsTrue,
        Mistake::TakesSilenceForSuccess,
        one(left),
    );
}

#[test]
fn a_name_taken_for_a_uid_is_found() {
    let left = Budget {
        deletions: 1,
        late: 1,
        ..CALM
    };
    finds(Rule::OnePod, Mistake::KnowsByName, one(left));
}

#[test]
fn an_arm_before_the_end_of_the_soak_is_found() {
    let left = Budget { turns: 1, ..CALM };
    finds(
        Rule::SoakedFirst,
        Mistake::ArmsBeforeItIsDue,
        after(one(left)),
    );
}

#[test]
fn an_approval_of_another_list_is_found() {
    let left = Budget {
        approvals: 1,
        changes: 1,
        ..CALM
    };
    finds(
        Rule::ApprovedFirst,
        Mistake::TakesAnyApproval,
        approved(one(left)),
    );
}

#[test]
fn trust_in_an_approval_that_was_taken_back_is_found() {
    let left = Budget {
        approvals: 1,
        withdrawals: 1,
        lags: 1,
        ..CALM
    };
    finds(
        Rule::ApprovedFirst,
        Mistake::TrustsTheApprovalItSaw,
        approved(one(left)),
    );
}

#[test]
fn a_runner_that_is_not_told_which_list_was_approved_is_found() {
    let left = Budget {
        approvals: 1,
        changes: 1,
        ..CALM
    };
    finds(
        Rule::ApprovedFirst,
        Mistake::TellsTheRunnerNoList,
        approved(one(left)),
    );
}
