//! TLS to the database: a server that demands it, and what each mode makes of it. The server's authority is known to nobody.

use anyhow::Result;
use slipway::api::database::TlsMode;

use crate::bench::Bench;
use crate::cluster::certificates::Certificates;
use crate::cluster::debian;
use crate::cluster::postgres::{Options, Postgres};
use crate::cluster::server::Tls;

const A: (&str, &str) = ("1_a.sql", "-- +goose Up\nCREATE TABLE a (id int);\n");

/// A server that takes nobody but the superuser without TLS.
async fn demanding() -> Result<Postgres> {
    debian::prepare()?;
    let mut options = Options::scratch();
    let folder = options.directory.with_extension("certificates");
    std::fs::create_dir_all(&folder)?;
    let certificates = Certificates::create(&folder)?;
    certificates.server("database", &["IP:127.0.0.1"])?;
    options.tls = Some(Tls {
        certificate: std::fs::read_to_string(certificates.certificate("database"))?,
        key: std::fs::read_to_string(certificates.key("database"))?,
        required: true,
    });
    std::fs::remove_dir_all(&folder)?;
    Postgres::start(options).await
}

/// Runner and tool both speak TLS where it is preferred or required; without it the server refuses them, and nothing was done.
#[tokio::test]
async fn a_server_that_demands_tls_is_migrated_with_prefer_and_require_and_not_without()
-> Result<()> {
    let server = demanding().await?;
    for (mode, verdict) in [
        (TlsMode::Prefer, "Succeeded Succeeded none->1 exit 0"),
        (TlsMode::Require, "Succeeded Succeeded none->1 exit 0"),
        (
            TlsMode::Disable,
            "Failed AuthenticationFailed none->none retry not started exit 10",
        ),
    ] {
        let mut bench = Bench::on(&server, &[A]).await?;
        bench.parameters.tls = mode;
        let ended = bench.run().await?;
        assert_eq!(ended.verdict(), verdict, "{mode:?}: {}", ended.output);
    }
    Ok(())
}

/// A certificate of an unknown authority is no proof: the runner stops before the tool, and says why.
#[tokio::test]
async fn verify_full_refuses_a_server_of_an_unknown_authority_before_the_tool_starts() -> Result<()>
{
    let server = demanding().await?;
    let mut bench = Bench::on(&server, &[A]).await?;
    bench.parameters.tls = TlsMode::VerifyFull;
    let ended = bench.run().await?;
    assert_eq!(
        ended.verdict(),
        "Failed DatabaseUnreachable none->none retry not started exit 10"
    );
    let error = ended.message.error.unwrap_or_default();
    assert!(error.text.contains("certificate"), "{}", error.text);
    Ok(())
}
