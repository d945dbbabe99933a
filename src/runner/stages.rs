//! The starts of the tool: one for each stage of what is pending. A file that can be rolled back gives up waiting for a lock; a concurrent
//! index, which would stay behind invalid, waits as long as it takes. Exit code 0 of a stage is no proof: the next one begins when the version
//! table shows the files.

use crate::core::migration::judge::rolls_back_schema;
use crate::core::migration::stages::{self, Stage};

use super::attempt::{Attempt, Before, seconds};
use super::engines::{Access, Engine};
use super::log::say;
use super::supervise::{Deadline, Finished};
use super::tools::{Pending, Start, Tool};

impl Attempt {
    /// Starts the tool for one stage after the other, and tells how the last one ended.
    pub(super) async fn run_stages<E: Engine, T: Tool>(
        &mut self,
        before: &mut Before<E, T>,
    ) -> std::io::Result<Finished> {
        let mut deadline = Deadline::after(seconds(self.parameters.run_seconds));
        let mut pending = std::mem::take(&mut before.pending);
        let mut finished = self.run_stage(before, &pending, &mut deadline).await?;
        while finished.until.is_some() && finished.says_done() {
            finished.ended_by = deadline.reached(&self.stop);
            if finished.ended_by.is_some() {
                return Ok(finished);
            }
            pending = match self.left(before, &pending).await {
                Remaining::Files(left) => left,
                Remaining::Unmoved => return Ok(finished),
                Remaining::Unknown => {
                    finished.broken_off = true;
                    return Ok(finished);
                }
            };
            match self.run_stage(before, &pending, &mut deadline).await {
                Ok(next) => finished = next,
                Err(error) => {
                    say(&format!("{} cannot be started again: {error}", T::NAME));
                    finished.broken_off = true;
                    return Ok(finished);
                }
            }
        }
        Ok(finished)
    }

    /// Starts the tool for the first stage of what is pending.
    async fn run_stage<E: Engine, T: Tool>(
        &mut self,
        before: &mut Before<E, T>,
        pending: &Pending,
        deadline: &mut Deadline,
    ) -> std::io::Result<Finished> {
        let stage = stage::<E, T>(pending);
        let guarded = is_guarded::<E, T>(&stage);
        tell(&before.tool, pending, &stage, guarded);
        let start = self.start(before, pending, &stage, guarded);
        let tool = (before.program.as_path(), &before.tool);
        let finished = self
            .supervise(tool, &mut before.lock, &start, deadline)
            .await?;
        Ok(Finished {
            until: stage.until,
            ..finished
        })
    }

    /// What is still pending after a stage, by the version table.
    async fn left<E: Engine, T: Tool>(
        &self,
        before: &mut Before<E, T>,
        pending: &Pending,
    ) -> Remaining {
        if !before.lock.is_held().await && !before.lock.retake().await {
            return Remaining::Unknown;
        }
        let Ok(versions) = before.tool.read(before.lock.session()).await else {
            return Remaining::Unknown;
        };
        match before.tool.preflight(&versions) {
            Ok(left) if left.versions.len() < pending.versions.len() => Remaining::Files(left),
            _ => Remaining::Unmoved,
        }
    }

    /// How the tool is started. Encryption is as for our own session: not every driver can try both ways.
    fn start<E: Engine, T: Tool>(
        &self,
        before: &Before<E, T>,
        pending: &Pending,
        stage: &Stage,
        guarded: bool,
    ) -> Start {
        let session = before.lock.session();
        let guards = session.guards(&self.name(), guarded);
        let access = Access {
            tls: session.encryption(self.access.tls),
            ..self.access.clone()
        };
        before.tool.start(&access, &guards, pending, stage)
    }
}

/// What a stage leaves to the next one.
enum Remaining {
    Files(Pending),
    /// The tool says that all is well, and the version table shows none of its files.
    Unmoved,
    /// The version table cannot be read.
    Unknown,
}

/// The next stage. One start does for all where the guard holds for no file, or for each whatever is in it.
fn stage<E: Engine, T: Tool>(pending: &Pending) -> Stage {
    if T::MAY_TIME_OUT && rolls_back_schema(E::KIND) {
        stages::first(&pending.units)
    } else {
        Stage::ALL
    }
}

/// Whether a lock that is not to be had soon ends a statement. Where no file can be rolled back as a whole, a statement that waits stops the
/// site, and a person must look in any case.
fn is_guarded<E: Engine, T: Tool>(stage: &Stage) -> bool {
    T::MAY_TIME_OUT && (stage.may_give_up || !rolls_back_schema(E::KIND))
}

fn tell<T: Tool>(tool: &T, pending: &Pending, stage: &Stage, guarded: bool) {
    let until = stage
        .until
        .as_ref()
        .map(|version| format!(" up to {version}"));
    let guard = if guarded {
        "a statement gives up when it has waited 5 s for a lock"
    } else {
        "a statement waits for a lock as long as it takes"
    };
    say(&format!(
        "{} is started{}; pending files: {}; {guard}",
        tool.program(),
        until.unwrap_or_default(),
        pending.versions.len()
    ));
}
