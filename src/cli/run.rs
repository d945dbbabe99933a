//! `slipway run`: the flags of the operator. Each has an environment variable of the same name.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::images::ImageArguments;
use crate::operator;
use crate::operator::options::RunOptions;
use crate::operator::telemetry::LogFormat;

#[derive(Args, Debug)]
pub(super) struct RunArguments {
    /// Kubeconfig; without it: the pod's service account
    #[arg(long, env = "SLIPWAY_KUBECONFIG", value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Namespace to look at; may be given several times; without it: all
    #[arg(
        long = "watch-namespace",
        env = "SLIPWAY_WATCH_NAMESPACE",
        value_name = "NAMESPACE",
        value_delimiter = ','
    )]
    watch_namespaces: Vec<String>,
    /// Namespace of the Lease; without it: the pod's own
    #[arg(long, env = "SLIPWAY_LEASE_NAMESPACE", value_name = "NAMESPACE")]
    lease_namespace: Option<String>,
    /// Name of the Lease; replicas of one installation share it
    #[arg(
        long,
        env = "SLIPWAY_LEASE_NAME",
        value_name = "NAME",
        default_value = "slipway"
    )]
    lease_name: String,
    /// Name of this process in the Lease; without it: host name and a random number
    #[arg(long, env = "SLIPWAY_IDENTITY", value_name = "NAME")]
    identity: Option<String>,
    /// Address of /livez, /readyz and /metrics
    #[arg(
        long,
        env = "SLIPWAY_ADMIN_ADDRESS",
        value_name = "ADDRESS:PORT",
        default_value = "0.0.0.0:8080"
    )]
    admin_address: SocketAddr,
    #[command(flatten)]
    images: ImageArguments,
    /// How log lines look; without it: text on a terminal, else json
    #[arg(long, env = "SLIPWAY_LOG_FORMAT", value_name = "FORMAT")]
    log_format: Option<Format>,
    /// error, warn, info, debug or trace; or a list such as `info,kube_runtime=debug`
    #[arg(
        long,
        env = "SLIPWAY_LOG_LEVEL",
        value_name = "LEVEL",
        default_value = "info"
    )]
    log_level: String,
    #[command(flatten)]
    migrations: MigrationSeconds,
}

/// Limits of migrations, shortened by the project's own scenarios.
#[derive(Args, Debug)]
struct MigrationSeconds {
    /// From the arm to the start of the runner, seconds
    #[arg(
        long = "migration-start-seconds",
        id = "migration_start_seconds",
        env = "SLIPWAY_MIGRATION_START_SECONDS",
        hide = true
    )]
    start: Option<u64>,
    /// Wait for the lock in the database, seconds
    #[arg(
        long = "migration-lock-wait-seconds",
        id = "migration_lock_wait_seconds",
        env = "SLIPWAY_MIGRATION_LOCK_WAIT_SECONDS",
        hide = true
    )]
    lock_wait: Option<u64>,
    /// Longest run of the tool, seconds
    #[arg(
        long = "migration-run-seconds",
        id = "migration_run_seconds",
        env = "SLIPWAY_MIGRATION_RUN_SECONDS",
        hide = true
    )]
    run: Option<u64>,
    /// First delay between two attempts, seconds
    #[arg(
        long = "migration-backoff-seconds",
        id = "migration_backoff_seconds",
        env = "SLIPWAY_MIGRATION_BACKOFF_SECONDS",
        hide = true
    )]
    backoff: Option<u64>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Json,
    Text,
}

/// Runs the operator until it is asked to end (0), loses the Lease (1) or cannot start (2).
pub(super) fn execute(arguments: RunArguments) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(operator::run(options(arguments)))?)
}

fn options(arguments: RunArguments) -> RunOptions {
    let RunArguments {
        kubeconfig,
        watch_namespaces,
        lease_namespace,
        lease_name,
        identity,
        admin_address,
        images,
        log_format,
        log_level,
        migrations,
    } = arguments;
    let MigrationSeconds {
        start,
        lock_wait,
        run,
        backoff,
    } = migrations;
    RunOptions {
        kubeconfig,
        watch_namespaces,
        lease_namespace,
        lease_name,
        identity,
        admin_address,
        images: images.into(),
        log_format: match log_format {
            Some(Format::Json) => LogFormat::Json,
            Some(Format::Text) => LogFormat::Text,
            None => LogFormat::fitting(),
        },
        log_level,
        migration_start: start.map(Duration::from_secs),
        migration_lock_wait: lock_wait.map(Duration::from_secs),
        migration_run: run.map(Duration::from_secs),
        migration_backoff: backoff.map(Duration::from_secs),
    }
}
