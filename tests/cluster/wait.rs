//! Waiting for a condition, with a limit, and saying what was seen last when it does not come.

use std::fmt::Display;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(50);

/// Looks until `look` finds the value. `what` completes the sentence "gave up waiting for ...". An `Err` of `look` is what it saw instead.
pub async fn until<T, E, F>(what: &str, limit: Duration, mut look: F) -> Result<T>
where
    E: Display,
    F: AsyncFnMut() -> Result<T, E>,
{
    let deadline = Instant::now() + limit;
    loop {
        match look().await {
            Ok(value) => return Ok(value),
            Err(seen) if Instant::now() > deadline => {
                bail!("gave up waiting for {what} after {limit:?}; seen last: {seen:#}")
            }
            Err(_) => tokio::time::sleep(POLL).await,
        }
    }
}
