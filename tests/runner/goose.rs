//! The real goose by the runner, against a real PostgreSQL: what its files come to, and what is told of their errors.

use std::fs;

use anyhow::Result;
use rustix::process::{Signal, kill_process};
use slipway::api::migration::OutOfOrder;

use crate::bench::{Bench, PASSWORD, SLEEPER};
use crate::cases::{
    comes_up_once, gives_up_behind_a_reader, names_the_half_built_index, stops_at_its_target,
    tells_apart_what_does_not_fit,
};

pub const A: (&str, &str) = ("1_a.sql", "-- +goose Up\nCREATE TABLE a (id int);\n");
pub const B: (&str, &str) = ("2_b.sql", "-- +goose Up\nCREATE TABLE b (id int);\n");
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

/// migrations.md case 19.
#[tokio::test]
async fn an_index_that_a_failed_concurrent_build_left_behind_is_named() -> Result<()> {
    let index = "-- +goose NO TRANSACTION\n-- +goose Up\nINSERT INTO a VALUES (1), (1);\nCREATE UNIQUE INDEX CONCURRENTLY a_id ON a (id);\n";
    let bench = Bench::new(&[A, ("2_b.sql", index)]).await?;
    let ended = bench.run().await?;
    assert_eq!(ended.verdict(), "Blocked PartiallyApplied none->1 exit 12");
    names_the_half_built_index(&ended);
    Ok(())
}

/// migrations.md case 30: the password is really asked for, and in none of the places where people look.
#[tokio::test]
async fn any_password_works_and_is_seen_nowhere() -> Result<()> {
    let bench = Bench::new(&[A, ("2_b.sql", SLEEPER)]).await?;
    let running = bench.at_work().await?;
    let arguments = fs::read_to_string(format!("/proc/{}/cmdline", running.tool()?.as_raw_pid()))?;
    assert!(!arguments.contains("canary"), "{arguments}");
    running.signal(Signal::TERM)?;
    kill_process(running.tool()?, Signal::KILL)?;
    let ended = running.end().await?;
    let all = format!("{}{}", ended.output, ended.message.to_json());
    assert!(!all.contains("canary") && !all.contains(PASSWORD), "{all}");
    Ok(())
}
