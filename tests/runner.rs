//! The runner as a process, against real databases and the real goose. Numbers are those of the cases of the migrations page.

#[path = "runner/approval.rs"]
mod approval;
#[path = "runner/bench.rs"]
mod bench;
#[path = "runner/cases.rs"]
mod cases;
#[path = "cluster/mod.rs"]
mod cluster;
#[path = "runner/config_map.rs"]
mod config_map;
#[path = "runner/exec.rs"]
mod exec;
#[path = "runner/flyway.rs"]
mod flyway;
#[path = "runner/flyway_mysql.rs"]
mod flyway_mysql;
#[path = "runner/golang_migrate.rs"]
mod golang_migrate;
#[path = "runner/golang_migrate_mysql.rs"]
mod golang_migrate_mysql;
#[path = "runner/image_volume.rs"]
mod image_volume;
#[path = "runner/mysql.rs"]
mod mysql;
#[path = "runner/mysql_sessions.rs"]
mod mysql_sessions;
#[path = "runner/postgresql_servers.rs"]
mod postgresql_servers;
#[path = "runner/tls.rs"]
mod tls;

use std::fs;

use anyhow::Result;
use bench::running::is_provisional;
use bench::{Bench, PASSWORD, SLEEPER};
use cases::{
    comes_up_once, gives_up_behind_a_reader, stops_at_its_target, tells_apart_what_does_not_fit,
};
use cluster::postgres::{Options, Postgres};
use rustix::process::{Signal, kill_process, test_kill_process};
use slipway::api::database::RunMode;
use slipway::api::migration::OutOfOrder;
use tokio::process::Command;

const A: (&str, &str) = ("1_a.sql", "-- +goose Up\nCREATE TABLE a (id int);\n");
const B: (&str, &str) = ("2_b.sql", "-- +goose Up\nCREATE TABLE b (id int);\n");
const C: (&str, &str) = ("3_c.sql", "-- +goose Up\nCREATE TABLE c (id int);\n");

/// migrations.md cases 1, 2: with the password of case 30.
#[tokio::test]
async fn an_empty_database_is_brought_up_and_a_second_run_finds_nothing_to_do() -> Result<()> {
    let bench = Bench::new(&[A, B]).await?;
    comes_up_once(&bench, "2", 2).await?;
    assert_eq!(bench.versions().await?, [0, 1, 2]);
    Ok(())
}

/// migrations.md cases 3, 5.
#[tokio::test]
async fn a_target_is_where_the_tool_stops_and_never_a_way_down() -> Result<()> {
    let mut bench = Bench::new(&[A, B, C]).await?;
    stops_at_its_target(&mut bench).await?;
    assert_eq!(bench.versions().await?, [0, 1, 2]);
    Ok(())
}

/// migrations.md case 4.
#[tokio::test]
async fn an_older_image_that_lacks_even_the_target_runs_nothing_on_a_database_that_is_ahead()
-> Result<()> {
    let mut bench = Bench::new(&[A, B, C]).await?;
    bench.run().await?;
    for gone in ["3_c.sql", "2_b.sql"] {
        bench.remove(gone)?;
    }
    for target in ["2", "3"] {
        bench.parameters.target = Some(target.to_owned());
        let ended = bench.run().await?;
        assert_eq!(
            (ended.verdict(), ended.message.files_top.as_deref()),
            (
                "Skipped DatabaseAhead 3->3 not started exit 0".to_owned(),
                Some("1")
            ),
            "{target}"
        );
    }
    Ok(())
}

/// migrations.md cases 4, 6, 16.
#[tokio::test]
async fn files_that_do_not_fit_the_database_are_told_apart_before_the_tool_starts() -> Result<()> {
    let bench = Bench::new(&[A, C]).await?;
    bench.run().await?;
    tells_apart_what_does_not_fit(&bench, B, C.0, "4_d.sql").await
}

