//! What the runner lists for an approval, and that it runs nothing else than what was approved.

use anyhow::Result;
use slipway::api::common::Tool;
use slipway::api::database::RunMode;

use crate::bench::{Bench, Ended};

const A: (&str, &str) = ("1_a.sql", "-- +goose Up\nCREATE TABLE a (id int);\n");
const B: (&str, &str) = (
    "2_b.sql",
    "-- +goose Up\nCREATE TABLE b (id int);\nDROP TABLE b;\n\nDROP TABLE a;\n",
);

/// Names of the files, and place and code of each finding.
fn listed(ended: &Ended) -> (Vec<String>, Vec<String>) {
    let found = ended.message.findings.iter();
    let found = found.map(|finding| format!("{}:{} {}", finding.file, finding.line, finding.code));
    (ended.message.pending_files.clone(), found.collect())
}

fn digest(ended: &Ended) -> String {
    ended.message.pending_digest.clone().unwrap_or_default()
}

/// migrations.md case 47: approve; the list changes.
#[tokio::test]
async fn only_the_list_that_was_approved_runs() -> Result<()> {
    let mut bench = Bench::new(&[A]).await?;
    bench.run().await?;
    bench.write(&[B])?;
    bench.parameters.mode = RunMode::Check;
    let check = bench.run().await?;
    assert_eq!(
        listed(&check),
        (
            vec!["2_b.sql".to_owned()],
            vec!["2_b.sql:5 SLP1401".to_owned()]
        )
    );
    assert_eq!(bench.versions().await?, [0, 1]);

    bench.parameters.mode = RunMode::Run;
    bench.parameters.approved = Some(digest(&check));
    bench.write(&[("3_c.sql", "-- +goose Up\nTRUNCATE c;\n")])?;
    let changed = bench.run().await?;
    assert_eq!(
        changed.verdict(),
        "Failed PlanChanged 1->1 not started exit 11"
    );
    assert_ne!(digest(&changed), digest(&check));
    let (files, found) = listed(&changed);
    assert_eq!(files, ["2_b.sql", "3_c.sql"]);
    assert_eq!(found, ["2_b.sql:5 SLP1401", "3_c.sql:2 SLP1403"]);
    assert_eq!(bench.versions().await?, [0, 1]);

    bench.remove("3_c.sql")?;
    let edited = format!("{}SELECT 1;\n", B.1);
    bench.write(&[(B.0, &edited)])?;
    assert_eq!(
        bench.run().await?.verdict(),
        "Failed PlanChanged 1->1 not started exit 11"
    );
    bench.write(&[B])?;
    assert_eq!(
        bench.run().await?.verdict(),
        "Succeeded Succeeded 1->2 exit 0"
    );
    Ok(())
}

/// The message holds what fits into its 4096 bytes, and how much there is besides; no statement of a file stands in it. Each file loses a table,
/// loses rows, and does that under the first one's lock.
#[tokio::test]
async fn a_long_list_is_cut_and_counted() -> Result<()> {
    let long = "x".repeat(60);
    let files: Vec<(String, String)> = (1..=40)
        .map(|number| {
            let content = format!("-- +goose Up\nDROP TABLE {long}{number} /* canary */;\nDELETE FROM {long} WHERE 'row-value' = 'row-value';\n");
            (format!("{number}_{long}.sql"), content)
        })
        .collect();
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, content)| (name.as_str(), content.as_str()))
        .collect();
    let mut bench = Bench::new(&files).await?;
    bench.parameters.mode = RunMode::Check;
    let check = bench.run().await?;
    let text = check.message.to_json();
    assert!(
        text.len() <= 4096 && !text.contains("canary") && !text.contains("row-value"),
        "{text}"
    );
    assert_eq!(
        (check.message.pending_total, check.message.findings_total),
        (40, 120)
    );
    assert!(!digest(&check).is_empty());
    Ok(())
}

/// migrations.md case 47, with golang-migrate, whose files have no marks inside.
#[tokio::test]
async fn up_files_of_golang_migrate_are_read_and_bound_too() -> Result<()> {
    let files = [
        ("1_a.up.sql", "CREATE TABLE a (id int);\n"),
        ("1_a.down.sql", "DROP TABLE a;\n"),
        ("2_b.up.sql", "DO $$ BEGIN NULL; END $$;\n"),
    ];
    let mut bench = Bench::new(&files).await?.with(Tool::GolangMigrate)?;
    bench.parameters.mode = RunMode::Check;
    let check = bench.run().await?;
    assert_eq!(
        listed(&check),
        (
            vec!["1_a.up.sql".to_owned(), "2_b.up.sql".to_owned()],
            vec!["2_b.up.sql:1 SLP1400".to_owned()]
        )
    );
    bench.parameters.mode = RunMode::Run;
    bench.parameters.approved = Some("another".to_owned());
    assert_eq!(
        bench.run().await?.verdict(),
        "Failed PlanChanged none->none not started exit 11"
    );
    bench.parameters.approved = Some(digest(&check));
    assert_eq!(
        bench.run().await?.verdict(),
        "Succeeded Succeeded none->2 exit 0"
    );
    Ok(())
}

/// SLP1421: PostgreSQL keeps the lock of the first statement while the second one works, so the table is shut; with a file for each it is not.
#[tokio::test]
async fn a_table_stays_locked_while_a_later_statement_of_its_file_works_and_the_list_says_so()
-> Result<()> {
    let adds = "ALTER TABLE a ADD COLUMN b int;\n";
    let works = "UPDATE c SET id = 1 WHERE pg_sleep(3) IS NOT NULL;\n";
    let together = format!("-- +goose Up\n{adds}{works}");
    let (first, second) = (
        format!("-- +goose Up\n{adds}"),
        format!("-- +goose Up\n{works}"),
    );
    for (files, codes, shut) in [
        (
            vec![("1_a.sql", together.as_str())],
            vec!["1_a.sql:3 SLP1400", "1_a.sql:3 SLP1421"],
            true,
        ),
        (
            vec![("1_a.sql", first.as_str()), ("2_b.sql", second.as_str())],
            vec!["2_b.sql:2 SLP1400"],
            false,
        ),
    ] {
        let mut bench = Bench::new(&files).await?;
        let user = bench.user().await?;
        user.batch_execute("CREATE TABLE a (id int); CREATE TABLE c AS SELECT 0 AS id")
            .await?;
        bench.parameters.mode = RunMode::Check;
        assert_eq!(listed(&bench.run().await?).1, codes);
        bench.parameters.mode = RunMode::Run;
        let running = bench.at_work().await?;
        user.batch_execute("SET lock_timeout = '200ms'").await?;
        let read = user.batch_execute("SELECT FROM a").await;
        let refused = read.err().and_then(|error| error.code().cloned());
        assert_eq!(
            refused.is_some_and(|code| code.code() == "55P03"),
            shut,
            "{files:?}"
        );
        assert_eq!(
            running.end().await?.message.applied,
            i64::try_from(files.len())?
        );
    }
    Ok(())
}
