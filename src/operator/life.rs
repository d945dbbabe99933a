//! The life of an operator whose parts are started: read everything, stand by, lead, and end in order.
//!
//! A standby keeps warm caches and writes nothing but its try for the Lease. A leader that loses the Lease ends at once; one that is asked
//! to end finishes its looks, and only then gives the Lease back.

use std::future::pending;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

use super::driver::{Tools, drive};
use super::kinds::backend::BackendKind;
use super::kinds::database::DatabaseKind;
use super::kinds::migration::MigrationKind;
use super::kinds::run::RunKind;
use super::leader::{self, LeaderConfig, Leadership};
use super::queue::stopped;
use crate::cluster::caches::Caches;
use crate::core::election::Ended;

#[cfg(test)]
mod tests;

/// Longest wait for running looks after the signal to end; a pod has 30 s in all.
const DRAINING: Duration = Duration::from_secs(5);

/// Longest wait for the Lease to be given back.
const RELEASING: Duration = Duration::from_secs(5);

/// Between two looks whether the caches are full.
const FILLING: Duration = Duration::from_millis(50);

/// After this many looks without full caches it is told what is missing, and again after as many more: 30 s.
const LOOKS_UNTIL_TOLD: u32 = 600;

/// An operator with everything started but the leading.
pub(super) struct Life {
    pub tools: Tools,
    pub leadership: Leadership,
    /// Tasks that never end; one that does ends the process.
    pub tasks: JoinSet<()>,
    pub stop: watch::Receiver<bool>,
}

impl Life {
    /// Until the process is asked to end or must end.
    pub(super) async fn live(mut self, config: LeaderConfig) -> ExitCode {
        tokio::select! {
            () = full(&self.tools.caches) => {}
            () = stopped(self.stop.clone()) => return ExitCode::SUCCESS,
            () = dead(&mut self.tasks) => return ExitCode::FAILURE,
        }
        info!(
            backends = self.tools.caches.backends.len(),
            "caches are full; standing by"
        );
        let (drained, all_drained) = oneshot::channel::<()>();
        let mut election = tokio::spawn(leader::run(
            config,
            self.leadership.clone(),
            stopped(self.stop.clone()),
            async {
                if all_drained.await.is_err() {
                    // The drivers did not stop: the Lease must run out by itself.
                    pending::<()>().await;
                }
            },
        ));
        tokio::select! {
            () = self.leadership.acquired() => {}
            () = stopped(self.stop.clone()) => {
                // No driver was started, so nothing has to end first, even if the Lease is won in this very moment.
                let _ = drained.send(());
                return released(election).await;
            }
            ended = &mut election => return lost(ended.ok().as_ref()),
            () = dead(&mut self.tasks) => return ExitCode::FAILURE,
        }
        let mut drivers = self.lead();
        tokio::select! {
            biased;
            () = self.leadership.lost() => return lost(election.await.ok().as_ref()),
            () = stopped(self.stop.clone()) => {}
            () = dead_unasked(&mut drivers, &self.stop) => return ExitCode::FAILURE,
            () = dead(&mut self.tasks) => return ExitCode::FAILURE,
        }
        info!("asked to end; finishing what is under way");
        let draining = async { while drivers.join_next().await.is_some() {} };
        tokio::select! {
            biased;
            () = self.leadership.lost() => return lost(election.await.ok().as_ref()),
            drained = timeout(DRAINING, draining) => if drained.is_err() {
                warn!("a look does not end; the Lease is left to run out");
                return ExitCode::FAILURE;
            },
        }
        // Nobody listens any more only if the election is over, which is told below.
        let _ = drained.send(());
        released(election).await
    }

    /// Starts the drivers, with all objects to be looked at.
    fn lead(&mut self) -> JoinSet<()> {
        let term = self.leadership.term().unwrap_or_default();
        self.tools.metrics.leader(true);
        self.tools.term = Arc::from(term);
        let mut drivers = JoinSet::new();
        drivers.spawn(drive::<BackendKind>(self.tools.clone(), self.stop.clone()));
        drivers.spawn(drive::<DatabaseKind>(self.tools.clone(), self.stop.clone()));
        drivers.spawn(drive::<MigrationKind>(
            self.tools.clone(),
            self.stop.clone(),
        ));
        drivers.spawn(drive::<RunKind>(self.tools.clone(), self.stop.clone()));
        drivers
    }
}

/// Waits for the first full list of every kind, and tells what it waits for.
async fn full(caches: &Caches) {
    let mut looks = 0_u32;
    while !caches.are_full() {
        sleep(FILLING).await;
        looks += 1;
        if looks.is_multiple_of(LOOKS_UNTIL_TOLD) {
            warn!(missing = caches.missing(), "not ready yet");
        }
    }
}

/// Waits for a driver that ends though nobody asked for it. The end of one that was asked may be seen here before the asking: a watch channel
/// wakes those who wait for it one after the other, so a driver can be gone before this task is told of the signal.
async fn dead_unasked(drivers: &mut JoinSet<()>, stop: &watch::Receiver<bool>) {
    while let Some(ended) = drivers.join_next().await {
        if let Err(fault) = &ended {
            return error!(error = %fault, "a driver died");
        }
        if !*stop.borrow() {
            return error!("a driver ended");
        }
    }
    pending::<()>().await;
}

/// Waits for a task that must not end.
async fn dead(tasks: &mut JoinSet<()>) {
    if let Some(Err(fault)) = tasks.join_next().await {
        error!(error = %fault, "a task of the operator died");
    } else {
        error!("a task of the operator ended");
    }
}

/// After this nothing is finished: another process may lead already.
fn lost(ended: Option<&Ended>) -> ExitCode {
    error!(?ended, "leadership is lost; ending at once");
    ExitCode::FAILURE
}

async fn released(election: JoinHandle<Ended>) -> ExitCode {
    match timeout(RELEASING, election).await {
        Ok(Ok(Ended::Released)) => {
            info!("ended in order");
            ExitCode::SUCCESS
        }
        ended => {
            warn!(?ended, "ended without giving the Lease back");
            ExitCode::FAILURE
        }
    }
}
