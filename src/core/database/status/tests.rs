//! When a Database's status is written, and when a new count of Backends waits for the ledger's next write.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Decision, Seen, decide, replace, status_with};
use crate::api::database::Database;
use crate::core::plan::Plan;

const NOW: Timestamp = Timestamp::constant(1_000, 0);

fn database(status: &Value) -> Arc<Database> {
    let database = json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Database",
        "metadata": {"name": "orders-db", "namespace": "shop", "generation": 1},
        "spec": {"engine": "PostgreSQL", "host": "db", "name": "orders", "credentials": {"secret": "orders-db"}},
        "status": status,
    });
    Arc::new(serde_json::from_value(database).expect("a Database"))
}

/// One Backend names the Database, and its status says otherwise.
fn seen(database: Arc<Database>) -> Seen {
    Seen {
        database,
        bound: 1,
        ledger_write_ahead: false,
        last_news: None,
        holder_lives: true,
        wanted: None,
    }
}

/// A Database that was looked at when no Backend named it.
fn settled() -> Arc<Database> {
    let fresh = database(&json!({}));
    let status = status_with(&fresh, None, 0, NOW);
    database(&serde_json::to_value(status).expect("a status"))
}

fn wakes(wake: Duration) -> Decision {
    let (steps, wake) = (Vec::new(), Some(wake));
    Decision {
        plan: Plan { steps, wake },
    }
}

fn writes(database: &Database) -> Decision {
    let steps = vec![replace(database, status_with(database, None, 1, NOW))];
    Decision {
        plan: Plan { steps, wake: None },
    }
}

#[test]
fn a_new_count_is_written_when_nothing_else_is_on_its_way() {
    let database = settled();
    let long_ago = Some(NOW - Duration::from_secs(3));
    for last_news in [None, long_ago] {
        let seen = Seen {
            last_news,
            ..seen(Arc::clone(&database))
        };
        assert_eq!(decide(&seen, NOW), writes(&database), "{last_news:?}");
    }
}

/// The Backend's word and its Migration come by two watches, and either may be first.
#[test]
fn a_new_count_waits_for_the_migration_that_a_backend_may_just_have_asked_for() {
    let seen = Seen {
        last_news: Some(NOW - Duration::from_secs(1)),
        ..seen(settled())
    };
    assert_eq!(decide(&seen, NOW), wakes(Duration::from_secs(2)));
}

#[test]
fn a_new_count_goes_out_with_a_ledger_write_that_is_ahead() {
    let seen = Seen {
        ledger_write_ahead: true,
        ..seen(settled())
    };
    assert_eq!(decide(&seen, NOW), wakes(Duration::from_mins(1)));
}

#[test]
fn a_first_status_waits_for_nothing() {
    let database = database(&json!({}));
    let seen = Seen {
        ledger_write_ahead: true,
        last_news: Some(NOW),
        ..seen(Arc::clone(&database))
    };
    assert_eq!(decide(&seen, NOW), writes(&database));
}

#[test]
fn a_count_that_is_true_is_not_written_again() {
    let seen = Seen {
        bound: 0,
        ..seen(settled())
    };
    assert_eq!(
        decide(&seen, NOW),
        Decision {
            plan: Plan::default()
        }
    );
}
