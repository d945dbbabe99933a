//! Flyway's settings: a file in its own folder or in the working folder says what it likes, and the environment has the last word.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use slipway::api::common::{Engine, Tool};

use crate::bench::{Bench, program, said};
use crate::connections::{bench, flyway};
use crate::flyway::{at, document_in};

/// What the runner sets whatever a file says, but for the connection and the locations.
const OURS: [(&str, &str); 14] = [
    ("FLYWAY_POSTGRESQL_TRANSACTIONAL_LOCK", "false"),
    ("FLYWAY_IGNORE_MIGRATION_PATTERNS", "*:future"),
    ("FLYWAY_VALIDATE_ON_MIGRATE", "true"),
    ("FLYWAY_FAIL_ON_MISSING_LOCATIONS", "true"),
    ("FLYWAY_CLEAN_DISABLED", "true"),
    ("FLYWAY_GROUP", "false"),
    ("FLYWAY_EXECUTE_IN_TRANSACTION", "true"),
    ("FLYWAY_SKIP_EXECUTING_MIGRATIONS", "false"),
    ("FLYWAY_SQL_MIGRATION_PREFIX", "V"),
    ("FLYWAY_REPEATABLE_SQL_MIGRATION_PREFIX", "R"),
    ("FLYWAY_SQL_MIGRATION_SEPARATOR", "__"),
    ("FLYWAY_SQL_MIGRATION_SUFFIXES", ".sql"),
    ("FLYWAY_TABLE", "flyway_schema_history"),
    ("FLYWAY_OUT_OF_ORDER", "false"),
];

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

/// A Flyway of the bench's own. Its jars lie two folders below the one in which it looks for `conf`, as in its own distribution.
fn own_flyway(bench: &Bench) -> Result<(PathBuf, PathBuf)> {
    let shared = program(Tool::Flyway)?;
    let shared = shared.parent().context("Flyway lies in no folder")?;
    let home = Path::new(&bench.parameters.files).with_file_name("home");
    for folder in ["bin/lib", "conf"] {
        fs::create_dir_all(home.join(folder))?;
    }
    fs::copy(shared.join("flyway"), home.join("bin/flyway"))?;
    for jar in fs::read_dir(shared.join("lib"))? {
        let jar = jar?;
        fs::copy(jar.path(), home.join("bin/lib").join(jar.file_name()))?;
    }
    Ok((home.join("bin/flyway"), home))
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
    let (program, home) = own_flyway(&bench)?;
    let here = (program.as_path(), home.as_path());
    let nothing = (Some(0), vec![json!(0)]);
    let places = ["/error/errorCode", "/error/sqlState", "/error/lineNumber"];

    fs::write(home.join("conf/flyway.toml"), TOML)?;
    let (code, failed) = migrated(&bench, here, &OURS, &places).await?;
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
    let (code, refused) = migrated(&bench, here, &OURS, &places[..1]).await?;
    assert_eq!(
        (code, refused.as_slice()),
        (Some(1), &[json!("VALIDATE_ERROR")][..])
    );
    assert_eq!(bench.history().await?, ["1 SQL true"]);
    let found = migrated(&bench, here, &[], &["/migrationsExecuted"]).await?;
    assert_eq!(found, nothing);
    Ok(())
}

/// What the runner sets by no variable, a file decides: in which schema the table lies. The schema in the environment wins over that one, too.
#[tokio::test(flavor = "multi_thread")]
async fn flyways_table_lies_in_the_schema_of_a_file_of_settings_unless_the_environment_names_one()
-> Result<()> {
    let files = [("V1__a.sql", "CREATE TABLE a (id int);\n")];
    for named in [
        "[flyway]\ndefaultSchema = \"elsewhere\"\n",
        "[environments.default]\nschemas = [\"elsewhere\"]\n",
    ] {
        let bench = bench(Engine::PostgreSQL, Tool::Flyway, &files).await?;
        let (program, home) = own_flyway(&bench)?;
        fs::write(home.join("conf/flyway.toml"), named)?;
        let mut seen = Vec::new();
        for settings in [&[("FLYWAY_DEFAULT_SCHEMA", "public")][..], &[]] {
            let (code, _) = migrated(&bench, (&program, &home), settings, &[]).await?;
            let query = "SELECT string_agg(schemaname, ' ' ORDER BY schemaname) FROM pg_tables WHERE tablename = 'flyway_schema_history'";
            let row = bench.client().await?.query_one(query, &[]).await?;
            seen.push((code, row.get::<_, Option<String>>(0)));
        }
        let lies = |schemas: &str| (Some(0), Some(schemas.to_owned()));
        assert_eq!(seen, [lies("public"), lies("elsewhere public")], "{named}");
    }
    Ok(())
}
