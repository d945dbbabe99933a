//! golang-migrate by the runner, against a real PostgreSQL.

use std::fs;

use anyhow::Result;
use rustix::process::{Signal, kill_process};
use slipway::api::common::Tool;

use crate::bench::{Bench, Ended};
use crate::cases::{
    checked, comes_up_once, names_the_half_built_index, runner_killed, stops_at_its_target,
    tells_apart_what_does_not_fit, tool_killed,
};

const A: (&str, &str) = ("1_a.up.sql", "CREATE TABLE a (id int);\n");
const B: (&str, &str) = ("2_b.up.sql", "CREATE TABLE b (id int);\n");
const C: (&str, &str) = ("3_c.up.sql", "CREATE TABLE c (id int);\n");

/// A migration that a test can meet at work: it sleeps for a minute.
const SLEEPER: (&str, &str) = (
    "2_b.up.sql",
    "CREATE TABLE b (id int);\nSELECT pg_sleep(60);\n",
);

/// One that a test can meet at work and that ends soon.
const SHORT: (&str, &str) = (
    "2_b.up.sql",
    "CREATE TABLE b (id int);\nSELECT pg_sleep(3);\n",
);

async fn bench(files: &[(&str, &str)]) -> Result<Bench> {
    Bench::new(files).await?.with(Tool::GolangMigrate)
}

fn assert_quiet(ended: &Ended) {
    let all = format!("{}{}", ended.output, ended.message.to_json());
    for secret in ["canary", "value-1", "row-"] {
        assert!(!all.contains(secret), "{all}");
    }
}

/// migrations.md cases 1, 2, 30.
#[tokio::test]
async fn golang_migrate_brings_an_empty_database_up_and_a_second_run_finds_nothing_to_do()
-> Result<()> {
    let bench = bench(&[A, B]).await?;
    comes_up_once(&bench, "2", 2).await?;
    assert_eq!(bench.row().await?, Some((2, false)));
    Ok(())
}

/// migrations.md cases 3, 5.
#[tokio::test]
async fn golang_migrate_stops_at_a_target_and_never_goes_down_to_one() -> Result<()> {
    let mut bench = bench(&[A, B, C]).await?;
    stops_at_its_target(&mut bench).await?;
    assert_eq!(bench.row().await?, Some((2, false)));
    Ok(())
}

/// migrations.md cases 4, 6, 16.
#[tokio::test]
async fn files_that_do_not_fit_golang_migrates_row_are_told_apart_before_it_starts() -> Result<()> {
    let mut bench = bench(&[A, C]).await?;
    bench.parameters.known = bench.run().await?.message.taken_for_applied;
    tells_apart_what_does_not_fit(&bench, B, C.0, "4_d.up.sql").await
}

/// migrations.md cases 7, 10, 31: what the tool says of a failing file is told without a value; then nothing runs until a person has put
/// the row right.
#[tokio::test]
async fn a_failing_file_leaves_the_row_dirty_and_blocks_until_it_is_forced_clean() -> Result<()> {
    let twice =
        "-- twice\nINSERT INTO a VALUES (4711), (4711);\nCREATE UNIQUE INDEX a_id ON a (id);\n";
    let bench = bench(&[A, ("2_b.up.sql", twice)]).await?;
    let failed = bench.run().await?;
    assert_eq!(
        (failed.verdict(), failed.error()),
        (
            "Blocked DatabaseDirty none->2 exit 12".to_owned(),
            "2_b.up.sql:3 23505 a_id".to_owned()
        ),
        "{}",
        failed.output
    );
    assert_eq!(
        (failed.message.dirty, failed.message.last_good.as_deref()),
        (true, Some("1"))
    );
    assert!(!failed.output.contains("4711"), "{}", failed.output);
    bench.write(&[B])?;
    let again = bench.run().await?;
    assert_eq!(
        (again.verdict(), again.error(), again.message.last_good),
        (
            "Blocked DatabaseDirty 2->2 not started exit 12".to_owned(),
            "2_b.up.sql  ".to_owned(),
            Some("1".to_owned())
        )
    );
    assert_eq!(bench.golang_migrate(&["force", "1"]).await?.0, Some(0));
    assert_eq!(
        bench.run().await?.verdict(),
        "Succeeded Succeeded 1->2 exit 0"
    );
    Ok(())
}

