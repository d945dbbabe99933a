//! Programs of one's own on a real MariaDB, where an error leaves what was done, and nobody sees the sessions of a program but by their user.

use anyhow::Result;
use slipway::api::database::RunMode;
use slipway::core::migration::program::UNSEEN;

use crate::bench::{Bench, Ended};
use crate::cases::{comes_up_once, runner_killed, tool_killed};
use crate::exec::calling_goose;

const A: (&str, &str) = ("1_a.sql", "-- +goose Up\nCREATE TABLE a (id int);\n");
const B: (&str, &str) = ("2_b.sql", "-- +goose Up\nCREATE TABLE b (id int);\n");

/// goose's connection, made of the variables that a program gets.
const BY_MYSQL: &str = "GOOSE_DRIVER=mysql GOOSE_DBSTRING=\"$MYSQL_USER:$MYSQL_PASSWORD@tcp($MYSQL_HOST:$MYSQL_PORT)/$MYSQL_DATABASE?parseTime=true\"";

/// migrations.md cases 1, 50: the same on MySQL, where a program's error leaves what it had done.
#[tokio::test]
async fn a_program_on_mysql_is_read_back_and_never_run_again_over_its_own_leavings() -> Result<()> {
    let script = &format!("{BY_MYSQL} \"$GOOSE\" -env=none up");
    let half = "-- +goose Up\nCREATE TABLE half (id int);\nCREATE TABEL b (id int);\n";
    let bench = Bench::mysql(&[A, ("2_b.sql", half)]).await?;
    let bench = calling_goose(bench, script)?;
    assert_eq!(
        (bench.run().await?.verdict(), bench.has("half").await?),
        ("Blocked PartiallyApplied none->1 exit 12".to_owned(), true)
    );
    let mut idempotent = calling_goose(Bench::mysql(&[A, ("2_b.sql", half)]).await?, script)?;
    idempotent.parameters.idempotent = true;
    assert_eq!(
        idempotent.run().await?.verdict(),
        "Failed ProgramFailed none->1 retry exit 10"
    );
    let bench = calling_goose(Bench::mysql(&[A, B]).await?, script)?;
    comes_up_once(&bench, "2", 2).await?;
    Ok(())
}

/// I-3: in MySQL a program sets no mark on its sessions. Where its user is the pods', too, a killed one is left to a person, by the run's own
/// judgement and by the Check run after a runner that was killed; with a user of its own Slipway waits for what it left, and runs it again.
#[tokio::test]
async fn a_killed_program_on_mysql_is_run_again_only_where_its_sessions_are_seen() -> Result<()> {
    let sleeper = [("1_a.sql", "-- +goose Up\nSELECT SLEEP(3);\n")];
    for (own_user, expected, exit, told) in [
        (false, "Blocked OutcomeUnknown none->none", 12, UNSEEN),
        (true, "Failed OutcomeUnknown none->none retry", 10, ""),
    ] {
        let bench = async || {
            let script = format!("{BY_MYSQL} exec \"$GOOSE\" -env=none -no-versioning up");
            let mut bench = calling_goose(Bench::mysql(&sleeper).await?, &script)?;
            bench.parameters.read_back = None;
            bench.parameters.files.clear();
            bench.parameters.version_table.clear();
            bench.parameters.idempotent = true;
            bench.parameters.own_user = own_user;
            anyhow::Ok(bench)
        };
        let said = |ended: Ended| {
            let text = ended.message.error.clone().unwrap_or_default().text;
            (ended.verdict(), text.ends_with(told))
        };
        assert_eq!(
            said(tool_killed(&bench().await?).await?),
            (format!("{expected} exit {exit}"), true)
        );
        let bench = bench().await?;
        runner_killed(&bench).await?;
        let mut check = bench.again(1);
        check.parameters.mode = RunMode::Check;
        assert_eq!(
            said(check.run().await?),
            (format!("{expected} not started exit {exit}"), true)
        );
    }
    Ok(())
}
