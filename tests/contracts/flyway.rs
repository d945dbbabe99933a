//! Flyway: exit codes, history table, JSON, failed rows, locks, connection, leaks. Each call starts a JVM, so one bench shows several things.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use slipway::api::common::Tool;
use slipway::core::migration::flyway::files::{File, Files};

use crate::bench::{Bench, LIMIT, PASSWORD};
use crate::cluster::wait;

const A: (&str, &str) = ("V1__a.sql", "CREATE TABLE a (id int);\n");
const B: (&str, &str) = ("V1_10__b.sql", "CREATE TABLE b (id int);\r\n-- é\n");
const C: (&str, &str) = ("V2__c.sql", "CREATE TABLE c (id int);\n");
const VIEW: (&str, &str) = (
    "R__view.sql",
    "CREATE OR REPLACE VIEW v AS SELECT id FROM a;\n",
);

async fn bench(files: &[(&str, &str)]) -> Result<Bench> {
    Bench::new(files).await?.with(Tool::Flyway)
}

/// Code and JSON document.
pub async fn document(bench: &Bench, arguments: &[&str]) -> Result<(Option<i32>, Value)> {
    let arguments = [&["-outputType=json"], arguments].concat();
    let (code, said) = bench.flyway(&arguments, &[]).await?;
    Ok((code, document_in(&said)?))
}

/// The JSON document in what Flyway said.
pub fn document_in(said: &str) -> Result<Value> {
    let from = said
        .find('{')
        .with_context(|| format!("no JSON in {said:?}"))?;
    let document = serde_json::Deserializer::from_str(&said[from..])
        .into_iter()
        .next();
    Ok(document.context("no JSON")??)
}

/// The values at these places of a document.
pub fn at(document: &Value, places: &[&str]) -> Vec<Value> {
    let value = |place: &&str| {
        document
            .pointer(place)
            .cloned()
            .unwrap_or_else(|| json!("absent"))
    };
    places.iter().map(value).collect()
}

/// So the runner refuses such folders itself, and names the target's file before it asks for it.
#[tokio::test(flavor = "multi_thread")]
async fn flyway_takes_an_empty_folder_for_done_and_a_double_version_or_an_unknown_target_for_an_error()
-> Result<()> {
    let bench = bench(&[]).await?;
    assert_eq!(
        bench.flyway(&["migrate"], &[]).await?.0,
        Some(0),
        "no files"
    );
    bench.write(&[A, ("V1.0__again.sql", A.1)])?;
    assert_eq!(
        bench.flyway(&["migrate"], &[]).await?.0,
        Some(1),
        "one version twice"
    );
    bench.remove("V1.0__again.sql")?;
    bench.write(&[("V3_c.sql", A.1)])?;
    assert_eq!(
        bench.flyway(&["-target=7", "migrate"], &[]).await?.0,
        Some(1),
        "no such target"
    );
    assert_eq!(
        bench.flyway(&["-target=7?", "migrate"], &[]).await?.0,
        Some(0),
        "no such target, and it may be so"
    );
    assert_eq!(
        bench.history().await?,
        ["1 SQL true"],
        "a name without two underscores is passed over"
    );
    Ok(())
}

/// migrations.md cases 4, 6, 12. The checksums of `core::migration::flyway` are Flyway's.
#[tokio::test(flavor = "multi_thread")]
async fn flyways_table_and_json_are_what_the_runner_reads() -> Result<()> {
    let files = [A, B, VIEW];
    let bench = bench(&files).await?;
    let (code, migrated) = document(&bench, &["migrate"]).await?;
    let places = [
        "/success",
        "/initialSchemaVersion",
        "/targetSchemaVersion",
        "/migrationsExecuted",
        "/migrations/1/version",
    ];
    assert_eq!(
        (code, at(&migrated, &places)),
        (
            Some(0),
            vec![
                json!(true),
                Value::Null,
                json!("1.10"),
                json!(3),
                json!("1.10")
            ]
        )
    );
    let query =
        "SELECT script, checksum, description FROM flyway_schema_history ORDER BY installed_rank";
    let rows = bench.client().await?.query(query, &[]).await?;
    let found: Vec<(String, i32, String)> = rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect();
    let known = Files::new(files.map(|(name, content)| (name.to_owned(), content.to_owned())))?;
    let of = |file: &File| {
        (
            file.script.clone(),
            file.checksum(),
            file.description.clone(),
        )
    };
    assert_eq!(found, known.iter().map(of).collect::<Vec<_>>());

    bench.write(&[
        (A.0, "CREATE TABLE a (id bigint);\n"),
        ("V1.5__late.sql", C.1),
    ])?;
    let (code, validated) = document(
        &bench,
        &["-ignoreMigrationPatterns=*:pending,*:future", "validate"],
    )
    .await?;
    let places = [
        "/validationSuccessful",
        "/invalidMigrations/0/errorDetails/errorCode",
        "/invalidMigrations/1/errorDetails/errorCode",
    ];
    let expected = [
        json!(false),
        json!("CHECKSUM_MISMATCH"),
        json!("RESOLVED_VERSIONED_MIGRATION_NOT_APPLIED"),
    ];
    assert_eq!(
        (code, at(&validated, &places)),
        (Some(0), expected.to_vec())
    );

    bench.write(&[A])?;
    assert_eq!(
        document(&bench, &["migrate"]).await?.0,
        Some(1),
        "a lower number"
    );
    bench.remove("V1.5__late.sql")?;
    bench.remove(B.0)?;
    bench.write(&[(VIEW.0, "CREATE OR REPLACE VIEW v AS SELECT 1 AS id;\n")])?;
    let (code, older) = document(&bench, &["migrate"]).await?;
    assert_eq!(
        (code, at(&older, &["/success", "/migrationsExecuted"])),
        (Some(0), vec![json!(true), json!(1)]),
        "an older image's repeatables run"
    );
    Ok(())
}