/// migrations.md case 31.
#[tokio::test]
async fn no_value_of_a_row_and_no_secret_leaves_golang_migrate() -> Result<()> {
    let value = "INSERT INTO a VALUES (1);\nSELECT ('row-' || 'value-' || id)::int FROM a;\n";
    let raised =
        "DO $$ BEGIN\n  RAISE EXCEPTION E'row-%\\nvalue-1 (SQLSTATE 00000)', 'x';\nEND $$;\n";
    let unknown = "SELECT 1;\nSELECT 'value-1' FROM nothing;\n";
    let files = [
        (value, "2_b.up.sql 22P02 "),
        (raised, "2_b.up.sql P0001 "),
        (unknown, "2_b.up.sql:2 42P01 nothing"),
    ];
    for (content, error) in files {
        let bench = bench(&[A, ("2_b.up.sql", content)]).await?;
        let ended = bench.run().await?;
        assert_eq!(
            (ended.verdict(), ended.error()),
            (
                "Blocked DatabaseDirty none->2 exit 12".to_owned(),
                error.to_owned()
            )
        );
        assert_quiet(&ended);
    }
    Ok(())
}

/// migrations.md cases 13, 14, 15.
#[tokio::test]
async fn a_folder_that_golang_migrate_could_not_use_or_would_misread_is_refused() -> Result<()> {
    let bench = bench(&[("1_a.sql", A.1)]).await?;
    assert_eq!(
        bench.run().await?.verdict(),
        "Failed NoMigrationFiles none->none not started exit 11"
    );
    bench.write(&[A, ("1_a.up.sql.bak", A.1)])?;
    assert_eq!(
        bench.run().await?.verdict(),
        "Failed InvalidSource none->none not started exit 11"
    );
    bench.remove("1_a.up.sql")?;
    assert_eq!(
        bench.run().await?.verdict(),
        "Succeeded Succeeded none->1 exit 0"
    );
    bench.write(&[("2_b.down.sql", "DROP TABLE b;\n")])?;
    let lone = bench.run().await?;
    assert_eq!(
        (lone.verdict(), lone.error()),
        (
            "Failed InvalidSource 1->1 not started exit 11".to_owned(),
            "2_b.down.sql  ".to_owned()
        )
    );
    Ok(())
}

/// migrations.md case 17: a lock that times out would leave the row dirty, so golang-migrate waits.
#[tokio::test]
async fn golang_migrate_waits_behind_a_reader_as_giving_up_would_leave_the_row_dirty() -> Result<()>
{
    let bench = bench(&[A]).await?;
    bench.run().await?;
    bench.write(&[("2_b.up.sql", "ALTER TABLE a ADD b int;\n")])?;
    let reader = bench.user().await?;
    reader.batch_execute("BEGIN; SELECT * FROM a").await?;
    let running = bench.start()?;
    bench
        .session("wait_event_type = 'Lock' AND now() - query_start > interval '6 s'")
        .await?;
    reader.batch_execute("COMMIT").await?;
    assert_eq!(
        running.end().await?.verdict(),
        "Succeeded Succeeded 1->2 exit 0"
    );
    Ok(())
}

/// migrations.md cases 18, 20: the second runner waits for our lock by asking, so that golang-migrate's own lock and the index are free.
#[tokio::test]
async fn a_second_runner_of_golang_migrate_waits_without_blocking_the_first_ones_index()
-> Result<()> {
    let index = ("3_c.up.sql", "CREATE INDEX CONCURRENTLY a_id ON a (id);\n");
    let bench = bench(&[A, SHORT, index]).await?;
    let other = bench.again(2);
    let first = bench.at_work().await?;
    let second = other.run().await?;
    let first = first.end().await?;
    assert_eq!(
        (first.verdict(), second.verdict()),
        (
            "Succeeded Succeeded none->3 exit 0".to_owned(),
            "Succeeded NoPendingMigrations 3->3 not started exit 0".to_owned()
        ),
        "{}",
        first.output
    );
    assert!(second.message.lock_ms >= 1000, "{}", second.message.lock_ms);
    Ok(())
}

/// migrations.md case 19: the row is dirty as after any error, and the index that is in the way of the next try is named.
#[tokio::test]
async fn golang_migrate_left_an_index_half_built_and_it_is_named() -> Result<()> {
    let twice = ("2_b.up.sql", "INSERT INTO a VALUES (1), (1);\n");
    let index = (
        "3_c.up.sql",
        "CREATE UNIQUE INDEX CONCURRENTLY a_id ON a (id);\n",
    );
    let bench = bench(&[A, twice, index]).await?;
    let ended = bench.run().await?;
    assert_eq!(
        (
            ended.verdict().as_str(),
            ended.error().as_str(),
            ended.message.last_good.as_deref()
        ),
        (
            "Blocked DatabaseDirty none->3 exit 12",
            "3_c.up.sql:1 23505 a_id",
            Some("2")
        ),
        "{}",
        ended.output
    );
    names_the_half_built_index(&ended);
    Ok(())
}

/// migrations.md case 22.
#[tokio::test]
async fn golang_migrate_killed_in_the_middle_of_a_file_blocks_as_the_row_is_dirty() -> Result<()> {
    let bench = bench(&[A, SLEEPER]).await?;
    let killed = tool_killed(&bench).await?;
    assert_eq!(
        (killed.verdict(), killed.error()),
        (
            "Blocked DatabaseDirty none->2 exit 12".to_owned(),
            "2_b.up.sql  ".to_owned()
        )
    );
    Ok(())
}

