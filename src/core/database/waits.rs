//! When a plan is tried again, and how long a database may be away before that costs attempts. Pure.

use jiff::Timestamp;

use crate::api::database::Entry;
use crate::core::backoff::Backoff;
use crate::core::conditions;
use crate::core::run::verdict::Verdict;

/// A database that cannot be reached spends no attempt for this long: one hour, in seconds.
const UNREACHABLE_GRACE_SECONDS: i64 = 3600;

/// Since when the database has been away, if the last attempt ended for that.
#[must_use]
pub(super) fn unreachable_since(old: &Entry, verdict: &Verdict, now: Timestamp) -> Option<String> {
    (verdict.reason == "DatabaseUnreachable").then(|| {
        old.unreachable_since
            .clone()
            .unwrap_or_else(|| conditions::to_seconds(now).to_string())
    })
}

/// Whether that costs nothing yet.
#[must_use]
pub(super) fn still_unreachable(since: Option<&str>, now: Timestamp) -> bool {
    since
        .and_then(|text| text.parse::<Timestamp>().ok())
        .is_some_and(|since| now.as_second() - since.as_second() < UNREACHABLE_GRACE_SECONDS)
}

/// As many as fit into the time for which a database has been away, each wait twice as long as the one before: tries that cost nothing are
/// not counted, and yet each makes a Job.
#[must_use]
pub(super) fn failures_since(since: &str, backoff: Backoff, now: Timestamp) -> i64 {
    let since = since.parse::<Timestamp>().unwrap_or(now);
    let away = now.as_second().saturating_sub(since.as_second());
    let first = i64::try_from(backoff.first.as_secs()).unwrap_or(i64::MAX);
    let waits = away
        .checked_div(first)
        .unwrap_or(0)
        .max(0)
        .saturating_add(1);
    i64::from(waits.ilog2()).saturating_add(1)
}

/// The jitter comes from the plan and the attempt: the same ledger always gives the same time.
#[must_use]
pub(super) fn retry_time(
    plan_key: &str,
    attempt: i64,
    failures: i64,
    backoff: Backoff,
    now: Timestamp,
) -> String {
    let jitter = plan_key
        .bytes()
        .fold(attempt.to_le_bytes()[0], |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(byte)
        });
    let delay = backoff.delay(u32::try_from(failures.max(1)).unwrap_or(u32::MAX), jitter);
    let seconds = i64::try_from(delay.as_secs().max(1)).unwrap_or(600);
    Timestamp::from_second(now.as_second().saturating_add(seconds))
        .unwrap_or(now)
        .to_string()
}
