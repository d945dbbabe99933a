//! Files that end their transaction by themselves, with the real tools on a real PostgreSQL: what stands before the COMMIT stays, so none of them
//! is tried again by Slipway itself.

use anyhow::Result;
use rustix::process::{Signal, kill_process};

use crate::bench::Bench;
use crate::cases::{checked, runner_killed};
use crate::flyway;
use crate::goose::A;

const HALF: &str = "-- +goose Up\n-- +goose StatementBegin\nCREATE TABLE half (id int);\nCOMMIT;\n-- +goose StatementEnd\n";

/// Seven files of a public folder do so.
#[tokio::test]
async fn a_lock_timeout_after_a_files_own_commit_blocks_as_half_of_it_stays() -> Result<()> {
    let file = format!("{HALF}ALTER TABLE a ADD b int;\n");
    let bench = Bench::new(&[A]).await?;
    bench.run().await?;
    bench.write(&[("2_b.sql", &file)])?;
    let reader = bench.user().await?;
    reader.batch_execute("BEGIN; SELECT * FROM a").await?;
    let ended = bench.run().await?;
    assert_eq!(
        (ended.verdict(), ended.error()),
        (
            "Blocked PartiallyApplied 1->1 exit 12".to_owned(),
            "2_b.sql:6 55P03 ".to_owned()
        ),
        "{}",
        ended.output
    );
    assert!(bench.has("half").await?);
    Ok(())
}

#[tokio::test]
async fn a_goose_killed_after_a_files_own_commit_is_left_to_a_person() -> Result<()> {
    let file = format!("{HALF}SELECT pg_sleep(60);\n");
    let bench = Bench::new(&[A, ("2_b.sql", &file)]).await?;
    let running = bench.at_work().await?;
    kill_process(running.tool()?, Signal::KILL)?;
    let ended = running.end().await?;
    assert_eq!(ended.verdict(), "Blocked OutcomeUnknown none->1 exit 12");
    let error = ended.message.error.clone().unwrap_or_default();
    assert_eq!(
        error.text,
        "may be half applied, as it does not run in one transaction: it was killed by a signal"
    );
    Ok(())
}

/// The attempt leaves no word behind; the Check run that reads the database back finds the file.
#[tokio::test]
async fn a_runner_killed_after_a_files_own_commit_is_left_to_a_person() -> Result<()> {
    let file = format!("{HALF}SELECT pg_sleep(4);\nSELECT * FROM nothing;\n");
    let bench = Bench::new(&[A, ("2_b.sql", &file)]).await?;
    runner_killed(&bench).await?;
    assert_eq!(
        checked(&bench, 1).await?,
        "Blocked OutcomeUnknown 1->1 not started exit 12"
    );
    assert!(bench.has("half").await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn flyway_killed_after_a_files_own_commit_is_left_to_a_person() -> Result<()> {
    let file = "CREATE TABLE half (id int);\nCOMMIT;\nSELECT pg_sleep(60);\n";
    let bench = flyway::bench(&[flyway::A, ("V2__b.sql", file)]).await?;
    let running = bench.at_work().await?;
    kill_process(running.tool()?, Signal::KILL)?;
    let ended = running.end().await?;
    assert_eq!(
        ended.verdict(),
        "Blocked OutcomeUnknown none->1 exit 12",
        "{}",
        ended.output
    );
    bench.write(&[(
        "V2__b.sql",
        "CREATE TABLE IF NOT EXISTS half (id int);\nEND;\nSELECT * FROM nothing;\n",
    )])?;
    let failed = bench.run().await?;
    assert_eq!(
        failed.verdict(),
        "Blocked PartiallyApplied 1->1 exit 12",
        "{}",
        failed.output
    );
    Ok(())
}

/// golang-migrate marks a file before it begins it, so the mark tells, whatever the file does.
#[tokio::test]
async fn golang_migrate_killed_after_a_files_own_commit_leaves_its_mark() -> Result<()> {
    let file = "CREATE TABLE half (id int);\nCOMMIT;\nSELECT pg_sleep(60);\n";
    let bench = Bench::new(&[
        ("1_a.up.sql", "CREATE TABLE a (id int);\n"),
        ("2_b.up.sql", file),
    ])
    .await?
    .with(slipway::api::common::Tool::GolangMigrate)?;
    let running = bench.at_work().await?;
    kill_process(running.tool()?, Signal::KILL)?;
    let ended = running.end().await?;
    assert_eq!(ended.verdict(), "Blocked DatabaseDirty none->2 exit 12");
    assert!(bench.has("half").await?);
    Ok(())
}
