//! Sessions on a real MariaDB: who holds the lock, what an attempt leaves behind in the server, and servers that do not let us in.

use anyhow::Result;
use mysql_async::prelude::Queryable as _;
use rustix::process::Signal;

use crate::bench::running::is_provisional;
use crate::bench::{Bench, LIMIT, PASSWORD};
use crate::cases::checked;
use crate::cluster::mariadb::MariaDb;
use crate::cluster::server::Options;
use crate::cluster::{debian, wait};

const A: (&str, &str) = ("1_a.sql", "-- +goose Up\nCREATE TABLE a (id int);\n");

/// A migration whose body notes when it begins and ends, and sleeps in between.
fn sleeper(seconds: u32) -> String {
    format!(
        "-- +goose Up\nCREATE TABLE witness (at int AUTO_INCREMENT PRIMARY KEY, what text);\nINSERT INTO witness (what) VALUES ('begin');\n\
         SELECT SLEEP({seconds});\nINSERT INTO witness (what) VALUES ('end');\n"
    )
}

async fn witnessed(bench: &Bench) -> Result<Vec<String>> {
    let mut client = bench.mysql_client().await?;
    Ok(client.query("SELECT what FROM witness ORDER BY at").await?)
}

/// A server of one's own, for what would disturb others.
async fn own_server() -> Result<MariaDb> {
    debian::prepare()?;
    MariaDb::start(Options::scratch()).await
}

/// migrations.md cases 20, 21.
#[tokio::test]
async fn two_runners_by_two_names_of_one_mariadb_never_work_at_once() -> Result<()> {
    let bench = Bench::mysql(&[A, ("2_b.sql", &sleeper(3))]).await?;
    let mut alias = bench.again(2);
    "localhost".clone_into(&mut alias.parameters.host);
    let first = bench.at_work().await?;
    let second = alias.run().await?;
    let first = first.end().await?;
    assert_eq!(
        (first.verdict().as_str(), second.verdict().as_str()),
        (
            "Succeeded Succeeded none->2 exit 0",
            "Succeeded NoPendingMigrations 2->2 not started exit 0"
        ),
        "{}{}",
        first.output,
        second.output
    );
    assert_eq!(witnessed(&bench).await?, ["begin", "end"]);
    assert!(
        second.message.lock_ms >= 1000,
        "the second one waited {} ms",
        second.message.lock_ms
    );
    Ok(())
}

/// Two databases of one server have a lock each.
#[tokio::test]
async fn a_migration_of_another_database_on_the_same_mariadb_is_not_waited_for() -> Result<()> {
    let busy = Bench::mysql(&[A, ("2_b.sql", &sleeper(60))]).await?;
    let running = busy.at_work().await?;
    let mut other = Bench::mysql(&[A]).await?;
    other.parameters.lock_wait_seconds = 1;
    assert_eq!(
        other.run().await?.verdict(),
        "Succeeded Succeeded none->1 exit 0"
    );
    running.signal(Signal::KILL)?;
    Ok(())
}

/// migrations.md case 17, guards: the site's queries must not queue behind an ALTER that waits for a long reader.
#[tokio::test]
async fn an_alter_behind_a_reader_of_mariadb_gives_up_after_five_seconds() -> Result<()> {
    let bench = Bench::mysql(&[A]).await?;
    bench.run().await?;
    bench.write(&[("2_b.sql", "-- +goose Up\nALTER TABLE a ADD b int;\n")])?;
    let mut reader = bench.mysql_client().await?;
    reader.query_drop("BEGIN").await?;
    reader.query_drop("SELECT * FROM a").await?;
    let ended = bench.run().await?;
    assert_eq!(
        (ended.verdict(), ended.error()),
        (
            "Blocked PartiallyApplied 1->1 exit 12".to_owned(),
            "2_b.sql:2 1205 ".to_owned()
        )
    );
    Ok(())
}

