//! The guard against waiting for locks, with the real tools on a real PostgreSQL: it holds for every file that can be rolled back, whatever other
//! files are pending, and it never ends a file that cannot be.

use std::future::Future;

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use tokio_postgres::Client;

use crate::bench::{Bench, Ended};
use crate::flyway;
use crate::goose::A;

/// The guard is 5 s; a reader that waits longer than this has met an unguarded statement.
const LONGEST_READ: &str = "SET lock_timeout = '8s'";

const INDEX: (&str, &str) = (
    "3_c.sql",
    "-- +goose NO TRANSACTION\n-- +goose Up\nCREATE INDEX CONCURRENTLY a_id ON a (id);\n",
);

/// The run's end, while the site goes on reading table `a`: no read may wait longer than the guard.
async fn beside_a_site(bench: &Bench, run: impl Future<Output = Result<Ended>>) -> Result<Ended> {
    let site = bench.user().await?;
    site.batch_execute(LONGEST_READ).await?;
    let reads = async {
        loop {
            let read = site.query("SELECT count(*) FROM a", &[]).await;
            if let Err(error) = read {
                return error;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        ended = run => ended,
        error = reads => Err(error).context("the site waited longer than the guard"),
    }
}

/// A run whose concurrent index waits longer than the guard for a writer, beside a site, and whose next file gives up behind a reader with this
/// error. The reader's transaction stays open.
async fn index_waits_and_alter_gives_up(bench: &Bench, error: &str) -> Result<(Ended, Client)> {
    // A reader alone holds up no concurrent index.
    let writer = bench.user().await?;
    writer
        .batch_execute("BEGIN; INSERT INTO a VALUES (1)")
        .await?;
    let running = bench.start()?;
    bench
        .session("wait_event_type = 'Lock' AND now() - query_start > interval '6 s'")
        .await?;
    let reader = bench.user().await?;
    reader.batch_execute("BEGIN; SELECT * FROM a").await?;
    writer.batch_execute("COMMIT").await?;
    let ended = beside_a_site(bench, running.end()).await?;
    assert_eq!(
        (ended.verdict(), ended.error()),
        (
            "Failed SqlError 1->3 retry exit 10".to_owned(),
            error.to_owned()
        ),
        "{}",
        ended.output
    );
    Ok((ended, reader))
}

/// A public folder of 131 goose files showed it: one file without a transaction took the guard from all the others.
#[tokio::test]
async fn a_file_without_a_transaction_takes_the_guard_from_no_other_file() -> Result<()> {
    let bench = Bench::new(&[A]).await?;
    bench.run().await?;
    let alter = ("2_b.sql", "-- +goose Up\nALTER TABLE a ADD b int;\n");
    let last = ("4_d.sql", "-- +goose Up\nALTER TABLE a ADD d int;\n");
    bench.write(&[alter, INDEX, last])?;
    let reader = bench.user().await?;
    reader.batch_execute("BEGIN; SELECT * FROM a").await?;
    let ended = beside_a_site(&bench, bench.run()).await?;
    assert_eq!(
        (ended.verdict(), ended.error()),
        (
            "Failed SqlError 1->1 retry exit 10".to_owned(),
            "2_b.sql:2 55P03 ".to_owned()
        ),
        "{}",
        ended.output
    );
    reader.batch_execute("COMMIT").await?;
    let ended = bench.run().await?;
    assert_eq!(
        (ended.verdict(), ended.message.applied),
        ("Succeeded Succeeded 1->4 exit 0".to_owned(), 3),
        "{}",
        ended.output
    );
    assert_eq!(bench.versions().await?, [0, 1, 2, 3, 4]);
    Ok(())
}

/// The file without a transaction comes first: it waits for a writer as long as it takes, and the file after it gives up.
#[tokio::test]
async fn a_concurrent_index_waits_for_a_writer_and_the_alter_after_it_gives_up() -> Result<()> {
    let mut bench = Bench::new(&[A]).await?;
    bench.run().await?;
    let alter = ("4_d.sql", "-- +goose Up\nALTER TABLE a ADD d int;\n");
    bench.write(&[INDEX, alter])?;
    // The plan's own target ends the last stage.
    bench.parameters.target = Some("4".to_owned());
    let (ended, _reader) = index_waits_and_alter_gives_up(&bench, "4_d.sql:2 55P03 ").await?;
    assert_eq!(ended.message.invalid_indexes, Vec::<String>::new());
    Ok(())
}

/// Late files are applied in the order of their numbers, over several starts of goose.
#[tokio::test]
async fn late_files_of_both_kinds_are_applied_over_several_starts() -> Result<()> {
    let mut bench =
        Bench::new(&[A, ("9_z.sql", "-- +goose Up\nCREATE TABLE z (id int);\n")]).await?;
    bench.run().await?;
    bench.write(&[
        ("2_b.sql", "-- +goose Up\nCREATE TABLE b (id int);\n"),
        INDEX,
        ("10_e.sql", "-- +goose Up\nCREATE TABLE e (id int);\n"),
    ])?;
    bench.parameters.out_of_order = slipway::api::migration::OutOfOrder::Allow;
    let ended = bench.run().await?;
    assert_eq!(
        ended.verdict(),
        "Succeeded Succeeded 9->10 exit 0",
        "{}",
        ended.output
    );
    assert_eq!(bench.versions().await?, [0, 1, 9, 2, 3, 10]);
    Ok(())
}

/// Flyway takes repeatable files in one go after the last version, also where a view among them has run before and needs what the last file makes.
#[tokio::test(flavor = "multi_thread")]
async fn flyway_is_started_for_each_stage_and_runs_repeatable_files_once_at_the_end() -> Result<()>
{
    let view = |columns: &str| {
        format!("DROP VIEW IF EXISTS v;\nCREATE VIEW v AS SELECT {columns} FROM a;\n")
    };
    let bench = flyway::bench(&[flyway::A, ("R__view.sql", &view("id"))]).await?;
    bench.run().await?;
    bench.write(&[
        (
            "V2__b.sql",
            "CREATE TABLE b AS SELECT current_setting('lock_timeout') AS it;\n",
        ),
        ("V3__c.sql", "CREATE INDEX CONCURRENTLY a_id ON a (id);\n"),
        ("V4__d.sql", "ALTER TABLE a ADD d int;\n"),
        ("R__view.sql", &view("id, d")),
        ("beforeMigrate.sql", "SET statement_timeout = '1h';\n"),
    ])?;
    let (_, reader) = index_waits_and_alter_gives_up(&bench, "V4__d.sql:1 55P03 ").await?;
    reader.batch_execute("COMMIT").await?;
    let ended = bench.run().await?;
    assert_eq!(
        ended.verdict(),
        "Succeeded Succeeded 3->4 exit 0",
        "{}",
        ended.output
    );
    let rows = [
        "1 SQL true",
        "R__view.sql SQL true",
        "2 SQL true",
        "3 SQL true",
        "4 SQL true",
        "R__view.sql SQL true",
    ];
    assert_eq!(bench.history().await?, rows);
    Ok(())
}

/// A callback that must run once leaves one start for all files; the run says so, and what to do.
#[tokio::test(flavor = "multi_thread")]
async fn flyway_with_a_callback_at_the_end_tells_that_its_files_are_not_guarded() -> Result<()> {
    let files = [
        flyway::A,
        ("V2__b.sql", "CREATE INDEX CONCURRENTLY a_id ON a (id);\n"),
        ("V3__c.sql", "CREATE TABLE c (id int);\n"),
        ("afterMigrate.sql", "SELECT * FROM c;\n"),
    ];
    let bench = flyway::bench(&files).await?;
    let ended = bench.run().await?;
    assert_eq!(
        ended.verdict(),
        "Succeeded Succeeded none->3 exit 0",
        "{}",
        ended.output
    );
    let [warning] = ended.message.warnings.as_slice() else {
        bail!("{:?}", ended.message.warnings);
    };
    assert!(
        warning.starts_with("V2__b.sql waits for locks as long as it takes, and afterMigrate.sql"),
        "{warning}"
    );
    Ok(())
}

/// A pod that is told to stop begins no further stage, so the file without a transaction is not begun and another attempt is safe.
#[tokio::test]
async fn a_stop_in_an_early_stage_leaves_the_next_file_untouched() -> Result<()> {
    let sleeps = ("2_b.sql", "-- +goose Up\nSELECT pg_sleep(2);\n");
    let bench = Bench::new(&[A, sleeps, INDEX]).await?;
    let running = bench.at_work().await?;
    running.signal(Signal::TERM)?;
    let ended = running.end().await?;
    assert_eq!(
        (ended.verdict(), ended.error()),
        (
            "Failed OutcomeUnknown none->2 retry exit 10".to_owned(),
            "3_c.sql  ".to_owned()
        ),
        "{}",
        ended.output
    );
    assert_eq!(
        bench.run().await?.verdict(),
        "Succeeded Succeeded 2->3 exit 0"
    );
    Ok(())
}

/// Flyway says of an early stage that it succeeded. That is no word about a repeatable file of which only Flyway knows whether it is to run.
#[tokio::test(flavor = "multi_thread")]
async fn flyways_word_for_an_early_stage_is_none_for_the_repeatable_files_after_it() -> Result<()> {
    let mut bench = flyway::bench(&[
        flyway::A,
        (
            "V2__b.sql",
            "SELECT pg_sleep(2);\nCREATE INDEX CONCURRENTLY a_id ON a (id);\n",
        ),
        ("V2__b.sql.conf", flyway::NO_TRANSACTION),
        ("R__c.sql", "CREATE TABLE IF NOT EXISTS ${name} (id int);\n"),
    ])
    .await?;
    let name = ("FLYWAY_PLACEHOLDERS_NAME".to_owned(), "c".to_owned());
    let naming = (
        "FLYWAY_VALIDATE_MIGRATION_NAMING".to_owned(),
        "true".to_owned(),
    );
    bench.environment.extend([name, naming]);
    let running = bench.at_work().await?;
    running.signal(Signal::TERM)?;
    let ended = running.end().await?;
    assert_eq!(
        ended.verdict(),
        "Failed OutcomeUnknown none->2 retry exit 10",
        "{}",
        ended.output
    );
    assert!(!bench.has("c").await?);
    assert_eq!(
        bench.run().await?.verdict(),
        "Succeeded Succeeded 2->2 exit 0"
    );
    assert!(bench.has("c").await?);
    Ok(())
}
