//! One database in the storm: plan after plan, each with one body more, while something is killed in almost every run. Bodies leave traces
//! that no rollback takes away.

mod blows;
mod leaders;
mod program;
mod run;
mod traces;

use anyhow::{Context, Result, bail};
use slipway::api::common::{Engine, Tool};
use slipway::api::database::{Entry, EntryOutcome};
use slipway::core::database::ledger;

use crate::bench::{Bench, Running};
use crate::budget::CALM;
use crate::cluster::chance::Chance;
use crate::figures::Figures;
use crate::leader::Leader;
use crate::rules::Rule;
use crate::world::{Kind, Truth, World};
use crate::yard::Yard;

/// Rounds of looks within which a plan must have come to its end.
const ROUNDS: usize = 400;

/// Rounds of looks at an image that was out before: what is done is not done again, however long one looks.
const ROUNDS_BACK: usize = 12;

pub struct Site<'a> {
    yard: &'a Yard,
    engine: Engine,
    tool: Tool,
    chance: Chance,
    bench: Bench,
    world: World,
    leader: Leader,
    /// Edits of the Backend.
    generation: i64,
    /// How often each body had begun when its success was recorded.
    begun: Vec<i64>,
    /// The last attempt.
    last: Option<Bench>,
    /// Programs of pods that Kubernetes knows nothing of any more.
    ghosts: Vec<Running>,
    figures: Figures,
}

impl<'a> Site<'a> {
    pub async fn new(yard: &'a Yard, engine: Engine, tool: Tool, chance: Chance) -> Result<Self> {
        let bench = yard.bench(engine).await?;
        let setup = match engine {
            Engine::PostgreSQL => {
                "CREATE SEQUENCE overlapped; CREATE TABLE trace (plan int, what text, at timestamptz)"
            }
            Engine::MySQL => {
                "CREATE TABLE trace (plan INT, what VARCHAR(8), at DATETIME(6)) ENGINE=MyISAM"
            }
        };
        yard.execute(engine, &bench.parameters.database, setup)
            .await?;
        let kind = Kind {
            tool,
            engine,
            ..Kind::default()
        };
        Ok(Self {
            yard,
            engine,
            tool,
            chance,
            bench: program::equipped(bench, tool)?,
            world: World::new(&[], kind, CALM),
            leader: leaders::newcomer(),
            generation: 0,
            begun: Vec::new(),
            last: None,
            ghosts: Vec::new(),
            figures: Figures::default(),
        })
    }

    /// Plan after plan until there were so many runs.
    pub async fn weather(mut self, runs: u32) -> Result<Figures> {
        let mut plan = 0;
        while self.figures.runs < runs {
            plan += 1;
            let done = self.ship(plan).await;
            done.with_context(|| format!("{:?} {:?} plan {plan}", self.engine, self.tool))?;
        }
        for (begun, plan) in self.begun.clone().into_iter().zip(1..) {
            self.figures.ran_after_success += self.begun(plan).await? - begun;
        }
        self.figures.overlaps = self.overlaps().await?;
        self.figures.plans = plan;
        Ok(self.figures)
    }

    async fn ship(&mut self, plan: u32) -> Result<()> {
        self.write(plan).await?;
        self.ask_for(plan);
        let mut quiet = 0;
        for _ in 0..ROUNDS {
            let before = self.world.server.print();
            self.look_at_all();
            self.note_broken()?;
            let entry = self.entry(plan);
            match entry.as_ref().map(|entry| entry.outcome) {
                Some(EntryOutcome::Succeeded | EntryOutcome::Skipped) if quiet > 0 => {
                    return self.finish(plan).await;
                }
                Some(EntryOutcome::Failed | EntryOutcome::Blocked)
                    if quiet > 0 && !self.is_held() =>
                {
                    self.repair(plan).await?;
                }
                _ => {}
            }
            if let Some(name) = self.world.jobs_to_start().into_iter().next() {
                self.run(plan, &name).await?;
            }
            let moved = self.world.server.print() != before;
            quiet = if moved { 0 } else { quiet + 1 };
            if quiet > 1 {
                self.world.pass();
            }
        }
        let entry = self.entry(plan);
        bail!("it comes to no end: {entry:#?} {:?}", self.world)
    }

    /// The Backend takes the image of a plan.
    fn ask_for(&mut self, plan: u32) {
        self.generation += 1;
        let (image, migration) = (format!("orders:{plan}"), self.migration(plan));
        self.world
            .put_backend_with("orders", &image, 1, self.generation, &migration);
    }

    /// The Backend goes back to an image that was out before.
    async fn go_back(&mut self, plan: u32) -> Result<()> {
        self.figures.ways_back += 1;
        self.ask_for(plan);
        for _ in 0..ROUNDS_BACK {
            self.look_at_all();
            self.note_broken()?;
            if let Some(name) = self.world.jobs_to_start().into_iter().next() {
                self.run(plan, &name).await?;
            }
            self.world.pass();
        }
        Ok(())
    }

    /// What a write of the leader's has broken.
    fn note_broken(&mut self) -> Result<()> {
        match self.world.broken.take() {
            None => {}
            Some(Rule::SafeRetry) => self.figures.wrong_retries += 1,
            Some(Rule::SuccessIsTrue) => self.figures.denied_successes += 1,
            Some(rule) => bail!("{}: {:?}", rule.sentence(), self.world),
        }
        Ok(())
    }

    fn is_held(&self) -> bool {
        ledger::holder_of(&self.world.server.database.kept.object).is_some()
    }

    fn entry(&self, plan: u32) -> Option<Entry> {
        let migrations = self.world.server.migrations.values();
        let image = format!("orders:{plan}");
        let mut migrations = migrations.map(|migration| &migration.object.spec);
        let spec = migrations.find(|spec| spec.source.image == image)?;
        let ledger = ledger::of(&self.world.server.database.kept.object);
        ledger::entry(&ledger, &spec.plan_key).cloned()
    }

    /// The success of a plan is recorded. A late runner, as of a pod that a node began twice, finds nothing to do.
    async fn finish(&mut self, plan: u32) -> Result<()> {
        self.begun.push(self.begun(plan).await?);
        if self.truth(plan).await? != Truth::Done {
            self.figures.denied_successes += 1;
        }
        let late = self.chance.below(4) == 0 && self.has_table(plan);
        if let Some(bench) = self.last.take().filter(|_| late) {
            self.figures.second_runners += 1;
            bench.start()?.left().await?;
        }
        self.end_ghosts().await?;
        self.world.pass();
        if plan > 1 && self.chance.below(4) == 0 {
            self.go_back(plan - 1).await?;
        }
        Ok(())
    }

    /// Waits until the last program of which nobody hears has ended.
    async fn end_ghosts(&mut self) -> Result<()> {
        for ghost in self.ghosts.drain(..) {
            ghost.left().await?;
        }
        Ok(())
    }

    async fn ask(&self, sql: &str) -> Result<i64> {
        let database = &self.bench.parameters.database;
        self.yard.ask(self.engine, database, sql).await
    }

    async fn execute(&self, sql: &str) -> Result<()> {
        self.ask(sql).await.map(drop)
    }
}
