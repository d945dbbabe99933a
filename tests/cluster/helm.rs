//! Charts by Helm, which keeps its own files below the cluster's state and not in the user's folders.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::command::{Answer, run_with_input};
use super::place;
use super::session::Cluster;

/// The chart of Slipway.
pub fn slipway_chart() -> PathBuf {
    place::project().join("charts/slipway")
}

impl Cluster {
    /// Runs helm with all rights and returns what it answered, well or not.
    pub async fn helm(&self, arguments: &[&str]) -> Result<Answer> {
        let mut command = tokio::process::Command::new(self.program("helm")?);
        command
            .args(arguments)
            .env("KUBECONFIG", self.admin_kubeconfig())
            .envs(self.helm_folders());
        run_with_input(command, "").await
    }

    /// Variables that say where helm keeps its own files.
    pub fn helm_folders(&self) -> [(&'static str, PathBuf); 3] {
        [
            ("HELM_CACHE_HOME", "cache"),
            ("HELM_CONFIG_HOME", "config"),
            ("HELM_DATA_HOME", "data"),
        ]
        .map(|(variable, folder)| (variable, self.state().path("helm").join(folder)))
    }

    /// Installs a chart or upgrades its release, and waits until what it made is ready. `values` are `name=value` as of `--set`.
    pub async fn install_chart(
        &self,
        release: &str,
        chart: &Path,
        namespace: &str,
        values: &[&str],
    ) -> Result<String> {
        let chart = chart.display().to_string();
        let mut arguments = vec![
            "upgrade",
            "--install",
            release,
            &chart,
            "--namespace",
            namespace,
            "--create-namespace",
            "--wait",
            "--timeout",
            "2m",
        ];
        for value in values {
            arguments.extend(["--set", value]);
        }
        self.helm(&arguments)
            .await?
            .success(&format!("helm upgrade --install {release}"))
    }

    /// Uninstalls a release and waits until it is gone.
    pub async fn uninstall_chart(&self, release: &str, namespace: &str) -> Result<String> {
        let arguments = [
            "uninstall",
            release,
            "--namespace",
            namespace,
            "--wait",
            "--timeout",
            "2m",
        ];
        self.helm(&arguments)
            .await?
            .success(&format!("helm uninstall {release}"))
    }
}
