//! Programs of one's own: what the runner makes of their ends, and two public ones that migrate themselves.

use anyhow::Result;
use slipway::api::common::Tool;
use slipway::api::database::RunMode;
use slipway::api::migration::ReadBack;

use crate::bench::{Bench, program, public_program};
use crate::cases::{checked, comes_up_once, runner_killed, tool_killed};

/// A program in a shell, on a database without files.
async fn shell(script: &str) -> Result<Bench> {
    let mut bench = scripted(Bench::new(&[]).await?, script);
    bench.parameters.files.clear();
    bench.parameters.version_table.clear();
    Ok(bench)
}

/// The bench with this script as its program.
fn scripted(mut bench: Bench, script: &str) -> Bench {
    bench.parameters.tool = Tool::Exec;
    bench.parameters.tool_path = None;
    bench.parameters.command = command(&["/bin/sh", "-c", script]);
    bench
}

fn command(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// A program that has goose built in: goose itself, called as its users do.
async fn with_goose(files: &[(&str, &str)], script: &str) -> Result<Bench> {
    calling_goose(Bench::new(files).await?, script)
}

/// The bench with this script, which calls goose.
pub fn calling_goose(bench: Bench, script: &str) -> Result<Bench> {
    let mut bench = scripted(bench, script);
    let folder = bench.parameters.files.clone();
    bench.parameters.read_back = Some(ReadBack::Goose);
    bench.environment = [
        ("GOOSE", program(Tool::Goose)?.display().to_string()),
        ("GOOSE_DRIVER", "postgres".to_owned()),
        ("GOOSE_DBSTRING", "sslmode=prefer".to_owned()),
        ("GOOSE_MIGRATION_DIR", folder),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec();
    Ok(bench)
}

const A: (&str, &str) = ("1_a.sql", "-- +goose Up\nCREATE TABLE a (id int);\n");
const B: (&str, &str) = ("2_b.sql", "-- +goose Up\nCREATE TABLE b (id int);\n");

/// migrations.md case 50: the exit code stands, and the program sees the connection.
#[tokio::test]
async fn a_program_of_ones_own_is_done_when_it_exits_with_0() -> Result<()> {
    let bench =
        shell("psql -q -c 'CREATE TABLE made (id int)' && echo \"it is $PGPASSWORD\"").await?;
    let ended = bench.run().await?;
    assert_eq!(
        ended.verdict(),
        "Succeeded Succeeded none->none exit 0",
        "{}",
        ended.output
    );
    assert!(bench.has("made").await?);
    assert!(
        ended.output.contains("exec: it is ***") && !ended.output.contains("canary"),
        "{}",
        ended.output
    );
    Ok(())
}

/// migrations.md case 50.
#[tokio::test]
async fn a_program_that_failed_or_was_killed_is_run_again_only_if_that_is_harmless() -> Result<()> {
    let mut failing = shell("exit 3").await?;
    let failed = failing.run().await?;
    assert_eq!(
        (
            failed.verdict(),
            failed.message.error.unwrap_or_default().text
        ),
        (
            "Failed ProgramFailed none->none exit 11".to_owned(),
            "it ended with code 3 without saying why that Slipway understands".to_owned()
        )
    );
    failing.parameters.idempotent = true;
    assert_eq!(
        failing.run().await?.verdict(),
        "Failed ProgramFailed none->none retry exit 10"
    );
    for (idempotent, expected) in [
        (false, "Blocked OutcomeUnknown none->none exit 12"),
        (true, "Failed OutcomeUnknown none->none retry exit 10"),
    ] {
        let mut bench = shell("exec psql -c 'SELECT pg_sleep(60)'").await?;
        bench.parameters.idempotent = idempotent;
        assert_eq!(tool_killed(&bench).await?.verdict(), expected);
    }
    let missing = shell("true").await?;
    let mut missing = missing.again(1);
    missing.parameters.command = command(&["/no/such/program"]);
    assert_eq!(
        missing.run().await?.verdict(),
        "Failed InvalidSource none->none not started exit 11"
    );
    Ok(())
}

/// migrations.md cases 50, 54.
#[tokio::test]
async fn a_program_past_its_deadline_is_ended_and_left_to_a_person() -> Result<()> {
    let mut bench = shell("exec psql -c 'SELECT pg_sleep(60)'").await?;
    bench.parameters.run_seconds = 1;
    assert_eq!(
        bench.run().await?.verdict(),
        "Blocked OutcomeUnknown none->none exit 12"
    );
    bench.parameters.idempotent = true;
    assert_eq!(
        bench.again(2).run().await?.verdict(),
        "Failed DeadlineExceeded none->none retry exit 10"
    );
    Ok(())
}

/// migrations.md case 50: a runner that was killed says nothing, and a look at the database proves nothing either.
#[tokio::test]
async fn a_check_of_a_program_that_is_not_read_back_asks_for_a_person() -> Result<()> {
    let bench = shell("exec psql -c 'SELECT pg_sleep(60)'").await?;
    runner_killed(&bench).await?;
    let mut check = bench.again(1);
    check.parameters.mode = RunMode::Check;
    assert_eq!(
        check.run().await?.verdict(),
        "Blocked OutcomeUnknown none->none not started exit 12"
    );
    check.parameters.idempotent = true;
    assert_eq!(
        check.run().await?.verdict(),
        "Failed OutcomeUnknown none->none retry not started exit 10"
    );
    Ok(())
}

/// migrations.md case 50, I-8: with its files the table decides, whatever the exit code.
#[tokio::test]
async fn a_program_that_is_read_back_is_judged_by_the_table_and_its_files() -> Result<()> {
    let bench = with_goose(&[A, B], "\"$GOOSE\" -env=none up; exit 1").await?;
    comes_up_once(&bench, "2", 2).await?;
    let bench = with_goose(&[A, B], "\"$GOOSE\" -env=none up-to 1").await?;
    assert_eq!(
        bench.run().await?.verdict(),
        "Blocked OutcomeUnknown none->1 exit 12"
    );
    assert_eq!(
        checked(&bench, 1).await?,
        "Blocked OutcomeUnknown 1->1 not started exit 12"
    );
    Ok(())
}

/// migrations.md 4.4: on PostgreSQL only a file that runs without a transaction leaves something behind.
#[tokio::test]
async fn a_program_that_failed_in_a_file_without_a_transaction_may_have_left_half_of_it()
-> Result<()> {
    let script = "\"$GOOSE\" -env=none up";
    let half = "CREATE TABLE half (id int);\nCREATE TABEL b (id int);\n";
    for (head, expected, error) in [
        (
            "-- +goose Up\n",
            "Failed ProgramFailed none->1 exit 11",
            "was not applied: it ended with code 1 without saying why that Slipway understands",
        ),
        (
            "-- +goose NO TRANSACTION\n-- +goose Up\n",
            "Blocked PartiallyApplied none->1 exit 12",
            "may be half applied, as it does not run in one transaction: it ended with code 1 without saying why that Slipway understands",
        ),
        (
            "-- +goose Up\nSELECT 1;\nCOMMIT;\n",
            "Blocked PartiallyApplied none->1 exit 12",
            "may be half applied, as it does not run in one transaction: it ended with code 1 without saying why that Slipway understands",
        ),
    ] {
        let file = format!("{head}{half}");
        let ended = with_goose(&[A, ("2_b.sql", &file)], script)
            .await?
            .run()
            .await?;
        let said = ended.message.error.clone().unwrap_or_default();
        assert_eq!(
            (
                ended.verdict().as_str(),
                said.file.as_deref(),
                said.text.as_str()
            ),
            (expected, Some("2_b.sql"), error)
        );
    }
    Ok(())
}

/// migrations.md case 50: a program that has Flyway built in, whose failed row stops the next try.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_with_flyway_built_in_is_judged_by_flyways_history() -> Result<()> {
    let files = [
        ("V1__a.sql", "CREATE TABLE a (id int);\n"),
        ("V2__b.sql", "CREATE TABLE b (id int);\n"),
    ];
    let mut bench = scripted(
        Bench::new(&files).await?.with(Tool::Flyway)?,
        "LC_ALL=C.UTF-8 FLYWAY_USER=\"$PGUSER\" FLYWAY_PASSWORD=\"$PGPASSWORD\" \"$FLYWAY\" -url=\"jdbc:postgresql://$PGHOST:$PGPORT/$PGDATABASE\" \
         -locations=\"filesystem:$FILES\" migrate; exit 1",
    );
    let flyway = program(Tool::Flyway)?.display().to_string();
    bench.parameters.read_back = Some(ReadBack::Flyway);
    let folder = bench.parameters.files.clone();
    bench
        .environment
        .extend([("FLYWAY".to_owned(), flyway), ("FILES".to_owned(), folder)]);
    comes_up_once(&bench, "2", 2).await?;
    let row = "INSERT INTO flyway_schema_history VALUES (3, '3', 'c', 'SQL', 'V3__c.sql', 1, 'u', now(), 1, false)";
    bench.client().await?.batch_execute(row).await?;
    bench.write(&[("V3__c.sql", "CREATE TABLE c (id int);\n")])?;
    assert_eq!(
        bench.run().await?.verdict(),
        "Blocked FailedMigrationRow 2->2 not started exit 12"
    );
    Ok(())
}

/// migrations.md case 50: without files the exit code and a table that is there and clean.
#[tokio::test]
async fn a_program_that_is_read_back_without_files_must_at_least_have_its_table() -> Result<()> {
    let mut bench = with_goose(&[A], "exit 0").await?;
    bench.parameters.files.clear();
    assert_eq!(
        bench.run().await?.verdict(),
        "Blocked OutcomeUnknown none->none exit 12"
    );
    bench.parameters.command = command(&["/bin/sh", "-c", "\"$GOOSE\" -env=none up"]);
    assert_eq!(
        bench.run().await?.verdict(),
        "Succeeded Succeeded none->1 exit 0"
    );
    assert_eq!(
        bench.run().await?.verdict(),
        "Succeeded Succeeded 1->1 exit 0"
    );
    Ok(())
}

/// migrations.md case 50: a program that has golang-migrate built in, which may leave its row dirty.
#[tokio::test]
async fn a_dirty_row_stops_a_program_before_it_starts() -> Result<()> {
    let row = "CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty bool NOT NULL); INSERT INTO schema_migrations VALUES (7, true)";
    let mut bench = shell(&format!("psql -q -c '{row}'")).await?;
    bench.parameters.read_back = Some(ReadBack::GolangMigrate);
    "schema_migrations".clone_into(&mut bench.parameters.version_table);
    let ended = bench.run().await?;
    assert_eq!(
        ended.verdict(),
        "Blocked DatabaseDirty none->7 exit 12",
        "{}",
        ended.output
    );
    assert_eq!(
        bench.run().await?.verdict(),
        "Blocked DatabaseDirty 7->7 not started exit 12"
    );
    Ok(())
}

/// migrations.md cases 20, 50: the lock keeps two programs apart, and a second session of the first is an orphan.
#[tokio::test]
async fn two_programs_never_work_at_once() -> Result<()> {
    let first = shell("psql -q -c 'SELECT pg_sleep(2); CREATE TABLE once (id int)'").await?;
    let mut second = first.again(2);
    second.parameters.command =
        command(&["/bin/sh", "-c", "psql -q -c 'INSERT INTO once VALUES (1)'"]);
    let running = first.at_work().await?;
    assert_eq!(
        second.run().await?.verdict(),
        "Succeeded Succeeded none->none exit 0"
    );
    assert_eq!(
        running.end().await?.verdict(),
        "Succeeded Succeeded none->none exit 0"
    );
    Ok(())
}

/// migrations.md cases 40, 50: after a restore nobody knows whether a program ran; on an empty database it did not.
#[tokio::test]
async fn a_program_of_which_a_new_ledger_knows_nothing_starts_on_an_empty_database_only()
-> Result<()> {
    let mut bench = shell("psql -q -c 'CREATE TABLE made (id int)'").await?;
    bench.parameters.may_have_run = true;
    assert_eq!(
        bench.run().await?.verdict(),
        "Succeeded Succeeded none->none exit 0"
    );
    assert_eq!(
        bench.run().await?.verdict(),
        "Blocked OutcomeUnknown none->none not started exit 12"
    );
    Ok(())
}

/// Two public programs with variables and tables of their own.
#[tokio::test]
async fn public_programs_migrate_themselves() -> Result<()> {
    let cases = [
        (
            public_program("miniflux", "miniflux")?,
            &["-migrate"][..],
            "DATABASE_URL",
            "sslmode=disable",
            "schema_version",
        ),
        (
            public_program("dbos", "dbos")?,
            &["migrate"][..],
            "DBOS_SYSTEM_DATABASE_URL",
            "",
            "dbos.dbos_migrations",
        ),
    ];
    for (program, arguments, variable, value, table) in cases {
        let mut bench = shell("").await?;
        let name = bench.parameters.database.clone();
        let value = if value.is_empty() {
            format!(
                "postgres://{name}@127.0.0.1:{}/{name}",
                bench.parameters.port
            )
        } else {
            value.to_owned()
        };
        bench.environment = vec![(variable.to_owned(), value)];
        bench.parameters.command =
            command(&[&[program.to_string_lossy().as_ref()], arguments].concat());
        for _ in 0..2 {
            let ended = bench.run().await?;
            assert_eq!(
                ended.verdict(),
                "Succeeded Succeeded none->none exit 0",
                "{}",
                ended.output
            );
            assert!(!ended.output.contains("canary"), "{}", ended.output);
        }
        assert!(bench.has(table).await?, "{table}");
        "wrong".clone_into(&mut bench.password);
        let refused = bench.run().await?;
        assert_eq!(
            refused.verdict(),
            "Failed AuthenticationFailed none->none retry not started exit 10"
        );
    }
    Ok(())
}
