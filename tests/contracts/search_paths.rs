//! Which schema of PostgreSQL's search path a tool's version table is sought in, where its name has none.

use anyhow::Result;
use slipway::api::common::{Engine, Tool};

use crate::connections::{bench, place, two_files, up, write};

/// So the runner reads goose's table by its bare name, and those of the others in the first schema; and refuses one that is hidden.
#[tokio::test(flavor = "multi_thread")]
async fn goose_finds_its_table_behind_the_first_schema_and_the_others_begin_anew() -> Result<()> {
    for (tool, expected) in [
        (Tool::Goose, &["public"][..]),
        (Tool::GolangMigrate, &["first", "public"]),
        (Tool::Flyway, &["first", "public"]),
    ] {
        let bench = bench(Engine::PostgreSQL, tool, &[]).await?;
        let sql = "CREATE TABLE a (id int);\n";
        write(&bench, &two_files(tool, sql, "SELECT 1;\n"))?;
        let path = "ALTER ROLE CURRENT_USER SET search_path = first, public";
        bench.user().await?.batch_execute(path).await?;
        for schema in ["", "CREATE SCHEMA first"] {
            bench.user().await?.batch_execute(schema).await?;
            up(&bench, &place(&bench), &[])?.output().await?;
        }
        let query = "SELECT schemaname::text FROM pg_tables WHERE tablename = 'a' ORDER BY 1";
        let rows = bench.client().await?.query(query, &[]).await?;
        let schemas: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(schemas, expected, "{tool:?}");
    }
    Ok(())
}
