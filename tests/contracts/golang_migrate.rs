//! golang-migrate: exit codes, the row, what it passes over, signals, its lock.

use anyhow::Result;
use rustix::process::{Signal, kill_process};
use slipway::api::common::Tool;

use crate::bench::Bench;
use crate::bench::running::pid;

const A: (&str, &str) = ("1_a.up.sql", "CREATE TABLE a (id int);\n");
const B: (&str, &str) = ("2_b.up.sql", "CREATE TABLE b (id int);\n");
const C: (&str, &str) = ("3_c.up.sql", "CREATE TABLE c (id int);\n");
const SLEEPER: (&str, &str) = ("2_b.up.sql", "SELECT pg_sleep(60);\n");
const SHORT: (&str, &str) = ("2_b.up.sql", "SELECT pg_sleep(3);\n");

/// The code of `up`, and what the row says then.
async fn up(bench: &Bench, arguments: &[&str]) -> Result<(Option<i32>, Option<(i64, bool)>)> {
    let (code, _) = bench.golang_migrate(&[&["up"], arguments].concat()).await?;
    Ok((code, bench.row().await?))
}

#[tokio::test]
async fn golang_migrate_ends_and_writes_its_row_as_the_runner_believes() -> Result<()> {
    let bench = Bench::new(&[]).await?;
    assert_eq!(up(&bench, &[]).await?, (Some(1), None), "no files");
    bench.write(&[A, C])?;
    assert_eq!(up(&bench, &[]).await?, (Some(0), Some((3, false))));
    assert_eq!(up(&bench, &[]).await?, (Some(0), Some((3, false))), "again");
    assert_eq!(up(&bench, &["0"]).await?, (Some(0), Some((3, false))));
    bench.write(&[B])?;
    assert_eq!(
        up(&bench, &[]).await?,
        (Some(0), Some((3, false))),
        "a lower number"
    );
    assert!(!bench.has("b").await?);
    bench.remove("3_c.up.sql")?;
    assert_eq!(
        up(&bench, &[]).await?,
        (Some(1), Some((3, false))),
        "a database ahead"
    );
    Ok(())
}

#[tokio::test]
async fn golang_migrate_counts_its_steps_and_goes_down_where_it_is_told_a_version() -> Result<()> {
    let bench = Bench::new(&[A, B, C, ("3_c.down.sql", "DROP TABLE c;\n")]).await?;
    assert_eq!(up(&bench, &["1"]).await?, (Some(0), Some((1, false))));
    assert_eq!(
        up(&bench, &["5"]).await?,
        (Some(1), Some((3, false))),
        "fewer left than asked for: they are applied all the same"
    );
    assert_eq!(bench.golang_migrate(&["goto", "2"]).await?.0, Some(0));
    assert_eq!(bench.row().await?, Some((2, false)));
    assert!(!bench.has("c").await?);
    Ok(())
}

/// migrations.md cases 14, 15.
#[tokio::test]
async fn golang_migrate_takes_names_that_nobody_would_expect() -> Result<()> {
    let bench = Bench::new(&[A, ("1_a.up.sql.bak", "")]).await?;
    let (code, _) = bench.golang_migrate(&["up"]).await?;
    assert_eq!(code, Some(1), "one version twice");
    assert!(!bench.has("schema_migrations").await?);
    bench.remove("1_a.up.sql")?;
    bench.write(&[("2_b.down.sql", ""), ("x_3.up.sql", ""), ("4_d.sql", "")])?;
    assert_eq!(
        up(&bench, &[]).await?,
        (Some(0), Some((2, false))),
        "a version that has only a down file"
    );
    Ok(())
}

#[tokio::test]
async fn golang_migrate_says_all_on_standard_error_and_tells_a_usage_error() -> Result<()> {
    let bench = Bench::new(&[A]).await?;
    up(&bench, &[]).await?;
    let output = bench
        .tool(Tool::GolangMigrate)?
        .arg("version")
        .output()
        .await?;
    assert_eq!((output.stdout.len(), output.stderr), (0, b"1\n".to_vec()));
    assert_eq!(bench.golang_migrate(&["sideways"]).await?.0, Some(2));
    assert_eq!(bench.golang_migrate(&["force", "-1"]).await?.0, Some(2));
    Ok(())
}

