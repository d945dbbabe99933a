//! What comes after a scenario: to tell what was there when it failed, and to clean up.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Result, ensure};

use crate::cluster::process::tail;
use crate::cluster::read;
use crate::cluster::session::Cluster;
use crate::leaks::leaks;
use crate::overlaps::Overlaps;
use crate::shared::Shared;

/// Namespaces that a scenario has beside its own.
#[derive(Default)]
pub struct Beside(Mutex<BTreeSet<String>>);

impl Beside {
    pub fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells what was there, and cleans up.
pub struct Aftermath {
    pub shared: Arc<Shared>,
    pub namespace: String,
    pub beside: Arc<Beside>,
    pub overlaps: Arc<Overlaps>,
}

impl Aftermath {
    /// After a failure: what a person would look at first.
    pub async fn tell(&self) {
        for namespace in self.namespaces() {
            self.tell_of(&namespace).await;
        }
    }

    fn namespaces(&self) -> Vec<String> {
        let own = [self.namespace.clone()];
        let beside: Vec<String> = self.beside.lock().iter().cloned().collect();
        own.into_iter().chain(beside).collect()
    }

    async fn tell_of(&self, namespace: &str) {
        for arguments in [
            &[
                "get",
                "slb,sldb,slm,deployments,jobs,pods",
                "-n",
                namespace,
                "-o",
                "wide",
            ][..],
            &[
                "get",
                "slb,sldb,slm",
                "-n",
                namespace,
                "-o",
                "jsonpath={range .items[*]}{.kind} {.metadata.name} {.status}{\"\\n\"}{end}",
            ],
        ] {
            if let Ok(answer) = self.shared.cluster.kubectl(arguments).await {
                println!(
                    "$ kubectl {}\n{}{}",
                    arguments.join(" "),
                    answer.stdout,
                    answer.stderr
                );
            }
        }
        self.tell_logs(namespace);
    }

    fn tell_logs(&self, namespace: &str) {
        for (name, text) in operator_logs(&self.shared.cluster, namespace) {
            println!("{name}:\n{}", tail(&text, 40));
        }
    }

    /// Notes the longest texts, removes the namespaces of the scenario, and fails by what no scenario may leave behind.
    pub async fn clean_up(&self) -> Result<()> {
        let mut found = Vec::new();
        for namespace in self.namespaces() {
            let (cluster, longest) = (&self.shared.cluster, &self.shared.longest);
            longest.look(cluster, &namespace).await?;
            found.extend(self.found_in(&namespace).await?);
            clean_up(&self.shared.cluster, &namespace).await?;
        }
        found.extend(self.overlaps.witnessed().await?);
        ensure!(found.is_empty(), "{}", found.join("\n"));
        Ok(())
    }

    /// I-3, I-39: where migrations of one database were at work at once in a namespace, and where a password stands.
    pub async fn found_in(&self, namespace: &str) -> Result<Vec<String>> {
        let mut found = self.overlaps.end(namespace);
        found.extend(leaks(&self.shared.cluster, namespace).await?);
        Ok(found)
    }
}

/// The logs of the operators that a namespace has had, each with its name.
pub fn operator_logs(cluster: &Cluster, namespace: &str) -> Vec<(String, String)> {
    // A number follows; the name of a namespace beside this one goes on otherwise.
    let prefix = format!("operator-{namespace}-");
    let entries = std::fs::read_dir(cluster.state().logs());
    let mut logs = Vec::new();
    for entry in entries.into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let rest = name.strip_prefix(&prefix);
        if rest.is_some_and(|rest| rest.starts_with(|letter: char| letter.is_ascii_digit())) {
            let text = std::fs::read(entry.path()).unwrap_or_default();
            let text = String::from_utf8_lossy(&text).into_owned();
            logs.push((entry.path().display().to_string(), text));
        }
    }
    logs
}

/// Removes a namespace; what still runs in it is not waited for. Nobody takes the finalizers off that an operator which is
/// gone has set.
pub async fn clean_up(cluster: &Cluster, namespace: &str) -> Result<()> {
    cluster
        .kubectl_ok(&[
            "delete",
            "slb,sldb,slm",
            "--all",
            "-n",
            namespace,
            "--wait=false",
        ])
        .await?;
    for kind in ["jobs", "sldb"] {
        for kept in read::list(cluster, namespace, kind).await? {
            let name = kept["metadata"]["name"].as_str().unwrap_or_default();
            let patch = r#"{"metadata":{"finalizers":null}}"#;
            let patch = [
                "patch",
                kind,
                name,
                "-n",
                namespace,
                "--type=merge",
                "-p",
                patch,
            ];
            cluster.kubectl(&patch).await?;
        }
    }
    cluster
        .kubectl_ok(&[
            "delete",
            "namespace",
            namespace,
            "--wait=false",
            "--ignore-not-found",
        ])
        .await?;
    Ok(())
}
