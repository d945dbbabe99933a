//! `slipway runner exec`: becomes another program that dies when the runner dies (F-41c).
//!
//! The death signal must be set in the child itself, between fork and exec. Doing that in the runner's own code would need `unsafe`, so the
//! runner starts this same binary, which sets it and then becomes the tool.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

/// Becomes the program; returns only when that fails.
#[must_use]
pub fn exec(parent: i32, program: &OsString, arguments: &[OsString]) -> io::Error {
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return error.into();
    }
    // The runner may have died before the signal was set; then nobody would ever send it.
    if getppid().map(Pid::as_raw_pid) != Some(parent) {
        return io::Error::new(io::ErrorKind::NotConnected, "the runner is gone");
    }
    Command::new(program).args(arguments).exec()
}
