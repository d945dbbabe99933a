//! What the operator was started with and what deciding needs to know of it. Plain data, the same for all objects.

use std::time::Duration;

use super::backoff::{self, Backoff};
use crate::api::common::Tool;
use crate::api::migration::MigrationTimeouts;

/// See the flags of `slipway run`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Slipway's version. Example: `0.1.0`.
    pub slipway_version: String,
    pub images: Images,
    /// Not empty only with the feature `faults`: makes the builders build as another version of Slipway would.
    pub builder_salt: String,
    pub migrations: MigrationTimes,
}

/// What migration pods are made of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Images {
    /// Slipway's own image: the init container that brings the runner.
    pub runner: String,
    pub tools: ToolImages,
    /// Whether an image's migration files come by a volume of the image, and not by an init container that copies them (KEP-4639; on by default
    /// from Kubernetes 1.35 on, and the node's runtime must know them).
    pub volumes: bool,
}

impl Default for Images {
    fn default() -> Self {
        Self {
            runner: concat!("slipway:", env!("CARGO_PKG_VERSION")).to_owned(),
            tools: ToolImages::default(),
            volumes: false,
        }
    }
}

/// Images that hold the tools; where one is absent, the migration's source image must hold the tool.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ToolImages {
    pub goose: Option<String>,
    pub golang_migrate: Option<String>,
    pub flyway: Option<String>,
}

impl ToolImages {
    /// The image of this tool. A program of one's own is in one's own image.
    #[must_use]
    pub const fn of(&self, tool: Tool) -> Option<&String> {
        match tool {
            Tool::Goose => self.goose.as_ref(),
            Tool::GolangMigrate => self.golang_migrate.as_ref(),
            Tool::Flyway => self.flyway.as_ref(),
            Tool::Exec => None,
        }
    }
}

/// Limits of one attempt of a migration (`migrations.md` section 3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MigrationTimes {
    /// From the arm to the start of the runner. 5 minutes.
    pub start: Duration,
    /// Wait for the lock in the database and for orphans, together. 10 minutes.
    pub lock_wait: Duration,
    /// Longest run of the tool. 1 hour.
    pub run: Duration,
    /// The pod's grace period. 5 minutes.
    pub grace: Duration,
    /// Between two attempts.
    pub backoff: Backoff,
}

impl MigrationTimes {
    /// With those that a migration sets for itself.
    #[must_use]
    pub fn with(self, own: Option<&MigrationTimeouts>) -> Self {
        let own = own.cloned().unwrap_or_default();
        let or = |seconds: Option<i32>, general: Duration| {
            seconds
                .and_then(|seconds| u64::try_from(seconds).ok())
                .map_or(general, Duration::from_secs)
        };
        Self {
            start: or(own.start_seconds, self.start),
            lock_wait: or(own.lock_wait_seconds, self.lock_wait),
            run: or(own.run_seconds, self.run),
            ..self
        }
    }
}

impl Default for MigrationTimes {
    fn default() -> Self {
        Self {
            start: Duration::from_mins(5),
            lock_wait: Duration::from_mins(10),
            run: Duration::from_hours(1),
            grace: Duration::from_mins(5),
            backoff: backoff::MIGRATION,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            slipway_version: env!("CARGO_PKG_VERSION").to_owned(),
            images: Images::default(),
            builder_salt: String::new(),
            migrations: MigrationTimes::default(),
        }
    }
}
