//! What the runner's tests stand on: one PostgreSQL and one MariaDB for all, a database and a folder each, and the runner as a process.

mod looks;
pub mod running;
mod witness;

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use slipway::api::common::{Engine, Tool};
use slipway::api::database::{RunMode, TlsMode};
use slipway::api::migration::OutOfOrder;
use slipway::core::migration::dsn::percent;
use slipway::core::migration::parameters::RunParameters;
use tokio::process::Command;
use tokio::sync::OnceCell;

use crate::cluster::flyway::Flyway;
use crate::cluster::mariadb::MariaDb;
use crate::cluster::pgbouncer::PgBouncer;
use crate::cluster::postgres::{Options, Postgres};
use crate::cluster::{build, debian};

use witness::Witness;

pub use crate::cluster::canary::PASSWORD;
pub use running::{Ended, Running};

/// Longest wait for anything here.
pub const LIMIT: Duration = Duration::from_mins(1);

/// A migration that a test can meet at work: it sleeps for a minute.
pub const SLEEPER: &str = "-- +goose Up\nCREATE TABLE b (id int);\nSELECT pg_sleep(60);\n";

/// The server that the tests share; those that stop or crash one have their own.
pub async fn server() -> Result<&'static Postgres> {
    static SERVER: OnceCell<Postgres> = OnceCell::const_new();
    SERVER
        .get_or_try_init(async || {
            debian::prepare()?;
            Postgres::start(Options::scratch()).await
        })
        .await
}

/// The same of MariaDB.
pub async fn mariadb() -> Result<&'static MariaDb> {
    static SERVER: OnceCell<MariaDb> = OnceCell::const_new();
    SERVER
        .get_or_try_init(async || {
            debian::prepare()?;
            MariaDb::start(Options::scratch()).await
        })
        .await
}

/// The real tool, built where it is not yet.
pub fn program(tool: Tool) -> Result<PathBuf> {
    match tool {
        Tool::Goose => public_program("goose", "goose"),
        Tool::GolangMigrate => public_program("golang-migrate", "migrate"),
        Tool::Flyway => Ok(tokio::task::block_in_place(Flyway::prepare)?.program()),
        Tool::Exec => bail!("the tests have no program of {}", tool.word()),
    }
}

/// A program of a family, built where it is not yet.
pub fn public_program(family: &str, program: &str) -> Result<PathBuf> {
    Ok(build::build(|name| name == family)?
        .path(program)?
        .to_owned())
}

/// A database with its user, a folder of migrations, and what the runner is told.
pub struct Bench {
    pub parameters: RunParameters,
    pub armed: bool,
    /// Called as the database is.
    pub user: String,
    pub password: String,
    /// Variables of the migration's own, as the kubelet has put them together.
    pub environment: Vec<(String, String)>,
    folder: PathBuf,
    witness: Option<Witness>,
}

