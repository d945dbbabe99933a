//! Flyway's settings: a file in its own folder or in the working folder says what it likes, and the environment has the last word.

use std::fs;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};
use slipway::api::common::{Engine, Tool};
use slipway::core::migration::flyway::settings::{HISTORY_TABLE, SETTINGS};

use crate::bench::{Bench, said};
use crate::connections::{bench, flyway};
use crate::flyway::{at, document_in};

/// The contrary of all that, and another database, which nobody serves.
const TOML: &str = r#"
[environments.default]
url = "jdbc:postgresql://127.0.0.1:1/nowhere"
user = "nobody"
[flyway]
locations = ["filesystem:/nowhere"]
table = "other_history"
target = "0"
outOfOrder = true
ignoreMigrationPatterns = ["*:pending", "*:ignored"]
validateOnMigrate = false
failOnMissingLocations = false
cleanDisabled = false
group = true
executeInTransaction = false
skipExecutingMigrations = true
sqlMigrationPrefix = "X"
repeatableSqlMigrationPrefix = "Y"
sqlMigrationSeparator = "--"
sqlMigrationSuffixes = [".txt"]
[flyway.postgresql.transactional]
lock = true
[environments.default.flyway]
table = "other_history"
skipExecutingMigrations = true
sqlMigrationPrefix = "X"
"#;

/// The same in Flyway's older form.
const CONF: &str = "\
flyway.url=jdbc:postgresql://127.0.0.1:1/nowhere
flyway.user=nobody
flyway.locations=filesystem:/nowhere
flyway.table=other_history
flyway.target=0
flyway.outOfOrder=true
flyway.ignoreMigrationPatterns=*:pending,*:ignored
flyway.validateOnMigrate=false
flyway.failOnMissingLocations=false
flyway.cleanDisabled=false
flyway.group=true
flyway.executeInTransaction=false
flyway.skipExecutingMigrations=true
flyway.sqlMigrationPrefix=X
flyway.repeatableSqlMigrationPrefix=Y
flyway.sqlMigrationSeparator=--
flyway.sqlMigrationSuffixes=.txt
flyway.postgresql.transactional.lock=true
";

/// What the runner tells Flyway whatever a file says, but for the connection and the locations.
fn ours() -> Vec<(&'static str, &'static str)> {
    let of_a_run = [
        ("FLYWAY_TABLE", HISTORY_TABLE),
        ("FLYWAY_OUT_OF_ORDER", "false"),
    ];
    SETTINGS.into_iter().chain(of_a_run).collect()
}

/// Code, what the document says at these places, and the rows of the history table.
async fn migrated(
    bench: &Bench,
    (program, folder): (&Path, &Path),
    settings: &[(&str, &str)],
    places: &[&str],
) -> Result<(Option<i32>, Vec<Value>)> {
    let output = flyway(bench, program.to_owned())
        .envs(settings.iter().copied())
        .current_dir(folder)
        .args(["-outputType=json", "-target=latest", "migrate"])
        .output()
        .await?;
    let (code, said) = said(output);
    Ok((code, at(&document_in(&said)?, places)))
}

/// migrations.md 1: what the runner says by FLYWAY_ variables holds, also where the image has a file with other settings. Without
/// the variables none of the files has a name that counts: so the file is read.
#[tokio::test(flavor = "multi_thread")]
async fn flyways_environment_wins_over_a_file_of_settings() -> Result<()> {
    let half = (
        "V2__b.sql",
        "CREATE TABLE half (id int);\nSELECT nothing;\n",
    );
    let bench = bench(
        Engine::PostgreSQL,
        Tool::Flyway,
        &[("V1__a.sql", "CREATE TABLE a (id int);\n"), half],
    )
    .await?;
    let (program, home) = bench.own_flyway()?;
    let here = (program.as_path(), home.as_path());
    let nothing = (Some(0), vec![json!(0)]);
    let places = ["/error/errorCode", "/error/sqlState", "/error/lineNumber"];

    fs::write(home.join("conf/flyway.toml"), TOML)?;
    let (code, failed) = migrated(&bench, here, &ours(), &places).await?;
    let expected = [
        json!("FAILED_VERSIONED_MIGRATION"),
        json!("42703"),
        json!(2),
    ];
    assert_eq!((code, failed.as_slice()), (Some(1), &expected[..]));
    let left = (bench.has("a").await?, bench.has("half").await?);
    assert_eq!(
        (bench.history().await?, left),
        (vec!["1 SQL true".to_owned()], (true, false))
    );
    let found = migrated(&bench, here, &[], &["/migrationsExecuted"]).await?;
    assert_eq!(found, nothing);

    fs::remove_file(home.join("conf/flyway.toml"))?;
    fs::write(home.join("flyway.conf"), CONF)?;
    bench.remove(half.0)?;
    bench.write(&[("V0_5__late.sql", "CREATE TABLE late (id int);\n")])?;
    let (code, refused) = migrated(&bench, here, &ours(), &places[..1]).await?;
    assert_eq!(
        (code, refused.as_slice()),
        (Some(1), &[json!("VALIDATE_ERROR")][..])
    );
    assert_eq!(bench.history().await?, ["1 SQL true"]);
    let found = migrated(&bench, here, &[], &["/migrationsExecuted"]).await?;
    assert_eq!(found, nothing);
    Ok(())
}

