//! Whether migrations of one database were ever at work at once: asked after every scenario, whatever it showed, of the history of each of its
//! namespaces, and of the witness in each database that has one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;

use crate::cluster::history::History;
use crate::cluster::session::Cluster;
use crate::witness::Kept;

/// Who is asked.
#[derive(Default)]
pub struct Overlaps {
    histories: Mutex<BTreeMap<String, History>>,
    witnesses: Mutex<Vec<Arc<Kept>>>,
}

impl Overlaps {
    /// Begins to record a namespace.
    pub async fn record(&self, cluster: &Cluster, namespace: &str) -> Result<()> {
        let history = History::record(cluster, namespace).await?;
        lock(&self.histories).insert(namespace.to_owned(), history);
        Ok(())
    }

    /// Keeps a witness until the end.
    pub fn keep(&self, witness: &Arc<Kept>) {
        lock(&self.witnesses).push(Arc::clone(witness));
    }

    /// Ends a namespace's history: which of its Jobs and pods were at work at once.
    pub fn end(&self, namespace: &str) -> Vec<String> {
        let history = lock(&self.histories).remove(namespace);
        let found = history.map(|history| history.overlaps());
        let told = found.into_iter().flatten();
        told.map(|overlap| format!("at work at once in {namespace}: {overlap}"))
            .collect()
    }

    /// Leaves a namespace to its witnesses alone, where the cluster cannot know that a program it has given up has ended.
    pub fn leave_to_the_witness(&self, namespace: &str) {
        lock(&self.histories).remove(namespace);
    }

    /// Which bodies met another one, by all witnesses.
    pub async fn witnessed(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let witnesses: Vec<Arc<Kept>> = lock(&self.witnesses).drain(..).collect();
        for witness in witnesses {
            found.extend(witness.overlaps().await?);
        }
        Ok(found)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