impl Drop for Bench {
    fn drop(&mut self) {
        // A folder that stays in the system's temporary folder harms nobody.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Bench {
    /// On the shared server.
    pub async fn new(files: &[(&str, &str)]) -> Result<Self> {
        Self::on(server().await?, files).await
    }

    /// The same for another tool, with its own version table.
    pub fn with(mut self, tool: Tool) -> Result<Self> {
        self.parameters.tool = tool;
        self.parameters.tool_path = Some(program(tool)?.display().to_string());
        let table = match tool {
            Tool::Goose => "goose_db_version",
            Tool::GolangMigrate => "schema_migrations",
            Tool::Flyway => "flyway_schema_history",
            Tool::Exec => "",
        };
        table.clone_into(&mut self.parameters.version_table);
        Ok(self)
    }

    /// A Flyway of the bench's own, which has settings of its own: its program, and the folder in which it has `conf`.
    pub fn own_flyway(&self) -> Result<(PathBuf, PathBuf)> {
        let home = self.folder.join("home");
        let flyway = tokio::task::block_in_place(Flyway::prepare)?;
        Ok((flyway.copy(&home)?, home))
    }

    /// On a server of one's own.
    pub async fn on(server: &Postgres, files: &[(&str, &str)]) -> Result<Self> {
        let mut bench = Self::prepare(Engine::PostgreSQL, server.port(), files)?;
        let name = &bench.parameters.database;
        server.create_database(name, name, PASSWORD).await?;
        bench.witness = Some(Witness::place(server, name).await?);
        Ok(bench)
    }

    /// On the shared MariaDB.
    pub async fn mysql(files: &[(&str, &str)]) -> Result<Self> {
        Self::on_mariadb(mariadb().await?, files).await
    }

    /// On a MariaDB of one's own.
    pub async fn on_mariadb(server: &MariaDb, files: &[(&str, &str)]) -> Result<Self> {
        let bench = Self::prepare(Engine::MySQL, server.port(), files)?;
        let name = &bench.parameters.database;
        server.create_database(name, name, PASSWORD).await?;
        Ok(bench)
    }

    fn prepare(engine: Engine, port: u16, files: &[(&str, &str)]) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("slipway-runner-{}-{number}", std::process::id()));
        fs::create_dir_all(folder.join("files"))?;
        let bench = Self {
            parameters: RunParameters {
                migration_uid: format!("uid-{number}"),
                plan_key: "plan".to_owned(),
                attempt: 1,
                mode: RunMode::Run,
                tool: Tool::Goose,
                engine,
                host: "127.0.0.1".to_owned(),
                port: i32::from(port),
                database: format!("bench{number}"),
                tls: TlsMode::Prefer,
                authority: None,
                own_user: false,
                files: folder.join("files").display().to_string(),
                image_folder: None,
                config_map: None,
                target: None,
                known: None,
                may_have_run: false,
                out_of_order: OutOfOrder::Refuse,
                tool_path: Some(program(Tool::Goose)?.display().to_string()),
                secrets: Vec::new(),
                command: Vec::new(),
                read_back: None,
                idempotent: false,
                version_table: "goose_db_version".to_owned(),
                approved: None,
                lock_wait_seconds: 60,
                run_seconds: 60,
                grace_seconds: 300,
            },
            armed: true,
            user: format!("bench{number}"),
            password: PASSWORD.to_owned(),
            environment: Vec::new(),
            folder,
            witness: None,
        };
        bench.write(files)?;
        Ok(bench)
    }

    /// The same database for another attempt, with its own message.
    pub fn again(&self, attempt: i64) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = self.folder.with_extension(format!("again{number}"));
        fs::create_dir_all(&folder).expect("the temporary folder is writable");
        let parameters = RunParameters {
            attempt,
            ..self.parameters.clone()
        };
        Self {
            parameters,
            armed: true,
            user: self.user.clone(),
            password: self.password.clone(),
            environment: self.environment.clone(),
            folder,
            witness: self.witness.clone(),
        }
    }

    /// A PgBouncer in front of the database, by which the parameters then go. It ends when it is dropped.
    pub async fn behind_pooler(&mut self, mode: &str) -> Result<PgBouncer> {
        let address = Ipv4Addr::LOCALHOST.into();
        let database = &self.parameters.database;
        let pooler =
            PgBouncer::start(server().await?, database, mode, address, &self.folder).await?;
        self.parameters.port = i32::from(pooler.port);
        Ok(pooler)
    }

    pub fn write(&self, files: &[(&str, &str)]) -> Result<()> {
        for (name, content) in files {
            let path = PathBuf::from(&self.parameters.files).join(name);
            fs::create_dir_all(path.parent().unwrap_or(&path))?;
            fs::write(path, content)?;
        }
        Ok(())
    }

    pub fn remove(&self, name: &str) -> Result<()> {
        Ok(fs::remove_file(
            PathBuf::from(&self.parameters.files).join(name),
        )?)
    }

    pub fn start(&self) -> Result<Running> {
        let log = self.folder.join("termination-log");
        let (user, password) = self.parameters.engine.credential_variables();
        let environment: BTreeMap<&str, String> = BTreeMap::from([
            ("SLIPWAY_RUN", serde_json::to_string(&self.parameters)?),
            (
                "SLIPWAY_ARMED",
                if self.armed {
                    "1".to_owned()
                } else {
                    String::new()
                },
            ),
            ("SLIPWAY_TERMINATION_LOG", log.display().to_string()),
            (user, self.user.clone()),
            (password, self.password.clone()),
        ]);
        let child = Command::new(env!("CARGO_BIN_EXE_slipway"))
            .args(["runner", "run", "--"])
            .args(&self.parameters.command)
            .env_clear()
            .envs(environment)
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let witness = self.witness.clone();
        Ok(Running {
            child,
            log,
            witness,
        })
    }

    /// A runner whose tool is at work: it sleeps in the database.
    pub async fn at_work(&self) -> Result<Running> {
        let running = self.start()?;
        self.asleep().await?;
        Ok(running)
    }

    pub async fn run(&self) -> Result<Ended> {
        self.start()?.end().await
    }

    /// The tool by itself, without the runner: with its folder and its connection, by the forms that the runner uses.
    pub fn tool(&self, tool: Tool) -> Result<Command> {
        let (port, name) = (self.parameters.port, &self.parameters.database);
        let mut command = Command::new(program(tool)?);
        command
            .env_clear()
            .env("PGPASSWORD", &self.password)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        match (tool, self.parameters.engine) {
            (Tool::Goose, Engine::PostgreSQL) => command
                .env("GOOSE_DRIVER", "postgres")
                .env(
                    "GOOSE_DBSTRING",
                    format!("host=127.0.0.1 port={port} dbname={name} user={name}"),
                )
                .args(["-env=none", "-dir", &self.parameters.files]),
            (Tool::Goose, Engine::MySQL) => command
                .env("GOOSE_DRIVER", "mysql")
                .env(
                    "GOOSE_DBSTRING",
                    format!("{name}:{}@tcp(127.0.0.1:{port})/{name}", self.password),
                )
                .args(["-env=none", "-dir", &self.parameters.files]),
            (Tool::GolangMigrate, Engine::PostgreSQL) => command.args([
                "-path",
                &self.parameters.files,
                "-database",
                &format!("pgx5://{name}@127.0.0.1:{port}/{name}?sslmode=prefer"),
            ]),
            (Tool::GolangMigrate, Engine::MySQL) => command.args([
                "-path",
                &self.parameters.files,
                "-database",
                &format!(
                    "mysql://{name}:{}@tcp(127.0.0.1:{port})/{name}?tls=false",
                    percent(&self.password)
                ),
            ]),
            (Tool::Flyway | Tool::Exec, _) => bail!("no test calls {} by itself", tool.word()),
        };
        Ok(command)
    }

    /// What golang-migrate itself does: code and output.
    pub async fn golang_migrate(&self, arguments: &[&str]) -> Result<(Option<i32>, String)> {
        let mut command = self.tool(Tool::GolangMigrate)?;
        Ok(said(command.args(arguments).output().await?))
    }

    /// What Flyway itself does with this database and these files, without the runner: code and output. Its settings are the environment.
    pub async fn flyway(
        &self,
        arguments: &[&str],
        settings: &[(&str, &str)],
    ) -> Result<(Option<i32>, String)> {
        let scheme = match self.parameters.engine {
            Engine::PostgreSQL => "postgresql",
            Engine::MySQL => "mariadb",
        };
        let (host, port) = (&self.parameters.host, self.parameters.port);
        let url = format!("jdbc:{scheme}://{host}:{port}/{}", self.parameters.database);
        let output: Output = Command::new(program(Tool::Flyway)?)
            .args(arguments)
            .env_clear()
            .env("FLYWAY_URL", url)
            .env("FLYWAY_USER", &self.parameters.database)
            .env("FLYWAY_PASSWORD", &self.password)
            .env(
                "FLYWAY_LOCATIONS",
                format!("filesystem:{}", self.parameters.files),
            )
            .env("REDGATE_DISABLE_TELEMETRY", "true")
            .env("LC_ALL", "C.UTF-8")
            .env("JAVA_ARGS", "-XX:+UseSerialGC -XX:TieredStopAtLevel=1")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .output()
            .await?;
        Ok(said(output))
    }
}

/// Code and output of a program.
pub fn said(output: Output) -> (Option<i32>, String) {
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    (output.status.code(), text)
}
