//! PostgreSQL's programs, the account that runs them, and what they are told: a data folder and its configuration.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::super::server::{Account, Options};
use super::SUPERUSER;
use super::administration::literal;

/// Makes the data folder.
pub(super) fn initialize(directory: &Path, programs: Option<&Path>) -> Result<()> {
    let result = program(programs, "initdb")?
        .args([
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--auth=scram-sha-256",
            "--username",
            SUPERUSER,
        ])
        .arg("--pwfile")
        .arg(directory.join("password"))
        .arg("--pgdata")
        .arg(directory.join("data"))
        .current_dir(directory)
        .output()
        .context("start initdb")?;
    ensure!(
        result.status.success(),
        "initdb failed: {}",
        String::from_utf8_lossy(&result.stderr)
    );
    Ok(())
}

/// A program of the server, run by the server's account: of the unpacked packages, or of those that are installed. Debian keeps each version
/// in a folder of its own, newest first here; then the PATH.
pub(super) fn program(unpacked: Option<&Path>, name: &str) -> Result<Command> {
    let root = unpacked.unwrap_or(Path::new("/"));
    let versions = folders(&root.join("usr/lib/postgresql"));
    let mut versions: Vec<(u32, PathBuf)> = versions
        .filter_map(|folder| {
            let version = folder.file_name()?.to_str()?.parse().ok()?;
            Some((version, folder.join("bin").join(name)))
        })
        .collect();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).map(|folder| folder.join(name));
    let file = versions
        .into_iter()
        .map(|(_, path)| path)
        .chain(in_path)
        .find(|path| path.is_file())
        .with_context(|| format!("no program `{name}`; type: apt-get install postgresql"))?;
    let mut command = account()?.command(&file);
    if let Some(root) = unpacked {
        let libraries = folders(&root.join("usr/lib"))
            .find(|folder| folder.to_string_lossy().ends_with("-linux-gnu"))
            .context("the packages have no libraries")?;
        command.env("LD_LIBRARY_PATH", libraries);
    }
    Ok(command)
}

fn folders(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path())
}

/// The account that runs the server.
pub(super) fn account() -> Result<Account> {
    Account::of("postgres", "type: apt-get install postgresql")
}

/// Writes the configuration anew; it is ours, whatever the data folder held.
pub(super) fn configure(
    directory: &Path,
    port: u16,
    options: &Options,
    account: &Account,
) -> Result<()> {
    let data = directory.join("data");
    let mut settings = vec![
        ("listen_addresses", options.address.to_string()),
        ("port", port.to_string()),
        ("unix_socket_directories", String::new()),
        ("max_connections", "300".to_owned()),
        ("shared_buffers", "64MB".to_owned()),
        // PostgreSQL 13's own default is md5, which the rules below do not take.
        ("password_encryption", "scram-sha-256".to_owned()),
        ("fsync", "off".to_owned()),
        ("full_page_writes", "off".to_owned()),
        ("log_line_prefix", "%m [%p] %a %u@%d ".to_owned()),
        ("log_timezone", "UTC".to_owned()),
        ("timezone", "UTC".to_owned()),
    ];
    let mut access = format!("host all {SUPERUSER} all scram-sha-256\n");
    if let Some(tls) = &options.tls {
        account.write(&data.join("server.crt"), &tls.certificate)?;
        account.write(&data.join("server.key"), &tls.key)?;
        settings.push(("ssl", "on".to_owned()));
        access += if tls.required {
            "hostssl all all all scram-sha-256\n"
        } else {
            "host all all all scram-sha-256\n"
        };
    } else {
        access += "host all all all scram-sha-256\n";
    }
    settings.extend(
        options
            .settings
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone())),
    );
    let lines: Vec<String> = settings
        .iter()
        .map(|(name, value)| format!("{name} = {}", literal(value)))
        .collect();
    account.write(&data.join("postgresql.conf"), &lines.join("\n"))?;
    account.write(&data.join("pg_hba.conf"), &access)
}
