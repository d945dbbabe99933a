//! The processes of a pod on the cluster's own node, which are processes of this machine: killed, frozen and measured by id. They are found by
//! the pod's uid, which is part of their control group's name, so a pod of the same name that came later is never taken for it.

use std::fs;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal};

use super::process::Identity;
use super::release;
use super::session::Cluster;

/// One process of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodProcess {
    identity: Identity,
    command: Vec<String>,
}

impl PodProcess {
    pub fn pid(&self) -> i32 {
        self.identity.pid()
    }

    /// The program and its arguments.
    pub fn command(&self) -> &[String] {
        &self.command
    }

    /// Whether this very process still runs, frozen or not.
    pub fn is_alive(&self) -> bool {
        self.identity.is_alive()
    }

    /// SIGKILL, SIGSTOP and SIGCONT reach also the first process of a container; any other signal only if that listens to it.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.identity.signal(signal)
    }

    /// The process itself, to be measured.
    pub fn identity(&self) -> Identity {
        self.identity
    }
}

/// All processes of the pod with this uid, that of its sandbox included.
pub fn of_pod(uid: &str) -> Result<Vec<PodProcess>> {
    ensure!(!uid.is_empty(), "a pod has a uid");
    let group = format!("/pod{uid}/");
    Ok(fs::read_dir("/proc")
        .context("read /proc")?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter_map(|id| process_in(id, &group))
        .collect())
}

/// The process if it runs in the control group. What ends while it is looked at is not there.
fn process_in(id: i32, group: &str) -> Option<PodProcess> {
    let identity = Identity::of(Pid::from_raw(id)?)?;
    let groups = fs::read_to_string(format!("/proc/{id}/cgroup")).ok()?;
    if !groups.contains(group) {
        return None;
    }
    let command = fs::read(format!("/proc/{id}/cmdline")).ok()?;
    let command = String::from_utf8_lossy(&command)
        .split_terminator('\0')
        .map(str::to_owned)
        .collect();
    Some(PodProcess { identity, command })
}

impl Cluster {
    /// The one process of a pod that runs this program, by its path in the container: `/slipway`.
    pub async fn process_of_pod(
        &self,
        namespace: &str,
        pod: &str,
        program: &str,
    ) -> Result<PodProcess> {
        ensure!(
            self.is_own(),
            "pods of another's cluster run out of this machine's reach"
        );
        let object = release::get(self, namespace, &format!("pod/{pod}")).await?;
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
        let all = of_pod(uid)?;
        all.iter()
            .find(|process| process.command.first().is_some_and(|path| path == program))
            .cloned()
            .with_context(|| format!("pod {namespace}/{pod} runs no {program}, but {all:?}"))
    }
}
