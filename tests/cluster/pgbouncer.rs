//! A real PgBouncer of Debian's in front of one database; it ends when it is dropped. May start a process and write its configuration.

use std::fs;
use std::net::{IpAddr, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Result;
use tokio::process::{Child, Command};

use super::postgres::{Postgres, SUPERUSER};
use super::server::free_port;
use super::wait;

/// Longest wait for the pooler to take connections.
const LIMIT: Duration = Duration::from_mins(1);

/// A pooler at work.
pub struct PgBouncer {
    pub port: u16,
    _child: Child,
}

impl PgBouncer {
    /// In front of this database, at this address, lending sessions by `mode`: `transaction` or `session`. Any password opens it.
    pub async fn start(
        postgres: &Postgres,
        database: &str,
        mode: &str,
        address: IpAddr,
        folder: &Path,
    ) -> Result<Self> {
        let port = free_port(address)?;
        let file = folder.join(format!("pgbouncer-{mode}.ini"));
        let text = format!(
            "[databases]\n{database} = host={} port={} user={SUPERUSER} password={}\n[pgbouncer]\nlisten_addr = {address}\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = {mode}\nignore_startup_parameters = options\n",
            postgres.address().ip(),
            postgres.port(),
            postgres.superuser_password()
        );
        fs::write(&file, text)?;
        let child = Command::new("/usr/sbin/pgbouncer")
            .args(["--quiet", "--user=postgres"])
            .arg(&file)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        wait::until("the pooler", LIMIT, async || {
            TcpStream::connect((address, port)).map(drop)
        })
        .await?;
        Ok(Self {
            port,
            _child: child,
        })
    }
}
