//! The runner with the real Flyway on a real MariaDB, where no change of the schema is part of a transaction.

use anyhow::Result;
use mysql_async::prelude::Queryable as _;
use slipway::api::common::Tool;

use crate::bench::Bench;
use crate::cases::{comes_up_once, tool_killed};

const A: (&str, &str) = ("V1__a.sql", "CREATE TABLE a (id int);\n");
const B: (&str, &str) = ("V2__b.sql", "CREATE TABLE b (id int);\n");
const VIEW: (&str, &str) = (
    "R__view.sql",
    "CREATE OR REPLACE VIEW v AS SELECT id FROM a;\n",
);

async fn bench(files: &[(&str, &str)]) -> Result<Bench> {
    Bench::mysql(files).await?.with(Tool::Flyway)
}

/// migrations.md cases 1, 2, 4, 30.
#[tokio::test(flavor = "multi_thread")]
async fn flyway_brings_a_mariadb_up_once() -> Result<()> {
    let bench = bench(&[A, B, VIEW]).await?;
    comes_up_once(&bench, "2", 3).await?;
    bench.remove(B.0)?;
    assert_eq!(
        bench.run().await?.verdict(),
        "Skipped DatabaseAhead 2->2 not started exit 0"
    );
    Ok(())
}

/// migrations.md cases 9, 11, 31.
#[tokio::test(flavor = "multi_thread")]
async fn an_error_in_the_second_of_three_statements_leaves_a_failed_row_until_flyway_repair()
-> Result<()> {
    let broken = "CREATE TABLE half (id int);\n-- the mistake\nCREATE TABEL b (name text);\nCREATE TABLE c (id int);\n";
    let bench = bench(&[A, ("V2__b.sql", broken)]).await?;
    let ended = bench.run().await?;
    assert_eq!(
        (ended.verdict(), ended.error()),
        (
            "Blocked FailedMigrationRow none->1 exit 12".to_owned(),
            "V2__b.sql:3 1064 ".to_owned()
        ),
        "{}",
        ended.output
    );
    assert_eq!(
        (bench.has("half").await?, bench.has("c").await?),
        (true, false)
    );
    let all = format!("{}{}", ended.output, ended.message.to_json());
    assert!(
        !all.contains("name text") && !all.contains("canary"),
        "{all}"
    );
    let again = bench.run().await?;
    assert_eq!(
        again.verdict(),
        "Blocked FailedMigrationRow 1->1 not started exit 12"
    );
    bench
        .mysql_client()
        .await?
        .query_drop("DROP TABLE half")
        .await?;
    bench.write(&[B])?;
    assert_eq!(bench.flyway(&["repair"], &[]).await?.0, Some(0));
    assert_eq!(
        bench.run().await?.verdict(),
        "Succeeded Succeeded 1->2 exit 0"
    );
    Ok(())
}

/// migrations.md case 22: no row and nothing else in the database tells how far a killed file came.
#[tokio::test(flavor = "multi_thread")]
async fn flyway_killed_in_the_middle_of_a_file_on_mysql_blocks() -> Result<()> {
    let bench = bench(&[
        A,
        ("V2__b.sql", "CREATE TABLE b (id int);\nSELECT SLEEP(60);\n"),
    ])
    .await?;
    let ended = tool_killed(&bench).await?;
    assert_eq!(
        ended.verdict(),
        "Blocked OutcomeUnknown none->1 exit 12",
        "{}",
        ended.output
    );
    Ok(())
}
