//! The connection strings of `core::migration::dsn` in the hands of the real tools: what the runner puts into them, or beside them into the
//! environment, reaches every session of the tool.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result};
use mysql_async::prelude::Queryable as _;
use rustix::process::{Signal, kill_process_group};
use slipway::api::common::{Engine, Tool};
use slipway::api::database::TlsMode;
use slipway::core::migration::dsn::{self, Place};
use slipway::core::migration::golang_migrate::words::POSTGRESQL_SCHEME;
use tokio::process::{Child, Command};

use crate::bench::running::pid;
use crate::bench::{Bench, program};

/// A migration on MySQL that a test can meet at work: it sleeps for a minute.
pub const MYSQL_SLEEPER: &str = "SELECT SLEEP(60);\n";

/// As the runner marks the sessions of a tool on MySQL: by the expression of a variable that the driver sets when it connects.
const MARK: &str = "CONCAT('slipway.t.', LEFT(SHA2(DATABASE(), 256), 32), '.', CONNECTION_ID())";

/// A bench of this tool on this engine.
pub async fn bench(engine: Engine, tool: Tool, files: &[(&str, &str)]) -> Result<Bench> {
    let bench = match engine {
        Engine::PostgreSQL => Bench::new(files).await?,
        Engine::MySQL => Bench::mysql(files).await?,
    };
    bench.with(tool)
}

/// The database of a bench as the runner knows it. Neither golang-migrate nor Flyway can prefer TLS on MySQL.
pub fn place(bench: &Bench) -> Place<'_> {
    let parameters = &bench.parameters;
    Place {
        host: &parameters.host,
        port: parameters.port,
        database: &parameters.database,
        user: &bench.user,
        tls: match parameters.engine {
            Engine::PostgreSQL => parameters.tls,
            Engine::MySQL => TlsMode::Disable,
        },
        authority: None,
    }
}

/// A program with an empty environment, which ends with its test.
fn process(program: PathBuf) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// The bench's tool with all it needs to bring the database up, by the strings that the runner builds. `settings`: what stands in the string
/// beside the place, as it is for this tool and engine.
pub fn up(bench: &Bench, place: &Place, settings: &[(&str, String)]) -> Result<Command> {
    let (tool, engine) = (bench.parameters.tool, bench.parameters.engine);
    let (password, files) = (&bench.password, bench.parameters.files.as_str());
    let program = program(tool)?;
    let mut command = match tool {
        Tool::Flyway => flyway(bench, program),
        _ => process(program),
    };
    match (tool, engine) {
        (Tool::Goose, Engine::PostgreSQL) => command
            .env("GOOSE_DRIVER", "postgres")
            .env("GOOSE_DBSTRING", dsn::postgresql(place))
            .env("PGPASSWORD", password)
            .args(["-env=none", "-dir", files, "up"]),
        (Tool::Goose, Engine::MySQL) => command
            .env("GOOSE_DRIVER", "mysql")
            .env("GOOSE_DBSTRING", dsn::mysql(place, password, settings))
            .args(["-env=none", "-dir", files, "up"]),
        (Tool::GolangMigrate, Engine::PostgreSQL) => {
            let url = dsn::postgresql_url(POSTGRESQL_SCHEME, place, settings);
            command
                .env("PGPASSWORD", password)
                .args(["-path", files, "-database", &url, "up"])
        }
        (Tool::GolangMigrate, Engine::MySQL) => {
            let url = dsn::mysql_url(place, password, settings);
            command.args(["-path", files, "-database", &url, "up"])
        }
        (Tool::Flyway | Tool::Exec, _) => command
            .env("FLYWAY_URL", dsn::jdbc(engine, place, settings))
            .arg("migrate"),
    };
    Ok(command)
}

/// This Flyway with the bench's files and database, by its environment. To be told what to do.
pub fn flyway(bench: &Bench, program: PathBuf) -> Command {
    let place = place(bench);
    let url = dsn::jdbc(bench.parameters.engine, &place, &[]);
    let files = format!("filesystem:{}", bench.parameters.files);
    let mut command = process(program);
    command
        .env("FLYWAY_URL", url)
        .env("FLYWAY_USER", place.user)
        .env("FLYWAY_PASSWORD", &bench.password)
        .env("FLYWAY_LOCATIONS", files)
        .env("REDGATE_DISABLE_TELEMETRY", "true")
        .env("LC_ALL", "C.UTF-8")
        .env("JAVA_ARGS", "-XX:+UseSerialGC -XX:TieredStopAtLevel=1");
    command
}

