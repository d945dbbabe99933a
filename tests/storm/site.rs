//! One database in the storm: plan after plan, each with one file more, while something is killed in almost every other run. Bodies leave
//! traces that no rollback takes away.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use k8s_openapi::api::batch::v1::Job;
use rustix::process::{Signal, kill_process};
use slipway::api::common::{Engine, Phase, Tool};
use slipway::api::database::{Entry, EntryOutcome};
use slipway::core::database::ledger;
use slipway::core::migration::parameters::{PARAMETERS_VARIABLE, RunParameters};

use crate::bench::{Bench, Left, Running, program};
use crate::leader::Leader;
use crate::looks::{Looks, roots};
use crate::mistakes::Mistake;
use crate::rules::Rule;
use crate::world::{Budget, Kind, Truth, World};
use crate::yard::{Chance, Yard};

/// Rounds of looks within which a plan must have come to its end.
const ROUNDS: usize = 400;

/// A kill comes within so many milliseconds after the runner's start: before the tool's, in its work or after it.
const KILL_WITHIN: u64 = 700;

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    pub plans: u32,
    pub runs: u32,
    pub checks: u32,
    pub kills: u32,
    pub second_runners: u32,
    pub restarts: u32,
    pub retries: u32,
    /// Repairs by hand, each of a run that left something half done or in doubt.
    pub repairs: u32,
    pub overlaps: i64,
    pub ran_after_success: i64,
    pub denied_successes: i64,
    pub wrong_retries: i64,
}

impl Figures {
    /// All of them must be 0.
    pub fn broken(&self) -> [i64; 4] {
        let Self {
            overlaps,
            ran_after_success,
            denied_successes,
            wrong_retries,
            ..
        } = self;
        [
            *overlaps,
            *ran_after_success,
            *denied_successes,
            *wrong_retries,
        ]
    }
}

/// What happens to a run.
#[derive(Clone, Copy, Debug)]
enum Blow {
    None,
    Runner,
    Tool,
    LockSession,
    AllSessions,
    SecondRunner,
    Restart,
}

pub struct Site<'a> {
    yard: &'a Yard,
    engine: Engine,
    tool: Tool,
    chance: Chance,
    bench: Bench,
    world: World,
    leader: Leader,
    /// How often each body had begun when its success was recorded.
    begun: Vec<i64>,
    /// The last attempt.
    last: Option<Bench>,
    figures: Figures,
}

