//! goose: exit codes, table, dirty ends, connection strings, leaks.

use anyhow::Result;
use rustix::process::{Signal, kill_process};
use slipway::api::common::Tool;

use crate::bench::running::pid;
use crate::bench::{Bench, PASSWORD, said};

pub const A: (&str, &str) = ("1_a.sql", "-- +goose Up\nCREATE TABLE a (id int);\n");
pub const B: (&str, &str) = ("2_b.sql", "-- +goose Up\nCREATE TABLE b (id int);\n");
pub const C: (&str, &str) = ("3_c.sql", "-- +goose Up\nCREATE TABLE c (id int);\n");

/// Code and output.
pub async fn goose(bench: &Bench, arguments: &[&str]) -> Result<(Option<i32>, String)> {
    let mut command = bench.tool(Tool::Goose)?;
    Ok(said(command.args(arguments).output().await?))
}

#[tokio::test]
async fn goose_ends_and_writes_its_table_as_the_runner_believes() -> Result<()> {
    let bench = Bench::new(&[]).await?;
    assert_eq!(goose(&bench, &["up"]).await?.0, Some(1), "no files");
    bench.write(&[A, ("01_again.sql", A.1)])?;
    assert_eq!(
        goose(&bench, &["up"]).await?.0,
        Some(2),
        "one version twice"
    );
    bench.remove("01_again.sql")?;
    bench.write(&[("x.sql", A.1)])?;
    assert_eq!(
        goose(&bench, &["up"]).await?.0,
        Some(1),
        "a name without a number"
    );
    bench.remove("x.sql")?;
    bench.write(&[C])?;
    assert_eq!(goose(&bench, &["up"]).await?.0, Some(0));
    assert_eq!(bench.versions().await?, [0, 1, 3]);
    bench.write(&[B])?;
    assert_eq!(goose(&bench, &["up"]).await?.0, Some(1), "a lower number");
    assert_eq!(goose(&bench, &["-allow-missing", "up"]).await?.0, Some(0));
    assert_eq!(bench.versions().await?, [0, 1, 3, 2]);
    bench.remove("3_c.sql")?;
    assert_eq!(goose(&bench, &["up"]).await?.0, Some(0), "a database ahead");
    Ok(())
}

#[tokio::test]
async fn goose_never_goes_down_to_a_target_and_refuses_one_below_all_files() -> Result<()> {
    let bench = Bench::new(&[B, C]).await?;
    assert_eq!(goose(&bench, &["up-to", "1"]).await?.0, Some(1));
    assert_eq!(goose(&bench, &["up-to", "2"]).await?.0, Some(0));
    assert_eq!(goose(&bench, &["up"]).await?.0, Some(0));
    assert_eq!(goose(&bench, &["up-to", "2"]).await?.0, Some(0));
    assert_eq!(bench.versions().await?, [0, 2, 3]);
    Ok(())
}

/// So the runner reads by a SELECT of its own.
#[tokio::test]
async fn gooses_own_status_and_version_create_its_table() -> Result<()> {
    for command in ["status", "version"] {
        let bench = Bench::new(&[A]).await?;
        assert_eq!(goose(&bench, &[command]).await?.0, Some(0));
        assert!(bench.has("goose_db_version").await?, "{command}");
    }
    Ok(())
}

/// What the runner scrubs: the whole statement that failed, and what a string that does not fit holds.
#[tokio::test]
async fn goose_prints_the_failing_statement_and_the_string_that_it_cannot_read() -> Result<()> {
    let file = "-- +goose Up\nSELECT 'a\tb\"c', E'é\\n' FROM nothing;\n";
    let bench = Bench::new(&[A, ("2_b.sql", file)]).await?;
    let (code, said) = goose(&bench, &["up"]).await?;
    let expected = "goose run: ERROR 2_b.sql: failed to run SQL migration: failed to execute SQL query \
                    \"SELECT 'a\\tb\\\"c', E'é\\\\n' FROM nothing;\": ERROR: relation \"nothing\" does not exist (SQLSTATE 42P01)\n";
    assert!(code == Some(1) && said.ends_with(expected), "{said}");
    let output = bench
        .tool(Tool::Goose)?
        .env("GOOSE_DBSTRING", "host=canary port=x")
        .arg("up")
        .output()
        .await?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("canary"), "{said}");
    Ok(())
}

/// Half of a file without a transaction stays, and no row tells of it: also after SIGTERM, at which goose ends at once.
#[tokio::test]
async fn goose_leaves_no_trace_of_a_file_that_it_did_not_end() -> Result<()> {
    let naked = "-- +goose NO TRANSACTION\n-- +goose Up\nCREATE TABLE half (id int);\nSELECT pg_sleep(60);\n";
    let bench = Bench::new(&[A, ("2_b.sql", naked)]).await?;
    let mut child = bench.tool(Tool::Goose)?.arg("up").spawn()?;
    bench.session("wait_event = 'PgSleep'").await?;
    kill_process(pid(&child)?, Signal::TERM)?;
    assert_eq!(child.wait().await?.code(), None);
    assert_eq!(bench.versions().await?, [0, 1]);
    assert!(bench.has("half").await?);
    Ok(())
}

/// A file in the working folder would lead goose elsewhere.
#[tokio::test]
async fn goose_reads_a_dot_env_of_the_working_folder_unless_it_is_told_not_to() -> Result<()> {
    let bench = Bench::new(&[A, (".env", "GOOSE_TABLE=elsewhere\n")]).await?;
    let up = async |arguments: &[&str]| {
        bench
            .tool(Tool::Goose)?
            .args(arguments)
            .current_dir(&bench.parameters.files)
            .output()
            .await
            .map_err(anyhow::Error::from)
    };
    up(&["up"]).await?;
    assert!(!bench.has("elsewhere").await?);
    up(&["-env", ".env", "up"]).await?;
    assert!(bench.has("elsewhere").await?);
    Ok(())
}

/// migrations.md case 30: quoted for PostgreSQL, raw for MySQL.
#[tokio::test]
async fn goose_takes_any_password_in_the_forms_that_the_runner_builds() -> Result<()> {
    let bench = Bench::new(&[A]).await?;
    let (port, name) = (bench.parameters.port, &bench.parameters.database);
    let quoted = slipway::core::migration::dsn::quoted(PASSWORD);
    let output = bench
        .tool(Tool::Goose)?
        .env_remove("PGPASSWORD")
        .env(
            "GOOSE_DBSTRING",
            format!("host=127.0.0.1 port={port} dbname={name} user={name} password={quoted}"),
        )
        .arg("up")
        .output()
        .await?;
    assert!(output.status.success(), "{output:?}");
    let bench = Bench::mysql(&[A]).await?;
    assert_eq!(goose(&bench, &["up"]).await?.0, Some(0));
    assert_eq!(bench.versions().await?, [0, 1]);
    Ok(())
}
