//! The PostgreSQL of an older Debian, for what a server of that age lacks. Its packages come from the mirror that this machine uses and are kept
//! in the user's cache folder; each server unpacks them for itself, nothing is installed. May use the network and write below these two.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{place, process};

/// The release of Debian, and what of it is needed: the server, and libraries that newer releases have in other versions.
const RELEASE: &str = "bullseye";
const PACKAGES: [&str; 4] = ["postgresql-13", "libicu67", "libldap-2.4-2", "libssl1.1"];

/// Key of Debian's archives, which every Debian has.
const KEY: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Unpacks the server, and returns its folder.
pub fn unpack(folder: &Path) -> Result<PathBuf> {
    let root = folder.join("older-postgres");
    fs::create_dir_all(&root)?;
    for package in packages()? {
        process::run(Command::new("dpkg-deb").arg("-x").arg(package).arg(&root))?;
    }
    Ok(root)
}

/// The packages' files, fetched where they are not yet.
fn packages() -> Result<Vec<PathBuf>> {
    let folder = place::cache()?.join(format!("debian-{RELEASE}"));
    fs::create_dir_all(&folder)?;
    let _lock = place::lock(&folder.join("lock"), || {
        eprintln!("Another test fetches an older PostgreSQL; waiting for it ...");
    })?;
    if let Some(files) = kept(&folder)? {
        return Ok(files);
    }
    eprintln!("Fetching from Debian {RELEASE}: {}.", PACKAGES.join(", "));
    fetch(&folder).with_context(|| {
        format!(
            "PostgreSQL 13 cannot be had from Debian {RELEASE}; its packages may be put into {}",
            folder.display()
        )
    })?;
    kept(&folder)?.with_context(|| format!("{} lacks a package", folder.display()))
}

/// All of them, or `None` while one is missing.
fn kept(folder: &Path) -> Result<Option<Vec<PathBuf>>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        files.push(entry?.path());
    }
    let of_package = |package: &str| {
        let file = files.iter().find(|file| {
            let name = file.file_name().map(|name| name.to_string_lossy());
            name.is_some_and(|name| {
                name.starts_with(&format!("{package}_")) && name.ends_with(".deb")
            })
        });
        file.cloned()
    };
    Ok(PACKAGES.into_iter().map(of_package).collect())
}

/// By apt with lists of its own: those of the machine stay as they are.
fn fetch(folder: &Path) -> Result<()> {
    let sources = folder.join("sources.list");
    fs::write(
        &sources,
        format!("deb [signed-by={KEY}] {} {RELEASE} main\n", mirror()?),
    )?;
    for part in ["lists/partial", "apt/archives/partial"] {
        fs::create_dir_all(folder.join(part))?;
    }
    let apt = || {
        let mut command = Command::new("apt-get");
        command.arg("-q").current_dir(folder);
        for (option, value) in [
            ("Dir::Etc::SourceList", sources.as_path()),
            ("Dir::Etc::SourceParts", Path::new("/dev/null")),
            ("Dir::State::Lists", &folder.join("lists")),
            ("Dir::Cache", &folder.join("apt")),
            // Its own account could not write into a user's folder.
            ("APT::Sandbox::User", Path::new("root")),
        ] {
            command
                .arg("-o")
                .arg(format!("{option}={}", value.display()));
        }
        command
    };
    process::run(apt().arg("update"))?;
    process::run(apt().arg("download").args(PACKAGES))?;
    for part in ["lists", "apt"] {
        fs::remove_dir_all(folder.join(part))?;
    }
    Ok(())
}

/// Where this machine gets Debian from.
fn mirror() -> Result<String> {
    let format = "$(ORIGIN) $(LABEL) $(COMPONENT) $(REPO_URI)";
    let lines = process::run(Command::new("apt-get").args([
        "indextargets",
        "--format",
        format,
        "Created-By: Packages",
    ]))?;
    let mirror = lines
        .lines()
        .find_map(|line| line.strip_prefix("Debian Debian main "))
        .context("this machine has no mirror of Debian in its sources")?;
    ensure!(mirror.starts_with("http"), "{mirror} is no mirror");
    Ok(mirror.to_owned())
}
