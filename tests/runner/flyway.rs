//! The runner with the real Flyway on a real PostgreSQL. A JVM takes a second or two to start, so a bench serves several assertions, and
//! most of what Flyway would do is decided without one.

use std::fs;

use anyhow::Result;
use slipway::api::common::Tool;
use slipway::api::database::RunMode;
use slipway::api::migration::OutOfOrder;
use tokio::process::Command;

use crate::bench::Bench;
use crate::cases::{comes_up_once, verdicts_at};

pub const A: (&str, &str) = ("V1__a.sql", "CREATE TABLE a (id int);\n");
const B: (&str, &str) = ("V1_10__b.sql", "CREATE TABLE b (id int);\n");
const C: (&str, &str) = ("tables/V2__c.sql", "CREATE TABLE c (id int);\n");
const VIEW: (&str, &str) = (
    "R__view.sql",
    "CREATE OR REPLACE VIEW v AS SELECT id FROM a;\n",
);

/// What makes Flyway run the file beside it without a transaction.
pub const NO_TRANSACTION: &str = "executeInTransaction=false\n";

/// A bench of Flyway's.
pub async fn bench(files: &[(&str, &str)]) -> Result<Bench> {
    Bench::new(files).await?.with(Tool::Flyway)
}

/// Without a value of a row, without the password.
pub fn holds_no_secret(seen: &str) {
    for secret in ["value-1", "row-", "canary"] {
        assert!(!seen.contains(secret), "{secret}: {seen}");
    }
}

/// migrations.md cases 1, 2, 4, 12, 16, 30.
#[tokio::test(flavor = "multi_thread")]
async fn flyway_brings_a_database_up_once_and_later_runs_are_decided_without_starting_it()
-> Result<()> {
    let bench = bench(&[A, B, VIEW]).await?;
    comes_up_once(&bench, "1.10", 3).await?;
    let rows = ["1 SQL true", "1.10 SQL true", "R__view.sql SQL true"];
    assert_eq!(bench.history().await?, rows);
    bench.write(&[(A.0, "CREATE TABLE a (id bigint);\n")])?;
    let edited = bench.run().await?;
    assert_eq!(
        (edited.verdict(), edited.error()),
        (
            "Blocked ChecksumMismatch 1.10->1.10 not started exit 12".to_owned(),
            "V1__a.sql  ".to_owned()
        )
    );
    bench.write(&[A, (VIEW.0, "CREATE OR REPLACE VIEW v AS SELECT 1 AS id;\n")])?;
    bench.remove(B.0)?;
    assert_eq!(
        bench.run().await?.verdict(),
        "Skipped DatabaseAhead 1.10->1.10 not started exit 0"
    );
    assert_eq!(bench.history().await?, rows);
    bench.write(&[C])?;
    let unknown = bench.run().await?;
    assert_eq!(
        (unknown.verdict(), unknown.error()),
        (
            "Blocked UnknownDatabaseVersion 1.10->1.10 not started exit 12".to_owned(),
            "V1_10__b.sql  ".to_owned()
        )
    );
    Ok(())
}

/// migrations.md cases 3, 5.
#[tokio::test(flavor = "multi_thread")]
async fn a_target_is_where_flyway_stops_and_never_a_way_down() -> Result<()> {
    let mut bench = bench(&[A, B, C]).await?;
    assert_eq!(
        verdicts_at(&mut bench, &["1.10", "1", "7"]).await?,
        [
            "Succeeded Succeeded none->1.10 exit 0",
            "Skipped DatabaseAhead 1.10->1.10 not started exit 0",
            "Failed InvalidSource none->none not started exit 11",
        ]
    );
    assert!(!bench.has("c").await?);
    Ok(())
}

/// migrations.md case 6.
#[tokio::test(flavor = "multi_thread")]
async fn a_lower_file_blocks_flyway_unless_it_is_allowed() -> Result<()> {
    let mut bench = bench(&[A, C]).await?;
    bench.run().await?;
    bench.write(&[B])?;
    let late = bench.run().await?;
    assert_eq!(
        (late.verdict(), late.error()),
        (
            "Blocked OutOfOrder 2->2 not started exit 12".to_owned(),
            "V1_10__b.sql  ".to_owned()
        )
    );
    bench.parameters.out_of_order = OutOfOrder::Allow;
    assert_eq!(
        bench.run().await?.verdict(),
        "Succeeded Succeeded 2->2 exit 0"
    );
    assert_eq!(
        bench.history().await?,
        ["1 SQL true", "2 SQL true", "1.10 SQL true"]
    );
    Ok(())
}

