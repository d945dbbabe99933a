//! What one look at a migration Job shows: everything that deciding needs, as plain values.

use std::sync::Arc;

use k8s_openapi::api::batch::v1::Job;

use super::evidence::SeenPod;
use crate::api::database::Database;
use crate::api::migration::Migration;
use crate::core::migration;
use crate::core::settings::Settings;

/// A Job and all around it, as the caches show it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub job: Arc<Job>,
    pub database: Option<Arc<Database>>,
    /// Backends that name the Database: its status is written as a whole.
    pub bound: i64,
    /// The Migration of the ticket's uid, if it still exists.
    pub migration: Option<Arc<Migration>>,
    /// What a look at this Migration shows, for a suspended Job: one that it does not ask for is swept.
    pub asks: Option<migration::Seen>,
    /// Pods of the namespace's migrations, those that are gone too.
    pub pods: Vec<SeenPod>,
    pub settings: Arc<Settings>,
}