/// In which schemas of the bench's database a history table lies.
async fn lies(bench: &Bench) -> Result<Option<String>> {
    let query = "SELECT string_agg(schemaname, ' ' ORDER BY schemaname) FROM pg_tables WHERE tablename = 'flyway_schema_history'";
    Ok(bench.client().await?.query_one(query, &[]).await?.get(0))
}

/// A file decides in which schema the table lies, but the variable has the last word, and the environment of the runner's own takes the word
/// from those of the file. `info` is of no use to find out: it names what is listed in `schemas`, and no other schema.
#[tokio::test(flavor = "multi_thread")]
async fn flyways_table_lies_in_the_schema_of_a_file_of_settings_unless_a_variable_names_one()
-> Result<()> {
    let files = [("V1__a.sql", "CREATE TABLE a (id int);\n")];
    for (named, told) in [
        ("[flyway]\ndefaultSchema = \"elsewhere\"\n", ""),
        (
            "[environments.default]\nschemas = [\"elsewhere\"]\n",
            "elsewhere",
        ),
        (
            "[environments.default.flyway]\ndefaultSchema = \"elsewhere\"\n",
            "",
        ),
    ] {
        let bench = bench(Engine::PostgreSQL, Tool::Flyway, &files).await?;
        let (program, home) = bench.own_flyway()?;
        fs::write(home.join("conf/flyway.toml"), named)?;
        let info = flyway(&bench, program.clone())
            .current_dir(&home)
            .args(["-outputType=json", "info"])
            .output()
            .await?;
        assert_eq!(
            at(&document_in(&said(info).1)?, &["/schemaName"]),
            [json!(told)],
            "{named}"
        );
        let ours = [&ours()[..], &[("FLYWAY_DEFAULT_SCHEMA", "public")]].concat();
        let mut seen = Vec::new();
        for settings in [&ours[..], &[]] {
            let (code, _) = migrated(&bench, (&program, &home), settings, &[]).await?;
            seen.push((code, lies(&bench).await?));
        }
        let in_schemas = |schemas: &str| (Some(0), Some(schemas.to_owned()));
        assert_eq!(
            seen,
            [in_schemas("public"), in_schemas("elsewhere public")],
            "{named}"
        );
    }
    Ok(())
}

/// So the runner names an environment of its own, and refuses variables in small letters.
#[tokio::test(flavor = "multi_thread")]
async fn an_environment_of_a_file_and_a_variable_in_small_letters_win_over_flyways_variables()
-> Result<()> {
    let file = ("V1__a.sql", "CREATE TABLE IF NOT EXISTS a (id int);\n");
    let skips = ("FLYWAY_SKIP_EXECUTING_MIGRATIONS", "false");
    let small = ("flyway_skipExecutingMigrations", "true");
    let own = ("flyway_environment", "slipway");
    let section = "[environments.default.flyway]\nskipExecutingMigrations = true\n";
    for (text, settings, runs) in [
        (section, vec![skips], false),
        (section, vec![skips, own], true),
        ("", vec![skips, own, small], false),
    ] {
        let bench = bench(Engine::PostgreSQL, Tool::Flyway, &[file]).await?;
        let (program, home) = bench.own_flyway()?;
        fs::write(home.join("conf/flyway.toml"), text)?;
        migrated(&bench, (&program, &home), &settings, &[]).await?;
        let seen = (bench.history().await?, bench.has("a").await?);
        let expected = (vec!["1 SQL true".to_owned()], runs);
        assert_eq!(seen, expected, "{text} {settings:?}");
    }
    Ok(())
}