/// migrations.md cases 7, 8, 11, 31.
#[tokio::test(flavor = "multi_thread")]
async fn flyway_tells_of_a_failed_file_in_json_with_values_in_it_and_writes_a_row_outside_of_a_transaction()
-> Result<()> {
    let broken = "INSERT INTO a VALUES (4711), (4711);\nCREATE UNIQUE INDEX a_id ON a (id);\n";
    let bench = bench(&[A, ("V2__b.sql", broken)]).await?;
    let (code, failed) = document(&bench, &["migrate"]).await?;
    let places = [
        "/success",
        "/error/errorCode",
        "/error/sqlState",
        "/error/lineNumber",
        "/migrationsExecuted",
    ];
    let expected = [
        json!(false),
        json!("FAILED_VERSIONED_MIGRATION"),
        json!("23505"),
        json!(2),
        json!(1),
    ];
    assert_eq!((code, at(&failed, &places)), (Some(1), expected.to_vec()));
    assert!(
        failed.to_string().contains("4711"),
        "it tells the row's value: {failed}"
    );
    assert!(!failed.to_string().contains(PASSWORD));
    assert_eq!(
        bench.history().await?,
        ["1 SQL true"],
        "rolled back, no row"
    );
    bench.write(&[("V2__b.sql.conf", "executeInTransaction=false\n")])?;
    document(&bench, &["migrate"]).await?;
    assert_eq!(
        bench.history().await?,
        ["1 SQL true"],
        "the transactional lock takes the failed row back"
    );
    let one_session = ("FLYWAY_POSTGRESQL_TRANSACTIONAL_LOCK", "false");
    bench.flyway(&["migrate"], &[one_session]).await?;
    assert_eq!(bench.history().await?, ["1 SQL true", "2 SQL false"]);
    let (code, blocked) = document(&bench, &["migrate"]).await?;
    assert_eq!(
        (code, at(&blocked, &["/error/errorCode", "/error/sqlState"])),
        (Some(1), vec![json!("VALIDATE_ERROR"), json!("absent")])
    );
    assert_eq!(document(&bench, &["repair"]).await?.0, Some(0));
    assert_eq!(bench.history().await?, ["1 SQL true"]);
    Ok(())
}

/// migrations.md cases 17, 30. What the runner puts into the URL reaches the session, and a password of any bytes works from the environment.
#[tokio::test(flavor = "multi_thread")]
async fn flyways_session_has_the_name_and_the_settings_of_its_url() -> Result<()> {
    let content = "CREATE TABLE seen AS SELECT current_setting('application_name') || ' ' || current_setting('lock_timeout') AS it;\n";
    let mut bench = bench(&[("V1__a.sql", content)]).await?;
    let (host, port, name) = (
        &bench.parameters.host,
        bench.parameters.port,
        &bench.parameters.database,
    );
    let url = format!(
        "jdbc:postgresql://{host}:{port}/{name}?ApplicationName=slipway%2Fa%2F1&options=-c%20lock_timeout%3D5s"
    );
    assert_eq!(
        bench.flyway(&["migrate"], &[("FLYWAY_URL", &url)]).await?.0,
        Some(0)
    );
    let row = bench
        .client()
        .await?
        .query_one("SELECT it FROM seen", &[])
        .await?;
    assert_eq!(row.get::<_, String>(0), "slipway/a/1 5s");
    "wrong".clone_into(&mut bench.password);
    let (code, refused) = document(&bench, &["migrate"]).await?;
    let expected = [json!("DB_CONNECTION"), json!("28P01")];
    assert_eq!(
        (code, at(&refused, &["/error/errorCode", "/error/sqlState"])),
        (Some(1), expected.to_vec())
    );
    assert!(
        refused.to_string().contains("jdbc:postgresql://"),
        "it tells the URL: {refused}"
    );
    Ok(())
}

/// migrations.md case 18. So the runner sets FLYWAY_POSTGRESQL_TRANSACTIONAL_LOCK=false.
#[tokio::test(flavor = "multi_thread")]
async fn flyways_transactional_lock_is_a_second_session_that_a_concurrent_index_waits_for()
-> Result<()> {
    let bench = bench(&[A]).await?;
    bench.flyway(&["migrate"], &[]).await?;
    bench.write(&[("V2__b.sql", "CREATE INDEX CONCURRENTLY a_id ON a (id);\n")])?;
    let hangs = tokio::spawn({
        let again = bench.again(1);
        async move { again.flyway(&["migrate"], &[]).await }
    });
    let client = bench.client().await?;
    let query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' \
                 AND query LIKE 'CREATE INDEX CONCURRENTLY%'";
    let waits = wait::until("the index to wait", LIMIT, async || {
        match client.query_opt(query, &[]).await {
            Ok(Some(row)) => Ok(row.get::<_, i32>(0)),
            other => Err(format!("{other:?}")),
        }
    })
    .await?;
    client
        .execute("SELECT pg_terminate_backend($1)", &[&waits])
        .await?;
    hangs.await??;
    let row = client
        .query_one(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = 'a_id'::regclass",
            &[],
        )
        .await?;
    assert!(!row.get::<_, bool>(0), "it leaves an INVALID index");
    Ok(())
}
