//! What a scenario has to itself: a namespace, a ServiceAccount with the operator's rights there, a database, an operator.

mod backends;
mod databases;
mod requests;

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use slipway::core::rights::{self, Rule};

use crate::aftermath::{Aftermath, Beside, clean_up};
use crate::cluster::audit::Mark;
use crate::cluster::command::Answer;
use crate::cluster::operator::{Operator, Options as OperatorOptions};
use crate::cluster::release::{self, SLIPWAY_IMAGE};
use crate::cluster::session::Cluster;
use crate::cluster::{http, read, wait};
use crate::overlaps::Overlaps;
use crate::shared::Shared;

/// How long a release may take on a busy, small node.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// The ServiceAccount of a scenario's operator.
pub const ACCOUNT: &str = "slipway";

/// One scenario's own part of the cluster.
pub struct World {
    pub shared: Arc<Shared>,
    pub namespace: String,
    mark: Mark,
    beside: Arc<Beside>,
    /// What is asked at the end whether bodies have met.
    pub overlaps: Arc<Overlaps>,
}

impl World {
    /// A namespace with the operator's rights in it.
    pub async fn new(shared: Arc<Shared>, sentence: &str) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let words: String = sentence.split('_').take(4).collect::<Vec<_>>().join("-");
        // Several runs may share one cluster.
        let process = std::process::id();
        let namespace = format!(
            "s{}-{process}-{words}",
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let mark = shared.cluster.audit_log()?.mark()?;
        let world = Self {
            shared,
            namespace,
            mark,
            beside: Arc::default(),
            overlaps: Arc::default(),
        };
        world.cluster().apply(&world.manifests()).await?;
        world
            .overlaps
            .record(world.cluster(), &world.namespace)
            .await?;
        Ok(world)
    }

    pub fn cluster(&self) -> &Cluster {
        &self.shared.cluster
    }