/// migrations.md case 6.
#[tokio::test]
async fn a_lower_file_is_applied_where_that_is_allowed() -> Result<()> {
    let mut bench = Bench::new(&[A, C]).await?;
    bench.run().await?;
    bench.write(&[B, ("4_d.sql", "-- +goose Up\nCREATE TABLE d (id int);\n")])?;
    bench.parameters.out_of_order = OutOfOrder::Allow;
    bench.parameters.target = Some("3".to_owned());
    let ended = bench.run().await?;
    assert_eq!(
        (ended.verdict(), ended.message.pending.clone()),
        (
            "Succeeded Succeeded 3->3 exit 0".to_owned(),
            vec!["2".to_owned()]
        )
    );
    bench.parameters.target = None;
    assert_eq!(
        bench.run().await?.verdict(),
        "Succeeded Succeeded 3->4 exit 0"
    );
    assert_eq!(bench.versions().await?, [0, 1, 3, 2, 4]);
    Ok(())
}

#[tokio::test]
async fn two_version_tables_in_one_database_do_not_disturb_each_other() -> Result<()> {
    let first = Bench::new(&[A, B]).await?;
    let user = first.user().await?;
    user.batch_execute("CREATE SCHEMA audit").await?;
    let mut second = first.again(1);
    second.parameters.version_table = "audit.versions".to_owned();
    assert_eq!(
        first.run().await?.verdict(),
        "Succeeded Succeeded none->2 exit 0"
    );
    first.remove("1_a.sql")?;
    first.remove("2_b.sql")?;
    first.write(&[("7_c.sql", C.1)])?;
    assert_eq!(
        second.run().await?.verdict(),
        "Succeeded Succeeded none->7 exit 0"
    );
    assert_eq!(first.versions().await?, [0, 1, 2]);
    first.remove("7_c.sql")?;
    first.write(&[A, B])?;
    assert_eq!(
        first.run().await?.verdict(),
        "Succeeded NoPendingMigrations 2->2 not started exit 0"
    );
    assert!(first.has("audit.versions").await?);
    Ok(())
}

#[tokio::test]
async fn a_tool_that_is_not_where_the_plan_says_is_not_sought_elsewhere() -> Result<()> {
    let mut bench = Bench::new(&[A]).await?;
    bench.parameters.tool_path = Some("/nowhere/goose".to_owned());
    let ended = bench.run().await?;
    assert_eq!(
        ended.verdict(),
        "Failed InvalidSource none->none not started exit 11"
    );
    let text = ended.message.error.unwrap_or_default().text;
    assert!(text.contains("/nowhere/goose"), "{text}");
    Ok(())
}

/// migrations.md cases 7, 31: file, line, code and constraint are told; no value of a row and no secret is.
#[tokio::test]
async fn an_error_in_a_transaction_rolls_back_and_is_told_without_a_value() -> Result<()> {
    let broken = "-- +goose Up\n-- twice\nINSERT INTO a VALUES (1), (1);\nINSERT INTO a SELECT 4711;\nCREATE UNIQUE INDEX a_id ON a (id);\n";
    let bench = Bench::new(&[A, ("2_b.sql", broken)]).await?;
    let ended = bench.run().await?;
    assert_eq!(ended.verdict(), "Failed SqlError none->1 exit 11");
    assert_eq!(ended.error(), "2_b.sql:5 23505 a_id");
    let value =
        "-- +goose Up\nINSERT INTO a VALUES (1);\nSELECT ('row-' || 'value-' || id)::int FROM a;\n";
    bench.write(&[("2_b.sql", value)])?;
    let ended = bench.run().await?;
    assert_eq!(
        (ended.verdict(), ended.error()),
        (
            "Failed SqlError 1->1 exit 11".to_owned(),
            "2_b.sql:3 22P02 ".to_owned()
        )
    );
    let raised = "-- +goose Up\n-- +goose StatementBegin\nDO $$ BEGIN\n  RAISE EXCEPTION E'row-%\\nvalue-1', 'x';\nEND $$;\n-- +goose StatementEnd\n";
    bench.write(&[("2_b.sql", raised)])?;
    let raised = bench.run().await?;
    assert_eq!(raised.error(), "2_b.sql:3 P0001 ");
    for seen in [&ended, &raised] {
        let all = format!("{}{}", seen.output, seen.message.to_json());
        assert!(
            !all.contains("value-1") && !all.contains("row-") && !all.contains("canary"),
            "{all}"
        );
    }
    Ok(())
}

