//! The one cluster that this machine can run: claimed, started, and given up. A marker tells which clone of the project it belongs to.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use kube::Client;

use super::build::Programs;
use super::certificates::Certificates;
use super::control_plane::{self, NODE_ADDRESS};
use super::network;
use super::node;
use super::place::{self, State};
use super::postgres::{self, Postgres};
use super::process::Process;
use super::teardown;

/// The port of the cluster's PostgreSQL, at the node's address.
pub const POSTGRES_PORT: u16 = 5432;

/// The marker of the one cluster that this machine can run: it holds the folder of its state.
const MARKER: &str = "/run/slipway-test-cluster";

/// The state of the cluster that runs here, whichever clone started it.
pub fn running() -> Result<State> {
    Ok(State::at(fs::read_to_string(MARKER)?.trim().into()))
}

/// Tears down the cluster of this clone, if there is one.
pub fn tear_down_project() -> Result<bool> {
    let state = State::of_project();
    let existed = state.root().exists();
    release(&state)?;
    Ok(existed)
}

/// Makes sure that this machine runs no other cluster of this harness, and cleans up what an earlier run of this clone left.
pub fn claim(state: &State) -> Result<()> {
    let _lock = place::lock(Path::new(&format!("{MARKER}.lock")), || {
        eprintln!("Another cluster is just being started; waiting ...");
    })?;
    if let Ok(owner) = fs::read_to_string(MARKER) {
        let other = State::at(owner.trim().into());
        let alive = Process::recorded(&other.records(), &other.logs())
            .iter()
            .any(Process::is_alive);
        ensure!(
            !alive || other.root() == state.root(),
            "this machine can run one test cluster, and one runs from {}; end it there: cargo run --example cluster -- down",
            other.root().display()
        );
        teardown::tear_down(&other).context("clean up what an earlier run left")?;
    }
    teardown::tear_down(state).context("clean up what an earlier run left")?;
    fs::write(MARKER, state.root().display().to_string()).with_context(|| format!("write {MARKER}"))
}

/// Tears a cluster down, and lets another one run here.
pub fn release(state: &State) -> Result<()> {
    teardown::tear_down(state)?;
    if fs::read_to_string(MARKER).is_ok_and(|owner| Path::new(owner.trim()) == state.root()) {
        fs::remove_file(MARKER)?;
    }
    Ok(())
}

/// Copies the logs of a cluster that did not start to where the teardown leaves them.
pub fn keep_logs(state: &State) {
    let kept = place::target().join("cluster-failed-logs");
    let _ = fs::remove_dir_all(&kept);
    if fs::create_dir_all(&kept).is_ok() {
        for entry in fs::read_dir(state.logs()).into_iter().flatten().flatten() {
            let _ = fs::copy(entry.path(), kept.join(entry.file_name()));
        }
        eprintln!(
            "The cluster did not start; its logs are kept in {}.",
            kept.display()
        );
    }
}

/// Starts every part of a cluster in its folder, until the node is ready.
pub async fn start(state: &State, programs: &Programs, verbose: bool) -> Result<Client> {
    let start = Instant::now();
    let say = |what: &str| {
        if verbose {
            eprintln!("  {:>5.1} s  {what}", start.elapsed().as_secs_f32());
        }
    };
    state.create()?;
    let certificates: Certificates = control_plane::create_identities(state)?;
    network::create(state)?;
    say("certificates and bridge are made; starting etcd, API server, containerd and PostgreSQL");
    let address = SocketAddr::new(NODE_ADDRESS.parse()?, POSTGRES_PORT);
    let database = postgres::Options::detached(state.postgres(), address);
    let (client, (), _) = tokio::try_join!(
        control_plane::start(state, programs, &certificates),
        node::start_containerd(state, programs),
        Postgres::start(database)
    )?;
    say("the API server is ready; starting kubelet, kube-proxy and DNS");
    node::start(state, programs, &certificates, &client).await?;
    say("the node is ready");
    Ok(client)
}
