//! What this machine must have: root, Go, and some of Debian's packages. A look at files costs nothing on a warm start; only what is missing
//! is installed. Where that cannot be done, one screen says what is missing and the command to type.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use super::{place, process};

/// The Go version that the module files in `programs/` ask for.
const GO_VERSION: &str = "1.26";

/// A package of Debian's and a sign that it is there.
struct Package {
    name: &'static str,
    sign: Sign,
    purpose: &'static str,
}

enum Sign {
    Program(&'static str),
    File(&'static str),
    Folder(&'static str),
}

/// The packages, each with what it is for.
const PACKAGES: [Package; 8] = [
    Package {
        name: "runc",
        sign: Sign::Program("runc"),
        purpose: "starts containers",
    },
    Package {
        name: "containernetworking-plugins",
        sign: Sign::File("/usr/lib/cni/bridge"),
        purpose: "gives pods their addresses",
    },
    Package {
        name: "iproute2",
        sign: Sign::Program("ip"),
        purpose: "makes the bridge",
    },
    Package {
        name: "nftables",
        sign: Sign::Program("nft"),
        purpose: "carries the Services",
    },
    Package {
        name: "openssl",
        sign: Sign::Program("openssl"),
        purpose: "makes the cluster's certificates",
    },
    Package {
        name: "postgresql",
        sign: Sign::Folder("/usr/lib/postgresql"),
        purpose: "is the database",
    },
    Package {
        name: "mariadb-server-core",
        sign: Sign::Program("mariadbd"),
        purpose: "is the database of those who use MySQL",
    },
    Package {
        name: "pgbouncer",
        sign: Sign::File("/usr/sbin/pgbouncer"),
        purpose: "is the pooler that the runner must refuse",
    },
];

/// What Flyway's tests need besides; nobody else waits for a JVM.
const JAVA: [Package; 2] = [
    Package {
        name: "default-jre-headless",
        sign: Sign::Program("java"),
        purpose: "runs Flyway",
    },
    Package {
        name: "maven",
        sign: Sign::Program("mvn"),
        purpose: "fetches Flyway",
    },
];

/// What tests with a Galera cluster need besides.
const GALERA: [Package; 1] = [Package {
    name: "galera-4",
    sign: Sign::File("/usr/lib/libgalera_smm.so"),
    purpose: "makes one cluster of several MariaDB servers",
}];

/// Java and Maven, in the same way.
pub fn prepare_java() -> Result<()> {
    prepare_besides("Flyway's tests", &JAVA)
}

/// Galera's library, in the same way.
pub fn prepare_galera() -> Result<()> {
    prepare_besides("tests with a Galera cluster", &GALERA)
}

fn prepare_besides(who: &str, packages: &'static [Package]) -> Result<()> {
    let missing: Vec<&Package> = packages
        .iter()
        .filter(|package| !package.sign.is_there())
        .collect();
    let root = rustix::process::geteuid().is_root();
    if missing.is_empty() {
        return Ok(());
    }
    if root && find_program("apt-get").is_some() {
        return install(&missing);
    }
    let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
    bail!(
        "{who} need: {0}. Type:  sudo apt-get update && sudo apt-get install {0}",
        names.join(" ")
    )
}

/// Checks the machine, installs missing packages as root, or fails with the one screen.
pub fn prepare() -> Result<()> {
    let root = rustix::process::geteuid().is_root();
    let missing: Vec<&Package> = PACKAGES
        .iter()
        .filter(|package| !package.sign.is_there())
        .collect();
    let go = find_program("go").is_some();
    let apt = find_program("apt-get").is_some();
    if root && go && missing.is_empty() {
        return Ok(());
    }
    if root && go && apt {
        return install(&missing);
    }
    bail!(screen(root, go, apt, &missing))
}

impl Sign {
    fn is_there(&self) -> bool {
        match self {
            Self::Program(name) => find_program(name).is_some(),
            Self::File(path) => Path::new(path).exists(),
            Self::Folder(path) => {
                fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some())
            }
        }
    }
}

/// Finds a program in the search path, and where Debian keeps the administrator's.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/bin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| {
            fs::metadata(file)
                .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
        })
}

/// One after the other, as apt-get itself does not wait.
fn install(packages: &[&Package]) -> Result<()> {
    let _lock = place::lock(&place::cache()?.join("debian.lock"), || {
        eprintln!("Another test installs packages of Debian's; waiting for it ...");
    })?;
    let missing = packages.iter().filter(|package| !package.sign.is_there());
    let names: Vec<&str> = missing.map(|package| package.name).collect();
    if names.is_empty() {
        return Ok(());
    }
    eprintln!("Installing from Debian: {}.", names.join(", "));
    keep_postgres_quiet();
    process::run(apt().arg("update"))?;
    process::run(
        apt()
            .args(["install", "--yes", "--no-install-recommends"])
            .args(&names),
    )?;
    Ok(())
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.arg("-q").env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// Keeps Debian's package from setting up and starting a server of its own; only the programs are wanted.
fn keep_postgres_quiet() {
    let folder = Path::new("/etc/postgresql-common/createcluster.d");
    if !Path::new("/etc/postgresql-common").exists() && fs::create_dir_all(folder).is_ok() {
        // Without this file a server runs that nobody uses; nothing breaks.
        let _ = fs::write(folder.join("slipway.conf"), "create_main_cluster = false\n");
    }
}

/// All that is missing, with the command for it.
fn screen(root: bool, go: bool, apt: bool, missing: &[&Package]) -> String {
    let mut lines = vec![
        "This machine cannot start the test cluster yet.".to_owned(),
        String::new(),
    ];
    if !root {
        lines.push("- It needs root, for containers and the network. Type:  sudo -E env \"PATH=$PATH\" cargo demo".to_owned());
    }
    if !go {
        lines.push(format!("- It needs Go {GO_VERSION} or newer to build the cluster. See https://go.dev/doc/install"));
    }
    if !missing.is_empty() {
        lines.push("- It needs these packages:".to_owned());
        lines.extend(
            missing
                .iter()
                .map(|package| format!("    {:<28} {}", package.name, package.purpose)),
        );
        let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
        lines.push(if apt {
            format!(
                "  Type:  sudo apt-get update && sudo apt-get install {}",
                names.join(" ")
            )
        } else {
            "  There is no apt-get here: install them with this system's package manager."
                .to_owned()
        });
    }
    lines.push(String::new());
    lines.push("Or use a cluster that is there already, by its kubeconfig context:  cargo demo -- --context NAME".to_owned());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::{PACKAGES, screen};

    #[test]
    fn what_is_missing_fits_one_screen_and_ends_with_a_command() {
        let all: Vec<_> = PACKAGES.iter().collect();
        let text = screen(false, false, true, &all);
        assert!(text.lines().count() < 24, "{text}");
        assert!(
            text.contains("sudo apt-get install runc containernetworking-plugins"),
            "{text}"
        );
        assert!(text.contains("--context NAME"), "{text}");
    }
}