impl<'a> Site<'a> {
    pub async fn new(yard: &'a Yard, engine: Engine, tool: Tool, chance: Chance) -> Result<Self> {
        let bench = yard.bench(engine).await?.with(tool)?;
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
            phase: Phase::BeforeRollout,
            tool,
            engine,
        };
        Ok(Self {
            yard,
            engine,
            tool,
            chance,
            bench,
            world: World::new(&[], kind, Budget::default()),
            leader: Leader {
                looks: Looks::default(),
                mistake: Mistake::None,
            },
            begun: Vec::new(),
            last: None,
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
        let generation = i64::from(plan);
        self.world
            .put_backend("orders", &format!("orders:{plan}"), 1, generation);
        let mut quiet = 0;
        for _ in 0..ROUNDS {
            let before = self.world.server.print();
            for root in roots(&self.world.server) {
                self.leader.look(&mut self.world, &root);
            }
            match self.world.broken.take() {
                None => {}
                Some(Rule::SafeRetry) => self.figures.wrong_retries += 1,
                Some(Rule::SuccessIsTrue) => self.figures.denied_successes += 1,
                Some(rule) => bail!("{}: {:?}", rule.sentence(), self.world),
            }
            let entry = self.entry(plan);
            match entry.as_ref().map(|entry| entry.outcome) {
                Some(EntryOutcome::Succeeded | EntryOutcome::Skipped) if quiet > 0 => {
                    return self.finish(plan).await;
                }
                Some(EntryOutcome::Failed | EntryOutcome::Blocked) if quiet > 0 => {
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
        if let Some(bench) = self.last.take().filter(|_| self.chance.below(4) == 0) {
            self.figures.second_runners += 1;
            bench.start()?.left().await?;
        }
        self.world.pass();
        Ok(())
    }

    /// A Job is armed: the runner of its pod, with the parameters that the product gave it.
    async fn run(&mut self, plan: u32, name: &str) -> Result<()> {
        let job = Arc::clone(&self.world.server.jobs[name].kept.object);
        self.world.start(name, true);
        let index = self.world.server.pods.len() - 1;
        let bench = self.bench_of(&job)?;
        let is_run = bench.parameters.mode == slipway::api::database::RunMode::Run;
        if is_run {
            self.figures.runs += 1;
            self.figures.retries += u32::from(bench.parameters.attempt > 1);
        } else {
            self.figures.checks += 1;
        }
        let blow = self.blow();
        let running = bench.start()?;
        let second = self.strike(blow, &bench, &running).await?;
        let left = running.left().await?;
        if let Some(second) = second {
            second.left().await?;
        }
        let truth = self.truth(plan).await?;
        let entry: Arc<str> = bench.parameters.plan_key.as_str().into();
        self.world.truth.insert(entry, truth);
        let Left {
            code,
            message,
            output,
        } = left;
        if std::env::var_os("SLIPWAY_STORM_TALKS").is_some() {
            println!(
                "{:?} {:?} {name} {blow:?} {code:?} {truth:?} {message}\n{output}",
                self.engine, self.tool
            );
        }
        let message = Some(message.as_str()).filter(|message| !message.is_empty());
        self.world.ended(index, message, code == Some(0));
        self.last = Some(bench);
        Ok(())
    }

    fn blow(&mut self) -> Blow {
        match self.chance.below(16) {
            0..=2 => Blow::Runner,
            3..=5 => Blow::Tool,
            6 => Blow::LockSession,
            7 | 8 => Blow::AllSessions,
            9 | 10 => Blow::SecondRunner,
            11 if self.chance.below(3) == 0 => Blow::Restart,
            _ => Blow::None,
        }
    }

    async fn strike(
        &mut self,
        blow: Blow,
        bench: &Bench,
        running: &Running,
    ) -> Result<Option<Running>> {
        let wait = self.chance.below(KILL_WITHIN);
        if matches!(blow, Blow::None) {
            return Ok(None);
        }
        tokio::time::sleep(Duration::from_millis(wait)).await;
        match blow {
            Blow::None => {}
            // Who has ended meanwhile cannot be killed.
            Blow::Runner => self.figures.kills += u32::from(running.signal(Signal::KILL).is_ok()),
            Blow::Tool => {
                let killed = running
                    .tool()
                    .is_ok_and(|tool| kill_process(tool, Signal::KILL).is_ok());
                self.figures.kills += u32::from(killed);
            }
            Blow::LockSession => self.end_sessions("slipway-lock/%").await?,
            Blow::AllSessions => self.end_sessions("slipway%").await?,
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

    async fn end_sessions(&mut self, name: &str) -> Result<()> {
        self.figures.kills += 1;
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

    /// What the product tells the runner, but for where the database and the files are in this test.
    fn bench_of(&self, job: &Job) -> Result<Bench> {
        let spec = job
            .spec
            .as_ref()
            .and_then(|spec| spec.template.spec.as_ref());
        let containers = spec
            .map(|spec| spec.containers.as_slice())
            .unwrap_or_default();
        let variables = containers
            .iter()
            .flat_map(|container| container.env.iter().flatten());
        let mut variables = variables.filter(|variable| variable.name == PARAMETERS_VARIABLE);
        let told = variables
            .next()
            .and_then(|variable| variable.value.as_ref());
        let told: RunParameters = serde_json::from_str(told.context("a Job without parameters")?)?;
        let mut bench = self.bench.again(told.attempt);
        let own = &self.bench.parameters;
        bench.parameters = RunParameters {
            host: own.host.clone(),
            port: own.port,
            database: own.database.clone(),
            files: own.files.clone(),
            tool_path: Some(program(self.tool)?.display().to_string()),
            lock_wait_seconds: 60,
            run_seconds: 60,
            ..told
        };
        Ok(bench)
    }
}

mod traces;
