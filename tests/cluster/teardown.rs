//! The end of a cluster, by what its state records: a run that ended well, one that failed, one that was killed. Everything goes by process
//! id; nothing is found by its name. It can be done again, and where nothing is, it does nothing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::mount::{UnmountFlags, unmount};
use rustix::process::{Pid, Signal, kill_process};

use super::network;
use super::place::State;
use super::postgres;
use super::process::Process;

/// Ends every process of the cluster, takes its mounts and its network away, and removes its state.
pub fn tear_down(state: &State) -> Result<()> {
    if !state.root().exists() {
        return Ok(());
    }
    end_processes(state)?;
    end_containers(state)?;
    postgres::stop_in(&state.postgres())?;
    // A start that a signal interrupts may have started one more.
    end_processes(state)?;
    unmount_below(state.root())?;
    network::remove(state)?;
    remove_control_groups();
    postgres::remove_in(&state.postgres())?;
    remove_state(state)
}

/// Kills what was started, those first that would start something again. SIGKILL, as the state goes too: the API server would linger for up
/// to a minute after a SIGTERM.
fn end_processes(state: &State) -> Result<()> {
    let mut processes = Process::recorded(&state.records(), &state.logs());
    processes.sort_by_key(|process| process.name() != "kubelet");
    processes.iter().try_for_each(Process::kill)
}

/// Kills the containers and their shims, which outlive containerd. The shims' folders name both.
fn end_containers(state: &State) -> Result<()> {
    let bundles = state.path("containerd-run/io.containerd.runtime.v2.task/k8s.io");
    let mut pids = Vec::new();
    for bundle in fs::read_dir(&bundles).into_iter().flatten().flatten() {
        let bundle = bundle.path();
        pids.extend(
            ["init.pid", "shim.pid"]
                .iter()
                .filter_map(|file| read_pid(&bundle.join(file))),
        );
        remove_shim_socket(&bundle);
    }
    pids.extend(shims(&state.containerd_socket()));
    let deadline = Instant::now() + Duration::from_secs(10);
    while pids.iter().any(|pid| is_there(*pid)) {
        ensure!(
            Instant::now() < deadline,
            "containers survive SIGKILL: processes {pids:?}"
        );
        for pid in &pids {
            // It may be gone already, with its shim.
            let _ = kill_process(*pid, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Shims that were started for our containerd: its socket stands in their command line.
fn shims(socket: &Path) -> Vec<Pid> {
    let socket = socket.display().to_string();
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse::<i32>().ok()?,
                entry.path(),
            ))
        })
        .filter(|(_, process)| {
            let words = fs::read(process.join("cmdline")).unwrap_or_default();
            let mut words = words.split(|byte| *byte == 0).map(String::from_utf8_lossy);
            let is_shim = words
                .next()
                .is_some_and(|program| program.ends_with("containerd-shim-runc-v2"));
            is_shim && words.any(|word| word == socket)
        })
        .filter_map(|(pid, _)| Pid::from_raw(pid))
        .collect()
}

fn read_pid(file: &Path) -> Option<Pid> {
    Pid::from_raw(fs::read_to_string(file).ok()?.trim().parse().ok()?)
}

fn is_there(pid: Pid) -> bool {
    let status =
        fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    status
        .rsplit_once(')')
        .is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

/// A shim's socket lies in a folder of all containerds of the machine; the bundle holds its address.
fn remove_shim_socket(bundle: &Path) {
    let address = fs::read_to_string(bundle.join("bootstrap.json"))
        .ok()
        .and_then(|text| {
            Some(
                serde_json::from_str::<serde_json::Value>(&text)
                    .ok()?
                    .get("address")?
                    .as_str()?
                    .to_owned(),
            )
        });
    if let Some(path) = address
        .as_deref()
        .and_then(|address| address.strip_prefix("unix://"))
    {
        // An empty socket file in /run is all that stays if this fails.
        let _ = fs::remove_file(path);
    }
}

/// Unmounts everything below a folder, the deepest first. Lazily, as a dying process may still hold it.
fn unmount_below(root: &Path) -> Result<()> {
    let table = fs::read_to_string("/proc/self/mountinfo").context("read the table of mounts")?;
    let mut mounts: Vec<PathBuf> = table
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(unescape)
        .filter(|mount| mount != root && mount.starts_with(root))
        .collect();
    mounts.sort();
    for mount in mounts.iter().rev() {
        match unmount(mount, UnmountFlags::DETACH) {
            // Gone with the mount above it.
            Ok(()) | Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOENT) => {}
            Err(error) => {
                return Err(error).with_context(|| format!("unmount {}", mount.display()));
            }
        }
    }
    Ok(())
}

/// The table of mounts writes blanks and backslashes as octal numbers.
fn unescape(text: &str) -> PathBuf {
    [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (escaped, plain)| {
        text.replace(escaped, plain)
    })
    .into()
}

/// Removes the groups that the kubelet made for pods, in each hierarchy. The kernel refuses a group that is in use, say by another cluster.
fn remove_control_groups() {
    let top = Path::new("/sys/fs/cgroup");
    let hierarchies = fs::read_dir(top)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    for hierarchy in hierarchies.chain([top.to_owned()]) {
        remove_group(&hierarchy.join("kubepods"));
    }
}

fn remove_group(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_group(&entry.path());
        }
    }
    let _ = fs::remove_dir(group);
}

/// Removes the folder. What dying processes still wrote while it was being removed is taken by the next try.
fn remove_state(state: &State) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match fs::remove_dir_all(state.root()) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) if Instant::now() > deadline => {
                return Err(error).with_context(|| format!("remove {}", state.root().display()));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::unescape;

    #[test]
    fn a_mount_with_blanks_in_its_path_is_found() {
        assert_eq!(unescape("/a\\040b/c\\134d"), PathBuf::from("/a b/c\\d"));
    }
}
