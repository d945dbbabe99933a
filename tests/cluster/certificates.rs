//! The cluster's certificates, made anew for each cluster with openssl, and the kubeconfig files that carry them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::process;

/// Elliptic keys are made in milliseconds; Kubernetes takes them everywhere.
const NEW_KEY: [&str; 5] = [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
];

/// Validity in days; a cluster that was kept shall not die of age.
const DAYS: &str = "3650";

/// A folder of certificates below one authority: `NAME.crt` and `NAME.key`.
#[derive(Clone, Debug)]
pub struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    /// Makes the authority, `ca.crt` and `ca.key`.
    pub fn create(folder: &Path) -> Result<Self> {
        let certificates = Self {
            folder: folder.to_owned(),
        };
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509"]).args(NEW_KEY).args([
            "-days",
            DAYS,
            "-subj",
            "/CN=slipway-test-authority",
        ]);
        openssl
            .arg("-keyout")
            .arg(certificates.key("ca"))
            .arg("-out")
            .arg(certificates.certificate("ca"));
        process::run(&mut openssl).context("make the certificate authority")?;
        Ok(certificates)
    }

    pub fn certificate(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.crt"))
    }

    pub fn key(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.key"))
    }

    /// Makes a server's certificate for names such as `DNS:localhost` and `IP:127.0.0.1`.
    pub fn server(&self, name: &str, names: &[&str]) -> Result<()> {
        self.sign(
            name,
            &format!("/CN={name}"),
            &format!(
                "extendedKeyUsage=serverAuth\nsubjectAltName={}\n",
                names.join(",")
            ),
        )
    }

    /// Makes a client's certificate; the subject is its user and groups, `/O=GROUP/CN=USER`.
    pub fn client(&self, name: &str, subject: &str) -> Result<()> {
        self.sign(name, subject, "extendedKeyUsage=clientAuth\n")
    }

    /// Makes a certificate for one who is both, as the kubelet is.
    pub fn client_and_server(&self, name: &str, subject: &str, names: &[&str]) -> Result<()> {
        self.sign(
            name,
            subject,
            &format!(
                "extendedKeyUsage=clientAuth,serverAuth\nsubjectAltName={}\n",
                names.join(",")
            ),
        )
    }

    /// Makes a bare private key, with which tokens of ServiceAccounts are signed.
    pub fn token_key(&self, name: &str) -> Result<()> {
        let mut openssl = Command::new("openssl");
        openssl
            .args([
                "ecparam",
                "-genkey",
                "-noout",
                "-name",
                "prime256v1",
                "-out",
            ])
            .arg(self.key(name));
        process::run(&mut openssl).context("make the key of tokens")?;
        Ok(())
    }

    fn sign(&self, name: &str, subject: &str, extensions: &str) -> Result<()> {
        let request = self.folder.join(format!("{name}.csr"));
        let extension_file = self.folder.join(format!("{name}.ext"));
        fs::write(&extension_file, extensions)?;
        let mut openssl = Command::new("openssl");
        openssl
            .arg("req")
            .args(NEW_KEY)
            .args(["-subj", subject, "-keyout"])
            .arg(self.key(name))
            .arg("-out")
            .arg(&request);
        process::run(&mut openssl).with_context(|| format!("make the key of {name}"))?;
        let mut openssl = Command::new("openssl");
        openssl
            .args(["x509", "-req", "-days", DAYS, "-in"])
            .arg(&request);
        openssl
            .arg("-CA")
            .arg(self.certificate("ca"))
            .arg("-CAkey")
            .arg(self.key("ca"))
            .arg("-CAcreateserial");
        openssl
            .arg("-out")
            .arg(self.certificate(name))
            .arg("-extfile")
            .arg(&extension_file);
        process::run(&mut openssl).with_context(|| format!("sign the certificate of {name}"))?;
        Ok(())
    }

    /// Writes a kubeconfig for the client of this name.
    pub fn write_kubeconfig(&self, name: &str, server: &str, path: &Path) -> Result<()> {
        let (authority, certificate, key) = (
            self.certificate("ca"),
            self.certificate(name),
            self.key(name),
        );
        let user = format!(
            "client-certificate: {}\n    client-key: {}",
            certificate.display(),
            key.display()
        );
        write_kubeconfig(path, server, Some(&authority), &user)
    }
}

/// Writes a kubeconfig for the bearer of a token. `authority` is the server's, none for plain HTTP.
pub fn write_token_kubeconfig(
    path: &Path,
    server: &str,
    authority: Option<&Path>,
    token: &str,
) -> Result<()> {
    write_kubeconfig(path, server, authority, &format!("token: {token}"))
}

fn write_kubeconfig(path: &Path, server: &str, authority: Option<&Path>, user: &str) -> Result<()> {
    let authority = authority.map_or(String::new(), |authority| {
        format!("\n    certificate-authority: {}", authority.display())
    });
    let text = format!(
        "apiVersion: v1
kind: Config
current-context: slipway-test
contexts:
- name: slipway-test
  context:
    cluster: slipway-test
    user: slipway-test
clusters:
- name: slipway-test
  cluster:
    server: {server}{authority}
users:
- name: slipway-test
  user:
    {user}
"
    );
    fs::write(path, text).with_context(|| format!("write {}", path.display()))
}
