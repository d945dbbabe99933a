//! Sessions on a real PostgreSQL: who holds the lock, what an earlier attempt left at work, servers that go away or do not let us in.

use anyhow::Result;
use rustix::process::Signal;
use slipway::api::database::RunMode;

use crate::bench::{Bench, LIMIT, SLEEPER};
use crate::cluster::postgres::{Options, Postgres};
use crate::cluster::wait;
use crate::goose::A;

/// migrations.md cases 18, 20, 21: a second runner, by another name of the server, waits without blocking the first one's index.
#[tokio::test]
async fn two_runners_by_two_names_of_one_server_never_work_at_once() -> Result<()> {
    let index = "-- +goose NO TRANSACTION\n-- +goose Up\nSELECT pg_sleep(2);\nCREATE INDEX CONCURRENTLY a_id ON a (id);\n";
    let bench = Bench::new(&[A, ("2_b.sql", index)]).await?;
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
    assert!(
        second.message.lock_ms >= 1000,
        "the second one waited {} ms",
        second.message.lock_ms
    );
    Ok(())
}

/// migrations.md case 23: a session without its client may still commit; it is waited for, and after the lock wait ended by force.
#[tokio::test]
async fn an_orphan_of_an_earlier_attempt_is_waited_for_and_then_ended() -> Result<()> {
    let mut bench = Bench::new(&[A]).await?;
    let orphan = bench.user().await?;
    orphan
        .batch_execute("SET application_name = 'slipway/earlier/1'")
        .await?;
    bench.parameters.lock_wait_seconds = 2;
    bench.parameters.mode = RunMode::Check;
    assert_eq!(
        bench.run().await?.verdict(),
        "Unknown LockTimeout none->none not started exit 13"
    );
    bench.parameters.mode = RunMode::Run;
    assert_eq!(
        bench.run().await?.verdict(),
        "Succeeded Succeeded none->1 exit 0"
    );
    assert!(orphan.batch_execute("SELECT 1").await.is_err());
    Ok(())
}

/// F-40: a lock that another session holds is waited for, not for ever, and never broken.
#[tokio::test]
async fn a_lock_held_by_another_session_ends_the_wait_without_a_change() -> Result<()> {
    let mut bench = Bench::new(&[A, ("2_b.sql", SLEEPER)]).await?;
    let holder = bench.at_work().await?;
    bench.parameters.lock_wait_seconds = 1;
    let late = bench.again(2).run().await?;
    assert_eq!(
        late.verdict(),
        "Failed LockTimeout none->none retry not started exit 10"
    );
    holder.signal(Signal::KILL)?;
    Ok(())
}

/// migrations.md case 25, F-41a: a lost lock is taken again at once; where that fails the tool is killed, as it might meet another run.
#[tokio::test]
async fn a_lost_lock_is_taken_again_or_the_tool_is_killed() -> Result<()> {
    let short = "-- +goose Up\nSELECT pg_sleep(5);\n";
    let bench = Bench::new(&[A, ("2_b.sql", short)]).await?;
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

    let mut bench = Bench::new(&[A, ("2_b.sql", SLEEPER)]).await?;
    bench.parameters.grace_seconds = 8;
    let running = bench.at_work().await?;
    let lock = bench
        .session("application_name LIKE 'slipway-lock/%'")
        .await?;
    let client = bench.client().await?;
    client
        .batch_execute(&format!("ALTER ROLE {} NOLOGIN", bench.parameters.database))
        .await?;
    client
        .execute("SELECT pg_terminate_backend($1)", &[&lock])
        .await?;
    assert_eq!(
        running.end().await?.verdict(),
        "Unknown LockLost none->none exit 13"
    );
    Ok(())
}

/// migrations.md case 26.
#[tokio::test]
async fn a_database_that_restarts_in_the_middle_is_read_back_when_it_is_there_again() -> Result<()>
{
    let mut server = Postgres::start(Options::scratch()).await?;
    let bench = Bench::on(&server, &[A, ("2_b.sql", SLEEPER)]).await?;
    let running = bench.start()?;
    let client = server.connect("postgres").await?;
    wait::until("the tool at work", LIMIT, async || {
        let query = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
        match client.query_opt(query, &[]).await {
            Ok(Some(_)) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await?;
    drop(client);
    server.restart().await?;
    let ended = running.end().await?;
    assert_eq!(
        ended.message.after.as_deref(),
        Some("1"),
        "{}",
        ended.verdict()
    );
    assert!(
        ended.message.retry_safe || ended.message.reason == "LockLost",
        "{}",
        ended.verdict()
    );
    Ok(())
}

/// migrations.md case 27, F-39.
#[tokio::test]
async fn a_database_that_does_not_let_us_in_is_told_by_its_reason_and_tried_again() -> Result<()> {
    let mut bench = Bench::new(&[A]).await?;
    let name = bench.parameters.database.clone();
    let client = bench.client().await?;
    client
        .batch_execute(&format!(
            "ALTER ROLE {name} SET default_transaction_read_only = on"
        ))
        .await?;
    assert_eq!(
        bench.run().await?.verdict(),
        "Failed DatabaseReadOnly none->none retry not started exit 10"
    );
    client
        .batch_execute(&format!(
            "ALTER ROLE {name} RESET ALL; ALTER ROLE {name} CONNECTION LIMIT 0"
        ))
        .await?;
    let full = bench.run().await?;
    assert_eq!(
        (full.verdict(), full.error()),
        (
            "Failed DatabaseUnreachable none->none retry not started exit 10".to_owned(),
            " 53300 ".to_owned()
        )
    );
    "wrong".clone_into(&mut bench.password);
    let wrong = bench.run().await?;
    assert_eq!(
        (wrong.verdict(), wrong.error()),
        (
            "Failed AuthenticationFailed none->none retry not started exit 10".to_owned(),
            " 28P01 ".to_owned()
        )
    );
    bench.parameters.port = 1;
    assert_eq!(
        bench.run().await?.verdict(),
        "Failed DatabaseUnreachable none->none retry not started exit 10"
    );
    Ok(())
}

/// migrations.md case 28, F-41b: a lock means something only in a session that stays.
#[tokio::test]
async fn a_pooler_is_refused_where_it_lends_sessions_and_taken_where_it_gives_them() -> Result<()> {
    let mut bench = Bench::new(&[A]).await?;
    let _lends = bench.behind_pooler("transaction").await?;
    assert_eq!(
        bench.run().await?.verdict(),
        "Blocked PooledEndpoint none->none not started exit 12"
    );
    let _gives = bench.behind_pooler("session").await?;
    assert_eq!(
        bench.run().await?.verdict(),
        "Succeeded Succeeded none->1 exit 0"
    );
    Ok(())
}
