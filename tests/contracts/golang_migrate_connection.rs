//! golang-migrate: how it takes its URL, and what leaks from it.

use anyhow::Result;
use slipway::api::common::Tool;
use slipway::core::migration::dsn::percent;

use crate::bench::{Bench, PASSWORD};

const A: (&str, &str) = ("1_a.up.sql", "CREATE TABLE a (id int);\n");

/// Code and words of `up` with this URL.
async fn up(bench: &Bench, url: &str) -> Result<(Option<i32>, String)> {
    let output = bench
        .tool(Tool::GolangMigrate)?
        .args(["-database", url, "up"])
        .output()
        .await?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok((output.status.code(), said))
}

/// migrations.md case 30: by PGPASSWORD, percent-encoded, and query-escaped for MySQL, where a `?` at its end must follow.
#[tokio::test]
async fn golang_migrate_takes_any_password_in_the_forms_that_the_runner_builds() -> Result<()> {
    let bench = Bench::new(&[A]).await?;
    assert_eq!(bench.golang_migrate(&["up"]).await?.0, Some(0));
    let (port, name) = (bench.parameters.port, &bench.parameters.database);
    let password = percent(PASSWORD);
    let url = format!("pgx5://{name}:{password}@127.0.0.1:{port}/{name}?sslmode=prefer");
    assert_eq!(up(&bench, &url).await?.0, Some(0));
    let bench = Bench::mysql(&[A]).await?;
    assert_eq!(bench.golang_migrate(&["up"]).await?.0, Some(0));
    assert_eq!(bench.row().await?, Some((1, false)));
    Ok(())
}

/// Why the runner takes pgx5: `prefer` is what a Database says when it says nothing, and the SQLSTATE is what a message tells.
#[tokio::test]
async fn the_driver_postgres_cannot_prefer_tls_and_tells_no_sqlstate() -> Result<()> {
    let bench = Bench::new(&[("1_a.up.sql", "SELECT nothing;\n")]).await?;
    let (port, name) = (bench.parameters.port, &bench.parameters.database);
    let url = |scheme: &str, mode: &str| {
        format!("{scheme}://{name}@127.0.0.1:{port}/{name}?sslmode={mode}")
    };
    let (_, prefers) = up(&bench, &url("postgres", "prefer")).await?;
    assert!(prefers.contains("unsupported sslmode"), "{prefers}");
    let (_, silent) = up(&bench, &url("postgres", "disable")).await?;
    assert!(
        silent.contains("column \"nothing\" does not exist") && !silent.contains("42703"),
        "{silent}"
    );
    bench.golang_migrate(&["force", "--", "-1"]).await?;
    let (_, tells) = up(&bench, &url("pgx5", "prefer")).await?;
    assert!(tells.contains("(SQLSTATE 42703)"), "{tells}");
    Ok(())
}

/// Why the runner settles the question of TLS for MySQL itself: every word but a few is taken for one that needs a file with an authority.
#[tokio::test]
async fn golang_migrate_cannot_prefer_tls_on_mysql() -> Result<()> {
    let bench = Bench::mysql(&[A]).await?;
    let (port, name) = (bench.parameters.port, &bench.parameters.database);
    let password = percent(PASSWORD);
    let url = format!("mysql://{name}:{password}@tcp(127.0.0.1:{port})/{name}?tls=preferred");
    let (code, said) = up(&bench, &url).await?;
    assert_eq!(
        (code, said.trim_end()),
        (
            Some(1),
            "error: failed to open database: open : no such file or directory"
        )
    );
    Ok(())
}

/// What the runner scrubs: the file that failed, the values of a row, and the whole URL where it cannot be read.
#[tokio::test]
async fn golang_migrate_prints_the_failing_file_its_rows_and_a_url_that_it_cannot_read()
-> Result<()> {
    let twice =
        "CREATE TABLE a (id int PRIMARY KEY); -- secret\nINSERT INTO a VALUES (4711), (4711);\n";
    let bench = Bench::new(&[("1_a.up.sql", twice)]).await?;
    let (_, said) = bench.golang_migrate(&["up"]).await?;
    let printed = format!(
        "error: migration failed: duplicate key value violates unique constraint \"a_pkey\" (column 0), Key (id)=(4711) already exists. \
         in line 1: {twice} (details: ERROR: duplicate key value violates unique constraint \"a_pkey\" (SQLSTATE 23505))\n"
    );
    assert_eq!(said, printed);
    let (_, said) = up(&bench, "pgx5://name:canary@h/%zz").await?;
    assert!(said.contains("canary"), "{said}");
    Ok(())
}

/// migrations.md 1: `x-migrations-table`, with `x-migrations-table-quoted` for "schema"."table". With it case counts, and a schema can be named;
/// without it the whole is one name.
#[tokio::test]
async fn golang_migrate_takes_a_quoted_name_of_its_table_for_schema_and_table() -> Result<()> {
    let bench = Bench::new(&[A]).await?;
    let own = format!("CREATE SCHEMA own AUTHORIZATION {}", bench.user);
    let client = bench.client().await?;
    client.batch_execute(&own).await?;
    let (port, name) = (bench.parameters.port, &bench.parameters.database);
    for (table, quoted) in [
        ("\"Versions\"", true),
        ("\"own\".\"Versions\"", true),
        ("own.Versions", false),
    ] {
        client.batch_execute("DROP TABLE IF EXISTS a").await?;
        let table = percent(table);
        let url = format!(
            "pgx5://{name}@127.0.0.1:{port}/{name}?sslmode=prefer&x-migrations-table={table}&x-migrations-table-quoted={quoted}"
        );
        let (code, said) = up(&bench, &url).await?;
        assert_eq!(code, Some(0), "{table}: {said}");
    }
    let query = "SELECT schemaname || ' ' || tablename AS name FROM pg_tables WHERE tablename LIKE '%Versions'";
    let rows = client.query(query, &[]).await?;
    let mut tables: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    tables.sort();
    assert_eq!(
        tables,
        ["own Versions", "public Versions", "public own.Versions"]
    );
    Ok(())
}
