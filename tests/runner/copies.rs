//! The init containers' commands: the runner copies itself, and the migration files out of their image.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use slipway::core::migration::message::Message;
use tokio::process::Command;

use crate::bench::Bench;
use crate::goose::A;

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
