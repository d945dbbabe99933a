//! golang-migrate on MariaDB, where nothing is rolled back: its row and its lock.

use anyhow::Result;
use mysql_async::prelude::Queryable as _;
use rustix::process::{Signal, kill_process};
use slipway::api::common::Tool;

use crate::bench::Bench;
use crate::bench::running::pid;

const A: (&str, &str) = ("1_a.up.sql", "CREATE TABLE a (id int);\n");
const SLEEPER: (&str, &str) = (
    "2_b.up.sql",
    "CREATE TABLE half (id int);\nSELECT SLEEP(60);\n",
);
const SHORT: (&str, &str) = (
    "2_b.up.sql",
    "CREATE TABLE half (id int);\nSELECT SLEEP(2);\n",
);
const C: (&str, &str) = ("3_c.up.sql", "CREATE TABLE c (id int);\n");
const BROKEN: (&str, &str) = ("3_c.up.sql", "SELECT nothing;\n");

/// migrations.md 1, dirty mark: the file's version, committed before each file. Another session reads it while the file runs, so a clean row
/// is proof that none was begun.
#[tokio::test]
async fn golang_migrate_on_mysql_marks_the_row_before_each_file_and_a_failure_leaves_the_mark()
-> Result<()> {
    let bench = Bench::mysql(&[A, SHORT, BROKEN]).await?;
    let mut child = bench.tool(Tool::GolangMigrate)?.arg("up").spawn()?;
    bench.mysql_session("State = 'User sleep'").await?;
    assert_eq!(bench.row().await?, Some((2, true)));
    assert_eq!(child.wait().await?.code(), Some(1));
    assert_eq!(bench.row().await?, Some((3, true)));
    Ok(())
}

/// migrations.md 1, dirty mark and SIGTERM, cases 22 and 24. On the strength of the mark a run that was killed is tried again where there is none.
#[tokio::test]
async fn golang_migrate_on_mysql_leaves_the_mark_when_it_is_killed_in_mid_file_and_ends_the_file_at_sigint()
-> Result<()> {
    for (signal, file, code, row) in [
        (Signal::KILL, SLEEPER, None, (2, true)),
        (Signal::TERM, SLEEPER, None, (2, true)),
        (Signal::INT, SHORT, Some(0), (2, false)),
    ] {
        let bench = Bench::mysql(&[A, file, C]).await?;
        let mut child = bench.tool(Tool::GolangMigrate)?.arg("up").spawn()?;
        bench.mysql_session("State = 'User sleep'").await?;
        kill_process(pid(&child)?, signal)?;
        assert_eq!(child.wait().await?.code(), code);
        let left = (
            bench.row().await?,
            bench.has("half").await?,
            bench.has("c").await?,
        );
        assert_eq!(left, (Some(row), true, false), "{signal:?}");
    }
    Ok(())
}

/// migrations.md 1, CLI lock: MySQL GET_LOCK 10 s, of `db:table`. It is taken before anything is begun.
#[tokio::test]
async fn golang_migrate_on_mysql_holds_a_named_lock_for_which_another_waits_ten_seconds()
-> Result<()> {
    let bench = Bench::mysql(&[SLEEPER]).await?;
    let mut first = bench.tool(Tool::GolangMigrate)?.arg("up").spawn()?;
    let holder = bench.mysql_session("State = 'User sleep'").await?;
    let name = format!("{}:schema_migrations", bench.parameters.database);
    let key = crc32fast::hash(name.as_bytes()).wrapping_mul(1_486_364_155);
    let query = format!("SELECT IS_USED_LOCK('{key}')");
    let mut client = bench.mysql_client().await?;
    assert_eq!(
        client.query_first::<Option<i32>, _>(query).await?,
        Some(Some(holder))
    );
    let second = bench.tool(Tool::GolangMigrate)?.arg("up").spawn()?;
    bench.mysql_session("State = 'User lock'").await?;
    let refused = second.wait_with_output().await?;
    assert_eq!(
        (
            refused.status.code(),
            String::from_utf8_lossy(&refused.stderr).as_ref()
        ),
        (
            Some(1),
            "error: failed to open database: can't acquire lock\n"
        )
    );
    first.kill().await?;
    Ok(())
}
