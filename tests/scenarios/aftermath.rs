//! What comes after a scenario: to tell what was there when it failed, and to clean up.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;

use crate::cluster::process::tail;
use crate::cluster::read;
use crate::cluster::session::Cluster;
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
        // A number follows; the name of a namespace beside this one goes on otherwise.
        let prefix = format!("operator-{namespace}-");
        for entry in std::fs::read_dir(self.shared.cluster.state().logs())
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = entry.file_name().to_string_lossy().into_owned();
            let rest = name.strip_prefix(&prefix);
            if rest.is_some_and(|rest| rest.starts_with(|letter: char| letter.is_ascii_digit())) {
                let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
                println!("{}:\n{}", entry.path().display(), tail(&text, 40));
            }
        }
    }

    /// Notes the longest texts, and removes the namespaces of the scenario.
    pub async fn clean_up(&self) -> Result<()> {
        for namespace in self.namespaces() {
            let (cluster, longest) = (&self.shared.cluster, &self.shared.longest);
            longest.look(cluster, &namespace).await?;
            clean_up(&self.shared.cluster, &namespace).await?;
        }
        Ok(())
    }
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