/// Kills a tool that leads its own group, with all that it started.
pub async fn end(child: &mut Child) -> Result<()> {
    kill_process_group(pid(child)?, Signal::KILL)?;
    child.wait().await?;
    Ok(())
}

/// The files of two migrations of this tool, by rising version.
pub fn two_files(tool: Tool, first: &str, second: &str) -> Vec<(&'static str, String)> {
    let names = match tool {
        Tool::Goose => ["1_a.sql", "2_b.sql"],
        Tool::GolangMigrate => ["1_a.up.sql", "2_b.up.sql"],
        Tool::Flyway | Tool::Exec => ["V1__a.sql", "V2__b.sql"],
    };
    let content = |text: &str| match tool {
        Tool::Goose => format!("-- +goose Up\n{text}"),
        _ => text.to_owned(),
    };
    names
        .into_iter()
        .zip([first, second].map(content))
        .collect()
}

/// Writes files whose contents were made.
pub fn write(bench: &Bench, files: &[(&str, String)]) -> Result<()> {
    for (name, content) in files {
        bench.write(&[(name, content)])?;
    }
    Ok(())
}

/// migrations.md 1: driver `postgres` of goose is pgx and reads PG* variables; golang-migrate's drivers for PostgreSQL read PGPASSWORD, PGOPTIONS,
/// PGAPPNAME.
#[tokio::test]
async fn goose_and_golang_migrate_take_name_and_settings_of_their_sessions_on_postgresql_from_libpqs_variables()
-> Result<()> {
    let seen = "CREATE TABLE seen AS SELECT current_setting('application_name') || ' ' || current_setting('lock_timeout') \
                || ' ' || current_setting('tcp_keepalives_idle') AS it;\n";
    for tool in [Tool::Goose, Tool::GolangMigrate] {
        let bench = bench(Engine::PostgreSQL, tool, &[]).await?;
        write(&bench, &two_files(tool, seen, "SELECT 1;\n"))?;
        let output = up(&bench, &place(&bench), &[])?
            .env("PGOPTIONS", "-c tcp_keepalives_idle=17 -c lock_timeout=5s")
            .env("PGAPPNAME", "slipway/uid/1")
            .output()
            .await?;
        let client = bench.client().await?;
        let row = client.query_one("SELECT it FROM seen", &[]).await;
        let it: String = row.with_context(|| format!("{output:?}"))?.get(0);
        assert_eq!(it, "slipway/uid/1 5s 17", "{tool:?}");
    }
    Ok(())
}

/// migrations.md 1: the forms of a MySQL DSN, where session variables are SQL expressions, and Flyway's `sessionVariables`. The runner tells
/// by the mark whose session it is, so one that a tool opens without it would be overlooked.
#[tokio::test(flavor = "multi_thread")]
async fn every_session_of_a_tool_on_mysql_has_the_variables_of_the_connection_string() -> Result<()>
{
    let expression = format!("IF(GET_LOCK({MARK}, 0) = 1, 5, 5)");
    let of_own = |tool| match tool {
        Tool::Flyway => (
            "sessionVariables",
            format!("lock_wait_timeout={expression}"),
        ),
        _ => ("lock_wait_timeout", expression.clone()),
    };
    for tool in [Tool::Goose, Tool::GolangMigrate, Tool::Flyway] {
        let bench = bench(Engine::MySQL, tool, &[]).await?;
        let seen = "CREATE TABLE seen AS SELECT @@lock_wait_timeout AS it;\n";
        write(&bench, &two_files(tool, seen, MYSQL_SLEEPER))?;
        let mut child = up(&bench, &place(&bench), &[of_own(tool)])?
            .process_group(0)
            .spawn()?;
        let asleep = bench.mysql_session("State = 'User sleep'").await?;
        let mut client = bench.mysql_client().await?;
        let it: Option<u64> = client.query_first("SELECT it FROM seen").await?;
        let unmarked = MARK.replace("CONNECTION_ID()", "ID");
        let unmarked: Vec<i32> = client
            .query(format!(
                "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND USER = '{}' \
                 AND IFNULL(IS_USED_LOCK({unmarked}), 0) <> ID",
                bench.user
            ))
            .await?;
        assert_eq!((it, unmarked), (Some(5), vec![]), "{tool:?}, {asleep}");
        end(&mut child).await?;
    }
    Ok(())
}
