//! Sessions of the real Flyway on a real PostgreSQL: who waits for whom, and what a kill, a stop or a lost lock leaves.

use std::fs;

use anyhow::Result;
use rustix::process::{Signal, kill_process};

use crate::cases::{checked, gives_up_behind_a_reader, names_the_half_built_index, runner_killed};
use crate::flyway::{A, NO_TRANSACTION, bench, holds_no_secret};

/// A migration that a test can meet at work: it sleeps for a minute.
const SLEEPER: &str = "CREATE TABLE b (id int);\nSELECT pg_sleep(60);\n";

/// migrations.md case 17.
#[tokio::test(flavor = "multi_thread")]
async fn flyways_alter_behind_a_reader_gives_up_after_five_seconds_and_may_be_tried_again()
-> Result<()> {
    let bench = bench(&[A]).await?;
    let alter = ("V2__b.sql", "ALTER TABLE a ADD b int;\n");
    gives_up_behind_a_reader(&bench, alter, "V2__b.sql:1 55P03 ").await
}

/// migrations.md cases 18, 20, 21.
#[tokio::test(flavor = "multi_thread")]
async fn flyway_builds_an_index_concurrently_while_a_second_runner_waits() -> Result<()> {
    let index = "SELECT pg_sleep(2);\nCREATE INDEX CONCURRENTLY a_id ON a (id);\n";
    let bench = bench(&[A, ("V2__b.sql", index), ("V2__b.sql.conf", NO_TRANSACTION)]).await?;
    let mut alias = bench.again(2);
    "localhost".clone_into(&mut alias.parameters.host);
    let first = bench.at_work().await?;
    let second = alias.run().await?;
    let first = first.end().await?;
    assert_eq!(
        first.verdict(),
        "Succeeded Succeeded none->2 exit 0",
        "{}",
        first.output
    );
    assert_eq!(
        second.verdict(),
        "Succeeded NoPendingMigrations 2->2 not started exit 0"
    );
    assert_eq!(first.message.invalid_indexes, Vec::<String>::new());
    Ok(())
}

/// migrations.md case 19: Flyway runs such a statement without a transaction, whether it is told to or sees it by itself; its failed row is left,
/// and the index that is in the way of the next try is named.
#[tokio::test(flavor = "multi_thread")]
async fn flyway_left_an_index_half_built_and_it_is_named() -> Result<()> {
    let twice = ("V2__b.sql", "INSERT INTO a VALUES (1), (1);\n");
    let index = (
        "V3__c.sql",
        "CREATE UNIQUE INDEX CONCURRENTLY a_id ON a (id);\n",
    );
    for settings in [None, Some(NO_TRANSACTION)] {
        let bench = bench(&[A, twice, index]).await?;
        if let Some(settings) = settings {
            bench.write(&[("V3__c.sql.conf", settings)])?;
        }
        let ended = bench.run().await?;
        assert_eq!(
            (ended.verdict().as_str(), ended.error().as_str()),
            (
                "Blocked FailedMigrationRow none->2 exit 12",
                "V3__c.sql:1 23505 a_id"
            ),
            "{}",
            ended.output
        );
        names_the_half_built_index(&ended);
    }
    Ok(())
}

/// migrations.md cases 22, 30.
#[tokio::test(flavor = "multi_thread")]
async fn flyway_killed_in_the_middle_of_a_file_is_safe_to_repeat_only_in_a_transaction()
-> Result<()> {
    let cases = [
        (None, "Failed OutcomeUnknown none->1 retry exit 10"),
        (
            Some(NO_TRANSACTION),
            "Blocked OutcomeUnknown none->1 exit 12",
        ),
    ];
    for (settings, expected) in cases {
        let bench = bench(&[A, ("V2__b.sql", SLEEPER)]).await?;
        if let Some(settings) = settings {
            bench.write(&[("V2__b.sql.conf", settings)])?;
        }
        let running = bench.at_work().await?;
        let tool = running.tool()?;
        holds_no_secret(&fs::read_to_string(format!(
            "/proc/{}/cmdline",
            tool.as_raw_pid()
        ))?);
        kill_process(tool, Signal::KILL)?;
        let ended = running.end().await?;
        assert_eq!(ended.verdict(), expected, "{}", ended.output);
    }
    Ok(())
}

/// migrations.md case 23: Flyway's shell dies with the runner, Java does not where both share no pod; its session is found and waited for.
#[tokio::test(flavor = "multi_thread")]
async fn flyways_orphan_commits_after_a_killed_runner_and_the_next_run_waits_for_it() -> Result<()>
{
    let bench = bench(&[
        A,
        (
            "V2__b.sql",
            "CREATE TABLE b (id int);\nSELECT pg_sleep(4);\n",
        ),
    ])
    .await?;
    runner_killed(&bench).await?;
    assert_eq!(
        checked(&bench, 1).await?,
        "Succeeded NoPendingMigrations 2->2 not started exit 0"
    );
    Ok(())
}

/// migrations.md case 24.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_flyway_finish_within_the_grace_period() -> Result<()> {
    let cases = [
        (
            300,
            "SELECT pg_sleep(2);\n",
            "Succeeded Succeeded none->2 exit 0",
        ),
        (61, SLEEPER, "Failed OutcomeUnknown none->1 retry exit 10"),
    ];
    for (grace, content, expected) in cases {
        let mut bench = bench(&[A, ("V2__b.sql", content)]).await?;
        bench.parameters.grace_seconds = grace;
        let running = bench.at_work().await?;
        running.signal(Signal::TERM)?;
        let ended = running.end().await?;
        assert_eq!(ended.verdict(), expected, "{}", ended.output);
    }
    Ok(())
}

/// migrations.md case 25.
#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_flyways_run_lost_is_taken_again_or_flyway_is_killed() -> Result<()> {
    for (lets_in, grace, content, expected) in [
        (
            true,
            300,
            "SELECT pg_sleep(5);\n",
            "Succeeded Succeeded none->2 exit 0",
        ),
        (false, 8, SLEEPER, "Unknown LockLost none->none exit 13"),
    ] {
        let mut bench = bench(&[A, ("V2__b.sql", content)]).await?;
        bench.parameters.grace_seconds = grace;
        let running = bench.at_work().await?;
        let lock = bench
            .session("application_name LIKE 'slipway-lock/%'")
            .await?;
        let client = bench.client().await?;
        if !lets_in {
            client
                .batch_execute(&format!("ALTER ROLE {} NOLOGIN", bench.parameters.database))
                .await?;
        }
        client
            .execute("SELECT pg_terminate_backend($1)", &[&lock])
            .await?;
        let ended = running.end().await?;
        assert_eq!(ended.verdict(), expected, "{}", ended.output);
    }
    Ok(())
}
