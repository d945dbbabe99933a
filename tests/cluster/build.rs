//! Builds the cluster's programs from source with Go and keeps them in the user's cache folder by family and version, so that a fresh clone
//! starts warm. Two clones never build at once; an interrupted build leaves no stamp and is done again, at the speed of Go's own cache.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use super::image::{Image, hexadecimal};
use super::place;
use super::process;
use super::programs::{FAMILIES, Family};
use super::progress::Progress;

/// Variables of every Go build. Static files without paths of this machine, the same in every clone, so that Go's build cache fits.
const GO_ENVIRONMENT: [(&str, &str); 2] = [
    ("CGO_ENABLED", "0"),
    ("GOFLAGS", "-trimpath -buildvcs=false -mod=readonly"),
];

/// The pause container of each pod: it holds the pod's namespaces and waits.
const PAUSE: &str = r#"package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	<-stop
}
"#;

/// Where the built programs are.
#[derive(Clone, Debug)]
pub struct Programs {
    files: BTreeMap<&'static str, PathBuf>,
    pause: PathBuf,
}

impl Programs {
    /// The file of a program.
    pub fn path(&self, program: &str) -> Result<&Path> {
        self.files
            .get(program)
            .map(PathBuf::as_path)
            .with_context(|| format!("no family builds a program `{program}`"))
    }

    /// A search path of all programs' folders.
    pub fn search_path(&self) -> String {
        let mut folders: Vec<String> = self
            .files
            .values()
            .filter_map(|file| Some(file.parent()?.display().to_string()))
            .collect();
        folders.dedup();
        folders.push("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned());
        folders.join(":")
    }

    pub fn pause_image(&self) -> Image {
        Image::new(PAUSE_IMAGE)
            .file(&self.pause, "/pause")
            .entrypoint(["/pause"])
    }
}

/// The name of the pause image, for containerd's configuration.
pub const PAUSE_IMAGE: &str = "slipway.test/pause:1";

/// Builds what is not built yet. Costs milliseconds if nothing is missing.
pub fn build_all() -> Result<Programs> {
    build(|_| true)
}

/// The same for the families that `wanted` names: a test that needs goose alone does not wait for Kubernetes.
pub fn build(wanted: impl Fn(&str) -> bool) -> Result<Programs> {
    let cache = place::cache()?;
    let sets = FAMILIES
        .iter()
        .filter(|family| wanted(family.name))
        .map(|family| Set::new(*family, &cache))
        .collect::<Result<Vec<_>>>()?;
    if sets.iter().any(|set| !set.is_complete()) {
        let _lock = place::lock(&cache.join("build.lock"), || {
            eprintln!("Another build of the cluster's programs runs; waiting for it ...");
        })?;
        let missing: Vec<&Set> = sets.iter().filter(|set| !set.is_complete()).collect();
        build_sets(&missing, &cache)?;
    }
    let files = sets.iter().flat_map(Set::programs).collect();
    Ok(Programs {
        files,
        pause: build_pause(&cache)?,
    })
}

fn build_sets(sets: &[&Set], cache: &Path) -> Result<()> {
    let names: Vec<&str> = sets.iter().map(|set| set.family.name).collect();
    let mut progress = Progress::new(cache, &names);
    for set in sets {
        progress.begin(
            &format!("{} {}", set.family.name, set.version),
            set.family.name,
        );
        set.build(&mut progress)?;
        progress.end();
    }
    Ok(())
}

/// One family in the cache folder.
struct Set {
    family: Family,
    version: String,
    folder: PathBuf,
    /// What the stamp must hold: a hash of everything that shapes the programs.
    fingerprint: String,
}

impl Set {
    fn new(family: Family, cache: &Path) -> Result<Self> {
        let version = family.version()?;
        let folder = cache.join(format!("{}-{version}", family.name));
        let mut hash = Sha256::new();
        hash.update(family.module_file()?);
        hash.update(family.linker_flags(&version));
        hash.update(family.tags);
        hash.update(format!("{GO_ENVIRONMENT:?}"));
        let fingerprint = hexadecimal(&hash.finalize());
        Ok(Self {
            family,
            version,
            folder,
            fingerprint,
        })
    }

    fn stamp(&self) -> PathBuf {
        self.folder.join("complete")
    }

    fn is_complete(&self) -> bool {
        fs::read_to_string(self.stamp()).is_ok_and(|stamp| stamp.trim() == self.fingerprint)
    }

    fn programs(&self) -> impl Iterator<Item = (&'static str, PathBuf)> {
        self.family
            .packages
            .iter()
            .map(|package| (package.program, self.folder.join(package.program)))
    }

    fn build(&self, progress: &mut Progress) -> Result<()> {
        let _ = fs::remove_file(self.stamp());
        fs::create_dir_all(&self.folder)?;
        let flags = self.family.linker_flags(&self.version);
        for package in self.family.packages {
            let output = self.folder.join(package.program);
            let mut command = go(&self.family.source());
            command
                .args([
                    "build",
                    "-v",
                    "-ldflags",
                    &flags,
                    "-tags",
                    self.family.tags,
                    "-o",
                ])
                .arg(output)
                .arg(package.path);
            watch_build(&mut command, progress)
                .with_context(|| format!("build {} {}", package.program, self.version))?;
        }
        fs::write(self.stamp(), &self.fingerprint)?;
        Ok(())
    }
}

fn go(folder: &Path) -> Command {
    let mut command = Command::new("go");
    command
        .envs(GO_ENVIRONMENT)
        .current_dir(folder)
        .stdin(Stdio::null());
    command
}

/// Runs a `go build -v`: each line is a package that is being compiled, or an error.
fn watch_build(command: &mut Command, progress: &mut Progress) -> Result<()> {
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("start go")?;
    let stderr = child.stderr.take().context("the build's messages")?;
    let (sender, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        BufReader::new(stderr)
            .lines()
            .map_while(Result::ok)
            .try_for_each(|line| sender.send(line))
    });
    let mut words = Vec::new();
    loop {
        match lines.recv_timeout(Duration::from_millis(500)) {
            Ok(line) if line.starts_with("go: downloading ") => progress.step("downloading"),
            Ok(line) => {
                progress.step(&line);
                words.push(line);
            }
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => progress.tick(),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    let status = child.wait()?;
    if !status.success() {
        bail!(
            "go build failed ({status}):\n{}",
            process::tail(&words.join("\n"), 20)
        );
    }
    Ok(())
}

fn build_pause(cache: &Path) -> Result<PathBuf> {
    let folder = cache.join("pause-1");
    let program = folder.join("pause");
    if program.exists() {
        return Ok(program);
    }
    fs::create_dir_all(&folder)?;
    let source = folder.join("main.go");
    fs::write(&source, PAUSE)?;
    let partial = folder.join(format!("pause.{}", std::process::id()));
    build_go_program(&folder, "main.go", &[], &partial)?;
    fs::rename(&partial, &program)?;
    Ok(program)
}

/// Builds one Go program, `package` in the module at `folder`, as a static file. Each of `stamps` is a variable that the linker sets,
/// `main.version=1.0.0`.
pub fn build_go_program(
    folder: &Path,
    package: &str,
    stamps: &[String],
    output: &Path,
) -> Result<()> {
    let mut flags = "-s -w".to_owned();
    for stamp in stamps {
        flags += " -X ";
        flags += stamp;
    }
    let mut command = go(folder);
    command
        .args(["build", "-ldflags", &flags, "-o"])
        .arg(output)
        .arg(package);
    process::run(&mut command)
        .with_context(|| format!("build the Go program in {}", folder.display()))?;
    Ok(())
}
