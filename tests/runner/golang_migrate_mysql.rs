//! golang-migrate by the runner on MySQL, against a real MariaDB: a file that fails leaves its first statements, and the row says so.

use anyhow::Result;
use mysql_async::prelude::Queryable as _;
use rustix::process::Signal;
use slipway::api::common::Tool;

use crate::bench::Bench;
use crate::cases::{comes_up_once, tool_killed, verdicts_at};

const A: (&str, &str) = ("1_a.up.sql", "CREATE TABLE a (id int);\n");
const B: (&str, &str) = ("2_b.up.sql", "CREATE TABLE b (id int);\n");
const C: (&str, &str) = ("3_c.up.sql", "CREATE TABLE c (id int);\n");

/// A migration that a test can meet at work: it sleeps for a minute.
const SLEEPER: (&str, &str) = (
    "2_b.up.sql",
    "CREATE TABLE b (id int);\nSELECT SLEEP(60);\n",
);

/// One that a test can meet at work and that ends soon.
const SHORT: (&str, &str) = ("2_b.up.sql", "CREATE TABLE b (id int);\nSELECT SLEEP(3);\n");

async fn bench(files: &[(&str, &str)]) -> Result<Bench> {
    Bench::mysql(files).await?.with(Tool::GolangMigrate)
}

/// migrations.md cases 1, 2, 30.
#[tokio::test]
async fn golang_migrate_brings_an_empty_mariadb_up_with_any_password() -> Result<()> {
    let bench = bench(&[A, B]).await?;
    comes_up_once(&bench, "2", 2).await?;
    assert_eq!(bench.row().await?, Some((2, false)));
    Ok(())
}

/// migrations.md cases 3, 4, 5, 16.
#[tokio::test]
async fn golang_migrate_on_mariadb_stops_at_a_target_and_never_goes_down() -> Result<()> {
    let mut bench = bench(&[A, B, C]).await?;
    let mut verdicts = verdicts_at(&mut bench, &["2", "1"]).await?;
    bench.parameters.target = None;
    for gone in ["3_c.up.sql", "2_b.up.sql"] {
        bench.remove(gone)?;
    }
    verdicts.push(bench.run().await?.verdict());
    bench.write(&[C])?;
    verdicts.push(bench.run().await?.verdict());
    assert_eq!(
        verdicts,
        [
            "Succeeded Succeeded none->2 exit 0",
            "Skipped DatabaseAhead 2->2 not started exit 0",
            "Skipped DatabaseAhead 2->2 not started exit 0",
            "Blocked UnknownDatabaseVersion 2->2 not started exit 12",
        ]
    );
    Ok(())
}

/// migrations.md cases 9, 10, 31.
#[tokio::test]
async fn an_error_in_the_second_of_three_statements_leaves_the_first_and_a_dirty_row() -> Result<()>
{
    let broken = "CREATE TABLE half (id int);\n-- the mistake\nCREATE TABEL b (name text);\nCREATE TABLE c (id int);\n";
    let bench = bench(&[A, ("2_b.up.sql", broken)]).await?;
    let failed = bench.run().await?;
    assert_eq!(
        (failed.verdict(), failed.error(), failed.message.last_good),
        (
            "Blocked DatabaseDirty none->2 exit 12".to_owned(),
            "2_b.up.sql:3 1064 ".to_owned(),
            Some("1".to_owned())
        )
    );
    let stayed = (bench.has("half").await?, bench.has("c").await?);
    assert_eq!(stayed, (true, false));
    assert!(!failed.output.contains("name text"), "{}", failed.output);
    bench.write(&[B])?;
    assert_eq!(
        bench.run().await?.verdict(),
        "Blocked DatabaseDirty 2->2 not started exit 12"
    );
    let undo = "DROP TABLE half";
    bench.mysql_client().await?.query_drop(undo).await?;
    assert_eq!(bench.golang_migrate(&["force", "1"]).await?.0, Some(0));
    assert_eq!(
        bench.run().await?.verdict(),
        "Succeeded Succeeded 1->2 exit 0"
    );
    Ok(())
}

/// migrations.md case 31: a value of a row, what an author raised, and a borrowed number.
#[tokio::test]
async fn an_error_of_mariadb_under_golang_migrate_is_told_without_a_value() -> Result<()> {
    let twice = "INSERT INTO a VALUES (4711), (4711);\nALTER TABLE a ADD UNIQUE KEY a_id (id);\n";
    let raised = "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'ann 4711';\n";
    let borrowed =
        "SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 1064, MESSAGE_TEXT = 'ann 4711 is there';\n";
    let cases = [
        (twice, "2_b.up.sql:2 1062 a_id"),
        (raised, "2_b.up.sql 1644 "),
        (borrowed, "2_b.up.sql 1064 "),
    ];
    for (file, error) in cases {
        let bench = bench(&[A, ("2_b.up.sql", file)]).await?;
        let ended = bench.run().await?;
        assert_eq!(
            (ended.verdict(), ended.error()),
            (
                "Blocked DatabaseDirty none->2 exit 12".to_owned(),
                error.to_owned()
            )
        );
        let all = format!("{}{}", ended.output, ended.message.to_json());
        for secret in ["4711", "ann", "canary"] {
            assert!(!all.contains(secret), "{all}");
        }
    }
    Ok(())
}

/// migrations.md case 22.
#[tokio::test]
async fn golang_migrate_killed_in_the_middle_of_a_file_on_mariadb_blocks() -> Result<()> {
    let bench = bench(&[A, SLEEPER]).await?;
    let killed = tool_killed(&bench).await?;
    assert_eq!(
        killed.verdict(),
        "Blocked DatabaseDirty none->2 exit 12",
        "{}",
        killed.output
    );
    Ok(())
}

/// migrations.md case 24.
#[tokio::test]
async fn a_stop_lets_golang_migrate_end_its_file_on_mariadb() -> Result<()> {
    let bench = bench(&[A, SHORT, C]).await?;
    let running = bench.at_work().await?;
    running.signal(Signal::TERM)?;
    assert_eq!(
        running.end().await?.verdict(),
        "Failed OutcomeUnknown none->2 retry exit 10"
    );
    assert_eq!(
        bench.again(2).run().await?.verdict(),
        "Succeeded Succeeded 2->3 exit 0"
    );
    Ok(())
}

/// migrations.md case 17: golang-migrate's statement waits behind a reader, as giving up would leave the row dirty.
#[tokio::test]
async fn golang_migrate_on_mariadb_waits_behind_a_reader() -> Result<()> {
    let bench = bench(&[A]).await?;
    bench.run().await?;
    bench.write(&[("2_b.up.sql", "ALTER TABLE a ADD b int;\n")])?;
    let mut reader = bench.mysql_client().await?;
    reader.query_drop("START TRANSACTION").await?;
    reader.query_drop("SELECT * FROM a").await?;
    let running = bench.start()?;
    bench
        .mysql_session("STATE LIKE 'Waiting for table metadata lock' AND TIME > 6")
        .await?;
    reader.query_drop("COMMIT").await?;
    assert_eq!(
        running.end().await?.verdict(),
        "Succeeded Succeeded 1->2 exit 0"
    );
    Ok(())
}
