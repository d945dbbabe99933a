//! What happens to a run, and when.

use std::time::Duration;

use anyhow::Result;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use slipway::api::common::{Engine, Tool};

use super::Site;
use crate::bench::{Bench, Running};

/// One of these, or nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Blow {
    None,
    /// Only the runner: its tool goes on without it.
    Runner,
    Tool,
    LockSession,
    AllSessions,
    /// The pod is told to end, and has its grace.
    PodStopped,
    /// All processes of the pod at once; what the runner wrote last stays.
    PodKilled,
    /// The same, and the pod's object with its message is gone.
    PodGone,
    /// The pod's object is removed by force, as a person does whose node is lost: its processes go on, for a while or to their end.
    PodForced,
    /// The run goes well, and nobody hears its message.
    MessageLost,
    Operator,
    /// The node starts the same pod's program twice.
    SecondRunner,
    Restart,
}

impl Site<'_> {
    pub(super) fn blow(&mut self, plan: u32) -> Blow {
        let blow = match self.chance.below(24) {
            0..=2 => Blow::Runner,
            3..=5 => Blow::Tool,
            6 => Blow::LockSession,
            7 => Blow::AllSessions,
            8 => Blow::PodStopped,
            9 | 10 => Blow::PodKilled,
            11 => Blow::PodGone,
            12 | 13 => Blow::PodForced,
            14 => Blow::MessageLost,
            15 => Blow::Operator,
            16 | 17 => Blow::SecondRunner,
            18 if self.chance.below(2) == 0 => Blow::Restart,
            _ => Blow::None,
        };
        match blow {
            // Nothing in the database tells a second runner, or one that nobody waits for, that such a program has run.
            Blow::SecondRunner | Blow::PodForced if !self.has_table(plan) => Blow::PodGone,
            blow => blow,
        }
    }

    /// A blow comes before the tool's start, in its work or after it; milliseconds. A second runner also at once, when neither of the two has
    /// a tool yet that the other could see in the database.
    fn within(&mut self, blow: Blow) -> u64 {
        match (blow, self.tool) {
            (Blow::SecondRunner, _) if self.chance.below(2) == 0 => 30,
            (_, Tool::Flyway) => 3000,
            _ => 700,
        }
    }

    pub(super) async fn strike(
        &mut self,
        blow: Blow,
        bench: &Bench,
        running: &Running,
    ) -> Result<Option<Running>> {
        let within = self.within(blow);
        let wait = self.chance.below(within);
        if matches!(blow, Blow::None | Blow::MessageLost) {
            self.figures.messages_lost += u32::from(blow == Blow::MessageLost);
            return Ok(None);
        }
        tokio::time::sleep(Duration::from_millis(wait)).await;
        // Who has ended meanwhile cannot be killed.
        match blow {
            Blow::None | Blow::MessageLost => {}
            Blow::Runner => {
                self.figures.runners_killed += u32::from(running.signal(Signal::KILL).is_ok());
            }
            Blow::Tool => {
                let killed = |tool: Pid| kill_process(tool, Signal::KILL).is_ok();
                self.figures.tools_killed += u32::from(running.tool().is_ok_and(killed));
            }
            Blow::LockSession => self.end_sessions("slipway-lock/%").await?,
            Blow::AllSessions => self.end_sessions("slipway%").await?,
            Blow::PodStopped => {
                self.figures.pods_killed += u32::from(running.signal(Signal::TERM).is_ok());
            }
            Blow::PodKilled | Blow::PodGone => self.kill_pod(running),
            Blow::PodForced => {
                self.figures.pods_killed += 1;
                if self.chance.below(2) == 0 {
                    self.kill_pod(running);
                }
            }
            Blow::Operator => self.kill_operator(),
            Blow::SecondRunner => {
                self.figures.second_runners += 1;
                return Ok(Some(bench.again(bench.parameters.attempt).start()?));
            }
            Blow::Restart => {
                self.figures.restarts += 1;
                self.yard.restart(self.engine).await?;
            }
        }
        Ok(None)
    }

    /// The runner first: it is the one that could tell.
    fn kill_pod(&mut self, running: &Running) {
        let tool = running.tool();
        let killed = running.signal(Signal::KILL).is_ok();
        let _ = tool.map(|group| kill_process_group(group, Signal::KILL));
        self.figures.pods_killed += u32::from(killed);
    }

    async fn end_sessions(&mut self, name: &str) -> Result<()> {
        self.figures.sessions_killed += 1;
        let database = &self.bench.parameters.database;
        match self.engine {
            Engine::PostgreSQL => {
                let sql = format!(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                     WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE '{name}'"
                );
                self.yard.execute(self.engine, database, &sql).await
            }
            Engine::MySQL => {
                let sql = format!(
                    "SELECT id FROM information_schema.processlist WHERE db = '{database}' AND user = '{database}' ORDER BY id LIMIT 1"
                );
                let id = self.yard.ask(self.engine, database, &sql).await?;
                let sql = format!("KILL {id}");
                // It may have ended by itself.
                let _ = tokio::time::timeout(
                    Duration::from_secs(1),
                    self.yard.execute(self.engine, database, &sql),
                )
                .await;
                Ok(())
            }
        }
    }
}
