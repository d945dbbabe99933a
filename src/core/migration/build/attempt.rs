//! What an attempt is made from: the input of all builders here.

use crate::api::backend::Backend;
use crate::api::database::{Database, RunMode, TakenForApplied};
use crate::api::migration::{Migration, MigrationSpec};
use crate::core::database::endpoint::Endpoint;
use crate::core::settings::{MigrationTimes, Settings};

/// One attempt at a Migration.
#[derive(Clone, Debug)]
pub struct Attempt<'a> {
    pub migration: &'a Migration,
    /// Its spec as the Backend asks for it now: what the plan key leaves out may have changed since the Migration was made.
    pub spec: &'a MigrationSpec,
    /// What the ledger knows of the files that ran, for a tool whose own table does not name them.
    pub known: Option<&'a TakenForApplied>,
    /// Whether the program may have run before the ledger began.
    pub may_have_run: bool,
    pub backend: &'a Backend,
    pub database: &'a Database,
    pub settings: &'a Settings,
    pub term: &'a str,
    pub number: i64,
    pub mode: RunMode,
    /// Whether a Check run only lists what is pending.
    pub lists: bool,
    /// Digest of what may run; absent: any.
    pub approved: Option<String>,
}

impl Attempt<'_> {
    /// Its limits: the Migration's own, else the platform's.
    pub(super) fn times(&self) -> MigrationTimes {
        self.settings
            .migrations
            .with(self.spec.options.timeouts.as_ref())
    }

    /// Where migrations of its Database go.
    pub(super) fn endpoint(&self) -> Endpoint {
        Endpoint::of_migrations(&self.database.spec)
    }
}
