//! What the demo prints: its chapters, and the commands it types with their answers.

use anyhow::Result;

use crate::NAMESPACE;
use crate::cluster::release::SLIPWAY_NAMESPACE;
use crate::cluster::session::Cluster;

/// Types a command, and prints it with its answer.
pub async fn show(cluster: &Cluster, arguments: &[&str]) -> Result<()> {
    println!(
        "$ kubectl {}\n{}",
        arguments.join(" "),
        cluster.kubectl_ok(arguments).await?
    );
    Ok(())
}

/// After a failure: what a person would look at first.
pub async fn show_what_is_there(cluster: &Cluster) {
    for arguments in [
        &[
            "get",
            "slb,sldb,slm,jobs,pods",
            "-n",
            NAMESPACE,
            "-o",
            "wide",
        ][..],
        &["get", "events", "-n", NAMESPACE],
        &[
            "logs",
            "-n",
            SLIPWAY_NAMESPACE,
            "-l",
            "app.kubernetes.io/name=slipway",
            "--tail=40",
            "--prefix",
        ],
    ] {
        if let Ok(answer) = cluster.kubectl(arguments).await {
            eprintln!(
                "$ kubectl {}\n{}{}",
                arguments.join(" "),
                answer.stdout,
                answer.stderr
            );
        }
    }
}

/// A manifest as a person applies it.
pub fn print_yaml(manifest: &serde_json::Value) -> Result<()> {
    println!(
        "$ kubectl apply -f - <<YAML\n{}YAML\n",
        serde_yaml::to_string(manifest)?
    );
    Ok(())
}

/// What begins a chapter.
pub fn chapter(title: &str, text: &str) {
    println!("\n== {title}\n{text}\n");
}
