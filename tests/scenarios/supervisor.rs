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
    /// Starts the operator with `first`, and with `later` each time that it has ended.
    pub async fn start(world: Arc<World>, first: Options, later: Options) -> Result<Self> {
        let operator = Operator::start(world.cluster(), first).await?;
        let processes = Arc::new(Mutex::new(vec![operator.process().clone()]));
        let started = Arc::clone(&processes);
        let task = tokio::spawn(async move {
            let mut operator = operator;
            for _ in 1..MOST_STARTS {
                while operator.is_alive() {
                    tokio::time::sleep(LOOK).await;
                }
                operator = Operator::start(world.cluster(), later.clone()).await?;
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
}

impl Drop for Supervised {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(processes: &Mutex<Vec<Process>>) -> MutexGuard<'_, Vec<Process>> {
    processes.lock().unwrap_or_else(PoisonError::into_inner)
}
