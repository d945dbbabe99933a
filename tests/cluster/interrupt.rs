//! Ctrl-C and SIGTERM: the cluster goes before the process does.

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use super::machine;
use super::place::State;

/// The exit code of a process that was interrupted, as shells count: 128 and SIGINT's number.
const INTERRUPTED: i32 = 130;

/// Waits for a signal in a task, tears the cluster down and ends this process. Abort the task to keep the cluster.
pub fn tear_down_at_signals(state: &State) -> Result<JoinHandle<()>> {
    let mut interrupt = signal(SignalKind::interrupt()).context("listen for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
    let state = state.clone();
    Ok(tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        eprintln!("\nInterrupted; tearing the cluster down ...");
        let result = tokio::task::spawn_blocking(move || machine::release(&state)).await;
        if !matches!(result, Ok(Ok(()))) {
            eprintln!(
                "The cluster is not torn down completely. Type: cargo run --example cluster -- down"
            );
        }
        std::process::exit(INTERRUPTED);
    }))
}
