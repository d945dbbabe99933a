//! What an operator is started with: the flags of `slipway run` as values.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::telemetry::LogFormat;
use crate::core::backoff::Backoff;
use crate::core::settings::{Images, MigrationTimes, Settings};

/// See the flags of `slipway run`.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Kubeconfig; absent: the pod's service account.
    pub kubeconfig: Option<PathBuf>,
    /// Namespaces to watch; none: all.
    pub watch_namespaces: Vec<String>,
    /// Namespace of the Lease; absent: the pod's, or that of the kubeconfig's context.
    pub lease_namespace: Option<String>,
    /// Name of the Lease; default `slipway`.
    pub lease_name: String,
    /// This process's name in the Lease; absent: host name and a random number.
    pub identity: Option<String>,
    /// Where `/livez`, `/readyz` and `/metrics` are served; default `0.0.0.0:8080`.
    pub admin_address: SocketAddr,
    /// What migration pods are made of.
    pub images: Images,
    /// How log lines look.
    pub log_format: LogFormat,
    /// A level, or a list of `target=level`; default `info`.
    pub log_level: String,
    /// Hidden flags for tests; absent: the default of [`MigrationTimes`].
    pub migration_start: Option<Duration>,
    pub migration_lock_wait: Option<Duration>,
    pub migration_run: Option<Duration>,
    /// First delay between two attempts.
    pub migration_backoff: Option<Duration>,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            kubeconfig: None,
            watch_namespaces: Vec::new(),
            lease_namespace: None,
            lease_name: "slipway".to_owned(),
            identity: None,
            admin_address: SocketAddr::from(([0, 0, 0, 0], 8080)),
            images: Images::default(),
            log_format: LogFormat::fitting(),
            log_level: "info".to_owned(),
            migration_start: None,
            migration_lock_wait: None,
            migration_run: None,
            migration_backoff: None,
        }
    }
}

impl RunOptions {
    /// What of it deciding needs to know.
    #[must_use]
    pub fn settings(&self, builder_salt: &str) -> Settings {
        let defaults = Settings::default();
        let times = defaults.migrations;
        Settings {
            images: self.images.clone(),
            builder_salt: builder_salt.to_owned(),
            migrations: MigrationTimes {
                start: self.migration_start.unwrap_or(times.start),
                lock_wait: self.migration_lock_wait.unwrap_or(times.lock_wait),
                run: self.migration_run.unwrap_or(times.run),
                backoff: Backoff {
                    first: self.migration_backoff.unwrap_or(times.backoff.first),
                    ..times.backoff
                },
                ..times
            },
            slipway_version: defaults.slipway_version,
        }
    }
}
