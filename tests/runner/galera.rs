//! The runner on a Galera cluster of real MariaDB servers: each of them takes writes, and has locks of its own.

use std::net::Ipv4Addr;

use anyhow::{Result, bail};
use mysql_async::prelude::Queryable as _;
use slipway::api::common::Tool;
use slipway::api::database::TlsMode;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, MutexGuard, OnceCell};
use tokio::task::JoinSet;

use crate::bench::{Bench, LIMIT};
use crate::cases::comes_up_once;
use crate::cluster::galera::{FOUND, Galera};
use crate::cluster::mariadb::MariaDb;
use crate::cluster::wait;

const A: (&str, &str) = (
    "1_a.sql",
    "-- +goose Up\nCREATE TABLE a (id int PRIMARY KEY);\n",
);

/// What the runner warns of on each node of a cluster of two.
const WARNING: &str = "the server is one of 2 of a Galera cluster, each with locks of its own, so spec.direct of the Database (without it spec.host) \
                       must name one of them and no balancer";

/// The cluster of two that the tests share, one after the other, as some hold a node up.
async fn cluster() -> Result<([&'static MariaDb; 2], MutexGuard<'static, ()>)> {
    static CLUSTER: OnceCell<Galera> = OnceCell::const_new();
    static TURN: Mutex<()> = Mutex::const_new(());
    let turn = TURN.lock().await;
    let cluster = CLUSTER.get_or_try_init(async || Galera::start(2).await);
    match cluster.await?.nodes() {
        [first, second] => Ok(([first, second], turn)),
        other => bail!("{} nodes", other.len()),
    }
}

/// migrations.md cases 1, 2.
#[tokio::test(flavor = "multi_thread")]
async fn each_tool_brings_a_galera_cluster_up_once_and_one_server_is_asked_for() -> Result<()> {
    let ([node, other], _turn) = cluster().await?;
    let up = "CREATE TABLE a (id int PRIMARY KEY);\n";
    for (tool, file) in [
        (Tool::Goose, A),
        (Tool::GolangMigrate, ("1_a.up.sql", up)),
        (Tool::Flyway, ("V1__a.sql", up)),
    ] {
        let bench = Bench::on_mariadb(node, &[file]).await?.with(tool)?;
        let ended = comes_up_once(&bench, "1", 1).await?;
        assert_eq!(ended.message.warnings, [WARNING], "{tool:?}");
        Galera::catch_up(other).await?;
        let mut client = other.connect(Some(&bench.parameters.database)).await?;
        let rows: Vec<u64> = client.query("SELECT count(*) FROM a").await?;
        assert_eq!(rows, [0], "{tool:?}");
    }
    Ok(())
}

/// migrations.md 2, step 4: the lock of one would not hold the other back.
#[tokio::test]
async fn an_endpoint_that_leads_to_two_servers_of_a_galera_cluster_is_refused() -> Result<()> {
    let (nodes, _turn) = cluster().await?;
    let mut bench = Bench::on_mariadb(nodes[0], &[A]).await?;
    Galera::catch_up(nodes[1]).await?;
    // To prefer TLS is to connect twice.
    bench.parameters.tls = TlsMode::Disable;
    let (port, _balancer) = balancer(nodes.map(MariaDb::port)).await?;
    bench.parameters.port = i32::from(port);
    let ended = bench.run().await?;
    assert_eq!(
        (ended.verdict(), ended.message.error.unwrap_or_default().text),
        (
            "Blocked PooledEndpoint none->none not started exit 12".to_owned(),
            "two connections to the endpoint led to two servers of a cluster, each with locks of its own; name one of them".to_owned()
        )
    );
    Ok(())
}

/// An attempt before this one may have run on another node, whose writes this one has still to take over.
#[tokio::test]
async fn what_was_applied_on_another_node_is_seen_before_anything_is_run() -> Result<()> {
    let ([node, late], _turn) = cluster().await?;
    let bench = Bench::on_mariadb(node, &[A]).await?;
    Galera::catch_up(late).await?;
    let mut lock = late.connect(None).await?;
    lock.query_drop("FLUSH TABLES WITH READ LOCK").await?;
    assert_eq!(
        bench.run().await?.verdict(),
        "Succeeded Succeeded none->1 exit 0"
    );
    let mut second = bench.again(2);
    second.parameters.port = i32::from(late.port());
    let second = second.start()?;
    let waits = format!(
        "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = '{}' AND INFO LIKE '%information_schema.tables%'",
        bench.parameters.database
    );
    wait::until("the runner at its first look", LIMIT, async || {
        match lock.query_first::<u64, _>(waits.as_str()).await {
            Ok(Some(_)) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await?;
    lock.query_drop("UNLOCK TABLES").await?;
    assert_eq!(
        second.end().await?.verdict(),
        "Succeeded NoPendingMigrations 1->1 not started exit 0"
    );
    Ok(())
}

/// A node that is cut off takes no statements, whatever it lets others read; nothing is wrong with the migration.
#[tokio::test]
async fn a_node_that_is_cut_off_from_its_cluster_is_tried_again() -> Result<()> {
    // At the same time, as a runner goes on trying for some seconds before it says so.
    tokio::try_join!(is_cut_off("OFF"), is_cut_off("ON"))?;
    Ok(())
}

async fn is_cut_off(stale_reads: &str) -> Result<()> {
    let cluster = Galera::start(1).await?;
    let [node] = cluster.nodes() else {
        bail!("one node");
    };
    let bench = Bench::on_mariadb(node, &[A]).await?;
    let mut client = node.connect(None).await?;
    for variable in [
        format!("wsrep_dirty_reads = {stale_reads}"),
        "wsrep_cluster_address = 'gcomm://127.0.0.1:1'".to_owned(),
    ] {
        client.query_drop(format!("SET GLOBAL {variable}")).await?;
    }
    let ended = bench.run().await?;
    assert_eq!(
        (ended.verdict(), ended.message.error.unwrap_or_default().text),
        (
            "Failed DatabaseUnreachable none->none retry not started exit 10".to_owned(),
            "this node of the Galera cluster takes no statements: it is cut off from most of the others, or still joins them".to_owned()
        ),
        "{stale_reads}"
    );
    let found = format!("SET GLOBAL wsrep_cluster_address = '{FOUND}'");
    client.query_drop(found).await?;
    let ended = bench.run().await?;
    assert_eq!(
        ended.verdict(),
        "Succeeded Succeeded none->1 exit 0",
        "{stale_reads}"
    );
    // It is alone in its cluster.
    assert_eq!(
        ended.message.warnings,
        Vec::<String>::new(),
        "{stale_reads}"
    );
    Ok(())
}

/// A balancer that leads each connection to the next of these ports, and its connections. It ends with the set.
async fn balancer(ports: [u16; 2]) -> Result<(u16, JoinSet<()>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr()?.port();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        for port in ports.into_iter().cycle() {
            let Ok((mut client, _)) = listener.accept().await else {
                return;
            };
            connections.spawn(async move {
                if let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
                    // A connection that breaks is what its two ends see for themselves.
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                }
            });
        }
    });
    Ok((port, tasks))
}