/// migrations.md case 8.
#[tokio::test]
async fn an_error_without_a_transaction_blocks_as_half_of_the_file_stays() -> Result<()> {
    let broken = "-- +goose NO TRANSACTION\n-- +goose Up\nCREATE TABLE half (id int);\nCREATE TABEL b (id int);\n";
    let bench = Bench::new(&[A, ("2_b.sql", broken)]).await?;
    let ended = bench.run().await?;
    assert_eq!(
        (ended.verdict(), ended.error()),
        (
            "Blocked PartiallyApplied none->1 exit 12".to_owned(),
            "2_b.sql:4 42601 ".to_owned()
        )
    );
    assert!(bench.has("half").await?);
    Ok(())
}

/// migrations.md cases 13, 14, 37.
#[tokio::test]
async fn a_folder_that_the_tool_could_not_use_and_a_job_that_nobody_armed_never_reach_the_database()
-> Result<()> {
    let mut bench = Bench::new(&[]).await?;
    assert_eq!(
        bench.run().await?.verdict(),
        "Failed NoMigrationFiles none->none not started exit 11"
    );
    bench.write(&[A, ("01_again.sql", A.1)])?;
    assert_eq!(
        bench.run().await?.verdict(),
        "Failed InvalidSource none->none not started exit 11"
    );
    bench.armed = false;
    assert_eq!(
        bench.run().await?.verdict(),
        "Failed NotArmed none->none retry not started exit 10"
    );
    bench.armed = true;
    bench.parameters.files.push_str("/missing");
    assert_eq!(
        bench.run().await?.verdict(),
        "Failed NoMigrationFiles none->none not started exit 11"
    );
    assert!(!bench.has("goose_db_version").await?);
    Ok(())
}

/// migrations.md case 17: the site's queries must not queue behind an ALTER that waits for a long reader.
#[tokio::test]
async fn an_alter_behind_a_reader_gives_up_after_five_seconds_and_may_be_tried_again() -> Result<()>
{
    let bench = Bench::new(&[A]).await?;
    let alter = ("2_b.sql", "-- +goose Up\nALTER TABLE a ADD b int;\n");
    gives_up_behind_a_reader(&bench, alter, "2_b.sql:2 55P03 ").await
}

/// migrations.md cases 18, 20, 21: a second runner, by another name of the server, waits without blocking the first one's index.
#[tokio::test]
async fn two_runners_by_two_names_of_one_server_never_work_at_once() -> Result<()> {
    let index = "-- +goose NO TRANSACTION\n-- +goose Up\nSELECT pg_sleep(2);\nCREATE INDEX CONCURRENTLY a_id ON a (id);\n";
    let bench = Bench::new(&[A, ("2_b.sql", index)]).await?;
    let mut alias = bench.again(2);
    "localhost".clone_into(&mut alias.parameters.host);
    let first = bench.start()?;
    bench.asleep().await?;
    let second = alias.run().await?;
    let first = first.end().await?;
    assert_eq!(
        first.verdict(),
        "Succeeded Succeeded none->2 exit 0",
        "{}",
        first.output
    );
    assert_eq!(
        second.verdict(),
        "Succeeded NoPendingMigrations 2->2 not started exit 0"
    );
    assert!(
        second.message.lock_ms >= 1000,
        "the second one waited {} ms",
        second.message.lock_ms
    );
    Ok(())
}

/// migrations.md case 19.
#[tokio::test]
async fn an_index_that_a_failed_concurrent_build_left_behind_is_named() -> Result<()> {
    let index = "-- +goose NO TRANSACTION\n-- +goose Up\nINSERT INTO a VALUES (1), (1);\nCREATE UNIQUE INDEX CONCURRENTLY a_id ON a (id);\n";
    let bench = Bench::new(&[A, ("2_b.sql", index)]).await?;
    let ended = bench.run().await?;
    assert_eq!(ended.verdict(), "Blocked PartiallyApplied none->1 exit 12");
    assert_eq!(ended.message.invalid_indexes, ["public.a_id"]);
    Ok(())
}

