//! Last versions of migration pods that are gone. A pod that was evicted or deleted by hand takes its message with it; whoever judges
//! the run reads it here. A memory aid, not a record: after a restart it is empty, and the judgement falls back to reading the database.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use tokio::time::Instant;

use crate::core::meta::MIGRATION_LABEL;

/// How long a pod is kept: longer than any judgement of its run takes.
const KEPT: Duration = Duration::from_mins(15);

/// How many pods are kept: bounds the memory when a namespace full of them is deleted.
const MOST: usize = 1000;

/// See the module.
#[derive(Default)]
pub struct GonePods {
    pods: Mutex<VecDeque<(Instant, Arc<Pod>)>>,
}

impl GonePods {
    pub(super) fn in_namespace(&self, namespace: &str) -> Vec<Arc<Pod>> {
        let pods = self.fresh();
        pods.iter()
            .map(|(_, pod)| pod)
            .filter(|pod| pod.namespace().as_deref() == Some(namespace))
            .cloned()
            .collect()
    }

    /// Keeps the pod if it is one of a migration.
    pub(super) fn keep(&self, pod: Arc<Pod>) {
        if !pod.labels().contains_key(MIGRATION_LABEL) {
            return;
        }
        let mut pods = self.fresh();
        if pods.len() >= MOST {
            pods.pop_front();
        }
        pods.push_back((Instant::now(), pod));
    }

    fn fresh(&self) -> MutexGuard<'_, VecDeque<(Instant, Arc<Pod>)>> {
        let mut pods = self.pods.lock().unwrap_or_else(PoisonError::into_inner);
        while pods
            .front()
            .is_some_and(|(since, _)| since.elapsed() > KEPT)
        {
            pods.pop_front();
        }
        pods
    }
}