/// A first file that fails has no version before it: the tool's own word for that, not silence, which would mean that nobody knows.
#[tokio::test]
async fn a_dirty_first_file_has_golang_migrates_word_for_no_version_before_it() -> Result<()> {
    let bench = bench(&[("1_a.up.sql", "SELECT nothing;\n")]).await?;
    let failed = bench.run().await?;
    assert_eq!(
        (failed.verdict(), failed.message.last_good.as_deref()),
        (
            "Blocked DatabaseDirty none->1 exit 12".to_owned(),
            Some("-1")
        )
    );
    Ok(())
}

/// migrations.md case 23: what a killed runner left is told by the next look.
#[tokio::test]
async fn a_check_after_a_killed_runner_finds_golang_migrates_dirty_row() -> Result<()> {
    let bench = bench(&[A, SLEEPER]).await?;
    runner_killed(&bench).await?;
    assert_eq!(
        checked(&bench, 1).await?,
        "Blocked DatabaseDirty 2->2 not started exit 12"
    );
    Ok(())
}

/// migrations.md case 24: golang-migrate ends its file, begins no other, and the rest is tried again.
#[tokio::test]
async fn a_stop_lets_golang_migrate_end_its_file_and_begin_no_other() -> Result<()> {
    let bench = bench(&[A, SHORT, C]).await?;
    let running = bench.at_work().await?;
    running.signal(Signal::TERM)?;
    let stopped = running.end().await?;
    assert_eq!(
        stopped.verdict(),
        "Failed OutcomeUnknown none->2 retry exit 10",
        "{}",
        stopped.output
    );
    assert_eq!(
        bench.again(2).run().await?.verdict(),
        "Succeeded Succeeded 2->3 exit 0"
    );
    Ok(())
}

/// migrations.md case 24: without enough grace the file is cut off, and the row says so.
#[tokio::test]
async fn a_stop_with_too_little_grace_leaves_golang_migrates_row_dirty() -> Result<()> {
    let mut bench = bench(&[A, SLEEPER]).await?;
    bench.parameters.grace_seconds = 61;
    let running = bench.at_work().await?;
    running.signal(Signal::TERM)?;
    assert_eq!(
        running.end().await?.verdict(),
        "Blocked DatabaseDirty none->2 exit 12"
    );
    Ok(())
}

/// migrations.md case 54.
#[tokio::test]
async fn a_run_past_its_deadline_ends_its_file_first() -> Result<()> {
    let mut bench = bench(&[A, SHORT, C]).await?;
    bench.parameters.run_seconds = 1;
    assert_eq!(
        bench.run().await?.verdict(),
        "Failed DeadlineExceeded none->2 retry exit 10"
    );
    Ok(())
}

/// migrations.md case 25.
#[tokio::test]
async fn golang_migrate_goes_on_where_the_lost_lock_is_had_again_at_once() -> Result<()> {
    let bench = bench(&[A, ("2_b.up.sql", "SELECT pg_sleep(5);\n")]).await?;
    let running = bench.at_work().await?;
    let lock = bench
        .session("application_name LIKE 'slipway-lock/%'")
        .await?;
    bench
        .client()
        .await?
        .execute("SELECT pg_terminate_backend($1)", &[&lock])
        .await?;
    assert_eq!(
        running.end().await?.verdict(),
        "Succeeded Succeeded none->2 exit 0"
    );
    Ok(())
}

/// migrations.md case 30: the password is in no place where people look.
#[tokio::test]
async fn golang_migrate_gets_any_password_past_its_command_line() -> Result<()> {
    let bench = bench(&[A, SLEEPER]).await?;
    let running = bench.at_work().await?;
    let arguments = fs::read_to_string(format!("/proc/{}/cmdline", running.tool()?.as_raw_pid()))?;
    assert!(!arguments.contains("canary"), "{arguments}");
    kill_process(running.tool()?, Signal::KILL)?;
    assert_quiet(&running.end().await?);
    Ok(())
}

/// A version table of another name, in another schema, is the one that is read and written.
#[tokio::test]
async fn golang_migrate_keeps_its_row_in_the_table_that_is_named() -> Result<()> {
    let mut bench = bench(&[A]).await?;
    bench
        .user()
        .await?
        .batch_execute("CREATE SCHEMA audit")
        .await?;
    "audit.Versions".clone_into(&mut bench.parameters.version_table);
    assert_eq!(
        bench.run().await?.verdict(),
        "Succeeded Succeeded none->1 exit 0"
    );
    assert!(bench.has("audit.\"Versions\"").await?);
    assert!(!bench.has("schema_migrations").await?);
    Ok(())
}
