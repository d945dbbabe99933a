//! Flyway's shell: Java is its child, and who signals the shell alone does not reach it.

use std::fs;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use slipway::api::common::{Engine, Tool};

use crate::bench::running::pid;
use crate::bench::{LIMIT, program};
use crate::cluster::server::runs;
use crate::cluster::wait;
use crate::connections::{bench, flyway};

/// The one process that a process has started.
fn child_of(parent: Pid) -> Result<Pid> {
    let number = parent.as_raw_pid();
    let children = fs::read_to_string(format!("/proc/{number}/task/{number}/children"))?;
    let child = children.split_whitespace().next().context("no child")?;
    Pid::from_raw(child.parse()?).context("no process")
}

/// migrations.md 1, SIGTERM: the script does not exec Java, so the runner signals the process group.
#[tokio::test(flavor = "multi_thread")]
async fn flyways_java_goes_on_when_its_shell_is_ended_and_ends_when_its_group_is() -> Result<()> {
    for (whole_group, seconds, rows) in [
        (false, 2, &["1 SQL true", "2 SQL true"][..]),
        (true, 60, &["1 SQL true"][..]),
    ] {
        let sleeper = format!("SELECT pg_sleep({seconds});\n");
        let files = [("V1__a.sql", "SELECT 1;\n"), ("V2__b.sql", &sleeper)];
        let bench = bench(Engine::PostgreSQL, Tool::Flyway, &files).await?;
        let mut shell = flyway(&bench, program(Tool::Flyway)?)
            .arg("migrate")
            .process_group(0)
            .spawn()?;
        bench.session("wait_event = 'PgSleep'").await?;
        let shells = pid(&shell)?;
        let java = child_of(shells)?;
        if whole_group {
            kill_process_group(shells, Signal::TERM)?;
        } else {
            kill_process(shells, Signal::TERM)?;
        }
        assert_eq!(shell.wait().await?.code(), None);
        wait::until("Java to end", LIMIT / 2, async || {
            ensure!(!runs(java), "it runs");
            anyhow::Ok(())
        })
        .await?;
        assert_eq!(bench.history().await?, rows);
    }
    Ok(())
}
