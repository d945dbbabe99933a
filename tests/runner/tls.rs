//! TLS to the database: servers that demand it, PostgreSQL and MariaDB, and what each mode and each authority makes of it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use slipway::api::common::Tool;
use slipway::api::database::TlsMode;

use crate::bench::Bench;
use crate::cluster::certificates::Certificates;
use crate::cluster::debian;
use crate::cluster::mariadb::MariaDb;
use crate::cluster::postgres::{Options, Postgres};
use crate::cluster::server::Tls;
use crate::exec::calling_goose;

const A: (&str, &str) = ("1_a.sql", "-- +goose Up\nCREATE TABLE a (id int);\n");

/// goose's connection to MariaDB, made of the variables that a program gets; the server proves itself.
const BY_MYSQL: &str = "GOOSE_DRIVER=mysql GOOSE_DBSTRING=\"$MYSQL_USER:$MYSQL_PASSWORD@tcp($MYSQL_HOST:$MYSQL_PORT)/$MYSQL_DATABASE?parseTime=true&tls=true\"";

/// Two servers that take nobody but the superuser without TLS; their authority, and another one.
struct Demanding {
    postgres: Postgres,
    mariadb: MariaDb,
    folder: PathBuf,
}

impl Drop for Demanding {
    fn drop(&mut self) {
        // A folder that stays in the system's temporary folder harms nobody.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Demanding {
    /// With a certificate for this name of theirs alone.
    async fn start(name: &str) -> Result<Self> {
        debian::prepare()?;
        let postgres = Options::scratch();
        let folder = postgres.directory.with_extension("certificates");
        let certificates = Certificates::create(&made(&folder.join("right"))?)?;
        certificates.server("database", &[name])?;
        Certificates::create(&made(&folder.join("wrong"))?)?;
        let tls = Tls {
            certificate: fs::read_to_string(certificates.certificate("database"))?,
            key: fs::read_to_string(certificates.key("database"))?,
            required: true,
        };
        let with_tls = |options: Options| Options {
            tls: Some(tls.clone()),
            ..options
        };
        Ok(Self {
            postgres: Postgres::start(with_tls(postgres)).await?,
            mariadb: MariaDb::start(with_tls(Options::scratch())).await?,
            folder,
        })
    }

    /// An empty database with one migration on each.
    async fn benches(&self) -> Result<[Bench; 2]> {
        self.benches_of(&[A]).await
    }

    async fn benches_of(&self, files: &[(&str, &str)]) -> Result<[Bench; 2]> {
        Ok([
            Bench::on(&self.postgres, files).await?,
            Bench::on_mariadb(&self.mariadb, files).await?,
        ])
    }

    /// File of an authority's certificate.
    fn authority(&self, which: &str) -> String {
        self.folder.join(which).join("ca.crt").display().to_string()
    }
}

fn made(folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder)?;
    Ok(folder.to_owned())
}

/// Runner and tool both speak TLS where it is preferred or required; without it the server refuses them, and nothing was done.
#[tokio::test]
async fn a_server_that_demands_tls_is_migrated_with_prefer_and_require_and_not_without()
-> Result<()> {
    let servers = Demanding::start("IP:127.0.0.1").await?;
    for (mode, verdict) in [
        (TlsMode::Prefer, "Succeeded Succeeded none->1 exit 0"),
        (TlsMode::Require, "Succeeded Succeeded none->1 exit 0"),
        (
            TlsMode::Disable,
            "Failed AuthenticationFailed none->none retry not started exit 10",
        ),
    ] {
        for mut bench in servers.benches().await? {
            bench.parameters.tls = mode;
            let ended = bench.run().await?;
            let engine = bench.parameters.engine;
            assert_eq!(
                ended.verdict(),
                verdict,
                "{engine:?} {mode:?}: {}",
                ended.output
            );
        }
    }
    Ok(())
}

/// A certificate of an unknown authority is no proof, nor is one of the wrong authority: the runner stops before the tool, and says why. With
/// the right one both runner and tool go through.
#[tokio::test]
async fn verify_full_takes_a_server_of_the_named_authority_and_no_other() -> Result<()> {
    let servers = Demanding::start("IP:127.0.0.1").await?;
    let unknown = "no authority that is known here has signed the server's certificate; name its authority in spec.tls.ca";
    let refused = "Failed DatabaseUnreachable none->none retry not started exit 10";
    let cases = [
        (None, refused, unknown),
        (Some("wrong"), refused, unknown),
        (Some("right"), "Succeeded Succeeded none->1 exit 0", ""),
    ];
    for (authority, verdict, text) in cases {
        for mut bench in servers.benches().await? {
            bench.parameters.tls = TlsMode::VerifyFull;
            bench.parameters.authority = authority.map(|which| servers.authority(which));
            let ended = bench.run().await?;
            let engine = bench.parameters.engine;
            assert_eq!(
                ended.verdict(),
                verdict,
                "{engine:?} {authority:?}: {}",
                ended.output
            );
            let error = ended.message.error.unwrap_or_default();
            assert_eq!(error.text, text, "{engine:?} {authority:?}");
        }
    }
    Ok(())
}

