//! Where things lie: built programs in the user's cache folder, a cluster's state below `target/`, the project's own sources.

use std::env;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The project's folder, known since compilation.
pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Cargo's target folder.
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| project().join("target"), |folder| project().join(folder))
}

/// Where built programs stay between clones: `$XDG_CACHE_HOME/slipway`, else `~/.cache/slipway`.
pub fn cache() -> Result<PathBuf> {
    let base = match (env::var_os("XDG_CACHE_HOME"), env::var_os("HOME")) {
        (Some(cache), _) if !cache.is_empty() => PathBuf::from(cache),
        (_, Some(home)) if !home.is_empty() => PathBuf::from(home).join(".cache"),
        _ => target().join("cache"),
    };
    let folder = base.join("slipway");
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    Ok(folder)
}

/// The state of one cluster. Everything in it goes with the cluster.
#[derive(Clone, Debug)]
pub struct State {
    root: PathBuf,
}

impl State {
    /// This clone's.
    pub fn of_project() -> Self {
        let target = target();
        // The table of mounts, which the teardown reads, knows real paths.
        Self::at(fs::canonicalize(&target).unwrap_or(target).join("cluster"))
    }

    pub fn at(root: PathBuf) -> Self {
        Self { root }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The folder of process records, `NAME.pid`.
    pub fn records(&self) -> PathBuf {
        self.root.join("processes")
    }

    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    pub fn certificates(&self) -> PathBuf {
        self.root.join("certificates")
    }

    pub fn audit_log(&self) -> PathBuf {
        self.logs().join("audit.log")
    }

    pub fn containerd_socket(&self) -> PathBuf {
        self.root.join("containerd.sock")
    }

    pub fn kubeconfig(&self, user: &str) -> PathBuf {
        self.root.join(format!("{user}.kubeconfig"))
    }

    pub fn postgres(&self) -> PathBuf {
        self.root.join("postgres")
    }

    pub fn create(&self) -> Result<()> {
        for folder in [
            self.root.clone(),
            self.records(),
            self.logs(),
            self.certificates(),
        ] {
            fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        }
        Ok(())
    }
}

/// Takes a lock that the kernel frees when this process ends, however it ends. `waiting` is told once if another process has it.
pub fn lock(path: &Path, waiting: impl FnOnce()) -> Result<File> {
    let file = File::options()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => waiting(),
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("lock {}", path.display()));
        }
    }
    file.lock()
        .with_context(|| format!("lock {}", path.display()))?;
    Ok(file)
}