/// migrations.md case 22.
#[tokio::test]
async fn a_tool_killed_in_the_middle_of_a_file_is_safe_to_repeat_only_in_a_transaction()
-> Result<()> {
    let naked = SLEEPER.replace("-- +goose Up", "-- +goose NO TRANSACTION\n-- +goose Up");
    let cases = [
        (SLEEPER, "Failed OutcomeUnknown none->1 retry exit 10"),
        (&naked, "Blocked OutcomeUnknown none->1 exit 12"),
    ];
    for (file, expected) in cases {
        let bench = Bench::new(&[A, ("2_b.sql", file)]).await?;
        let running = bench.start()?;
        bench.asleep().await?;
        kill_process(running.tool()?, Signal::KILL)?;
        assert_eq!(running.end().await?.verdict(), expected);
    }
    Ok(())
}

/// migrations.md case 23, F-41c: the tool dies with its runner, the message that is left claims nothing, and the next run finishes the work.
#[tokio::test]
async fn a_killed_runner_takes_the_tool_along_and_leaves_the_truth() -> Result<()> {
    let bench = Bench::new(&[A, ("2_b.sql", SLEEPER)]).await?;
    let running = bench.start()?;
    bench.asleep().await?;
    let tool = running.tool()?;
    running.signal(Signal::KILL)?;
    let killed = running.end().await?;
    assert!(is_provisional(&killed.message), "{:?}", killed.message);
    cluster::wait::until(
        "the tool's end",
        bench::LIMIT,
        async || match test_kill_process(tool) {
            Err(_) => Ok(()),
            Ok(()) => Err("it lives"),
        },
    )
    .await?;
    let mut check = bench.again(1);
    check.parameters.mode = RunMode::Check;
    assert_eq!(
        check.run().await?.verdict(),
        "Failed OutcomeUnknown 1->1 retry not started exit 10"
    );
    bench.write(&[B])?;
    assert_eq!(
        bench.again(2).run().await?.verdict(),
        "Succeeded Succeeded 1->2 exit 0"
    );
    check.parameters.attempt = 2;
    assert_eq!(
        check.run().await?.verdict(),
        "Succeeded NoPendingMigrations 2->2 not started exit 0"
    );
    Ok(())
}

/// migrations.md case 23: a session without its client may still commit; it is waited for, and after the lock wait ended by force.
#[tokio::test]
async fn an_orphan_of_an_earlier_attempt_is_waited_for_and_then_ended() -> Result<()> {
    let mut bench = Bench::new(&[A]).await?;
    let orphan = bench.user().await?;
    orphan
        .batch_execute("SET application_name = 'slipway/earlier/1'")
        .await?;
    bench.parameters.lock_wait_seconds = 2;
    bench.parameters.mode = RunMode::Check;
    assert_eq!(
        bench.run().await?.verdict(),
        "Unknown LockTimeout none->none not started exit 13"
    );
    bench.parameters.mode = RunMode::Run;
    assert_eq!(
        bench.run().await?.verdict(),
        "Succeeded Succeeded none->1 exit 0"
    );
    assert!(orphan.batch_execute("SELECT 1").await.is_err());
    Ok(())
}

/// F-40: a lock that another session holds is waited for, not for ever, and never broken.
#[tokio::test]
async fn a_lock_held_by_another_session_ends_the_wait_without_a_change() -> Result<()> {
    let mut bench = Bench::new(&[A, ("2_b.sql", SLEEPER)]).await?;
    let holder = bench.start()?;
    bench.asleep().await?;
    bench.parameters.lock_wait_seconds = 1;
    let late = bench.again(2).run().await?;
    assert_eq!(
        late.verdict(),
        "Failed LockTimeout none->none retry not started exit 10"
    );
    holder.signal(Signal::KILL)?;
    Ok(())
}

