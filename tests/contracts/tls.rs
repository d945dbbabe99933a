//! The authority of a server's certificate, as the runner names it to the tools whose driver for MySQL has no parameter for it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use slipway::api::common::Tool;
use slipway::api::database::TlsMode;
use slipway::core::migration::dsn::Place;

use crate::bench::{Bench, said};
use crate::cluster::certificates::Certificates;
use crate::cluster::debian;
use crate::cluster::mariadb::MariaDb;
use crate::cluster::server::{Options, Tls};
use crate::connections::{place, two_files, up, write};

/// A folder that goes with its test.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that stays in the system's temporary folder harms nobody.
        let _ = fs::remove_dir_all(&self.0);
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
    debian::prepare()?;
    let options = Options::scratch();
    let folder = Folder(options.directory.with_extension("certificates"));
    let right = authority(&folder.0.join("right"))?;
    right.server("database", &["IP:127.0.0.1"])?;
    authority(&folder.0.join("wrong"))?;
    let tls = Tls {
        certificate: fs::read_to_string(right.certificate("database"))?,
        key: fs::read_to_string(right.key("database"))?,
        required: true,
    };
    let server = MariaDb::start(Options {
        tls: Some(tls),
        ..options
    })
    .await?;
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
            let file = which.map(|which| folder.0.join(which).join("ca.crt").display().to_string());
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
