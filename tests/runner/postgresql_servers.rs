//! PostgreSQL servers that are not as the shared one: an old version, a standby, one that is full.

use anyhow::Result;
use rustix::process::Signal;

use crate::bench::running::is_provisional;
use crate::bench::{Bench, LIMIT, PASSWORD};
use crate::cluster::postgres::{Options, Postgres};
use crate::cluster::{debian, older_postgres, wait};

const A: (&str, &str) = ("1_a.sql", "-- +goose Up\nCREATE TABLE a (id int);\n");

/// Sleeps as long as an orphan shall live.
const SLEEPER: &str = "-- +goose Up\nCREATE TABLE b (id int);\nSELECT pg_sleep(6);\n";

/// migrations.md case 29: PostgreSQL 13 does not know the settings with which newer ones notice that a client is gone, so what a killed attempt
/// left behind is waited for.
#[tokio::test]
async fn postgresql_13_is_migrated_and_what_a_killed_attempt_left_there_is_waited_for() -> Result<()>
{
    debian::prepare()?;
    let options = Options::scratch();
    let programs = options.directory.with_extension("programs");
    let root = older_postgres::unpack(&programs)?;
    let server = Postgres::start(Options {
        programs: Some(root),
        ..options
    })
    .await?;
    let bench = Bench::on(&server, &[A]).await?;
    let first = bench.run().await?;
    assert_eq!(
        first.verdict(),
        "Succeeded Succeeded none->1 exit 0",
        "{}",
        first.output
    );
    let version = first.message.server.unwrap_or_default();
    assert!(version.starts_with("PostgreSQL 13."), "{version}");
    bench.write(&[("2_b.sql", SLEEPER)])?;
    let running = bench.start()?;
    at_work(&server).await?;
    running.signal(Signal::KILL)?;
    let killed = running.end().await?;
    assert!(is_provisional(&killed.message), "{:?}", killed.message);
    let next = bench.again(2).run().await?;
    assert_eq!(
        next.verdict(),
        "Succeeded Succeeded 1->2 exit 0",
        "{}",
        next.output
    );
    assert!(
        next.message.lock_ms >= 1000,
        "it waited {} ms",
        next.message.lock_ms
    );
    drop(server);
    std::fs::remove_dir_all(programs)?;
    Ok(())
}

/// Waits until a tool sleeps in the server.
async fn at_work(server: &Postgres) -> Result<()> {
    let client = server.connect("postgres").await?;
    wait::until("the tool at work", LIMIT, async || {
        let query = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
        match client.query_opt(query, &[]).await {
            Ok(Some(_)) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await
}

/// migrations.md case 27: a server that only replays another's log.
#[tokio::test]
async fn a_standby_is_told_as_such_and_tried_again() -> Result<()> {
    debian::prepare()?;
    let mut server = Postgres::start(Options::scratch()).await?;
    let bench = Bench::on(&server, &[A]).await?;
    server.become_standby().await?;
    let ended = bench.run().await?;
    let error = ended.message.error.clone().unwrap_or_default();
    assert_eq!(
        (ended.verdict().as_str(), error.text.as_str()),
        (
            "Failed DatabaseReadOnly none->none retry not started exit 10",
            "the server is a standby or read-only"
        )
    );
    Ok(())
}

/// migrations.md case 27: all that the server may take are taken.
#[tokio::test]
async fn a_server_without_a_free_connection_is_told_as_such_and_tried_again() -> Result<()> {
    debian::prepare()?;
    let mut options = Options::scratch();
    options
        .settings
        .push(("max_connections".to_owned(), "10".to_owned()));
    let server = Postgres::start(options).await?;
    let bench = Bench::on(&server, &[A]).await?;
    let mut others = Vec::new();
    while let Ok(other) = server
        .connect_as(&bench.user, PASSWORD, &bench.parameters.database)
        .await
    {
        others.push(other);
    }
    let ended = bench.run().await?;
    assert_eq!(
        (ended.verdict().as_str(), ended.error().as_str()),
        (
            "Failed DatabaseUnreachable none->none retry not started exit 10",
            " 53300 "
        )
    );
    drop(others);
    wait::until("the migration to get in", LIMIT, async || {
        let verdict = bench.run().await.map(|ended| ended.verdict());
        match verdict.as_deref() {
            Ok("Succeeded Succeeded none->1 exit 0") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await
}
