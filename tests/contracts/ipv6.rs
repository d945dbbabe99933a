//! Hosts that are addresses of IPv6, in each form of `core::migration::dsn`.

use std::net::Ipv6Addr;

use anyhow::{Context, Result};
use slipway::api::common::{Engine, Tool};

use crate::bench::{Bench, said};
use crate::cluster::debian;
use crate::cluster::mariadb::MariaDb;
use crate::cluster::postgres::{Options, Postgres};
use crate::connections::{bench, place, two_files, up, write};

const TOOLS: [Tool; 3] = [Tool::Goose, Tool::GolangMigrate, Tool::Flyway];

fn on_loopback() -> Options {
    Options {
        address: Ipv6Addr::LOCALHOST.into(),
        ..Options::scratch()
    }
}

/// migrations.md 1, the forms of DSNs: IPv6 stands in `[]`, but for libpq's `host=`.
#[tokio::test(flavor = "multi_thread")]
async fn every_tool_reaches_a_server_on_ipv6_by_the_string_that_the_runner_builds() -> Result<()> {
    debian::prepare()?;
    let postgres = Postgres::start(on_loopback());
    let postgres = postgres.await.context("a server on ::1")?;
    let mariadb = MariaDb::start(on_loopback());
    let mariadb = mariadb.await.context("a server on ::1")?;
    for tool in TOOLS {
        for mut bench in [
            Bench::on(&postgres, &[]).await?.with(tool)?,
            Bench::on_mariadb(&mariadb, &[]).await?.with(tool)?,
        ] {
            "::1".clone_into(&mut bench.parameters.host);
            write(&bench, &two_files(tool, "SELECT 1;\n", "SELECT 2;\n"))?;
            let (code, said) = said(up(&bench, &place(&bench), &[])?.output().await?);
            let engine = bench.parameters.engine;
            assert_eq!(code, Some(0), "{tool:?} {engine:?}: {said}");
        }
    }
    Ok(())
}

/// The same where nobody listens: each says to which host it went.
#[tokio::test(flavor = "multi_thread")]
async fn every_tool_names_the_host_on_ipv6_that_does_not_answer() -> Result<()> {
    for (tool, engine, expected) in [
        (
            Tool::Goose,
            Engine::PostgreSQL,
            "[::1]:1 (::1): dial error: dial tcp [::1]:1: connect:",
        ),
        (Tool::Goose, Engine::MySQL, "dial tcp [::1]:1: connect:"),
        (
            Tool::GolangMigrate,
            Engine::PostgreSQL,
            "[::1]:1 (::1): dial error: dial tcp [::1]:1: connect:",
        ),
        (
            Tool::GolangMigrate,
            Engine::MySQL,
            "dial tcp [::1]:1: connect:",
        ),
        (Tool::Flyway, Engine::PostgreSQL, "[::1]:1"),
        (Tool::Flyway, Engine::MySQL, "[::1]:1"),
    ] {
        let mut bench = bench(engine, tool, &[]).await?;
        write(&bench, &two_files(tool, "SELECT 1;\n", "SELECT 2;\n"))?;
        "::1".clone_into(&mut bench.parameters.host);
        bench.parameters.port = 1;
        let (code, said) = said(up(&bench, &place(&bench), &[])?.output().await?);
        assert!(
            code == Some(1) && said.contains(expected),
            "{tool:?} {engine:?}: {code:?} {said}"
        );
    }
    Ok(())
}
