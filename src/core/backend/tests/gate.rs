//! The gate, walked through all that a migration can be at.

use serde_json::{Value, json};

use super::super::decide;
use super::super::gate::{Gate, HeldState, Hold, gate};
use super::server::{Server, backend, now, spec_with_migration};
use crate::core::plan::{ObjectKind, Step};

const PHASES: [&str; 10] = [
    "Pending",
    "Queued",
    "Running",
    "Verifying",
    "RetryWait",
    "Succeeded",
    "Skipped",
    "Failed",
    "Blocked",
    "Unknown",
];

/// A spec with two migrations, so that order matters.
fn spec() -> Value {
    let mut spec = spec_with_migration("orders:1");
    spec["migrations"] = json!([
        {"name": "schema", "tool": "Goose", "source": {"path": "/migrations"}},
        {"name": "data", "tool": "Goose", "source": {"path": "/data"}},
    ]);
    spec
}

fn is_done(phase: Option<&str>) -> bool {
    matches!(phase, Some("Succeeded" | "Skipped"))
}

/// I-4, I-5: open only when every migration is Succeeded or Skipped; the first that is not decides; the next is made only after it.
#[test]
fn the_gate_opens_only_when_all_migrations_are_done_in_their_order() {
    let backend = backend(&spec());
    let phases: Vec<Option<&str>> = [None].into_iter().chain(PHASES.map(Some)).collect();
    for first in &phases {
        for second in &phases {
            for paused in [false, true] {
                let mut server = Server::default();
                let names = put(&mut server, &backend, [*first, *second]);
                let seen = server.seen(&backend);
                let answer = gate(&seen, paused);
                let expected = match (paused, is_done(*first), is_done(*second)) {
                    (true, _, _) => Err(None),
                    (false, false, _) => Err(names.first().cloned()),
                    (false, true, false) => Err(names.get(1).cloned()),
                    (false, true, true) => Ok(()),
                };
                let got = match answer {
                    Gate::Open => Ok(()),
                    Gate::Closed(Hold::Migration(held)) => Err(Some(held.migration)),
                    Gate::Closed(Hold::Paused) => Err(None),
                    Gate::Closed(other) => panic!("{other:?}"),
                };
                assert_eq!(got, expected, "{first:?} {second:?} {paused}");
                if !paused {
                    assert_eq!(
                        releases(&server, &backend),
                        expected.is_ok(),
                        "{first:?} {second:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_failed_and_a_blocked_migration_hold_the_gate_in_their_own_way() {
    let backend = backend(&spec_with_migration("orders:1"));
    let states = PHASES.map(|phase| {
        let mut server = Server::default();
        put(&mut server, &backend, [Some(phase)]);
        let seen = server.seen(&backend);
        match gate(&seen, false) {
            Gate::Closed(Hold::Migration(held)) => Some(held.state),
            _ => None,
        }
    });
    let (working, retrying) = (Some(HeldState::Working), Some(HeldState::Retrying));
    let (failed, blocked) = (Some(HeldState::Failed), Some(HeldState::Blocked));
    assert_eq!(
        states,
        [
            working, working, working, working, retrying, None, None, failed, blocked, working
        ]
    );
}

/// B-58, I-4: whoever may write a Migration's status opens nothing by it; what the ledger says of the same plan decides.
#[test]
fn a_status_that_claims_success_opens_nothing_without_the_ledger() {
    let backend = backend(&spec_with_migration("orders:1"));
    for claimed in ["Succeeded", "Skipped"] {
        let answers = PHASES.map(|recorded| {
            let mut server = Server::default();
            let names = put(&mut server, &backend, [Some(claimed)]);
            server.record(names.first().expect("one name"), recorded);
            let seen = server.seen(&backend);
            let opens = match gate(&seen, false) {
                Gate::Open => true,
                Gate::Closed(Hold::Migration(held)) => {
                    assert_eq!(held.state, HeldState::Unconfirmed, "{recorded}");
                    false
                }
                Gate::Closed(other) => panic!("{other:?}"),
            };
            assert_eq!(releases(&server, &backend), opens, "{claimed} {recorded}");
            opens
        });
        assert_eq!(answers, PHASES.map(|recorded| is_done(Some(recorded))));
    }
}

#[test]
fn a_migration_of_somebody_else_under_our_name_opens_nothing() {
    let backend = backend(&spec_with_migration("orders:1"));
    let mut server = Server::default();
    let names = put(&mut server, &backend, [Some("Succeeded")]);
    server.edit(
        ObjectKind::Migration,
        names.first().expect("one name"),
        &json!({"metadata": {"ownerReferences": null}}),
    );
    let seen = server.seen(&backend);
    assert!(matches!(
        gate(&seen, false),
        Gate::Closed(Hold::Conflict { .. })
    ));
    assert!(!releases(&server, &backend));
}

/// Puts the planned Migrations there in these phases; `None`: it does not exist.
fn put<const N: usize>(
    server: &mut Server,
    backend: &crate::api::backend::Backend,
    phases: [Option<&str>; N],
) -> Vec<String> {
    let seen = server.seen(backend);
    let plan = &seen.planned.migrations;
    for (planned, phase) in plan.iter().zip(phases) {
        if let Some(phase) = phase {
            let body = super::super::build::migration::migration(&seen, planned);
            server
                .objects
                .insert((ObjectKind::Migration, planned.object_name.clone()), body);
            server.finish_migration(&planned.object_name, phase);
        }
    }
    plan.iter()
        .map(|planned| planned.object_name.clone())
        .collect()
}

/// Whether a look makes a release of it.
fn releases(server: &Server, backend: &crate::api::backend::Backend) -> bool {
    let decision = decide(&server.seen(backend), now());
    decision.plan.steps.iter().any(|step| {
        matches!(step, Step::Create(create) if create.key.kind == ObjectKind::ControllerRevision)
            || matches!(step, Step::Apply(apply) if apply.key.kind == ObjectKind::Deployment)
    })
}
