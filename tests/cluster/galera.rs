//! A Galera cluster of Debian's MariaDB on this machine: servers that all take writes of the same databases. Each is a [`MariaDb`] of its own
//! and dies with its owner. It may start processes and write below their folders.

use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use mysql_async::prelude::Queryable as _;

use super::debian;
use super::mariadb::MariaDb;
use super::server::{Options, free_port};

/// Debian's library that makes a cluster of them.
pub const LIBRARY: &str = "/usr/lib/libgalera_smm.so";

/// The address that founds a cluster.
pub const FOUND: &str = "gcomm://";

/// A running cluster.
#[derive(Debug)]
pub struct Galera {
    nodes: Vec<MariaDb>,
}

impl Galera {
    /// Starts so many nodes, one after the other.
    pub async fn start(size: usize) -> Result<Self> {
        debian::prepare()?;
        debian::prepare_galera()?;
        let mut nodes: Vec<MariaDb> = Vec::new();
        let mut address = FOUND.to_owned();
        for _ in 0..size {
            let port = free_port(Ipv4Addr::LOCALHOST.into())?;
            let options = Options {
                settings: settings(port, &address)?,
                ..Options::scratch()
            };
            let state = match nodes.last() {
                Some(node) => state_of(node).await?,
                None => String::new(),
            };
            nodes.push(MariaDb::start_with(options, &[("grastate.dat", &state)]).await?);
            address = format!("gcomm://127.0.0.1:{port}");
        }
        Ok(Self { nodes })
    }

    /// The nodes in the order of their start.
    pub fn nodes(&self) -> &[MariaDb] {
        &self.nodes
    }

    /// Waits until a node has all that was written on any before.
    pub async fn catch_up(node: &MariaDb) -> Result<()> {
        let mut client = node.connect(None).await?;
        client.query_drop("SET SESSION wsrep_sync_wait = 1").await?;
        Ok(client.query_drop("SELECT 1").await?)
    }
}

/// The server's settings, by name and value. `port` is for the other nodes.
fn settings(port: u16, address: &str) -> Result<Vec<(String, String)>> {
    let transfers = free_port(Ipv4Addr::LOCALHOST.into())?;
    // Who founds a cluster waits for nobody. If it is cut off later, it is so at once, and not after the 30 s for which the library would look
    // for the others, nor the 3 s in which it would make itself known to them. One that joins does wait: it takes no statements before.
    let patience = if address == FOUND {
        ";pc.wait_prim=no;pc.announce_timeout=PT0.1S"
    } else {
        ""
    };
    let provider = format!(
        "base_host=127.0.0.1;base_port={port};gmcast.listen_addr=tcp://127.0.0.1:{port};ist.recv_addr=127.0.0.1:{transfers};gcache.size=4M{patience}"
    );
    let settings = [
        ("wsrep-on", "ON"),
        ("wsrep-provider", LIBRARY),
        ("wsrep-provider-options", &provider),
        ("wsrep-cluster-address", address),
        ("wsrep-node-address", "127.0.0.1"),
        ("wsrep-sst-method", "skip"),
        ("binlog-format", "ROW"),
        ("innodb-autoinc-lock-mode", "2"),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Ok(settings.to_vec())
}

/// What a new node says of its data: that they are those of this one. Both are as a new server's, so nothing need be sent.
async fn state_of(node: &MariaDb) -> Result<String> {
    let mut client = node.connect(None).await?;
    let mut status = async |name: &str| -> Result<String> {
        let query = format!("SHOW GLOBAL STATUS LIKE '{name}'");
        let row: Option<(String, String)> = client.query_first(query).await?;
        Ok(row.with_context(|| format!("no {name}"))?.1)
    };
    let cluster = status("wsrep_local_state_uuid").await?;
    let position = status("wsrep_last_committed").await?;
    Ok(format!(
        "# GALERA saved state\nversion: 2.1\nuuid:    {cluster}\nseqno:   {position}\nsafe_to_bootstrap: 0\n"
    ))
}