/// The mark is there before the file is begun: a clean row is proof that none was.
#[tokio::test]
async fn golang_migrate_marks_the_row_before_each_file_and_a_failure_leaves_the_mark() -> Result<()>
{
    let bench = Bench::new(&[A, SHORT, ("3_c.up.sql", "SELECT nothing;\n")]).await?;
    let mut child = bench.tool(Tool::GolangMigrate)?.arg("up").spawn()?;
    bench.session("wait_event = 'PgSleep'").await?;
    assert_eq!(bench.row().await?, Some((2, true)));
    assert_eq!(child.wait().await?.code(), Some(1));
    assert_eq!(bench.row().await?, Some((3, true)));
    let (code, said) = bench.golang_migrate(&["up"]).await?;
    assert_eq!(
        (code, said.as_str()),
        (
            Some(1),
            "error: Dirty database version 3. Fix and force version.\n"
        )
    );
    assert_eq!(bench.golang_migrate(&["force", "2"]).await?.0, Some(0));
    assert_eq!(bench.row().await?, Some((2, false)));
    assert_eq!(
        bench.golang_migrate(&["force", "--", "-1"]).await?.0,
        Some(0)
    );
    assert_eq!(bench.row().await?, None);
    Ok(())
}

/// migrations.md case 9: each statement of MySQL's that ran stays.
#[tokio::test]
async fn golang_migrate_leaves_the_first_statements_of_a_file_on_mysql_and_none_on_postgresql()
-> Result<()> {
    let file = (
        "1_a.up.sql",
        "CREATE TABLE half (id int);\nSELECT nothing;\n",
    );
    for (bench, stays) in [
        (Bench::new(&[file]).await?, false),
        (Bench::mysql(&[file]).await?, true),
    ] {
        assert_eq!(up(&bench, &[]).await?, (Some(1), Some((1, true))));
        assert_eq!(bench.has("half").await?, stays);
    }
    Ok(())
}

/// migrations.md case 24.
#[tokio::test]
async fn golang_migrate_ends_its_file_at_sigint_and_dies_at_sigterm() -> Result<()> {
    for (signal, file, code, row) in [
        (Signal::INT, SHORT, Some(0), (2, false)),
        (Signal::TERM, SLEEPER, None, (2, true)),
    ] {
        let bench = Bench::new(&[A, file, C]).await?;
        let mut child = bench.tool(Tool::GolangMigrate)?.arg("up").spawn()?;
        bench.session("wait_event = 'PgSleep'").await?;
        kill_process(pid(&child)?, signal)?;
        assert_eq!(child.wait().await?.code(), code);
        assert_eq!(bench.row().await?, Some(row));
    }
    Ok(())
}

/// CRC32 of schema, table and database, each after a NUL, times a constant: the key is told by what it is made of, so that two databases of
/// one server do not share it. Its waiter waits in the server, which is why the runner's own lock never does.
#[tokio::test]
async fn golang_migrate_holds_an_advisory_lock_and_another_waits_for_it_in_the_server() -> Result<()>
{
    let bench = Bench::new(&[A, SLEEPER]).await?;
    let mut first = bench.tool(Tool::GolangMigrate)?.arg("up").spawn()?;
    bench.session("wait_event = 'PgSleep'").await?;
    let query = "SELECT classid::int8 << 32 | objid::int8 FROM pg_locks WHERE locktype = 'advisory' AND granted \
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let row = bench.client().await?.query_one(query, &[]).await?;
    let name = format!("public\0schema_migrations\0/{}", bench.parameters.database);
    let key = crc32fast::hash(name.as_bytes()).wrapping_mul(1_486_364_155);
    assert_eq!(row.get::<_, i64>(0), i64::from(key));
    let mut second = bench.tool(Tool::GolangMigrate)?.arg("up").spawn()?;
    bench.session("wait_event = 'advisory'").await?;
    for child in [&mut second, &mut first] {
        child.kill().await?;
    }
    Ok(())
}
