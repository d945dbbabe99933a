//! A Job is armed: the runner of its pod, as a process, and what becomes of it.

use std::sync::Arc;

use anyhow::{Context, Result};
use k8s_openapi::api::batch::v1::Job;
use slipway::api::common::{Engine, Tool};
use slipway::api::database::RunMode;
use slipway::core::migration::parameters::{PARAMETERS_VARIABLE, RunParameters};

use super::Site;
use super::blows::Blow;
use crate::bench::running::Left;
use crate::bench::{Bench, Running, program};
use crate::server::number;
use crate::world::World;

impl World {
    /// The pod's object is removed by force: nobody hears of its program any more, which may go on. For the Job controller it has failed.
    fn lose(&mut self, index: usize) {
        let pod = &mut Arc::make_mut(&mut self.server.pods)[index];
        (pod.gone, pod.runs) = (true, false);
        let job = pod.job;
        self.conclude(index, job, "Failed");
    }
}

impl Site<'_> {
    /// The runner of the Job's pod, with the parameters that the product gave it.
    pub(super) async fn run(&mut self, plan: u32, name: &str) -> Result<()> {
        let job = Arc::clone(&self.world.server.jobs[name].kept.object);
        self.world.start(name, true);
        let bench = self.bench_of(plan, &job)?;
        match bench.parameters.mode {
            RunMode::Run => {
                self.figures.runs += 1;
                self.figures.retries += u32::from(bench.parameters.attempt > 1);
            }
            RunMode::Check => self.figures.checks += 1,
        }
        let blow = self.blow(plan);
        let running = bench.start()?;
        let second = self.strike(blow, &bench, &running).await?;
        // An operator that looks while it is at work has nothing to do.
        self.look_at_all();
        self.note_broken()?;
        // The pods' places are others once an operator has forgotten some.
        let mut pods = self.world.server.pods.iter();
        let index = pods.position(|pod| pod.job == number(&job) && !pod.gone);
        let index = index.context("the pod of a Job at work")?;
        if blow == Blow::PodForced {
            self.world.lose(index);
            self.ghosts.push(running);
        } else {
            self.end(index, blow, running).await?;
        }
        if let Some(second) = second {
            second.left().await?;
        }
        let truth = self.truth(plan).await?;
        if talks() {
            println!(
                "{:?} {:?} {name} {blow:?} {truth:?}",
                self.engine, self.tool
            );
        }
        let key: Arc<str> = bench.parameters.plan_key.as_str().into();
        self.world.truth.insert(key, truth);
        self.last = Some(bench);
        Ok(())
    }

    /// Waits for its end, and tells Kubernetes what is left to tell.
    async fn end(&mut self, index: usize, blow: Blow, running: Running) -> Result<()> {
        let Left {
            code,
            message,
            output,
        } = running.left().await?;
        if talks() {
            println!("{code:?} {message}\n{output}");
        }
        let message = Some(message.as_str()).filter(|message| !message.is_empty());
        match blow {
            Blow::PodGone => self.world.lose(index),
            Blow::MessageLost => self.world.ended(index, None, code == Some(0)),
            _ => self.world.ended(index, message, code == Some(0)),
        }
        Ok(())
    }

    /// What the product tells the runner, but for where the database, the files and the programs are in this test.
    fn bench_of(&self, plan: u32, job: &Job) -> Result<Bench> {
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
        let tool_path = match self.tool {
            Tool::Exec => None,
            tool => Some(program(tool)?.display().to_string()),
        };
        // A program of one's own leaves no mark on its sessions in MySQL: what is left of a killed one is known only by a user that is for
        // migrations alone (`migrationCredentials`). Three plans without one, then three with one.
        let is_program = (self.engine, self.tool) == (Engine::MySQL, Tool::Exec);
        let own_user = told.own_user || (is_program && plan / 3 % 2 == 1);
        bench.parameters = RunParameters {
            own_user,
            host: own.host.clone(),
            port: own.port,
            database: own.database.clone(),
            files: own.files.clone(),
            tool_path,
            command: self.command(plan)?,
            lock_wait_seconds: 60,
            run_seconds: 60,
            ..told
        };
        Ok(bench)
    }
}

fn talks() -> bool {
    std::env::var_os("SLIPWAY_STORM_TALKS").is_some()
}