/// migrations.md case 24: with enough grace the tool ends by itself; without it is ended 60 s before the pod would be.
#[tokio::test]
async fn a_stop_lets_the_tool_finish_within_the_grace_period() -> Result<()> {
    let short = "-- +goose Up\nSELECT pg_sleep(2);\n";
    let bench = Bench::new(&[A, ("2_b.sql", short)]).await?;
    let running = bench.start()?;
    bench.asleep().await?;
    running.signal(Signal::TERM)?;
    assert_eq!(
        running.end().await?.verdict(),
        "Succeeded Succeeded none->2 exit 0"
    );
    let mut bench = Bench::new(&[A, ("2_b.sql", SLEEPER)]).await?;
    bench.parameters.grace_seconds = 61;
    let running = bench.start()?;
    bench.asleep().await?;
    running.signal(Signal::TERM)?;
    assert_eq!(
        running.end().await?.verdict(),
        "Failed OutcomeUnknown none->1 retry exit 10"
    );
    Ok(())
}

/// migrations.md case 54.
#[tokio::test]
async fn a_run_past_its_deadline_is_ended() -> Result<()> {
    let mut bench = Bench::new(&[A, ("2_b.sql", SLEEPER)]).await?;
    bench.parameters.run_seconds = 1;
    assert_eq!(
        bench.run().await?.verdict(),
        "Failed DeadlineExceeded none->1 retry exit 10"
    );
    Ok(())
}

/// migrations.md case 25, F-41a: a lost lock is taken again at once; where that fails the tool is killed, as it might meet another run.
#[tokio::test]
async fn a_lost_lock_is_taken_again_or_the_tool_is_killed() -> Result<()> {
    let short = "-- +goose Up\nSELECT pg_sleep(5);\n";
    let bench = Bench::new(&[A, ("2_b.sql", short)]).await?;
    let running = bench.start()?;
    bench.asleep().await?;
    let lock = bench
        .session("application_name LIKE 'slipway-lock/%'")
        .await?;
    bench
        .client()
        .await?
        .execute("SELECT pg_terminate_backend($1)", &[&lock])
        .await?;
    assert_eq!(
        running.end().await?.verdict(),
        "Succeeded Succeeded none->2 exit 0"
    );

    let mut bench = Bench::new(&[A, ("2_b.sql", SLEEPER)]).await?;
    bench.parameters.grace_seconds = 8;
    let running = bench.start()?;
    bench.asleep().await?;
    let lock = bench
        .session("application_name LIKE 'slipway-lock/%'")
        .await?;
    let client = bench.client().await?;
    client
        .batch_execute(&format!("ALTER ROLE {} NOLOGIN", bench.parameters.database))
        .await?;
    client
        .execute("SELECT pg_terminate_backend($1)", &[&lock])
        .await?;
    assert_eq!(
        running.end().await?.verdict(),
        "Unknown LockLost none->none exit 13"
    );
    Ok(())
}