/// migrations.md cases 7, 31.
#[tokio::test(flavor = "multi_thread")]
async fn an_error_in_flyways_transaction_rolls_back_and_is_told_without_a_value() -> Result<()> {
    let bench = bench(&[A]).await?;
    let cases = [
        (
            "-- twice\nINSERT INTO a VALUES (1), (1);\nCREATE UNIQUE INDEX a_id\n  ON a (id);\n",
            "Failed SqlError none->1 exit 11",
            "V2__b.sql:3 23505 a_id",
        ),
        (
            "INSERT INTO a VALUES (1);\nSELECT\n ('row-' || 'value-' || id)::int FROM a;\n",
            "Failed SqlError 1->1 exit 11",
            "V2__b.sql:2 22P02 ",
        ),
        (
            "DO $$ BEGIN\n  RAISE EXCEPTION E'row-%\\nvalue-1', 'x';\nEND $$;\n",
            "Failed SqlError 1->1 exit 11",
            "V2__b.sql:1 P0001 ",
        ),
        (
            "SELECT 1;\nSELECT id,\n  nothing FROM a;\n",
            "Failed SqlError 1->1 exit 11",
            "V2__b.sql:3 42703 nothing",
        ),
        (
            "CREATE INDEX CONCURRENTLY a_id ON a (id);\nSELECT 1;\n",
            "Failed InvalidSource 1->1 exit 11",
            "V2__b.sql  ",
        ),
    ];
    for (content, verdict, error) in cases {
        bench.write(&[("V2__b.sql", content)])?;
        let ended = bench.run().await?;
        assert_eq!(
            (ended.verdict().as_str(), ended.error().as_str()),
            (verdict, error),
            "{}",
            ended.output
        );
        holds_no_secret(&format!("{}{}", ended.output, ended.message.to_json()));
    }
    assert_eq!(bench.history().await?, ["1 SQL true"]);
    Ok(())
}

/// migrations.md cases 8, 10, 11.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_row_blocks_until_flyway_repair_and_then_the_file_runs_again() -> Result<()> {
    let broken = "CREATE TABLE half (id int);\nCREATE TABEL b (id int);\n";
    let settings = ("V2__b.sql.conf", NO_TRANSACTION);
    let bench = bench(&[A, ("V2__b.sql", broken), settings]).await?;
    let ended = bench.run().await?;
    assert_eq!(
        (ended.verdict(), ended.error(), ended.message.dirty),
        (
            "Blocked FailedMigrationRow none->1 exit 12".to_owned(),
            "V2__b.sql:2 42601 ".to_owned(),
            true
        ),
        "{}",
        ended.output
    );
    let again = bench.run().await?;
    assert_eq!(
        (again.verdict(), again.error()),
        (
            "Blocked FailedMigrationRow 1->1 not started exit 12".to_owned(),
            "V2__b.sql  ".to_owned()
        )
    );
    assert!(bench.has("half").await?);
    bench
        .client()
        .await?
        .batch_execute("DROP TABLE half")
        .await?;
    bench.write(&[("V2__b.sql", "CREATE TABLE half (id int);\n")])?;
    assert_eq!(bench.flyway(&["repair"], &[]).await?.0, Some(0));
    assert_eq!(
        bench.run().await?.verdict(),
        "Succeeded Succeeded 1->2 exit 0"
    );
    Ok(())
}

/// migrations.md cases 13, 14.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_flyway_would_take_for_empty_or_refuse_never_reaches_the_database()
-> Result<()> {
    let mut bench = bench(&[
        ("beforeMigrate.sql", "SELECT 1;"),
        ("U1__a.sql", "SELECT 1;"),
    ])
    .await?;
    assert_eq!(
        bench.run().await?.verdict(),
        "Failed NoMigrationFiles none->none not started exit 11"
    );
    let named = |name| (name, A.1);
    for (name, expected) in [
        ("V1_0__again.sql", "V1_0__again.sql and V1__a.sql"),
        ("V2_b.sql", "V2_b.sql"),
    ] {
        bench.write(&[A, named(name)])?;
        let ended = bench.run().await?;
        let text = ended.message.error.clone().unwrap_or_default().text;
        assert_eq!(
            ended.verdict(),
            "Failed InvalidSource none->none not started exit 11"
        );
        assert!(text.contains(expected), "{text}");
        bench.remove(name)?;
    }
    bench.parameters.files.push_str("/missing");
    assert_eq!(
        bench.run().await?.verdict(),
        "Failed NoMigrationFiles none->none not started exit 11"
    );
    assert!(!bench.has("flyway_schema_history").await?);
    Ok(())
}

/// A repeatable file with placeholders has a checksum that only Flyway knows, so it has the word, and says that there is nothing to do.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeatable_file_with_placeholders_is_left_to_flyway() -> Result<()> {
    let view = "CREATE OR REPLACE VIEW v AS SELECT '${flyway:database}' AS name;\n";
    let bench = bench(&[A, ("R__view.sql", view)]).await?;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let ended = bench.run().await?;
        seen.push((ended.verdict(), ended.message.applied));
    }
    assert_eq!(
        seen,
        [
            ("Succeeded Succeeded none->1 exit 0".to_owned(), 2),
            ("Succeeded Succeeded 1->1 exit 0".to_owned(), 0),
        ]
    );
    Ok(())
}

