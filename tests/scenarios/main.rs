//! The scenarios: what users do and what can go wrong, on one real cluster that is started once. Each has a namespace, a database and an
//! operator of its own, as a process of this machine with the rights of the chart's role, so several run at a time. One line each; the last
//! line counts. `cargo test --test scenarios -- NAME --attach` shows the scenarios with NAME (or another name) in their sentence, on a
//! cluster that runs already (`cargo run --example cluster -- up`) and stays; `--program=FILE` takes another build of Slipway, for measuring.

mod aftermath;
mod answers;
mod approvals;
mod approvals_by_role;
mod by_hand;
mod chart;
mod children;
#[path = "../cluster/mod.rs"]
#[allow(
    unused_imports,
    reason = "the unit tests of the harness run in tests/harness.rs, not here"
)]
mod cluster;
mod commands;
mod config_maps;
mod contracts;
mod crashes;
mod definitions;
mod deletion;
mod edits;
mod engines;
mod failures;
mod figures;
mod first_release;
mod flyway;
mod golang_migrate;
mod grpc;
mod image_volumes;
mod input;
mod inputs;
mod isolation;
mod kills;
mod late_writes;
mod leadership;
mod leaks;
mod lease_faults;
mod locks;
mod memory;
mod metrics;
mod migrations;
mod nodes;
mod objects;
mod overlaps;
mod page;
mod pods;
mod probes;
mod programs;
mod remedies;
mod rights;
mod server_faults;
mod servers;
mod shared;
mod sources;
mod starts;
mod storm;
mod supervisor;
mod tally;
mod trace;
mod upgrades;
mod victims;
mod volume;
mod witness;
mod world;

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use futures::StreamExt;
use futures::stream;
use shared::Shared;
use world::World;

/// More at a time are slower on a small machine, not faster.
const AT_A_TIME: usize = 3;

/// As many more that mostly wait.
const WAITING_AT_A_TIME: usize = 4;

/// No scenario waits longer. The slowest, 34 kills one after the other, took 220 s beside seven compilers.
const LIMIT: Duration = Duration::from_mins(8);

type Running = Pin<Box<dyn Future<Output = Result<()>>>>;

/// One scenario: a sentence that is true of the product, and the code that shows it.
struct Scenario {
    sentence: &'static str,
    show: fn(World) -> Running,
}

macro_rules! scenarios {
    ($($module:ident :: $name:ident),* $(,)?) => {
        [$(Scenario { sentence: stringify!($name), show: |world| Box::pin($module::$name(world)) }),*]
    };
}

/// What to run, and on what.
struct Arguments {
    /// Parts of the sentences to run; all without one.
    names: Vec<String>,
    attach: bool,
    program: PathBuf,
}

impl Arguments {
    fn read() -> Self {
        let mut arguments = Self {
            names: Vec::new(),
            attach: false,
            program: env!("CARGO_BIN_EXE_slipway").into(),
        };
        for argument in std::env::args().skip(1) {
            if let Some(program) = argument.strip_prefix("--program=") {
                arguments.program = program.into();
            } else if argument == "--attach" {
                arguments.attach = true;
            } else if !argument.starts_with('-') {
                arguments.names.push(argument);
            }
        }
        arguments
    }

