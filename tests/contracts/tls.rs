//! The authority of a server's certificate, as the runner names it to the tools whose driver for MySQL has no parameter for it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use slipway::api::common::{Engine, Tool};
use slipway::api::database::TlsMode;
use slipway::core::migration::dsn::Place;

use crate::bench::{Bench, said};
use crate::cluster::certificates::Certificates;
use crate::cluster::debian;
use crate::cluster::mariadb::MariaDb;
use crate::cluster::postgres::Postgres;
use crate::cluster::server::{Options, Tls};
use crate::connections::{place, two_files, up, write};

/// A folder that goes with its test: a server's certificate, its authority, and another one.
struct Folder {
    options: Options,
    path: PathBuf,
    right: Certificates,
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that stays in the system's temporary folder harms nobody.
        let _ = fs::remove_dir_all(&self.path);
    }
}

impl Folder {
    fn new() -> Result<Self> {
        debian::prepare()?;
        let options = Options::scratch();
        let path = options.directory.with_extension("certificates");
        let right = authority(&path.join("right"))?;
        right.server("database", &["IP:127.0.0.1"])?;
        authority(&path.join("wrong"))?;
        Ok(Self {
            options,
            path,
            right,
        })
    }

    /// A server that demands TLS.
    fn demanding(&self) -> Result<Options> {
        Ok(Options {
            tls: Some(Tls {
                certificate: fs::read_to_string(self.right.certificate("database"))?,
                key: fs::read_to_string(self.right.key("database"))?,
                required: true,
            }),
            ..self.options.clone()
        })
    }

    fn file(&self, which: &str) -> String {
        self.path.join(which).join("ca.crt").display().to_string()
    }
}

fn authority(folder: &Path) -> Result<Certificates> {
    fs::create_dir_all(folder)?;
    Certificates::create(folder)
}

/// migrations.md 1: goose's `-certfile` (MySQL only), golang-migrate's `x-tls-ca`. Each takes a server of that authority under its own name, and
/// no other.
#[tokio::test]
async fn goose_and_golang_migrate_prove_a_mysql_server_by_the_authority_that_they_are_told()
-> Result<()> {
    let folder = Folder::new()?;
    let server = MariaDb::start(folder.demanding()?).await?;
    for tool in [Tool::Goose, Tool::GolangMigrate] {
        let bench = Bench::on_mariadb(&server, &[]).await?.with(tool)?;
        write(&bench, &two_files(tool, "SELECT 1;\n", "SELECT 2;\n"))?;
        for (which, host, code, expected) in [
            (
                None,
                "127.0.0.1",
                Some(1),
                "certificate signed by unknown authority",
            ),
            (
                Some("wrong"),
                "127.0.0.1",
                Some(1),
                "certificate signed by unknown authority",
            ),
            (
                Some("right"),
                "localhost",
                Some(1),
                "certificate is not valid for any names",
            ),
            (Some("right"), "127.0.0.1", Some(0), ""),
        ] {
            let file = which.map(|which| folder.file(which));
            let proven = Place {
                host,
                tls: TlsMode::VerifyFull,
                authority: file.as_deref(),
                ..place(&bench)
            };
            let mut command = up(&bench, &proven, &[])?;
            if let (Tool::Goose, Some(file)) = (tool, &file) {
                command.arg(format!("-certfile={file}"));
            }
            let (ended, said) = said(command.output().await?);
            assert!(
                ended == code && said.contains(expected),
                "{tool:?} {which:?} {host}: {ended:?} {said}"
            );
        }
    }
    Ok(())
}

/// migrations.md 1: `sslmode` and `sslrootcert` of PostgreSQL's JDBC driver, `sslMode` and `serverSslCert` of MariaDB's. Each takes a server of that
/// authority under its own name, and no other, as do the drivers of goose and golang-migrate on PostgreSQL.
#[tokio::test(flavor = "multi_thread")]
async fn each_tool_proves_a_server_by_the_authority_that_its_string_names() -> Result<()> {
    let (of_postgres, of_mariadb) = (Folder::new()?, Folder::new()?);
    let postgres = Postgres::start(of_postgres.demanding()?).await?;
    let mariadb = MariaDb::start(of_mariadb.demanding()?).await?;
    for (tool, engine) in [
        (Tool::Flyway, Engine::PostgreSQL),
        (Tool::Flyway, Engine::MySQL),
        (Tool::Goose, Engine::PostgreSQL),
        (Tool::GolangMigrate, Engine::PostgreSQL),
    ] {
        let (bench, folder) = match engine {
            Engine::PostgreSQL => (Bench::on(&postgres, &[]).await?, &of_postgres),
            Engine::MySQL => (Bench::on_mariadb(&mariadb, &[]).await?, &of_mariadb),
        };
        let bench = bench.with(tool)?;
        write(&bench, &two_files(tool, "SELECT 1;\n", "SELECT 2;\n"))?;
        // Without an authority those that everybody knows are asked, and they know this server as little.
        for (which, host, words) in [
            (Some("wrong"), "127.0.0.1", unknown(tool)),
            (None, "127.0.0.1", unnamed(tool, engine)),
            (Some("right"), "localhost", other_name(tool, engine)),
            (Some("right"), "127.0.0.1", ""),
        ] {
            let file = which.map(|which| folder.file(which));
            let proven = Place {
                host,
                tls: TlsMode::VerifyFull,
                authority: file.as_deref(),
                ..place(&bench)
            };
            let (code, said) = said(up(&bench, &proven, &[])?.output().await?);
            assert!(
                (code == Some(0)) == words.is_empty() && said.contains(words),
                "{tool:?} {engine:?} {which:?} {host}: {code:?} {said}"
            );
            assert!(!said.contains(&bench.password), "{tool:?} {engine:?}");
        }
    }
    Ok(())
}

/// What a tool says of a server whose authority it does not know.
fn unknown(tool: Tool) -> &'static str {
    match tool {
        Tool::Flyway | Tool::Exec => "PKIX path ",
        Tool::Goose | Tool::GolangMigrate => "certificate signed by unknown authority",
    }
}

/// The same where no authority is named. MariaDB's driver meets a chain without a known end.
fn unnamed(tool: Tool, engine: Engine) -> &'static str {
    match (tool, engine) {
        (Tool::Flyway | Tool::Exec, Engine::MySQL) => "Self signed certificates",
        _ => unknown(tool),
    }
}

/// What it says of a certificate for another name.
fn other_name(tool: Tool, engine: Engine) -> &'static str {
    match (tool, engine) {
        (Tool::Flyway | Tool::Exec, Engine::PostgreSQL) => {
            "could not be verified by hostnameverifier"
        }
        (Tool::Flyway | Tool::Exec, Engine::MySQL) => {
            "DNS host \"localhost\" doesn't correspond to"
        }
        (Tool::Goose | Tool::GolangMigrate, _) => "certificate is not valid for any names",
    }
}
