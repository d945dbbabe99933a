//! SIGTERM and SIGINT, as a moment that several parts wait for.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Instant;

/// When the pod was told to stop, if it was.
#[derive(Clone, Debug)]
pub struct Stop {
    receiver: watch::Receiver<Option<Instant>>,
}

impl Stop {
    /// The moment, if it came already.
    pub fn at(&self) -> Option<Instant> {
        *self.receiver.borrow()
    }

    /// Waits for it.
    pub async fn requested(&mut self) -> Instant {
        loop {
            if let Some(at) = self.at() {
                return at;
            }
            if self.receiver.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Starts to listen. As PID 1 a process without a handler would not even get the signal.
pub fn listen() -> io::Result<Stop> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (sender, receiver) = watch::channel(None);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            sender.send_if_modified(|at| {
                let first = at.is_none();
                *at = Some(at.unwrap_or_else(Instant::now));
                first
            });
        }
    });
    Ok(Stop { receiver })
}