/// golang-migrate and Flyway read the authority's certificate in ways of their own.
#[tokio::test(flavor = "multi_thread")]
async fn each_tool_goes_through_to_a_server_of_the_named_authority() -> Result<()> {
    let servers = Demanding::start("IP:127.0.0.1").await?;
    let content = "CREATE TABLE a (id int);\n";
    for (tool, name) in [
        (Tool::GolangMigrate, "1_a.up.sql"),
        (Tool::Flyway, "V1__a.sql"),
    ] {
        for mode in [TlsMode::Prefer, TlsMode::Require, TlsMode::VerifyFull] {
            for bench in servers.benches_of(&[(name, content)]).await? {
                let mut bench = bench.with(tool)?;
                bench.parameters.tls = mode;
                bench.parameters.authority =
                    (mode == TlsMode::VerifyFull).then(|| servers.authority("right"));
                let ended = bench.run().await?;
                let engine = bench.parameters.engine;
                assert_eq!(
                    ended.verdict(),
                    "Succeeded Succeeded none->1 exit 0",
                    "{tool:?} {engine:?} {mode:?}: {}",
                    ended.output
                );
            }
        }
    }
    Ok(())
}

/// A program of one's own is told mode and certificate by the variables that its pod has, and proves the server by them itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_proves_a_server_by_the_authority_that_its_variables_name() -> Result<()> {
    let servers = Demanding::start("IP:127.0.0.1").await?;
    let made = "CREATE TABLE made AS SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let postgresql = format!("test \"$PGSSLMODE\" = verify-full && psql -qc '{made}'");
    let mysql = format!("{BY_MYSQL} \"$GOOSE\" -env=none -certfile=\"$MYSQL_SSL_CA\" up");
    for (which, proven) in [("right", true), ("wrong", false)] {
        let scripts = [(&postgresql, "PGSSLROOTCERT"), (&mysql, "MYSQL_SSL_CA")];
        for (bench, (script, variable)) in servers.benches().await?.into_iter().zip(scripts) {
            let mut bench = calling_goose(bench, script)?;
            bench.parameters.read_back = None;
            bench.parameters.files.clear();
            bench.parameters.version_table.clear();
            bench.parameters.tls = TlsMode::VerifyFull;
            // The runner's own session finds the server all right.
            bench.parameters.authority = Some(servers.authority("right"));
            bench
                .environment
                .retain(|(name, _)| name != "GOOSE_DBSTRING");
            bench
                .environment
                .push((variable.to_owned(), servers.authority(which)));
            let ended = bench.run().await?;
            let (engine, verdict) = (bench.parameters.engine, ended.verdict());
            assert_eq!(
                verdict == "Succeeded Succeeded none->none exit 0",
                proven,
                "{engine:?} {which}: {verdict} {}",
                ended.output
            );
            assert!(
                proven || ended.output.contains("certificate"),
                "{engine:?}: {}",
                ended.output
            );
        }
    }
    Ok(())
}

/// The right authority, but a certificate for another server; and a file that is no certificate.
#[tokio::test]
async fn verify_full_refuses_another_servers_certificate_and_a_file_without_one() -> Result<()> {
    let servers = Demanding::start("DNS:other.acme.test").await?;
    let junk = servers.folder.join("junk");
    fs::write(&junk, "no certificate")?;
    let cases = [
        (
            servers.authority("right"),
            "the server's certificate is for another name than that of spec.host (or spec.direct.host)",
        ),
        (
            junk.display().to_string(),
            "the file of spec.tls.ca holds no certificate in PEM",
        ),
    ];
    for (authority, text) in cases {
        for mut bench in servers.benches().await? {
            bench.parameters.tls = TlsMode::VerifyFull;
            bench.parameters.authority = Some(authority.clone());
            let ended = bench.run().await?;
            let error = ended.message.error.clone().unwrap_or_default();
            assert_eq!(
                (
                    ended.verdict().as_str(),
                    error.class.as_str(),
                    error.text.as_str()
                ),
                (
                    "Failed DatabaseUnreachable none->none retry not started exit 10",
                    "Certificate",
                    text
                ),
                "{:?}",
                bench.parameters.engine
            );
        }
    }
    Ok(())
}
