//! The edges of an attempt: a stop just before the tool is started, errors that look like a refused session, a session with settings of its own.

use anyhow::Result;
use mysql_async::prelude::Queryable as _;
use rustix::process::Signal;
use slipway::api::common::Tool;

use crate::bench::Bench;

const A: (&str, &str) = ("1_a.sql", "-- +goose Up\nCREATE TABLE a (id int);\n");
const B: (&str, &str) = ("2_b.sql", "-- +goose Up\nCREATE TABLE b (id int);\n");

/// migrations.md 4.4, case 8: a statement may fail with the code by which a server refuses a session; what ran before it in its file stays.
#[tokio::test]
async fn a_file_without_a_transaction_that_fails_like_a_refused_session_is_not_run_again()
-> Result<()> {
    let half = "-- +goose NO TRANSACTION\n-- +goose Up\nINSERT INTO a VALUES (1);\nDROP DATABASE nobodys_database;\n";
    let bench = Bench::new(&[A, ("2_b.sql", half)]).await?;
    let ended = bench.run().await?;
    assert_eq!(
        (ended.verdict(), ended.error()),
        (
            "Blocked PartiallyApplied none->1 exit 12".to_owned(),
            "2_b.sql:4 3D000 ".to_owned()
        ),
        "{}",
        ended.output
    );
    Ok(())
}

/// migrations.md case 24: nothing has begun, so nothing need be ended.
#[tokio::test]
async fn a_pod_that_is_told_to_stop_before_the_tool_is_started_starts_none() -> Result<()> {
    let bench = Bench::new(&[A]).await?;
    assert_eq!(
        bench.run().await?.verdict(),
        "Succeeded Succeeded none->1 exit 0"
    );
    bench.write(&[B])?;
    let client = bench.client().await?;
    client
        .batch_execute("BEGIN; LOCK TABLE goose_db_version")
        .await?;
    let running = bench.start()?;
    bench
        .session("wait_event_type = 'Lock' AND application_name LIKE 'slipway-lock/%'")
        .await?;
    running.signal(Signal::TERM)?;
    client.batch_execute("COMMIT").await?;
    assert_eq!(
        running.end().await?.verdict(),
        "Failed OutcomeUnknown 1->1 retry not started exit 10"
    );
    assert_eq!(bench.versions().await?, [0, 1]);
    Ok(())
}

/// migrations.md section 2, step 7: the runner reads the table that the tool writes, which is in the first schema of the search path.
#[tokio::test]
async fn a_search_path_of_the_migrations_own_is_the_runners_too() -> Result<()> {
    let mut bench = Bench::new(&[A]).await?;
    bench
        .user()
        .await?
        .batch_execute("CREATE SCHEMA audit")
        .await?;
    bench.environment = vec![("PGOPTIONS".to_owned(), "-c search_path=audit".to_owned())];
    assert_eq!(
        bench.run().await?.verdict(),
        "Succeeded Succeeded none->1 exit 0"
    );
    assert_eq!(
        bench.run().await?.verdict(),
        "Succeeded NoPendingMigrations 1->1 not started exit 0"
    );
    Ok(())
}

/// migrations.md cases 40, 50: MySQL calls a database a schema, and shows all that the user may see.
#[tokio::test]
async fn another_database_of_a_mysql_server_says_nothing_of_what_ran_on_this_one() -> Result<()> {
    let neighbour = Bench::mysql(&[A]).await?;
    assert_eq!(
        neighbour.run().await?.verdict(),
        "Succeeded Succeeded none->1 exit 0"
    );
    let mut bench = Bench::mysql(&[]).await?;
    bench.user.clone_from(&neighbour.user);
    let grant = format!(
        "GRANT ALL ON `{}`.* TO '{}'@'%'",
        bench.parameters.database, bench.user
    );
    bench.mysql_client().await?.query_drop(grant).await?;
    bench.parameters.files.clear();
    bench.parameters.version_table.clear();
    bench.parameters.tool = Tool::Exec;
    bench.parameters.tool_path = None;
    bench.parameters.command = vec!["/bin/true".to_owned()];
    bench.parameters.may_have_run = true;
    assert_eq!(
        bench.run().await?.verdict(),
        "Succeeded Succeeded none->none exit 0"
    );
    Ok(())
}
