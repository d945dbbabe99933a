//! Cases that are alike for every tool and every engine: what a run says, by the bench of its test.

use anyhow::{Result, ensure};
use rustix::process::{Signal, kill_process};
use slipway::api::database::RunMode;

use crate::bench::running::is_provisional;
use crate::bench::{Bench, Ended};

/// An empty database is brought to this version by so many files, and a second run finds nothing to do. The first run's end.
pub async fn comes_up_once(bench: &Bench, top: &str, applied: i64) -> Result<Ended> {
    let first = bench.run().await?;
    assert_eq!(
        (first.verdict(), first.message.applied),
        (format!("Succeeded Succeeded none->{top} exit 0"), applied),
        "{} {}",
        first.output,
        first.error()
    );
    assert_eq!(
        bench.run().await?.verdict(),
        format!("Succeeded NoPendingMigrations {top}->{top} not started exit 0")
    );
    Ok(first)
}

/// What runs with these targets say, one after the other.
pub async fn verdicts_at(bench: &mut Bench, targets: &[&str]) -> Result<Vec<String>> {
    let mut verdicts = Vec::new();
    for target in targets {
        bench.parameters.target = Some((*target).to_owned());
        verdicts.push(bench.run().await?.verdict());
    }
    Ok(verdicts)
}

/// A target is where the tool stops, and never a way down; of three files the second is the target. No file has the last target.
pub async fn stops_at_its_target(bench: &mut Bench) -> Result<()> {
    assert_eq!(
        verdicts_at(bench, &["2", "1", "7"]).await?,
        [
            "Succeeded Succeeded none->2 exit 0",
            "Skipped DatabaseAhead 2->2 not started exit 0",
            "Failed InvalidSource 2->2 not started exit 11",
        ]
    );
    Ok(())
}

/// On a database at version 3: a file of version 2 comes late; without it and the last one the database is ahead; a fourth file does not make
/// the third known.
pub async fn tells_apart_what_does_not_fit(
    bench: &Bench,
    (late, sql): (&str, &str),
    last: &str,
    fourth: &str,
) -> Result<()> {
    bench.write(&[(late, sql)])?;
    let ended = bench.run().await?;
    assert_eq!(
        (ended.verdict(), ended.error()),
        (
            "Blocked OutOfOrder 3->3 not started exit 12".to_owned(),
            format!("{late}  ")
        )
    );
    bench.remove(late)?;
    bench.remove(last)?;
    assert_eq!(
        bench.run().await?.verdict(),
        "Skipped DatabaseAhead 3->3 not started exit 0"
    );
    bench.write(&[(fourth, sql)])?;
    assert_eq!(
        bench.run().await?.verdict(),
        "Blocked UnknownDatabaseVersion 3->3 not started exit 12"
    );
    Ok(())
}

/// The site's queries must not queue behind an ALTER that waits for a long reader: this file gives up at this place after five seconds, and
/// is applied when the reader has gone.
pub async fn gives_up_behind_a_reader(
    bench: &Bench,
    alter: (&str, &str),
    error: &str,
) -> Result<()> {
    bench.run().await?;
    bench.write(&[alter])?;
    let reader = bench.user().await?;
    reader.batch_execute("BEGIN; SELECT * FROM a").await?;
    let ended = bench.run().await?;
    assert_eq!(
        (ended.verdict(), ended.error()),
        (
            "Failed SqlError 1->1 retry exit 10".to_owned(),
            error.to_owned()
        )
    );
    reader.batch_execute("COMMIT").await?;
    assert_eq!(
        bench.run().await?.verdict(),
        "Succeeded Succeeded 1->2 exit 0"
    );
    Ok(())
}

/// How a run ends whose tool is killed at work.
pub async fn tool_killed(bench: &Bench) -> Result<Ended> {
    let running = bench.at_work().await?;
    kill_process(running.tool()?, Signal::KILL)?;
    running.end().await
}

/// Kills a runner whose tool is at work; the message that it leaves claims nothing.
pub async fn runner_killed(bench: &Bench) -> Result<()> {
    let running = bench.at_work().await?;
    running.signal(Signal::KILL)?;
    let message = running.end().await?.message;
    ensure!(is_provisional(&message), "{message:?}");
    Ok(())
}

/// What a Check run says after this attempt.
pub async fn checked(bench: &Bench, attempt: i64) -> Result<String> {
    let mut check = bench.again(attempt);
    check.parameters.mode = RunMode::Check;
    Ok(check.run().await?.verdict())
}

/// A concurrent build of the index `a_id` failed and left it behind, INVALID: it is named, and what to do with it.
pub fn names_the_half_built_index(ended: &Ended) {
    let warning = "a concurrent index build failed and left INVALID: public.a_id; drop it before the next try";
    assert_eq!(
        (&ended.message.invalid_indexes, &ended.message.warnings),
        (&vec!["public.a_id".to_owned()], &vec![warning.to_owned()]),
        "{}",
        ended.output
    );
}
