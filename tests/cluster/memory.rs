//! A limit of memory for a process of this machine, as the kubelet gives one to a pod: a control group of its own, version 1 or 2.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// A control group with a limit of memory. It is removed when the value is dropped, once its processes are gone.
#[derive(Debug)]
pub struct MemoryGroup {
    folder: PathBuf,
    files: &'static Files,
}

/// What a version calls limit, peak and the count of kills.
#[derive(Debug)]
struct Files {
    limit: &'static str,
    peak: &'static str,
    kills: &'static str,
}

const VERSION_1: Files = Files {
    limit: "memory.limit_in_bytes",
    peak: "memory.max_usage_in_bytes",
    kills: "memory.oom_control",
};

const VERSION_2: Files = Files {
    limit: "memory.max",
    peak: "memory.peak",
    kills: "memory.events",
};

impl MemoryGroup {
    /// A group of this name in which processes may have so many bytes together.
    pub fn create(name: &str, bytes: u64) -> Result<Self> {
        let (top, files) = if Path::new("/sys/fs/cgroup/memory").is_dir() {
            ("/sys/fs/cgroup/memory", &VERSION_1)
        } else {
            ("/sys/fs/cgroup", &VERSION_2)
        };
        let folder = Path::new(top).join(name);
        fs::create_dir(&folder).with_context(|| format!("make {}", folder.display()))?;
        let group = Self { folder, files };
        fs::write(group.folder.join(files.limit), bytes.to_string())
            .with_context(|| format!("limit the memory of {}", group.folder.display()))?;
        Ok(group)
    }

    /// The file that takes the id of a process that is to be in it.
    pub fn processes(&self) -> PathBuf {
        self.folder.join("cgroup.procs")
    }

    /// Most memory that was in use at a time, bytes: also pages of files, which the kernel takes back when it needs them.
    pub fn peak(&self) -> Result<u64> {
        Ok(self.read(self.files.peak)?.trim().parse()?)
    }

    /// That the kernel has killed no process of it for want of memory.
    pub fn ensure_no_kill(&self) -> Result<()> {
        let text = self.read(self.files.kills)?;
        ensure!(
            text.lines().any(|line| line == "oom_kill 0"),
            "killed for want of memory: {text}"
        );
        Ok(())
    }

    fn read(&self, file: &str) -> Result<String> {
        let path = self.folder.join(file);
        fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        // The kernel keeps the group until its last process is reaped. The teardown reports a process that is left.
        let deadline = Instant::now() + Duration::from_secs(2);
        while fs::remove_dir(&self.folder).is_err() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
