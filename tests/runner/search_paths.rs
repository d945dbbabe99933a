//! Where tool and runner look in PostgreSQL when no schema is named: whatever gives the sessions their search path, both read and write one
//! version table (migrations.md section 2, step 7).

use anyhow::Result;
use slipway::api::common::Tool;

use crate::bench::Bench;

const TOOLS: [(Tool, &str, &str); 3] = [
    (
        Tool::Goose,
        "1_a.sql",
        "-- +goose Up\nCREATE TABLE a (id int);\n",
    ),
    (
        Tool::GolangMigrate,
        "1_a.up.sql",
        "CREATE TABLE a (id int);\n",
    ),
    (Tool::Flyway, "V1__a.sql", "CREATE TABLE a (id int);\n"),
];

const UP: &str = "Succeeded Succeeded none->1 exit 0";
const DONE: &str = "Succeeded NoPendingMigrations 1->1 not started exit 0";

async fn bench((tool, name, content): (Tool, &str, &str)) -> Result<Bench> {
    Bench::new(&[(name, content)]).await?.with(tool)
}

/// The schemas with a table that the file makes.
async fn schemas(bench: &Bench) -> Result<Option<String>> {
    let query = "SELECT string_agg(schemaname, ' ' ORDER BY schemaname) FROM pg_tables WHERE tablename = 'a'";
    Ok(bench.client().await?.query_one(query, &[]).await?.get(0))
}

/// A setting of the user's, of the database's, or of the migration's own `env`.
#[tokio::test(flavor = "multi_thread")]
async fn tool_and_runner_have_one_search_path_whoever_sets_it() -> Result<()> {
    for tool in TOOLS {
        for setting in ["ROLE", "DATABASE", "PGOPTIONS"] {
            let mut bench = bench(tool).await?;
            let name = bench.parameters.database.clone();
            let create = "CREATE SCHEMA audit";
            bench.user().await?.batch_execute(create).await?;
            if setting == "PGOPTIONS" {
                let options = "-c search_path=audit,public".to_owned();
                bench.environment.push((setting.to_owned(), options));
            } else {
                let alter = format!("ALTER {setting} {name} SET search_path = audit, public");
                bench.client().await?.batch_execute(&alter).await?;
            }
            let verdicts = [bench.run().await?.verdict(), bench.run().await?.verdict()];
            assert_eq!(verdicts, [UP, DONE], "{tool:?} {setting}");
            assert_eq!(schemas(&bench).await?.as_deref(), Some("audit"));
        }
    }
    Ok(())
}

/// A schema with the user's name comes first in the search path as soon as it is there. goose finds its table behind it; the others look in
/// the first schema only, and would run everything once more.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_table_behind_the_first_schema_is_gooses_still_and_hidden_from_the_others()
-> Result<()> {
    for tool in TOOLS {
        let mut bench = bench(tool).await?;
        assert_eq!(bench.run().await?.verdict(), UP);
        let create = format!("CREATE SCHEMA {}", bench.user);
        bench.user().await?.batch_execute(&create).await?;
        let again = bench.run().await?;
        if tool.0 == Tool::Goose {
            assert_eq!(again.verdict(), DONE);
            continue;
        }
        let text = again.message.error.clone().unwrap_or_default().text;
        assert_eq!(
            (again.verdict().as_str(), text.contains("versionTable")),
            ("Failed InvalidSource none->none not started exit 11", true),
            "{tool:?} {text}"
        );
        bench.parameters.version_table = format!("public.{}", bench.parameters.version_table);
        assert_eq!(bench.run().await?.verdict(), DONE);
        assert_eq!(
            schemas(&bench).await?.as_deref(),
            Some("public"),
            "{tool:?}"
        );
    }
    Ok(())
}

/// Slipway's own word for it is `versionTable`; with the default beside such a variable goose would begin anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_variable_that_names_gooses_table_is_refused_where_the_migration_names_none() -> Result<()>
{
    let mut bench = bench(TOOLS[0]).await?;
    let variable = ("GOOSE_TABLE".to_owned(), "moves".to_owned());
    bench.environment.push(variable);
    let ended = bench.run().await?;
    let text = ended.message.error.clone().unwrap_or_default().text;
    assert_eq!(
        (ended.verdict().as_str(), text.contains("versionTable")),
        ("Failed InvalidSource none->none not started exit 11", true),
        "{text}"
    );
    bench.parameters.version_table = "moves".to_owned();
    assert_eq!(bench.run().await?.verdict(), UP);
    Ok(())
}
