//! Images without a registry and without a builder: an OCI archive of one layer, written from files of this machine. The same files give the
//! same archive, byte for byte.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::json;
use sha2::{Digest, Sha256};

/// A `scratch` image: files, and what a container of it runs.
#[derive(Clone, Debug)]
pub struct Image {
    name: String,
    files: Vec<(PathBuf, String)>,
    entrypoint: Vec<String>,
    user: Option<String>,
    environment: Vec<String>,
    only_for_root: bool,
}

impl Image {
    /// `name` is the full reference, with registry and tag: `slipway.test/orders:1`.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            files: Vec::new(),
            entrypoint: Vec::new(),
            user: None,
            environment: Vec::new(),
            only_for_root: false,
        }
    }

    /// Adds a file, or a folder with all that is in it, under an absolute path of the image.
    #[must_use]
    pub fn file(mut self, source: impl Into<PathBuf>, target: impl Into<String>) -> Self {
        self.files.push((source.into(), target.into()));
        self
    }

    #[must_use]
    pub fn entrypoint<const N: usize>(mut self, words: [&str; N]) -> Self {
        self.entrypoint = words.map(str::to_owned).to_vec();
        self
    }

    /// `USER` of the image; without it a container starts as root.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// A variable, `NAME=value`.
    #[must_use]
    pub fn variable(mut self, variable: impl Into<String>) -> Self {
        self.environment.push(variable.into());
        self
    }

    /// Nobody but root may read its files.
    #[must_use]
    pub fn only_for_root(mut self) -> Self {
        self.only_for_root = true;
        self
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same as a stage of a Dockerfile, but for its first line; the files come from the stage `from`, from where they go to.
    pub fn dockerfile(&self, from: &str) -> Vec<String> {
        let copies = self
            .files
            .iter()
            .map(|(_source, target)| format!("COPY --from={from} {target} {target}"));
        let mut lines: Vec<String> = copies.collect();
        lines.extend(self.user.as_ref().map(|user| format!("USER {user}")));
        if !self.entrypoint.is_empty() {
            lines.push(format!("ENTRYPOINT {}", json!(self.entrypoint)));
        }
        lines
    }

    /// Writes the OCI archive.
    pub fn write_archive(&self, path: &Path) -> Result<()> {
        let layer = self.layer()?;
        let layer_digest = digest(&layer);
        let configuration = serde_json::to_vec(&self.configuration(&layer_digest))?;
        let manifest = serde_json::to_vec(&json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("application/vnd.oci.image.config.v1+json", &configuration),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", &layer)],
        }))?;
        let mut entry = descriptor("application/vnd.oci.image.manifest.v1+json", &manifest);
        entry["annotations"] = json!({"io.containerd.image.name": self.name, "org.opencontainers.image.ref.name": self.name});
        let index = serde_json::to_vec(&json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [entry],
        }))?;

        let file = File::create(path).with_context(|| format!("create {}", path.display()))?;
        let mut archive = tar::Builder::new(file);
        append(
            &mut archive,
            "oci-layout",
            0o644,
            br#"{"imageLayoutVersion":"1.0.0"}"#,
        )?;
        for blob in [&layer, &configuration, &manifest] {
            append(
                &mut archive,
                &format!("blobs/sha256/{}", digest(blob)),
                0o644,
                blob,
            )?;
        }
        append(&mut archive, "index.json", 0o644, &index)?;
        archive.into_inner()?.flush()?;
        Ok(())
    }

    fn configuration(&self, layer_digest: &str) -> serde_json::Value {
        let mut config =
            json!({"Entrypoint": self.entrypoint, "Env": self.environment, "WorkingDir": "/"});
        if let Some(user) = &self.user {
            config["User"] = json!(user);
        }
        json!({
            "created": "1970-01-01T00:00:00Z",
            "architecture": architecture(),
            "os": "linux",
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer_digest}")]},
        })
    }

    fn layer(&self) -> Result<Vec<u8>> {
        let mut archive = tar::Builder::new(Vec::new());
        for (source, target) in &self.files {
            add(
                &mut archive,
                source,
                target.trim_start_matches('/'),
                self.mask(),
            )
            .with_context(|| format!("put {} into image {}", source.display(), self.name))?;
        }
        Ok(archive.into_inner()?)
    }

    /// What stays of a file's mode.
    const fn mask(&self) -> u32 {
        if self.only_for_root { 0o700 } else { 0o777 }
    }
}

/// Adds a file or a folder; a folder's entries in the order of their names.
fn add(archive: &mut tar::Builder<Vec<u8>>, source: &Path, target: &str, mask: u32) -> Result<()> {
    if source.is_dir() {
        let mut entries = fs::read_dir(source)?.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            add(
                archive,
                &entry.path(),
                &format!("{target}/{}", entry.file_name().to_string_lossy()),
                mask,
            )?;
        }
        return Ok(());
    }
    let mut file = File::open(source)?;
    let mode = if file.metadata()?.permissions().mode() & 0o100 == 0 {
        0o644
    } else {
        0o755
    };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    append(archive, target, mode & mask, &bytes)
}

fn append<W: Write>(
    archive: &mut tar::Builder<W>,
    path: &str,
    mode: u32,
    bytes: &[u8],
) -> Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(mode);
    header.set_mtime(0);
    Ok(archive.append_data(&mut header, path, bytes)?)
}

fn descriptor(media_type: &str, blob: &[u8]) -> serde_json::Value {
    json!({"mediaType": media_type, "digest": format!("sha256:{}", digest(blob)), "size": blob.len()})
}

fn digest(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// Bytes as two digits each.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Go's name of this machine's architecture, which images use.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