    fn manifests(&self) -> String {
        let namespace = &self.namespace;
        format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}, labels: {{pod-security.kubernetes.io/enforce: restricted}}}}\n{}",
            self.person(ACCOUNT, &[rights::RULES, rights::LEASE_RULES])
        )
    }

    /// The manifests of a ServiceAccount of this namespace with rights in it.
    pub fn person(&self, account: &str, rules: &[&[Rule]]) -> String {
        let namespace = &self.namespace;
        let rules = rights::rules_yaml(&rules.concat(), "slipway");
        format!(
            "---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: {account}, namespace: {namespace}}}\n---\n\
             apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: {account}, namespace: {namespace}}}\n{rules}---\n\
             apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: {account}, namespace: {namespace}}}\n\
             roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: {account}}}\n\
             subjects: [{{kind: ServiceAccount, name: {account}, namespace: {namespace}}}]\n"
        )
    }

    /// Starts an operator that looks at this namespace only.
    pub async fn operator(&self) -> Result<Operator> {
        Operator::start(self.cluster(), self.operator_options()).await
    }

    /// The same, to be changed first.
    pub fn operator_options(&self) -> OperatorOptions {
        self.operator_options_that_wait("1")
    }

    /// The same, and so many seconds go by before the second attempt of a migration.
    pub fn operator_options_that_wait(&self, seconds: &str) -> OperatorOptions {
        let flags = [
            ("--watch-namespace", self.namespace.as_str()),
            ("--lease-namespace", &self.namespace),
            ("--lease-name", "slipway"),
            ("--admin-address", "127.0.0.1:0"),
            ("--image", SLIPWAY_IMAGE),
            ("--goose-image", &self.shared.tools),
            ("--golang-migrate-image", &self.shared.tools),
            ("--migration-backoff-seconds", seconds),
        ];
        flags.into_iter().fold(
            OperatorOptions::new(&self.shared.program, &self.namespace, ACCOUNT),
            |options, (flag, value)| options.argument(flag).argument(value),
        )
    }

    /// An operator that does this harm to itself: see `src/cluster/faults.rs`.
    pub async fn faulty_options(&self, faults: &str) -> Result<OperatorOptions> {
        let mut options = self.operator_options();
        options.program = self.shared.faulty_program().await?;
        Ok(options.variable("SLIPWAY_FAULTS", faults))
    }

    /// Another namespace with the same rights, told and cleaned up with this one if it is not ended before.
    pub async fn beside(&self, name: &str) -> Result<Self> {
        let namespace = format!("{}-{name}", self.namespace);
        let mark = self.mark()?;
        let world = Self {
            shared: Arc::clone(&self.shared),
            namespace,
            mark,
            beside: Arc::clone(&self.beside),
            overlaps: Arc::clone(&self.overlaps),
        };
        world.cluster().apply(&world.manifests()).await?;
        world
            .overlaps
            .record(world.cluster(), &world.namespace)
            .await?;
        self.beside.lock().insert(world.namespace.clone());
        Ok(world)
    }

    /// Removes a namespace that was beside another.
    pub async fn end(self) -> Result<()> {
        self.beside.lock().remove(&self.namespace);
        let found = self.aftermath().found_in(&self.namespace).await?;
        clean_up(self.cluster(), &self.namespace).await?;
        ensure!(found.is_empty(), "{}", found.join("\n"));
        Ok(())
    }

    /// Gives the Lease back in the name of a killed operator, so that the next one need not wait for its end.
    pub async fn free_the_lease(&self) -> Result<()> {
        let released = json!({"spec": {"holderIdentity": "", "leaseDurationSeconds": 1}});
        self.patch("lease/slipway", &released).await
    }

    /// Runs kubectl in this namespace with all rights; a failure is an error with kubectl's own words.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<()> {
        let namespace = ["-n", &self.namespace];
        self.cluster()
            .kubectl_ok(&[&namespace[..], arguments].concat())
            .await?;
        Ok(())
    }

    /// Types the command that a message ends with, as a shell would take its quotes off.
    pub async fn type_next_command(&self, message: &str) -> Result<()> {
        let words = release::next_command(message)?;
        self.cluster().kubectl_ok(&words).await?;
        Ok(())
    }

    /// Types the command that a message ends with, one that only looks. That it finds nothing is an answer too.
    pub async fn look(&self, message: &str) -> Result<()> {
        let answer = self.type_look(message).await?;
        if answer.stderr.contains("(NotFound)") && answer.stderr.contains("not found") {
            return Ok(());
        }
        answer.success(message)?;
        Ok(())
    }

    /// The same where there is something to be found: its answer has these words.
    pub async fn look_for(&self, message: &str, words: &str) -> Result<()> {
        let answer = self.type_look(message).await?.success(message)?;
        ensure!(answer.contains(words), "no {words} in: {answer}");
        Ok(())
    }

    async fn type_look(&self, message: &str) -> Result<Answer> {
        let words = release::next_command(message)?;
        let looks = ["get", "describe", "logs"];
        ensure!(
            words.first().is_some_and(|verb| looks.contains(verb)),
            "{message}"
        );
        self.cluster().kubectl(&words).await
    }

    /// Merges this into an object such as `slb/orders`.
    pub async fn patch(&self, object: &str, patch: &Value) -> Result<()> {
        let patch = patch.to_string();
        self.kubectl(&["patch", object, "--type=merge", "-p", &patch])
            .await
    }

    pub async fn apply(&self, manifest: &Value) -> Result<()> {
        self.cluster().apply(&manifest.to_string()).await?;
        Ok(())
    }

    /// Waits for a condition; returns reason and message.
    pub async fn condition(
        &self,
        object: &str,
        type_: &str,
        status: &str,
    ) -> Result<(String, String)> {
        release::condition(
            self.cluster(),
            &self.namespace,
            object,
            type_,
            status,
            PATIENCE,
        )
        .await
    }

    pub async fn get(&self, object: &str) -> Result<Value> {
        release::get(self.cluster(), &self.namespace, object).await
    }

    /// All objects of a kind.
    pub async fn list(&self, kind: &str) -> Result<Vec<Value>> {
        read::list(self.cluster(), &self.namespace, kind).await
    }

    /// Waits until what people were told of a Migration, by reason, is exactly this. Events are sent after the status.
    pub async fn told_of(&self, migration: &str, reasons: &[&str]) -> Result<()> {
        let mut expected = reasons.to_vec();
        expected.sort_unstable();
        wait::until(
            &format!("the events of {migration}"),
            PATIENCE,
            async || {
                let events = self.list("events").await?;
                let is_of_it = |event: &&Value| {
                    let about = &event["involvedObject"];
                    about["kind"] == "Migration" && about["name"] == migration
                };
                let told = events.iter().filter(is_of_it);
                let mut told: Vec<&str> =
                    told.filter_map(|event| event["reason"].as_str()).collect();
                told.sort_unstable();
                told.dedup();
                ensure!(told == expected, "{told:?}, not {expected:?}");
                anyhow::Ok(())
            },
        )
        .await
    }

    /// Waits until no object of a kind is left.
    pub async fn until_gone(&self, kind: &str) -> Result<()> {
        wait::until(&format!("no {kind} to be left"), PATIENCE, async || {
            let left: Vec<Value> = self
                .list(kind)
                .await?
                .into_iter()
                .map(|object| object["metadata"]["name"].clone())
                .collect();
            ensure!(left.is_empty(), "{left:?}");
            anyhow::Ok(())
        })
        .await
    }

    /// Asks the service through its ClusterIP until it answers with these words.
    pub async fn answers(&self, backend: &str, path: &str, words: &str) -> Result<()> {
        http::answer(&self.address(backend).await?, path, words).await?;
        Ok(())
    }

    /// `host:port` of a Backend's Service.
    pub async fn address(&self, backend: &str) -> Result<String> {
        let service = self.get(&format!("service/{backend}")).await?;
        let address = service["spec"]["clusterIP"]
            .as_str()
            .context("the Service has no address")?;
        Ok(format!("{address}:8080"))
    }

    /// Notes what was measured, for the table at the end of the run.
    pub fn figure(&self, what: impl Into<String>, figure: impl Display) {
        self.shared.tally.note(what, figure);
    }

    /// What stays when the scenario has ended or was given up.
    pub fn aftermath(&self) -> Aftermath {
        Aftermath {
            shared: Arc::clone(&self.shared),
            namespace: self.namespace.clone(),
            beside: Arc::clone(&self.beside),
            overlaps: Arc::clone(&self.overlaps),
        }
    }
}
