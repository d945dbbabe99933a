//! goose: files that are no plain SQL, and rows that tell of no plain success.

use anyhow::Result;
use slipway::api::common::Tool;

use crate::bench::{Bench, said};
use crate::goose::{A, B, C, goose};

/// The last line without the time before it.
fn last_line(said: &str) -> &str {
    let line = said.lines().last().unwrap_or_default();
    line.split_once("goose: ").map_or(line, |(_, rest)| rest)
}

/// migrations.md 1: `.go` files need the user's own binary. One with a version fails when its turn has come, after the files before it; one
/// without, a test and a name in capitals are passed over. So the runner refuses the folder before anything is begun.
#[tokio::test]
async fn goose_fails_at_a_migration_in_go_after_the_files_before_it() -> Result<()> {
    let bench = Bench::new(&[
        A,
        ("helpers.go", "package a\n"),
        ("2_b_test.go", "package a\n"),
        ("2_b.SQL", B.1),
        C,
    ])
    .await?;
    assert_eq!(goose(&bench, &["up"]).await?.0, Some(0));
    assert_eq!(bench.versions().await?, [0, 1, 3]);
    bench.write(&[
        ("4_d.sql", "-- +goose Up\nCREATE TABLE d (id int);\n"),
        ("5_e.go", "package a\n"),
    ])?;
    let (code, said) = goose(&bench, &["up"]).await?;
    assert!(
        code == Some(1)
            && said.contains("Go functions must be registered and built into a custom binary"),
        "{said}"
    );
    assert_eq!(bench.versions().await?, [0, 1, 3, 4]);
    Ok(())
}

/// migrations.md 1: ENVSUB puts values of the environment into SQL, between its ON and its OFF, and a failing statement is printed with them. So
/// such a file cannot be read before it runs, and counts as destructive.
#[tokio::test]
async fn goose_puts_the_environment_into_a_file_that_asks_for_it() -> Result<()> {
    let file = "-- +goose Up\n-- +goose ENVSUB ON\nCREATE TABLE ${NAME}_on (id int);\nCREATE TABLE ${OTHER:-other} (id int);\n\
                -- +goose ENVSUB OFF\nCREATE TABLE \"${NAME}_off\" (id int);\n";
    let bench = Bench::new(&[("1_a.sql", file)]).await?;
    let up = async |name: &str| {
        let mut command = bench.tool(Tool::Goose)?;
        anyhow::Ok(said(command.env("NAME", name).arg("up").output().await?))
    };
    let (code, printed) = up("seen").await?;
    assert_eq!(code, Some(0), "{printed}");
    let query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename COLLATE \"C\"";
    let rows = bench.client().await?.query(query, &[]).await?;
    let tables: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(
        tables,
        ["${NAME}_off", "goose_db_version", "other", "seen_on"]
    );

    let broken = "-- +goose Up\n-- +goose ENVSUB ON\nSELECT '${NAME}' FROM nothing;\n";
    bench.write(&[("2_b.sql", broken)])?;
    let (code, printed) = up("canary").await?;
    assert!(
        code == Some(1) && printed.contains("\"SELECT 'canary' FROM nothing;\""),
        "{printed}"
    );
    Ok(())
}

/// migrations.md 1, current: the newest row by id decides per version; `up` takes any row as applied and compares with the highest.
#[tokio::test]
async fn goose_passes_over_a_file_of_which_any_row_tells_and_compares_with_the_highest_row()
-> Result<()> {
    let bench = Bench::new(&[A]).await?;
    assert_eq!(goose(&bench, &["up"]).await?.0, Some(0));
    bench.write(&[B, C])?;
    let client = bench.client().await?;
    let add = async |version: i64, applied: bool| {
        let query = "INSERT INTO goose_db_version (version_id, is_applied) VALUES ($1, $2)";
        client.execute(query, &[&version, &applied]).await
    };
    let mut seen = Vec::new();
    for (version, applied) in [(3, false), (2, false), (2, true)] {
        add(version, applied).await?;
        let (code, said) = goose(&bench, &["version"]).await?;
        let current = (code, last_line(&said).to_owned());
        seen.push((current, goose(&bench, &["up"]).await?.0));
    }
    let version = |text: &str| (Some(0), text.to_owned());
    assert_eq!(
        seen,
        [
            (version("version 1"), Some(1)),
            (version("version 1"), Some(0)),
            (version("version 2"), Some(0)),
        ],
        "2 is missing below 3; each has a row; the newest row of 2 says that it is applied"
    );
    assert_eq!(
        (bench.has("b").await?, bench.has("c").await?),
        (false, false)
    );
    Ok(())
}
