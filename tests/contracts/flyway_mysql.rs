//! Flyway on MariaDB: what an error and a kill leave in its table, and its lock.

use anyhow::Result;
use mysql_async::prelude::Queryable as _;
use serde_json::json;
use slipway::api::common::{Engine, Tool};

use crate::bench::{Bench, program};
use crate::connections::{self, MYSQL_SLEEPER, end, flyway};
use crate::flyway::{at, document};

const A: (&str, &str) = ("V1__a.sql", "CREATE TABLE a (id int);\n");

async fn bench(second: &str) -> Result<Bench> {
    let files = [A, ("V2__b.sql", second)];
    connections::bench(Engine::MySQL, Tool::Flyway, &files).await
}

/// Of each row version and whether it succeeded, in the order of their ranks.
async fn history(bench: &Bench) -> Result<Vec<(String, bool)>> {
    let query = "SELECT version, success FROM flyway_schema_history ORDER BY installed_rank";
    Ok(bench.mysql_client().await?.query(query).await?)
}

fn row(version: &str, success: bool) -> (String, bool) {
    (version.to_owned(), success)
}

/// migrations.md 1, dirty mark: MySQL has a failed row after an error. It blocks until `repair`, and what ran of the file stays.
#[tokio::test(flavor = "multi_thread")]
async fn flyway_on_mysql_leaves_a_failed_row_after_an_error_until_repair() -> Result<()> {
    let bench = bench("CREATE TABLE half (id int);\nSELECT nothing;\n").await?;
    let (code, failed) = document(&bench, &["migrate"]).await?;
    let places = [
        "/error/errorCode",
        "/error/sqlState",
        "/error/sqlErrorCode",
        "/error/lineNumber",
    ];
    let expected = [
        json!("FAILED_VERSIONED_MIGRATION"),
        json!("42S22"),
        json!(1054),
        json!(2),
    ];
    assert_eq!((code, at(&failed, &places)), (Some(1), expected.to_vec()));
    let rows = [row("1", true), row("2", false)];
    assert_eq!(
        (history(&bench).await?, bench.has("half").await?),
        (rows.to_vec(), true)
    );
    let (code, blocked) = document(&bench, &["migrate"]).await?;
    assert_eq!(
        (code, at(&blocked, &["/error/errorCode"])),
        (Some(1), vec![json!("VALIDATE_ERROR")])
    );
    assert_eq!(document(&bench, &["repair"]).await?.0, Some(0));
    assert_eq!(history(&bench).await?, [row("1", true)]);
    Ok(())
}

/// migrations.md 1, dirty mark: none after a kill. So no row is no proof that a file was not begun.
#[tokio::test(flavor = "multi_thread")]
async fn flyway_on_mysql_leaves_no_row_of_a_file_in_which_it_was_killed() -> Result<()> {
    let bench = bench(&format!("CREATE TABLE half (id int);\n{MYSQL_SLEEPER}")).await?;
    let mut shell = flyway(&bench, program(Tool::Flyway)?)
        .arg("migrate")
        .process_group(0)
        .spawn()?;
    bench.mysql_session("State = 'User sleep'").await?;
    end(&mut shell).await?;
    assert_eq!(
        (history(&bench).await?, bench.has("half").await?),
        (vec![row("1", true)], true)
    );
    Ok(())
}

/// migrations.md 1, CLI lock: MySQL GET_LOCK, for which another waits in the server. Its name is `Flyway-` and Java's hash of the table's name,
/// so that two databases of one server do not share it.
#[tokio::test(flavor = "multi_thread")]
async fn flyway_on_mysql_holds_a_named_lock_and_another_waits_for_it_in_the_server() -> Result<()> {
    let bench = bench(MYSQL_SLEEPER).await?;
    let mut migrate = flyway(&bench, program(Tool::Flyway)?);
    migrate.arg("migrate").process_group(0);
    let mut first = migrate.spawn()?;
    let holder = bench.mysql_session("State = 'User sleep'").await?;
    let table = format!("`{}`.`flyway_schema_history`", bench.parameters.database);
    let hash = table.encode_utf16().fold(0_i32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    });
    let query = format!("SELECT IS_USED_LOCK('Flyway-{hash}')");
    let mut client = bench.mysql_client().await?;
    assert_eq!(
        client.query_first::<Option<i32>, _>(query).await?,
        Some(Some(holder))
    );
    let mut second = migrate.spawn()?;
    bench
        .mysql_session(&format!(
            "State = 'User lock' AND INFO = 'SELECT GET_LOCK(''Flyway-{hash}'',10)'"
        ))
        .await?;
    for shell in [&mut second, &mut first] {
        end(shell).await?;
    }
    Ok(())
}
