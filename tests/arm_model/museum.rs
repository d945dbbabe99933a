//! Each mistake of the museum, planted, breaks the rule that it should.

use std::time::Instant;

use stateright::{Checker, CheckerBuilder, HasDiscoveries, Model};

use crate::budget::{Budget, CALM};
use crate::chance::Chance;
use crate::file_walks::{soaked, with_files};
use crate::files::Takes;
use crate::leader::Leader;
use crate::looks::Looks;
use crate::mistakes::Mistake;
use crate::rules::Rule;
use crate::walks::{SEED, after, approved, budget, one, two};
use crate::{HOLDS, RESTS, Scope};

/// Walks until the mistake breaks this rule.
pub fn finds(rule: Rule, mistake: Mistake, scope: Scope) {
    let checker = planted(rule, mistake, scope).spawn_bfs();
    shows(rule, mistake, checker);
}

/// Walks at random until the mistake breaks this rule.
fn finds_at_random(rule: Rule, mistake: Mistake, scope: Scope) {
    let checker = planted(rule, mistake, scope).target_state_count(50_000);
    shows(rule, mistake, checker.spawn_simulation(SEED, Chance));
}

/// Walks until the mistake leaves a state from which no fair run comes to rest.
pub fn finds_no_rest(mistake: Mistake, scope: Scope) {
    let mut scope = scope;
    scope.leader.mistake = mistake;
    scope.rest = 1;
    let found = HasDiscoveries::AnyOf([RESTS].into());
    let checker = scope.checker().threads(2).finish_when(found);
    let path = checker.spawn_bfs().join().discovery(RESTS);
    let path = path.map(stateright::Path::into_actions);
    println!("{mistake:?}: {path:?}");
    assert!(path.is_some(), "{mistake:?} must keep something from rest");
}

fn planted(rule: Rule, mistake: Mistake, scope: Scope) -> CheckerBuilder<Scope> {
    let scope = Scope {
        leader: Leader {
            looks: Looks::default(),
            mistake,
        },
        only: Some(rule),
        rest: 0,
        ..scope
    };
    let found = HasDiscoveries::AnyOf([HOLDS].into());
    scope.checker().threads(2).finish_when(found)
}

fn shows(rule: Rule, mistake: Mistake, checker: impl Checker<Scope>) {
    let start = Instant::now();
    let checker = checker.join();
    let path = checker.discovery(HOLDS);
    let broken = path.as_ref().and_then(|path| path.last_state().broken);
    let path = path.map(stateright::Path::into_actions);
    println!(
        "{mistake:?}: {} steps, {:.1} s, {path:?}",
        checker.state_count(),
        start.elapsed().as_secs_f32()
    );
    assert_eq!(
        broken,
        Some(rule),
        "{mistake:?} must break {}",
        rule.sentence()
    );
}

fn crash_and_late() -> Budget {
    budget!(crashes: 1, late: 1, passes: 1)
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
    finds(
        Rule::NeverKilled,
        Mistake::DeletesOnAnOldView,
        one(budget!(late: 1, edits: 2)),
    );
}

#[test]
fn a_409_answered_with_the_old_body_is_found() {
    finds(
        Rule::RecordedWhenItEnded,
        Mistake::WritesTheLedgerBlindly,
        two(budget!(late: 1)),
    );
}

#[test]
fn an_arm_before_the_ledger_is_found() {
    finds(
        Rule::ArmedByTheLedger,
        Mistake::ArmsBeforeTheLedger,
        one(CALM),
    );
    finds(
        Rule::OneJob,
        Mistake::ArmsBeforeTheLedger,
        two(budget!(late: 1)),
    );
}

#[test]
fn an_outcome_in_the_ledger_before_complete_is_found() {
    finds(
        Rule::RecordedWhenItEnded,
        Mistake::RecordsBeforeTheEnd,
        one(budget!(passes: 1)),
    );
}

