//! The init containers' commands: the runner copies itself, and the migration files out of their image.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use rustix::process::geteuid;
use slipway::core::migration::message::{Message, Outcome};
use slipway::core::migration::parameters::ConfigMapFiles;
use tokio::process::Command;

use crate::bench::Bench;
use crate::goose::A;

/// The user of migration pods.
const USER: u32 = 65532;

/// migrations.md case 44: the init containers' commands.
#[tokio::test]
async fn files_are_copied_through_links_and_an_unreadable_folder_says_so() -> Result<()> {
    let bench = Bench::new(&[A]).await?;
    let from = PathBuf::from(&bench.parameters.files);
    let to = from.with_file_name("copied");
    fs::create_dir(&to)?;
    fs::create_dir(from.join("..data"))?;
    std::os::unix::fs::symlink(from.join("1_a.sql"), from.join("2_link.sql"))?;
    let log = from.with_file_name("copy-log");
    let copy = async |from: &Path| {
        Command::new(env!("CARGO_BIN_EXE_slipway"))
            .args(["runner", "copy-files", "--from"])
            .arg(from)
            .arg("--to")
            .arg(&to)
            .arg("--termination-log")
            .arg(&log)
            .env("SLIPWAY_RUN", serde_json::to_string(&bench.parameters)?)
            .output()
            .await
    };
    assert_eq!(copy(&from).await?.status.code(), Some(0));
    assert_eq!(fs::read_to_string(to.join("2_link.sql"))?, A.1);
    assert_eq!(fs::read_dir(&to)?.count(), 2);
    assert_eq!(copy(&from.join("missing")).await?.status.code(), Some(11));
    let message: Message = serde_json::from_str(&fs::read_to_string(&log)?)?;
    assert_eq!(
        (
            message.reason.as_str(),
            message.plan_key.as_str(),
            message.attempt
        ),
        ("SourceUnreadable", "plan", 1)
    );
    let target = from.with_file_name("slipway");
    let copied = Command::new(env!("CARGO_BIN_EXE_slipway"))
        .args(["runner", "copy-self"])
        .arg(&target)
        .status()
        .await?;
    assert!(
        copied.success()
            && Command::new(&target)
                .arg("version")
                .status()
                .await?
                .success()
    );
    Ok(())
}

/// Who reads the files of a source.
#[derive(Clone, Copy, Debug)]
enum Reader {
    /// The init container that copies them.
    Copy,
    /// The main container, by a volume of their image.
    Volume,
    /// The same of a ConfigMap.
    ConfigMap,
    /// The main container, of its own copies.
    Main,
}

const READERS: [Reader; 4] = [
    Reader::Copy,
    Reader::Volume,
    Reader::ConfigMap,
    Reader::Main,
];

/// migrations.md case 44.
#[tokio::test]
async fn whoever_may_not_read_a_file_or_its_folder_says_so_and_nothing_is_run() -> Result<()> {
    let bench = Bench::new(&[A]).await?;
    let pod = Pod::of(&bench).await?;
    assert_eq!(pod.reads(Reader::Copy).await?.0, Some(0));
    let folder = PathBuf::from(&bench.parameters.files);
    let file = folder.join(A.0);
    for reader in READERS {
        for hidden in [&file, &folder] {
            let before = fs::metadata(hidden)?.permissions();
            fs::set_permissions(hidden, Permissions::from_mode(0o000))?;
            let read = pod.reads(reader).await;
            fs::set_permissions(hidden, before)?;
            let (code, message) = read?;
            let error = message.error.clone().unwrap_or_default();
            let named = match reader {
                Reader::Copy | Reader::Volume => hidden.display().to_string(),
                Reader::ConfigMap => "configmap sql".to_owned(),
                Reader::Main => format!("folder {}", folder.display()),
            };
            assert_eq!(
                (
                    code,
                    message.outcome,
                    message.reason.as_str(),
                    message.retry_safe,
                    message.started,
                    error.text.as_str(),
                ),
                (
                    Some(11),
                    Outcome::Failed,
                    "SourceUnreadable",
                    false,
                    false,
                    format!("{named} cannot be read: Permission denied (os error 13)").as_str(),
                ),
                "{reader:?} of {}",
                hidden.display()
            );
        }
    }
    assert!(!bench.has("goose_db_version").await?);
    Ok(())
}

/// A place where the user of migration pods finds the runner and may write, as in a pod.
struct Pod<'a> {
    bench: &'a Bench,
    program: PathBuf,
    copies: PathBuf,
    log: PathBuf,
}

impl<'a> Pod<'a> {
    async fn of(bench: &'a Bench) -> Result<Self> {
        let beside = |name: &str| Path::new(&bench.parameters.files).with_file_name(name);
        let (program, copies, log) = (beside("slipway"), beside("copies"), beside("log"));
        fs::create_dir(&copies)?;
        fs::write(&log, "")?;
        for path in [&copies, &log] {
            fs::set_permissions(path, Permissions::from_mode(0o777))?;
        }
        // By a process of its own: one that this process had open for writing could not be run.
        let status = Command::new(env!("CARGO_BIN_EXE_slipway"))
            .args(["runner", "copy-self"])
            .arg(&program)
            .status()
            .await?;
        ensure!(status.success(), "the runner does not copy itself");
        Ok(Self {
            bench,
            program,
            copies,
            log,
        })
    }

    /// Exit code and message of who reads the bench's files. Where the tests are root's, it is the pods' user; else what is forbidden to all is
    /// forbidden to whoever runs the tests.
    async fn reads(&self, reader: Reader) -> Result<(Option<i32>, Message)> {
        let mut command = Command::new(&self.program);
        let mut parameters = self.bench.parameters.clone();
        let from = parameters.files.clone();
        let copies = self.copies.display().to_string();
        match reader {
            Reader::Copy | Reader::Main => {}
            Reader::Volume => {
                parameters.files = copies.clone();
                parameters.image_folder = Some(from.clone());
            }
            Reader::ConfigMap => {
                parameters.files = copies.clone();
                parameters.config_map = Some(ConfigMapFiles {
                    name: "sql".to_owned(),
                    folder: from.clone(),
                    digest: String::new(),
                });
            }
        }
        match reader {
            Reader::Copy => command
                .args(["runner", "copy-files", "--from", &from, "--to", &copies])
                .arg("--termination-log")
                .arg(&self.log),
            Reader::Volume | Reader::ConfigMap | Reader::Main => {
                command.args(["runner", "run", "--"])
            }
        };
        if geteuid().is_root() {
            command.uid(USER).gid(USER);
        }
        let output = command
            .env_clear()
            .env("SLIPWAY_RUN", serde_json::to_string(&parameters)?)
            .env("SLIPWAY_ARMED", "1")
            .env("SLIPWAY_TERMINATION_LOG", &self.log)
            .env("PGUSER", &self.bench.user)
            .env("PGPASSWORD", &self.bench.password)
            .output()
            .await?;
        let text = fs::read_to_string(&self.log)?;
        let message = serde_json::from_str(&text).unwrap_or_default();
        Ok((output.status.code(), message))
    }
}
