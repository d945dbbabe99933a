//! What a file of settings in the image, or a variable, may say to Flyway: nothing that leads it to another table than the runner reads, and
//! nothing that has it write rows without running files.

use std::fs;

use anyhow::Result;
use slipway::api::common::Tool;

use crate::bench::{Bench, Ended};

const A: (&str, &str) = ("V1__a.sql", "CREATE TABLE a (id int);\n");
const UP: &str = "Succeeded Succeeded none->1 exit 0";

/// A bench whose Flyway has this file of settings in its `conf`.
fn with_file(mut bench: Bench, (name, text): (&str, &str)) -> Result<Bench> {
    bench = bench.with(Tool::Flyway)?;
    let (program, home) = bench.own_flyway()?;
    fs::write(home.join("conf").join(name), text)?;
    bench.parameters.tool_path = Some(program.display().to_string());
    Ok(bench)
}

fn text(ended: &Ended) -> String {
    ended.message.error.clone().unwrap_or_default().text
}

/// What is refused: nothing was begun, and the key, the value, and what to type are named.
fn refused(ended: &Ended, words: &[&str]) {
    let (verdict, text) = (ended.verdict(), text(ended));
    let expected = "Failed InvalidSource none->none not started exit 11";
    assert_eq!(verdict, expected, "{text} {}", ended.output);
    for word in words {
        assert!(text.contains(word), "{word}: {text}");
    }
}

/// migrations.md section 2, step 7: the runner reads the table that the tool writes, or the tool is not started.
#[tokio::test(flavor = "multi_thread")]
async fn a_schema_or_table_that_only_a_file_of_settings_names_is_refused_until_the_migration_names_it()
-> Result<()> {
    for (file, words) in [
        (
            ("flyway.toml", "[flyway]\ndefaultSchema = \"elsewhere\"\n"),
            [
                "flyway.toml, flyway.defaultSchema = elsewhere",
                "schema public",
                "env FLYWAY_DEFAULT_SCHEMA",
            ],
        ),
        (
            ("flyway.conf", "flyway.schemas=elsewhere,public\n"),
            [
                "flyway.conf, flyway.schemas = elsewhere",
                "schema public",
                "env FLYWAY_DEFAULT_SCHEMA",
            ],
        ),
        (
            ("flyway.user.toml", "[flyway]\ntable = \"moves\"\n"),
            [
                "flyway.user.toml, flyway.table = moves",
                "table flyway_schema_history",
                "versionTable",
            ],
        ),
    ] {
        let mut bench = with_file(Bench::new(&[A]).await?, file)?;
        refused(&bench.run().await?, &words);
        assert!(!bench.has("a").await?, "{file:?}");
        if words[2] == "versionTable" {
            bench.parameters.version_table = "moves".to_owned();
        } else {
            let named = ("FLYWAY_DEFAULT_SCHEMA".to_owned(), "elsewhere".to_owned());
            bench.environment.push(named);
        }
        let ended = bench.run().await?;
        assert_eq!(ended.verdict(), UP, "{file:?} {}", ended.output);
        assert_eq!(
            bench.run().await?.verdict(),
            "Succeeded NoPendingMigrations 1->1 not started exit 0"
        );
    }
    Ok(())
}

/// The same where MySQL calls a database a schema; what a file says of another connection is not heard.
#[tokio::test(flavor = "multi_thread")]
async fn another_database_of_a_file_of_settings_is_refused_on_mariadb_and_the_same_one_passes()
-> Result<()> {
    let bench = Bench::mysql(&[A]).await?;
    let mut bench = with_file(bench, ("flyway.conf", "flyway.defaultSchema=elsewhere\n"))?;
    refused(&bench.run().await?, &["flyway.defaultSchema = elsewhere"]);
    let (program, home) = bench.own_flyway()?;
    fs::remove_file(home.join("conf/flyway.conf"))?;
    let same = format!(
        "[environments.default]\nurl = \"jdbc:mariadb://127.0.0.1:1/x\"\nschemas = [\"{}\"]\n",
        bench.parameters.database
    );
    fs::write(home.join("conf/flyway.toml"), same)?;
    bench.parameters.tool_path = Some(program.display().to_string());
    let ended = bench.run().await?;
    assert_eq!(ended.verdict(), UP, "{}", ended.output);
    assert!(bench.has("a").await?);
    Ok(())
}

/// A false success else: Flyway would write the rows and run no file. In an environment of the file such a setting wins over any variable in
/// capitals, and a variable in small letters does so, too.
#[tokio::test(flavor = "multi_thread")]
async fn no_setting_has_flyway_take_files_for_run_that_it_did_not_run() -> Result<()> {
    let root = ("flyway.toml", "[flyway]\nskipExecutingMigrations = true\n");
    let bench = with_file(Bench::new(&[A]).await?, root)?;
    assert_eq!(bench.run().await?.verdict(), UP);
    assert!(bench.has("a").await?);

    let section = "[environments.default.flyway]\nskipExecutingMigrations = true\n";
    let bench = with_file(Bench::new(&[A]).await?, ("flyway.toml", section))?;
    assert_eq!(bench.run().await?.verdict(), UP);
    assert!(bench.has("a").await?);

    let mut bench = with_file(Bench::new(&[A]).await?, ("flyway.toml", ""))?;
    let small = ("flyway_skipExecutingMigrations", "true");
    bench
        .environment
        .push((small.0.to_owned(), small.1.to_owned()));
    refused(&bench.run().await?, &[small.0, "in capitals"]);
    Ok(())
}

