//! goose on MariaDB: statement by statement, and the version row last.

use anyhow::Result;
use mysql_async::prelude::Queryable as _;
use rustix::process::{Signal, kill_process};
use slipway::api::common::Tool;

use crate::bench::Bench;
use crate::bench::running::pid;

const A: (&str, &str) = ("1_a.sql", "-- +goose Up\nCREATE TABLE a (id int);\n");

/// migrations.md 1: all DDL of MySQL's runs one by one, the row last, so a kill leaves applied statements and no trace.
#[tokio::test]
async fn goose_on_mysql_sends_one_statement_at_a_time_and_leaves_no_row_of_a_file_that_it_did_not_end()
-> Result<()> {
    let half =
        "-- +goose Up\nCREATE TABLE half (id int);\nSELECT SLEEP(60);\nCREATE TABLE c (id int);\n";
    for signal in [Signal::KILL, Signal::TERM] {
        let bench = Bench::mysql(&[A, ("2_b.sql", half)]).await?;
        let mut child = bench.tool(Tool::Goose)?.arg("up").spawn()?;
        let session = bench.mysql_session("State = 'User sleep'").await?;
        let mut client = bench.mysql_client().await?;
        let query = format!("SELECT INFO FROM information_schema.PROCESSLIST WHERE ID = {session}");
        let sent: Option<String> = client.query_first(query).await?;
        assert_eq!(sent.as_deref(), Some("SELECT SLEEP(60)"));
        kill_process(pid(&child)?, signal)?;
        assert_eq!(child.wait().await?.code(), None);
        let left = (
            bench.versions().await?,
            bench.has("half").await?,
            bench.has("c").await?,
        );
        assert_eq!(left, (vec![0, 1], true, false), "{signal:?}");
    }
    Ok(())
}

/// migrations.md 1, case 9: the same after an error, with NO TRANSACTION and without.
#[tokio::test]
async fn goose_on_mysql_leaves_the_first_statements_of_a_file_that_fails_and_no_row() -> Result<()>
{
    for mark in ["", "-- +goose NO TRANSACTION\n"] {
        let half = format!("{mark}-- +goose Up\nCREATE TABLE half (id int);\nSELECT nothing;\n");
        let bench = Bench::mysql(&[A, ("2_b.sql", &half)]).await?;
        let output = bench.tool(Tool::Goose)?.arg("up").output().await?;
        let left = (bench.versions().await?, bench.has("half").await?);
        assert_eq!(
            (output.status.code(), left),
            (Some(1), (vec![0, 1], true)),
            "{mark}"
        );
    }
    Ok(())
}
