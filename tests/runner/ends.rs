//! Runs that are cut short: by a signal to the tool or to the runner, by the pod's end, by the run deadline; and what a Check run then says.

use anyhow::Result;
use rustix::process::{Signal, test_kill_process};
use slipway::api::database::RunMode;

use crate::bench::running::is_provisional;
use crate::bench::{Bench, LIMIT, SLEEPER};
use crate::cases::tool_killed;
use crate::cluster::wait;
use crate::goose::{A, B};

/// migrations.md case 22.
#[tokio::test]
async fn a_tool_killed_in_the_middle_of_a_file_is_safe_to_repeat_only_in_a_transaction()
-> Result<()> {
    let naked = SLEEPER.replace("-- +goose Up", "-- +goose NO TRANSACTION\n-- +goose Up");
    let cases = [
        (SLEEPER, "Failed OutcomeUnknown none->1 retry exit 10"),
        (&naked, "Blocked OutcomeUnknown none->1 exit 12"),
    ];
    for (file, expected) in cases {
        let bench = Bench::new(&[A, ("2_b.sql", file)]).await?;
        assert_eq!(tool_killed(&bench).await?.verdict(), expected);
    }
    Ok(())
}

/// migrations.md case 23, F-41c: the tool dies with its runner, the message that is left claims nothing, and the next run finishes the work.
#[tokio::test]
async fn a_killed_runner_takes_the_tool_along_and_leaves_the_truth() -> Result<()> {
    let bench = Bench::new(&[A, ("2_b.sql", SLEEPER)]).await?;
    let running = bench.at_work().await?;
    let tool = running.tool()?;
    running.signal(Signal::KILL)?;
    let killed = running.end().await?;
    assert!(is_provisional(&killed.message), "{:?}", killed.message);
    wait::until("the tool's end", LIMIT, async || {
        match test_kill_process(tool) {
            Err(_) => Ok(()),
            Ok(()) => Err("it lives"),
        }
    })
    .await?;
    let mut check = bench.again(1);
    check.parameters.mode = RunMode::Check;
    assert_eq!(
        check.run().await?.verdict(),
        "Failed OutcomeUnknown 1->1 retry not started exit 10"
    );
    bench.write(&[B])?;
    assert_eq!(
        bench.again(2).run().await?.verdict(),
        "Succeeded Succeeded 1->2 exit 0"
    );
    check.parameters.attempt = 2;
    assert_eq!(
        check.run().await?.verdict(),
        "Succeeded NoPendingMigrations 2->2 not started exit 0"
    );
    Ok(())
}

/// migrations.md case 24: with enough grace the tool ends by itself; without it is ended 60 s before the pod would be.
#[tokio::test]
async fn a_stop_lets_the_tool_finish_within_the_grace_period() -> Result<()> {
    let short = "-- +goose Up\nSELECT pg_sleep(2);\n";
    let bench = Bench::new(&[A, ("2_b.sql", short)]).await?;
    let running = bench.at_work().await?;
    running.signal(Signal::TERM)?;
    assert_eq!(
        running.end().await?.verdict(),
        "Succeeded Succeeded none->2 exit 0"
    );
    let mut bench = Bench::new(&[A, ("2_b.sql", SLEEPER)]).await?;
    bench.parameters.grace_seconds = 61;
    let running = bench.at_work().await?;
    running.signal(Signal::TERM)?;
    assert_eq!(
        running.end().await?.verdict(),
        "Failed OutcomeUnknown none->1 retry exit 10"
    );
    Ok(())
}

/// migrations.md case 54.
#[tokio::test]
async fn a_run_past_its_deadline_is_ended() -> Result<()> {
    let mut bench = Bench::new(&[A, ("2_b.sql", SLEEPER)]).await?;
    bench.parameters.run_seconds = 1;
    assert_eq!(
        bench.run().await?.verdict(),
        "Failed DeadlineExceeded none->1 retry exit 10"
    );
    Ok(())
}

/// A Check run changes nothing, and says whether another attempt is safe.
#[tokio::test]
async fn a_check_of_a_file_without_a_transaction_asks_for_a_person() -> Result<()> {
    let naked = "-- +goose NO TRANSACTION\n-- +goose Up\nCREATE TABLE b (id int);\n";
    let mut bench = Bench::new(&[A, ("2_b.sql", naked)]).await?;
    bench.parameters.mode = RunMode::Check;
    assert_eq!(
        bench.run().await?.verdict(),
        "Failed OutcomeUnknown none->none retry not started exit 10"
    );
    assert!(!bench.has("goose_db_version").await?);
    bench.parameters.mode = RunMode::Run;
    bench.parameters.target = Some("1".to_owned());
    bench.run().await?;
    bench.parameters.mode = RunMode::Check;
    bench.parameters.target = None;
    assert_eq!(
        bench.run().await?.verdict(),
        "Blocked OutcomeUnknown 1->1 not started exit 12"
    );
    Ok(())
}
