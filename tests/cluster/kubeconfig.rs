//! What a kubeconfig file leads to: a client, and the certificates by which the API server is known.

use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// A client by a kubeconfig file, whatever the environment says.
pub async fn client_of(kubeconfig: &Path, context: Option<&str>) -> Result<Client> {
    Ok(Client::try_from(config_of(kubeconfig, context).await?)?)
}

/// Its settings, of one context.
pub async fn config_of(kubeconfig: &Path, context: Option<&str>) -> Result<Config> {
    let file = Kubeconfig::read_from(kubeconfig)
        .with_context(|| format!("read {}", kubeconfig.display()))?;
    let options = KubeConfigOptions {
        context: context.map(str::to_owned),
        ..KubeConfigOptions::default()
    };
    Ok(Config::from_custom_kubeconfig(file, &options).await?)
}

/// The certificate authority of the API server, PEM; empty if it is a public one.
pub fn authority(config: &Config) -> Vec<u8> {
    let roots = config.root_cert.iter().flatten();
    roots.flat_map(|der| pem(der).into_bytes()).collect()
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}