/// migrations.md case 23: a session without its client goes on. It is known by its mark, waited for and never killed; then a person must look.
#[tokio::test]
async fn what_a_killed_attempt_left_running_in_mariadb_is_waited_for_and_not_killed() -> Result<()>
{
    let bench = Bench::mysql(&[A, ("2_b.sql", &sleeper(8))]).await?;
    let running = bench.start()?;
    let orphan = bench.asleep().await?;
    running.signal(Signal::KILL)?;
    let killed = running.end().await?;
    assert!(is_provisional(&killed.message), "{:?}", killed.message);
    let mut next = bench.again(2);
    next.parameters.lock_wait_seconds = 1;
    assert_eq!(
        next.run().await?.verdict(),
        "Failed LockTimeout none->none retry not started exit 10"
    );
    assert_eq!(bench.asleep().await?, orphan);
    assert_eq!(
        checked(&bench, 2).await?,
        "Blocked OutcomeUnknown 1->1 not started exit 12"
    );
    Ok(())
}

/// Where the user is for migrations alone, every other session of it counts, whatever its driver; elsewhere it may be the program's own.
#[tokio::test]
async fn a_session_without_a_mark_counts_only_where_the_user_is_for_migrations_alone() -> Result<()>
{
    let mut bench = Bench::mysql(&[A]).await?;
    let mut session = crate::bench::mariadb()
        .await?
        .connect_as(&bench.user, PASSWORD, Some(&bench.parameters.database))
        .await?;
    bench.parameters.own_user = true;
    bench.parameters.lock_wait_seconds = 1;
    assert_eq!(
        bench.run().await?.verdict(),
        "Failed LockTimeout none->none retry not started exit 10"
    );
    session.query_drop("SELECT 1").await?;
    bench.parameters.own_user = false;
    assert_eq!(
        bench.run().await?.verdict(),
        "Succeeded Succeeded none->1 exit 0"
    );
    Ok(())
}

/// Runners that wait are no tools: two of them with a user of their own do not wait for each other.
#[tokio::test]
async fn two_runners_of_a_user_for_migrations_alone_follow_each_other() -> Result<()> {
    let mut bench = Bench::mysql(&[A, ("2_b.sql", &sleeper(3))]).await?;
    bench.parameters.own_user = true;
    let first = bench.at_work().await?;
    let second = bench.again(2).run().await?;
    assert_eq!(
        (first.end().await?.verdict(), second.verdict()),
        (
            "Succeeded Succeeded none->2 exit 0".to_owned(),
            "Succeeded NoPendingMigrations 2->2 not started exit 0".to_owned()
        )
    );
    Ok(())
}

/// migrations.md case 25: a lost lock is taken again at once; where that fails the tool is killed, as it might meet another run.
#[tokio::test]
async fn a_lock_of_mariadb_that_is_lost_is_taken_again_or_goose_is_killed() -> Result<()> {
    let bench = Bench::mysql(&[A, ("2_b.sql", &sleeper(5))]).await?;
    let running = bench.at_work().await?;
    kill_lock(&bench).await?;
    let ended = running.end().await?;
    assert_eq!(
        ended.verdict(),
        "Succeeded Succeeded none->2 exit 0",
        "{}",
        ended.output
    );

    let mut bench = Bench::mysql(&[A, ("2_b.sql", &sleeper(60))]).await?;
    bench.parameters.grace_seconds = 8;
    let running = bench.at_work().await?;
    let mut client = bench.mysql_client().await?;
    client
        .query_drop(format!("ALTER USER '{}'@'%' ACCOUNT LOCK", bench.user))
        .await?;
    kill_lock(&bench).await?;
    let ended = running.end().await?;
    assert_eq!(
        ended.verdict(),
        "Unknown LockLost none->none exit 13",
        "{}",
        ended.output
    );
    Ok(())
}

/// Ends the session that holds the lock, as an administrator would.
async fn kill_lock(bench: &Bench) -> Result<()> {
    let lock = bench
        .mysql_session("IS_USED_LOCK(CONCAT('slipway.', LEFT(SHA2(DATABASE(), 256), 32))) = ID")
        .await?;
    let mut client = bench.mysql_client().await?;
    Ok(client.query_drop(format!("KILL {lock}")).await?)
}

