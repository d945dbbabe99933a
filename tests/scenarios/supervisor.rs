//! An operator that is started again when it ends, as the kubelet does.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinHandle;

use crate::cluster::operator::{Operator, Options};
use crate::cluster::process::Process;
use crate::world::World;

/// Between two looks whether it is still alive.
const LOOK: Duration = Duration::from_millis(50);

/// How often one operator is started at the most; more means that it cannot live.
const MOST_STARTS: usize = 20;

/// An operator and its successors. All end with this value.
pub struct Supervised {
    processes: Arc<Mutex<Vec<Process>>>,
    task: JoinHandle<Result<()>>,
}

impl Supervised {
    /// Starts the operator, and again each time that it has ended.
    pub async fn start(world: &World, options: Options) -> Result<Self> {
        let mut operator = Operator::start(world.cluster(), options.clone()).await?;
        let processes = Arc::new(Mutex::new(vec![operator.process().clone()]));
        let (started, shared) = (Arc::clone(&processes), Arc::clone(&world.shared));
        let task = tokio::spawn(async move {
            for _ in 1..MOST_STARTS {
                while operator.is_alive() {
                    tokio::time::sleep(LOOK).await;
                }
                operator = Operator::start(&shared.cluster, options.clone()).await?;
                lock(&started).push(operator.process().clone());
            }
            Ok(())
        });
        Ok(Self { processes, task })
    }

    /// How often it was started.
    pub fn starts(&self) -> usize {
        lock(&self.processes).len()
    }

    /// What all of them have logged.
    pub fn log(&self) -> String {
        lock(&self.processes).iter().map(Process::log).collect()
    }

    /// Ends it for good.
    pub async fn end(self) {
        self.task.abort();
        // The task holds the cluster; it is gone when this comes back.
        while !self.task.is_finished() {
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(processes: &Mutex<Vec<Process>>) -> MutexGuard<'_, Vec<Process>> {
    processes.lock().unwrap_or_else(PoisonError::into_inner)
}