#[test]
fn an_outcome_in_the_ledger_at_failure_target_is_found() {
    finds(
        Rule::RecordedWhenItEnded,
        Mistake::TakesFailureTargetForTheEnd,
        one(budget!(deadlines: 1, moments: 3)),
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
    let left = budget!(passes: 1);
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
    finds(
        Rule::NeverSuspendedAgain,
        Mistake::AppliesTheJob,
        one(budget!(late: 1)),
    );
}

#[test]
fn a_random_job_name_is_found() {
    finds(
        Rule::OneJobAnAttempt,
        Mistake::NamesAtRandom,
        one(budget!(late: 1, repeats: 1)),
    );
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
    finds(
        Rule::Wanted,
        Mistake::TrustsTheCache,
        one(budget!(lags: 1, edits: 1)),
    );
}

#[test]
fn a_forgotten_back_off_is_found() {
    finds(
        Rule::AfterTheBackOff,
        Mistake::ForgetsTheBackOff,
        one(budget!(failures: 1)),
    );
}

#[test]
fn a_job_gone_taken_for_a_job_that_never_was_is_found() {
    finds(
        Rule::SafeRetry,
        Mistake::TakesAbsenceForNothing,
        one(budget!(failures: 1, deletions: 1, passes: 1)),
    );
}

#[test]
fn a_pod_forgotten_with_its_job_is_found() {
    finds(
        Rule::OnePod,
        Mistake::ForgetsPodsWithoutAJob,
        one(budget!(deletions: 1, moments: 1)),
    );
}

#[test]
fn silence_taken_for_failure_or_for_success_is_found() {
    let left = budget!(failures: 1, passes: 1);
    finds(Rule::SafeRetry, Mistake::TakesSilenceForFailure, one(left));
    finds(
        Rule::SuccessIsTrue,
        Mistake::TakesSilenceForSuccess,
        one(left),
    );
}

#[test]
fn a_name_taken_for_a_uid_is_found() {
    finds(
        Rule::OnePod,
        Mistake::KnowsByName,
        one(budget!(deletions: 1, late: 1)),
    );
}

#[test]
fn an_arm_before_the_end_of_the_soak_is_found() {
    finds(
        Rule::SoakedFirst,
        Mistake::ArmsBeforeItIsDue,
        after(one(budget!(turns: 1))),
    );
}

#[test]
fn an_approval_of_another_list_is_found() {
    finds(
        Rule::ApprovedFirst,
        Mistake::TakesAnyApproval,
        approved(one(budget!(approvals: 1, changes: 1))),
    );
}

#[test]
fn trust_in_an_approval_that_was_taken_back_is_found() {
    finds(
        Rule::ApprovedFirst,
        Mistake::TrustsTheApprovalItSaw,
        approved(one(budget!(approvals: 1, withdrawals: 1, lags: 1))),
    );
}

#[test]
fn a_runner_that_is_not_told_which_list_was_approved_is_found() {
    finds(
        Rule::ApprovedFirst,
        Mistake::TellsTheRunnerNoList,
        approved(one(budget!(approvals: 1, changes: 1))),
    );
}

#[test]
fn a_ledger_that_forgets_what_waits_for_an_approval_is_found() {
    finds(
        Rule::ApprovedFirst,
        Mistake::ForgetsWhatWaits,
        approved(one(budget!(demands: 1, remakes: 1))),
    );
}

#[test]
fn a_database_that_goes_in_mid_run_is_found() {
    finds(
        Rule::OutlivesItsRun,
        Mistake::LetsTheDatabaseGo,
        one(budget!(databases: 1)),
    );
}

#[test]
fn a_program_without_the_lock_is_found() {
    let mistake = Mistake::RunsWithoutTheLock;
    finds(Rule::OneBody, mistake, one(budget!(strangers: 1)));
    finds(Rule::OneBody, mistake, one(budget!(nodes: 1, passes: 1)));
}

#[test]
fn a_pause_that_is_forgotten_or_that_an_old_cache_hides_is_found() {
    finds(
        Rule::NothingNewWhilePaused,
        Mistake::ForgetsThePause,
        one(budget!(pauses: 1)),
    );
    finds(
        Rule::NothingNewWhilePaused,
        Mistake::TrustsTheCache,
        one(budget!(pauses: 1, lags: 1)),
    );
}

#[test]
fn a_look_by_other_files_than_those_that_ran_is_found() {
    finds(
        Rule::ItsOwnFiles,
        Mistake::ReadsByOtherFiles,
        soaked(with_files(
            Takes::Entry,
            one(budget!(files: 1, failures: 1, passes: 1)),
        )),
    );
}

#[test]
fn a_contract_that_nobody_gives_up_reading_though_its_files_are_gone_for_good_is_found() {
    finds_no_rest(
        Mistake::NeverGivesUpReading,
        soaked(with_files(
            Takes::ByHand,
            one(budget!(writings: 1, files: 1, failures: 1)),
        )),
    );
}

#[test]
fn a_walk_at_random_finds_them_too() {
    let scope = || two(budget!(crashes: 3, late: 2));
    for (rule, mistake) in [
        (Rule::NoOlderArm, Mistake::PatchesWithoutPrecondition),
        (Rule::NoOlderArm, Mistake::TouchesNothing),
        (Rule::RecordedWhenItEnded, Mistake::WritesTheLedgerBlindly),
        (Rule::OneJob, Mistake::ArmsBeforeTheLedger),
        (Rule::NeverSuspendedAgain, Mistake::AppliesTheJob),
    ] {
        finds_at_random(rule, mistake, scope());
    }
}