/// No environment of a file is heard, so what only such a one says would be lost without a word. Its value may be a secret.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_environment_of_a_file_says_is_refused_until_the_migration_says_it_itself()
-> Result<()> {
    let text = "[environments.default]\ninitSql = \"SET my.token = 'canary-1'\"\n[environments.other.jdbcProperties]\npassword = \"canary-2\"\n";
    let file = (
        "V1__a.sql",
        "CREATE TABLE a AS SELECT current_setting('my.token') AS token;\n",
    );
    let mut bench = with_file(Bench::new(&[file]).await?, ("flyway.toml", text))?;
    let ended = bench.run().await?;
    refused(&ended, &["environments.default.initSql", "FLYWAY_INIT_SQL"]);
    assert!(!ended.output.contains("canary") && !self::text(&ended).contains("canary"));
    let said = ("FLYWAY_INIT_SQL", "SET my.token = 'mine'");
    bench
        .environment
        .push((said.0.to_owned(), said.1.to_owned()));
    let ended = bench.run().await?;
    assert_eq!(ended.verdict(), UP, "{}", ended.output);
    let row = bench
        .user()
        .await?
        .query_one("SELECT token FROM a", &[])
        .await?;
    assert_eq!(row.get::<_, String>(0), "mine");
    Ok(())
}

/// A false success else: on a schema that is not empty Flyway would take the file for applied. The migration's own `env` may say so.
#[tokio::test(flavor = "multi_thread")]
async fn a_baseline_is_not_made_on_the_word_of_a_file_alone() -> Result<()> {
    let baseline = ("flyway.toml", "[flyway]\nbaselineOnMigrate = true\n");
    let mut bench = with_file(Bench::new(&[A]).await?, baseline)?;
    let there = "CREATE TABLE there (id int)";
    bench.user().await?.batch_execute(there).await?;
    let ended = bench.run().await?;
    assert_eq!(
        (
            ended.verdict().as_str(),
            text(&ended).contains("flyway baseline")
        ),
        ("Failed InvalidSource none->none exit 11", true),
        "{}",
        ended.output
    );
    let wanted = ("FLYWAY_BASELINE_ON_MIGRATE".to_owned(), "true".to_owned());
    bench.environment.push(wanted);
    assert_eq!(bench.run().await?.verdict(), UP);
    assert_eq!(bench.history().await?, ["1 BASELINE true"]);
    Ok(())
}

/// Else a statement would run that nobody has seen, let alone approved.
#[tokio::test(flavor = "multi_thread")]
async fn callbacks_come_from_the_folder_of_the_files_only() -> Result<()> {
    let bench = with_file(Bench::new(&[A]).await?, ("flyway.toml", ""))?;
    let (_, home) = bench.own_flyway()?;
    let elsewhere = format!(
        "[flyway]\ncallbackLocations = [\"filesystem:{}\"]\n",
        home.display()
    );
    fs::write(home.join("conf/flyway.toml"), elsewhere)?;
    fs::write(home.join("afterMigrate.sql"), "DROP TABLE a;\n")?;
    let ended = bench.run().await?;
    assert_eq!(ended.verdict(), UP, "{}", ended.output);
    assert!(bench.has("a").await?);
    Ok(())
}

/// Where the runner finds no file, Flyway does not hear its environments either.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_settings_that_the_runner_does_not_find_leads_flyway_nowhere_else() -> Result<()>
{
    let text = "[flyway]\ndefaultSchema = \"elsewhere\"\ntable = \"moves\"\n\
                [environments.default]\nschemas = [\"elsewhere\"]\n\
                [environments.default.flyway]\nskipExecutingMigrations = true\ntable = \"moves\"\n";
    let mut bench = with_file(Bench::new(&[A]).await?, ("flyway.toml", text))?;
    let (program, home) = bench.own_flyway()?;
    let hidden = home.join("a/b/flyway");
    fs::create_dir_all(home.join("a/b"))?;
    fs::write(
        &hidden,
        format!("#!/bin/sh\nexec {} \"$@\"\n", program.display()),
    )?;
    fs::set_permissions(&hidden, fs::metadata(&program)?.permissions())?;
    bench.parameters.tool_path = Some(hidden.display().to_string());
    let ended = bench.run().await?;
    assert_eq!(ended.verdict(), UP, "{}", ended.output);
    assert_eq!(bench.history().await?, ["1 SQL true"]);
    assert!(bench.has("a").await?);
    Ok(())
}

/// migrations.md 1: FLYWAY_TABLE. Slipway's own word for it is `versionTable`, and what is said twice otherwise is not guessed at.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_or_a_search_path_that_only_a_variable_of_flyways_names_is_refused() -> Result<()> {
    for (name, value, remedy) in [
        ("FLYWAY_TABLE", "moves", "versionTable"),
        (
            "FLYWAY_INIT_SQL",
            "SET search_path TO audit",
            "FLYWAY_DEFAULT_SCHEMA",
        ),
    ] {
        let mut bench = Bench::new(&[A]).await?.with(Tool::Flyway)?;
        bench.environment.push((name.to_owned(), value.to_owned()));
        refused(&bench.run().await?, &[name, remedy]);
    }
    Ok(())
}
