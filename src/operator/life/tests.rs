//! The life of an operator: when an end of its drivers is an end of the process.

use std::future::pending;

use futures::poll;
use tokio::sync::watch;
use tokio::task::{JoinSet, yield_now};

use super::dead_unasked;

/// G-10: who was asked to end gives the Lease back, also if the drivers were told of it, and ended, before the main task.
#[tokio::test]
async fn drivers_that_end_when_asked_end_nothing_else() {
    let (_asking, stop) = watch::channel(true);
    let mut drivers = JoinSet::new();
    let ended = drivers.spawn(async {});

    let mut waiting = Box::pin(dead_unasked(&mut drivers, &stop));
    while poll!(&mut waiting).is_pending() && !ended.is_finished() {
        yield_now().await;
    }

    assert!(poll!(&mut waiting).is_pending());
}

#[tokio::test]
async fn a_driver_that_ends_unasked_ends_the_process() {
    let (_asking, stop) = watch::channel(false);
    let mut drivers = JoinSet::new();
    drivers.spawn(async {});
    drivers.spawn(pending());

    dead_unasked(&mut drivers, &stop).await;

    assert_eq!(drivers.len(), 1);
}

#[tokio::test]
async fn a_driver_that_dies_ends_the_process_also_when_it_was_asked_to_end() {
    let (_asking, stop) = watch::channel(true);
    let mut drivers = JoinSet::new();
    let driver = drivers.spawn(pending());
    driver.abort();

    dead_unasked(&mut drivers, &stop).await;

    assert!(drivers.is_empty());
}