/// migrations.md case 26.
#[tokio::test]
async fn a_database_that_restarts_in_the_middle_is_read_back_when_it_is_there_again() -> Result<()>
{
    let mut server = Postgres::start(Options::scratch()).await?;
    let bench = Bench::on(&server, &[A, ("2_b.sql", SLEEPER)]).await?;
    let running = bench.start()?;
    let client = server.connect("postgres").await?;
    cluster::wait::until("the tool at work", bench::LIMIT, async || {
        let query = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
        match client.query_opt(query, &[]).await {
            Ok(Some(_)) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await?;
    drop(client);
    server.restart().await?;
    let ended = running.end().await?;
    assert_eq!(
        ended.message.after.as_deref(),
        Some("1"),
        "{}",
        ended.verdict()
    );
    assert!(
        ended.message.retry_safe || ended.message.reason == "LockLost",
        "{}",
        ended.verdict()
    );
    Ok(())
}

/// migrations.md case 27, F-39.
#[tokio::test]
async fn a_database_that_does_not_let_us_in_is_told_by_its_reason_and_tried_again() -> Result<()> {
    let mut bench = Bench::new(&[A]).await?;
    let name = bench.parameters.database.clone();
    let client = bench.client().await?;
    client
        .batch_execute(&format!(
            "ALTER ROLE {name} SET default_transaction_read_only = on"
        ))
        .await?;
    assert_eq!(
        bench.run().await?.verdict(),
        "Failed DatabaseReadOnly none->none retry not started exit 10"
    );
    client
        .batch_execute(&format!(
            "ALTER ROLE {name} RESET ALL; ALTER ROLE {name} CONNECTION LIMIT 0"
        ))
        .await?;
    let full = bench.run().await?;
    assert_eq!(
        (full.verdict(), full.error()),
        (
            "Failed DatabaseUnreachable none->none retry not started exit 10".to_owned(),
            " 53300 ".to_owned()
        )
    );
    "wrong".clone_into(&mut bench.password);
    let wrong = bench.run().await?;
    assert_eq!(
        (wrong.verdict(), wrong.error()),
        (
            "Failed AuthenticationFailed none->none retry not started exit 10".to_owned(),
            " 28P01 ".to_owned()
        )
    );
    bench.parameters.port = 1;
    assert_eq!(
        bench.run().await?.verdict(),
        "Failed DatabaseUnreachable none->none retry not started exit 10"
    );
    Ok(())
}

/// migrations.md case 28, F-41b: a lock means something only in a session that stays.
#[tokio::test]
async fn a_pooler_is_refused_where_it_lends_sessions_and_taken_where_it_gives_them() -> Result<()> {
    let mut bench = Bench::new(&[A]).await?;
    let _lends = bench.behind_pooler("transaction").await?;
    assert_eq!(
        bench.run().await?.verdict(),
        "Blocked PooledEndpoint none->none not started exit 12"
    );
    let _gives = bench.behind_pooler("session").await?;
    assert_eq!(
        bench.run().await?.verdict(),
        "Succeeded Succeeded none->1 exit 0"
    );
    Ok(())
}

/// A Check run changes nothing, and says whether another attempt is safe.
#[tokio::test]
async fn a_check_of_a_file_without_a_transaction_asks_for_a_person() -> Result<()> {
    let naked = "-- +goose NO TRANSACTION\n-- +goose Up\nCREATE TABLE b (id int);\n";
    let mut bench = Bench::new(&[A, ("2_b.sql", naked)]).await?;
    bench.parameters.mode = RunMode::Check;
    assert_eq!(
        bench.run().await?.verdict(),
        "Failed OutcomeUnknown none->none retry not started exit 10"
    );
    assert!(!bench.has("goose_db_version").await?);
    bench.parameters.mode = RunMode::Run;
    bench.parameters.target = Some("1".to_owned());
    bench.run().await?;
    bench.parameters.mode = RunMode::Check;
    bench.parameters.target = None;
    assert_eq!(
        bench.run().await?.verdict(),
        "Blocked OutcomeUnknown 1->1 not started exit 12"
    );
    Ok(())
}

/// migrations.md case 44: the init containers' commands.
#[tokio::test]
async fn files_are_copied_through_links_and_an_unreadable_folder_says_so() -> Result<()> {
    let bench = Bench::new(&[A]).await?;
    let from = std::path::PathBuf::from(&bench.parameters.files);
    let to = from.with_file_name("copied");
    fs::create_dir(&to)?;
    fs::create_dir(from.join("..data"))?;
    std::os::unix::fs::symlink(from.join("1_a.sql"), from.join("2_link.sql"))?;
    let log = from.with_file_name("copy-log");
    let copy = async |from: &std::path::Path| {
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
    let message: slipway::core::migration::message::Message =
        serde_json::from_str(&fs::read_to_string(&log)?)?;
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

/// migrations.md case 30: the password is really asked for, and in none of the places where people look.
#[tokio::test]
async fn any_password_works_and_is_seen_nowhere() -> Result<()> {
    let bench = Bench::new(&[A, ("2_b.sql", SLEEPER)]).await?;
    let running = bench.start()?;
    bench.asleep().await?;
    let arguments = fs::read_to_string(format!("/proc/{}/cmdline", running.tool()?.as_raw_pid()))?;
    assert!(!arguments.contains("canary"), "{arguments}");
    running.signal(Signal::TERM)?;
    kill_process(running.tool()?, Signal::KILL)?;
    let ended = running.end().await?;
    let all = format!("{}{}", ended.output, ended.message.to_json());
    assert!(!all.contains("canary") && !all.contains(PASSWORD), "{all}");
    Ok(())
}