/// The same where the migration's own `env` has placeholders begin otherwise; and what its `env` says of the files' encoding is not heard, as
/// Slipway's checksum would be another. Where nothing is filled in, both know the same checksum; placeholders of scripts are none of SQL.
#[tokio::test(flavor = "multi_thread")]
async fn placeholders_of_another_kind_are_known_and_another_encoding_is_not_heard() -> Result<()> {
    let of_another_kind = [
        ("FLYWAY_PLACEHOLDER_PREFIX", "@{"),
        ("FLYWAY_PLACEHOLDER_SUFFIX", "}@"),
        ("FLYWAY_ENCODING", "ISO-8859-1"),
    ];
    let none = [
        ("FLYWAY_PLACEHOLDER_REPLACEMENT", "false"),
        ("FLYWAY_SCRIPT_PLACEHOLDER_PREFIX", "AS"),
        ("FLYWAY_SCRIPT_PLACEHOLDER_SUFFIX", "name"),
    ];
    for (settings, written, read, second) in [
        (
            &of_another_kind[..],
            "@{flyway:table}@ é",
            "flyway_schema_history é",
            "Succeeded Succeeded 1->1 exit 0",
        ),
        (
            &none[..],
            "${flyway:table} é",
            "${flyway:table} é",
            "Succeeded NoPendingMigrations 1->1 not started exit 0",
        ),
    ] {
        let view = format!("CREATE OR REPLACE VIEW v AS SELECT '{written}' AS name;\n");
        let mut bench = bench(&[A, ("R__view.sql", &view)]).await?;
        let settings = settings.iter();
        let settings = settings.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        bench.environment.extend(settings);
        let first = bench.run().await?;
        assert_eq!(
            [first.verdict(), bench.run().await?.verdict()],
            ["Succeeded Succeeded none->1 exit 0", second],
            "{}",
            first.output
        );
        let row = bench
            .client()
            .await?
            .query_one("SELECT name FROM v", &[])
            .await?;
        assert_eq!(row.get::<_, &str>(0), read);
    }
    Ok(())
}

/// Nor is Flyway told to guess the encoding: it would run the file, and Slipway would not know it again.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_utf_8_is_refused_however_flyway_is_told_to_read_it() -> Result<()> {
    let mut bench = bench(&[A]).await?;
    let file = format!("{}/V2__b.sql", bench.parameters.files);
    fs::write(
        file,
        b"CREATE TABLE b (caf\xe9 text);\nCREATE TABLE c (d\xe9j\xe0 text);\n",
    )?;
    let detect = ("FLYWAY_DETECT_ENCODING".to_owned(), "true".to_owned());
    bench.environment.push(detect);
    let ended = bench.run().await?;
    let error = ended.message.error.clone().unwrap_or_default();
    assert_eq!(
        (ended.verdict().as_str(), error.text.as_str()),
        (
            "Failed InvalidSource none->none exit 11",
            "a file is not UTF-8"
        ),
        "{}",
        ended.output
    );
    Ok(())
}

/// migrations.md case 44: Flyway looks into folders of the source, too, so they are copied.
#[tokio::test(flavor = "multi_thread")]
async fn folders_in_flyways_source_are_copied_and_found() -> Result<()> {
    let mut bench = bench(&[A, C, (".hidden/V3__d.sql", A.1)]).await?;
    let from = bench.parameters.files.clone();
    bench.parameters.files = format!("{from}-copied");
    fs::create_dir(&bench.parameters.files)?;
    let copied = Command::new(env!("CARGO_BIN_EXE_slipway"))
        .args([
            "runner",
            "copy-files",
            "--from",
            &from,
            "--to",
            &bench.parameters.files,
        ])
        .env("SLIPWAY_RUN", serde_json::to_string(&bench.parameters)?)
        .status()
        .await?;
    assert!(copied.success());
    let check = bench.run().await?;
    assert_eq!(
        check.verdict(),
        "Succeeded Succeeded none->2 exit 0",
        "{}",
        check.output
    );
    assert_eq!(check.message.file_count, 2);
    Ok(())
}

/// migrations.md case 47: what Flyway runs beside the pending files is listed, and bound to the approval, too.
#[tokio::test(flavor = "multi_thread")]
async fn callbacks_of_flyway_are_approved_with_the_files_that_they_run_with() -> Result<()> {
    let callback = ("afterMigrate.sql", "DROP TABLE IF EXISTS c;\n");
    let mut bench = bench(&[A, callback]).await?;
    bench.parameters.mode = RunMode::Check;
    let check = bench.run().await?;
    let findings = check.message.findings.iter();
    let found: Vec<String> = findings
        .map(|finding| format!("{}:{}", finding.file, finding.line))
        .collect();
    assert_eq!(
        (check.message.pending_files.as_slice(), found.as_slice()),
        (
            &[A.0, callback.0].map(str::to_owned)[..],
            &["afterMigrate.sql:1".to_owned()][..]
        )
    );
    bench.parameters.mode = RunMode::Run;
    bench.parameters.approved = check.message.pending_digest.clone();
    bench.write(&[(callback.0, "DROP TABLE a;\n")])?;
    assert_eq!(
        bench.run().await?.verdict(),
        "Failed PlanChanged none->none not started exit 11"
    );
    bench.write(&[callback])?;
    assert_eq!(
        bench.run().await?.verdict(),
        "Succeeded Succeeded none->1 exit 0"
    );
    Ok(())
}
