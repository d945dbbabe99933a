//! When a Database's status is written, when a new count of Backends waits for the ledger's next write, and when the finalizer goes.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use super::{Decision, Seen, decide, finalizer, replace, status_with};
use crate::api::database::Database;
use crate::core::meta::HELD_FINALIZER;
use crate::core::plan::{ObjectKind, Plan, Step};

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

/// A Database that was looked at when one Backend named it, with these finalizers, held or not; `going`: somebody has deleted it.
fn bound(finalizers: &[&str], holder: &Value, going: bool) -> Arc<Database> {
    let with_ledger = |database: &Database| {
        let mut database = database.clone();
        database.metadata.finalizers = Some(finalizers.iter().map(ToString::to_string).collect());
        database.metadata.deletion_timestamp = going.then_some(Time(NOW));
        database
    };
    let fresh = with_ledger(&database(&json!({"ledger": {"holder": holder}})));
    let ledger = fresh.status.clone().and_then(|status| status.ledger);
    let status = status_with(&fresh, ledger, 1, NOW);
    let status = serde_json::to_value(status).expect("a status");
    Arc::new(with_ledger(&database(&status)))
}

fn steps(steps: impl IntoIterator<Item = Step>) -> Decision {
    let steps = steps.into_iter().collect();
    Decision {
        plan: Plan { steps, wake: None },
    }
}

fn holder() -> Value {
    json!({
        "migration": "orders-abc", "migrationUid": "m", "planKey": "p", "attempt": 1, "mode": "Run", "job": "orders-abc-1", "jobUid": "j",
        "templateHash": "h", "since": NOW.to_string(),
    })
}

#[test]
fn the_finalizer_goes_once_nothing_holds_the_database_nor_is_about_to() {
    let free = bound(&["acme.test/kept", HELD_FINALIZER], &Value::Null, false);
    let body = json!({"metadata": {"finalizers": ["acme.test/kept"]}});
    let goes = Step::patch(ObjectKind::Database, free.as_ref(), body);
    assert_eq!(decide(&seen(Arc::clone(&free)), NOW), steps([goes]));
    let ahead = Seen {
        ledger_write_ahead: true,
        ..seen(free)
    };
    assert_eq!(decide(&ahead, NOW), steps([]));
    let held = bound(&[HELD_FINALIZER], &holder(), false);
    assert_eq!(decide(&seen(held), NOW), steps([]));
}

#[test]
fn a_database_that_is_deleted_in_mid_run_says_what_it_waits_for_and_then_goes_at_once() {
    let held = bound(&[HELD_FINALIZER], &holder(), true);
    assert_eq!(decide(&seen(Arc::clone(&held)), NOW), steps([]));
    let said = held.status.as_ref().map(|status| {
        let conditions = status.conditions.iter();
        let said = conditions.map(|one| {
            format!(
                "{}={} {}: {}",
                one.type_, one.status, one.reason, one.message
            )
        });
        said.collect::<Vec<_>>()
    });
    let said = said.and_then(|said| said.into_iter().next());
    assert_eq!(
        said.as_deref(),
        Some(
            "Ready=False DatabaseTerminating: is being deleted as soon as the outcome of migration orders-abc, which is at work on it, is recorded. \
             Next: kubectl get slm/orders-abc -n shop -o wide"
        )
    );
    let free = bound(&[HELD_FINALIZER], &Value::Null, true);
    let busy = Seen {
        ledger_write_ahead: true,
        ..seen(Arc::clone(&free))
    };
    assert_eq!(decide(&busy, NOW), steps(finalizer::let_go(&free)));
}
