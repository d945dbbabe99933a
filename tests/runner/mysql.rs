//! The runner on MySQL: a real MariaDB, where a change of the schema is part of no transaction.

use anyhow::Result;

use crate::bench::Bench;
use crate::cases::{
    comes_up_once, stops_at_its_target, tells_apart_what_does_not_fit, tool_killed,
};

const A: (&str, &str) = ("1_a.sql", "-- +goose Up\nCREATE TABLE a (id int);\n");
const B: (&str, &str) = ("2_b.sql", "-- +goose Up\nCREATE TABLE b (id int);\n");
const C: (&str, &str) = ("3_c.sql", "-- +goose Up\nCREATE TABLE c (id int);\n");

/// Begins and ends visibly; in between it sleeps for a minute.
const SLEEPER: &str = "-- +goose Up\nCREATE TABLE b (id int);\nSELECT SLEEP(60);\n";

/// migrations.md cases 1, 2, 30.
#[tokio::test]
async fn an_empty_mariadb_is_brought_up_and_a_second_run_finds_nothing_to_do() -> Result<()> {
    let bench = Bench::mysql(&[A, B]).await?;
    let first = comes_up_once(&bench, "2", 2).await?;
    let server = first.message.server.unwrap_or_default();
    assert!(server.starts_with("MariaDB 1"), "{server}");
    assert_eq!(bench.versions().await?, [0, 1, 2]);
    Ok(())
}

/// migrations.md cases 3, 5.
#[tokio::test]
async fn a_target_is_where_goose_stops_on_mysql_and_never_a_way_down() -> Result<()> {
    let mut bench = Bench::mysql(&[A, B, C]).await?;
    stops_at_its_target(&mut bench).await?;
    assert_eq!(bench.versions().await?, [0, 1, 2]);
    Ok(())
}

/// migrations.md cases 4, 6, 16.
#[tokio::test]
async fn files_that_do_not_fit_a_mariadb_are_told_apart_before_goose_starts() -> Result<()> {
    let bench = Bench::mysql(&[A, C]).await?;
    bench.run().await?;
    tells_apart_what_does_not_fit(&bench, B, C.0, "4_d.sql").await
}

/// migrations.md cases 9, 31: the first of three statements stays, whatever goose's transaction says, so a person must look.
#[tokio::test]
async fn an_error_in_the_second_of_three_statements_blocks_as_the_first_one_stays() -> Result<()> {
    let broken = "-- +goose Up\nCREATE TABLE half (id int);\n-- the mistake\nCREATE TABEL b (name text);\nCREATE TABLE c (id int);\n";
    let bench = Bench::mysql(&[A, ("2_b.sql", broken)]).await?;
    let ended = bench.run().await?;
    assert_eq!(
        (ended.verdict(), ended.error()),
        (
            "Blocked PartiallyApplied none->1 exit 12".to_owned(),
            "2_b.sql:4 1064 ".to_owned()
        )
    );
    assert_eq!(
        (bench.has("half").await?, bench.has("c").await?),
        (true, false)
    );
    let all = format!("{}{}", ended.output, ended.message.to_json());
    assert!(
        !all.contains("name text") && !all.contains("canary"),
        "{all}"
    );
    Ok(())
}

/// migrations.md case 31: a value of a row, what an author raised, and a borrowed number.
#[tokio::test]
async fn an_error_of_mariadb_is_told_without_a_value() -> Result<()> {
    let twice = "-- +goose Up\nINSERT INTO a VALUES (4711), (4711);\nALTER TABLE a ADD UNIQUE KEY a_id (id);\n";
    let raised = "-- +goose Up\n-- +goose StatementBegin\nSIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'ann 4711';\n-- +goose StatementEnd\n";
    let borrowed = "-- +goose Up\n-- +goose StatementBegin\nSIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 1050, MESSAGE_TEXT = \"Table 'ann 4711' already exists\";\n-- +goose StatementEnd\n";
    let cases = [
        (twice, "2_b.sql:3 1062 a_id"),
        (raised, "2_b.sql:3 1644 "),
        (borrowed, "2_b.sql:3 1050 "),
    ];
    for (file, error) in cases {
        let bench = Bench::mysql(&[A, ("2_b.sql", file)]).await?;
        let ended = bench.run().await?;
        assert_eq!(ended.verdict(), "Blocked PartiallyApplied none->1 exit 12");
        assert_eq!(ended.error(), error);
        let all = format!("{}{}", ended.output, ended.message.to_json());
        assert!(
            !all.contains("4711") && !all.contains("ann") && !all.contains("canary"),
            "{all}"
        );
    }
    Ok(())
}

/// migrations.md case 22: nothing in the database tells how far a killed file came.
#[tokio::test]
async fn a_goose_killed_in_the_middle_of_a_file_on_mysql_blocks() -> Result<()> {
    let bench = Bench::mysql(&[A, ("2_b.sql", SLEEPER)]).await?;
    assert_eq!(
        tool_killed(&bench).await?.verdict(),
        "Blocked OutcomeUnknown none->1 exit 12"
    );
    Ok(())
}