/// migrations.md case 26: how far the file came is not known, so a person must look.
#[tokio::test]
async fn a_mariadb_that_restarts_in_the_middle_is_read_back_and_blocks() -> Result<()> {
    let mut server = own_server().await?;
    let bench = Bench::on_mariadb(&server, &[A, ("2_b.sql", &sleeper(60))]).await?;
    let running = bench.start()?;
    let mut client = server.connect(None).await?;
    wait::until("goose at work", LIMIT, async || {
        let query = "SELECT ID FROM information_schema.PROCESSLIST WHERE STATE = 'User sleep'";
        match client.query_first::<u64, _>(query).await {
            Ok(Some(_)) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await?;
    drop(client);
    server.restart().await?;
    let ended = running.end().await?;
    let possible = [
        "Blocked PartiallyApplied none->1 exit 12",
        "Blocked OutcomeUnknown none->1 exit 12",
        "Unknown LockLost none->1 exit 13",
    ];
    assert!(
        possible.contains(&ended.verdict().as_str()),
        "{} {}",
        ended.verdict(),
        ended.output
    );
    Ok(())
}

/// migrations.md case 27.
#[tokio::test]
async fn a_mariadb_that_does_not_let_us_in_is_told_by_its_reason_and_tried_again() -> Result<()> {
    let server = own_server().await?;
    let mut bench = Bench::on_mariadb(&server, &[A]).await?;
    let mut client = server.connect(None).await?;
    client.query_drop("SET GLOBAL read_only = ON").await?;
    let mut seen = vec![one_line(&bench).await?];
    client.query_drop("SET GLOBAL read_only = OFF").await?;
    client.query_drop("SET GLOBAL max_connections = 10").await?;
    let mut others = Vec::new();
    while let Ok(other) = server
        .connect_as(&bench.user, PASSWORD, Some(&bench.parameters.database))
        .await
    {
        others.push(other);
    }
    seen.push(one_line(&bench).await?);
    drop(others);
    client
        .query_drop("SET GLOBAL max_connections = 100")
        .await?;
    "wrong".clone_into(&mut bench.password);
    seen.push(one_line(&bench).await?);
    PASSWORD.clone_into(&mut bench.password);
    let name = std::mem::replace(&mut bench.parameters.database, "missing".to_owned());
    seen.push(one_line(&bench).await?);
    bench.parameters.database = name;
    bench.parameters.port = 1;
    seen.push(one_line(&bench).await?);
    assert_eq!(
        seen,
        [
            "DatabaseReadOnly ",
            "DatabaseUnreachable 1040",
            "AuthenticationFailed 1045",
            "AuthenticationFailed 1044",
            "DatabaseUnreachable ",
        ]
    );
    Ok(())
}

/// Reason and number of an attempt that could not begin and may be tried again.
async fn one_line(bench: &Bench) -> Result<String> {
    let ended = bench.run().await?;
    let reason = &ended.message.reason;
    assert_eq!(
        ended.verdict(),
        format!("Failed {reason} none->none retry not started exit 10")
    );
    let all = format!("{}{}", ended.output, ended.message.to_json());
    assert!(!all.contains("canary"), "{all}");
    let code = ended.message.error.and_then(|error| error.code);
    Ok(format!("{reason} {}", code.unwrap_or_default()))
}

/// migrations.md case 31: goose's string has no way to say a user with a colon; goose is turned away, and no secret is told.
#[tokio::test]
async fn a_connection_string_that_goose_reads_otherwise_fails_without_a_secret() -> Result<()> {
    let mut bench = Bench::mysql(&[A]).await?;
    let name = bench.parameters.database.clone();
    bench.user = format!("{name}:x");
    let mut client = bench.mysql_client().await?;
    client
        .query_drop(format!("RENAME USER '{name}'@'%' TO '{}'@'%'", bench.user))
        .await?;
    let ended = bench.run().await?;
    assert_eq!(
        (ended.verdict(), ended.error()),
        (
            "Failed AuthenticationFailed none->none retry exit 10".to_owned(),
            " 1045 ".to_owned()
        )
    );
    let all = format!("{}{}", ended.output, ended.message.to_json());
    assert!(!all.contains("canary"), "{all}");
    Ok(())
}
