//! Programs inside the database, one at a time: what the runner does before it starts a tool (migrations.md section 2, steps 5 and 6). Whoever
//! begins waits for the lock and for the sessions of earlier attempts, be they of a pod that nobody sees any more or of another Database that
//! names the same server: the key of the lock is the database's own.

use std::sync::Arc;

use slipway::api::database::RunMode;

use crate::rules::Rule;
use crate::runner::Ending;
use crate::world::{Sight, Truth, WalkPod, World};

impl World {
    /// Whether a program that begins now gets the lock in the database, and finds no session of an earlier attempt at work.
    pub fn lock_is_free(&self) -> bool {
        !self.kind.locks || !self.stranger && !self.server.pods.iter().any(|pod| pod.holds)
    }

    pub fn note_pods(&mut self) {
        let running = self.server.pods.iter().filter(|pod| pod.runs);
        let seen = running
            .clone()
            .filter(|pod| pod.sight == Sight::Plain)
            .count();
        let works = |pod: &&WalkPod| pod.holds && pod.ticket.mode == RunMode::Run;
        let bodies = running.filter(works).count() + usize::from(self.stranger);
        if seen > 1 {
            self.breaks(Rule::OnePod);
        }
        if bodies > 1 {
            self.breaks(Rule::OneBody);
        }
    }

    /// The object of a pod is gone, while its program runs on: the Job controller takes it for failed.
    pub fn lose_pod(&mut self, index: usize) {
        let pod = &mut Arc::make_mut(&mut self.server.pods)[index];
        (pod.gone, pod.sight) = (true, Sight::Apart);
        let job = pod.job;
        self.conclude(index, job, "Failed");
    }
}

impl Ending {
    /// Who does not get the lock changes nothing: it says so, or is killed while it waits.
    pub const fn without_the_lock(self) -> Self {
        match self {
            Self::Silent(_) => Self::Silent(Truth::Untouched),
            _ => Self::Transient,
        }
    }
}