    fn choose<const N: usize>(&self, all: [Scenario; N]) -> Vec<Scenario> {
        let wanted = |scenario: &Scenario| {
            let named = |name: &String| scenario.sentence.contains(name.as_str());
            self.names.is_empty() || self.names.iter().any(named)
        };
        all.into_iter().filter(wanted).collect()
    }
}

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let arguments = Arguments::read();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run_all(&arguments)) {
        Ok((passed, failed)) => {
            println!("\n{passed} passed, {failed} failed");
            if failed == 0 {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            eprintln!("The scenarios could not be run: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// These wait for time to pass more than they work, and run beside the others.
fn waiting(arguments: &Arguments) -> Vec<Scenario> {
    arguments.choose(scenarios![
        server_faults::a_watch_that_hangs_is_noticed,
        first_release::at_rest_only_the_lease_is_renewed,
        server_faults::an_api_server_that_was_away_finds_all_settled_soon,
        chart::two_replicas_of_the_chart_go_on_whatever_becomes_of_the_leader,
        leadership::the_other_replica_goes_on_when_the_leader_ends_or_is_killed,
        objects::what_a_backend_names_is_waited_for_and_named_until_it_comes,
        objects::a_migration_whose_secret_is_missing_names_it_and_runs_when_it_comes,
        starts::a_run_whose_pod_is_refused_is_given_up_and_runs_once_it_is_let_in,
        starts::a_run_whose_image_cannot_be_pulled_is_given_up_and_makes_way,
        starts::a_run_whose_secret_lacks_a_key_is_given_up_and_runs_once_it_has_it,
        approvals::a_migration_waits_for_the_approval_of_exactly_what_is_pending,
        approvals_by_role::a_user_who_may_not_approve_makes_no_waiting_migration_run_by_any_edit,
        commands::a_state_that_waits_for_a_person_ends_by_what_its_message_says,
        remedies::a_migration_goes_through_once_what_its_message_says_is_done,
        probes::a_failing_probe_is_told_soon_and_the_told_deadline_stays,
        pods::what_keeps_pods_from_serving_is_found_by_the_command_of_its_message,
        contracts::a_contract_waits_for_the_last_older_pod_and_its_soak_and_then_shuts_older_images_out,
        contracts::a_contract_gives_way_to_a_newer_release_until_it_is_armed_and_may_fail_without_harm,
        lease_faults::a_lease_that_was_tampered_with_does_not_end_the_election,
        lease_faults::a_leader_that_cannot_renew_steps_down_in_time,
    ])
}

async fn run_all(arguments: &Arguments) -> Result<(usize, usize)> {
    let waiting = waiting(arguments);
    // The longest first: the others fill the time beside them.
    let together = arguments.choose(scenarios![
        crashes::an_operator_killed_at_any_of_its_writes_leaves_no_trace_of_it,
        first_release::the_release_waits_for_its_schema_and_costs_what_the_model_says,
        first_release::a_release_costs_the_same_whichever_watch_is_late,
        first_release::a_change_costs_what_the_model_says,
        first_release::a_restart_of_the_operator_writes_nothing,
        edits::an_image_there_and_back_again_runs_no_second_migration,
        children::what_a_backend_no_longer_wants_is_taken_away,
        children::a_release_number_that_is_raised_by_hand_is_put_back,
        children::what_was_made_without_an_answer_is_recognised,
        image_volumes::files_of_an_image_come_by_a_volume_where_the_platform_says_so,
        config_maps::files_of_a_config_map_are_waited_for_and_each_edit_is_a_plan_of_its_own,
        by_hand::a_repair_that_a_person_writes_runs_once_and_is_part_of_the_history,
        by_hand::a_migration_that_a_person_writes_waits_for_what_it_names_and_runs_what_it_found,
        migrations::a_broken_migration_keeps_the_old_release_serving_and_a_mended_one_goes_out,
        golang_migrate::a_database_that_golang_migrate_left_dirty_is_repaired_by_the_messages_own_commands,
        flyway::a_failed_row_of_flyways_is_repaired_by_the_messages_own_commands,
        programs::a_program_that_migrates_itself_goes_before_the_release,
        metrics::metrics_tell_of_a_migration_and_of_every_request_and_of_no_secret,
        engines::a_backend_on_mariadb_is_ready_and_its_pods_never_see_the_user_of_migrations,
        engines::a_pooler_before_the_database_is_named_with_the_way_past_it,
        migrations::two_backends_on_one_database_never_migrate_at_once,
        migrations::a_password_with_every_odd_character_works_and_is_found_nowhere,
        figures::a_migration_costs_what_the_model_says_whatever_lets_it_go,
        figures::a_runner_takes_little_memory_beside_its_tool,
        failures::a_migration_pod_that_is_deleted_ends_by_evidence,
        failures::a_killed_operator_finishes_after_its_restart,
        failures::a_job_that_a_person_starts_runs_nothing_and_the_migration_is_done_once,
        failures::an_image_that_cannot_be_pulled_is_named_in_the_status,
        input::every_good_and_bad_input_is_answered_as_promised,
        storm::whoever_is_killed_in_a_cluster_each_migration_comes_to_stay_once,
        locks::a_reader_waits_no_longer_than_the_guard_whatever_files_are_pending,
        locks::a_file_that_ends_its_transaction_is_left_to_a_person_when_it_fails,
        kills::a_killed_migration_is_tried_again_and_comes_to_stay_once,
        kills::a_migration_whose_pod_or_job_is_deleted_runs_to_its_end,
        kills::a_wait_before_the_next_attempt_outlives_the_operator,
        kills::a_half_applied_migration_waits_until_a_person_has_looked,
        servers::a_migration_whose_database_restarts_is_tried_again,
        servers::two_names_of_one_database_never_migrate_at_once,
        server_faults::every_write_may_be_refused_at_first_and_nothing_is_doubled,
        server_faults::writes_without_an_answer_are_not_done_twice,
        server_faults::watches_that_break_lose_and_double_nothing,
        memory::config_maps_of_others_do_not_fill_the_memory_of_the_operator,
        memory::backends_of_the_largest_spec_harm_only_themselves,
        isolation::an_object_whose_look_panics_harms_only_itself,
        isolation::an_object_that_does_not_decode_harms_only_itself,
        late_writes::a_job_that_is_created_too_late_never_runs,
        late_writes::an_arm_that_comes_after_a_change_of_leader_is_refused,
        late_writes::a_ledger_write_of_a_deposed_leader_is_refused_or_true,
        upgrades::an_operator_with_a_changed_builder_restarts_nothing,
        grpc::a_grpc_service_answers_through_its_headless_service_and_its_gateway,
        deletion::a_backend_deleted_in_the_middle_of_a_rollout_leaves_nothing,
        deletion::a_database_deleted_in_the_middle_of_a_migration_comes_back_with_its_schema,
        deletion::a_namespace_deleted_in_the_middle_of_a_migration_is_gone_after_it,
        migrations::an_image_waits_for_the_run_before_it_and_an_older_one_runs_nothing,
        migrations::files_that_contradict_the_version_table_are_blocked_with_the_way_out,
        objects::a_backend_tells_all_that_is_doubtful_in_it,
        objects::what_is_not_slipways_stays_as_it_is_and_is_named,
        deletion::a_deleted_backend_leaves_nothing,
        deletion::a_backend_deleted_in_the_middle_of_its_migration_lets_it_end,
    ]);
    // These measure time, or change what all share: nodes, definitions, an operator for all namespaces.
    let alone = arguments.choose(scenarios![
        figures::an_empty_migration_is_recorded_soon_whatever_the_tool,
        nodes::a_migration_whose_node_is_lost_is_read_back_and_not_run_again,
        definitions::an_object_of_a_looser_definition_is_told_so_and_keeps_its_ledger,
        page::every_command_of_the_readme_works_as_typed,
        volume::two_hundred_backends_at_once_all_become_ready,
    ]);
    let shared = Arc::new(Shared::start(arguments.attach, &arguments.program).await?);
    let count = waiting.len() + together.len() + alone.len();
    println!("running {count} scenarios");
    let (mut results, more) = futures::future::join(
        run(&shared, together, AT_A_TIME),
        run(&shared, waiting, WAITING_AT_A_TIME),
    )
    .await;
    results.extend(more);
    results.extend(run(&shared, alone, 1).await);
    if arguments.names.is_empty() {
        results.push(rights_are_used(&shared));
    }
    shared.tell_figures();
    let passed = results.iter().filter(|passed| **passed).count();
    let failed = results.len() - passed;
    Arc::into_inner(shared)
        .context("a scenario still holds the cluster")?
        .stop()
        .await?;
    Ok((passed, failed))
}

async fn run(shared: &Arc<Shared>, scenarios: Vec<Scenario>, at_a_time: usize) -> Vec<bool> {
    stream::iter(scenarios)
        .map(|scenario| show(shared, scenario))
        .buffer_unordered(at_a_time)
        .collect()
        .await
}

/// Shown by all scenarios together.
fn rights_are_used(shared: &Shared) -> bool {
    let requests = shared.requests();
    match requests.and_then(|all| rights::granted_are_used(&all, Shared::is_ours)) {
        Ok(told) => println!("ok                rights_granted_are_rights_used: {told}"),
        Err(error) => {
            println!("FAILED            rights_granted_are_rights_used\n{error:#}\n");
            return false;
        }
    }
    true
}

async fn show(shared: &Arc<Shared>, scenario: Scenario) -> bool {
    let start = Instant::now();
    let result = async {
        let world = World::new(Arc::clone(shared), scenario.sentence).await?;
        let aftermath = world.aftermath();
        let shown = tokio::time::timeout(LIMIT, (scenario.show)(world)).await;
        let shown = shown.map_err(anyhow::Error::from).and_then(|shown| shown);
        if shown.is_err() {
            aftermath.tell().await;
        }
        let left = aftermath.clean_up().await;
        match (shown, left) {
            (Err(shown), Err(left)) => Err(anyhow!("{shown:#}\n{left:#}")),
            (shown, left) => shown.and(left),
        }
    }
    .await;
    let seconds = start.elapsed().as_secs_f32();
    match &result {
        Ok(()) => println!("ok      {seconds:>6.1} s  {}", scenario.sentence),
        Err(error) => println!(
            "FAILED  {seconds:>6.1} s  {}\n{error:#}\n",
            scenario.sentence
        ),
    }
    result.is_ok()
}
