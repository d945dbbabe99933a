//! What a person writes for a Backend by hand, seen from the Backend: no release waits for a repair, but every one for a contract's end.

use serde_json::json;

use super::looks::{message, released, respec, settle};
use super::server::{Server, spec_with_migration};
use crate::api::backend::Backend;
use crate::api::common::Phase;
use crate::api::database::{Entry, EntryOutcome};
use crate::core::plan::ObjectKind;

const KEY: &str = "k";

/// A release that is out, and a Migration of this phase that a person wrote for it.
fn released_beside(phase: &str) -> (Server, Backend) {
    let (mut server, backend) = released(&spec_with_migration("orders:1"));
    let key = (ObjectKind::Migration, "repair".to_owned());
    server.objects.insert(
        key,
        json!({
            "apiVersion": "slipway.dev/v1alpha1", "kind": "Migration", "metadata": {"name": "repair", "namespace": "team-a", "uid": "m"},
            "spec": {
                "backend": "orders", "name": "repair", "database": "orders-db", "tool": "Goose", "phase": phase,
                "source": {"image": "repair:1", "path": "/m"},
            },
            "status": {"planKey": KEY, "phase": "Pending"},
        }),
    );
    (server, backend)
}

fn has_soak(backend: &Backend) -> bool {
    let status = backend.status.as_ref();
    status.is_some_and(|status| status.soak.is_some())
}

/// It starts when the soak is over, so the Backend must say since when it lasts.
#[test]
fn a_release_soaks_for_a_contract_that_a_person_wrote_until_that_is_done() {
    let (mut server, mut backend) = released_beside("BeforeRollout");
    settle(&mut server, &mut backend);
    assert!(!has_soak(&backend));
    let (mut server, mut backend) = released_beside("AfterRollout");
    settle(&mut server, &mut backend);
    assert!(has_soak(&backend));
    let done = json!({"status": {"phase": "Succeeded"}});
    server.edit(ObjectKind::Migration, "repair", &done);
    settle(&mut server, &mut backend);
    assert!(!has_soak(&backend));
}

#[test]
fn no_release_goes_out_while_nobody_knows_how_such_a_contract_ended() {
    let (mut server, mut backend) = released_beside("AfterRollout");
    server.ledger.entries.push(Entry {
        plan_key: KEY.to_owned(),
        migration: "repair".to_owned(),
        backend: "orders".to_owned(),
        phase: Some(Phase::AfterRollout),
        outcome: EntryOutcome::Unknown,
        ..Entry::default()
    });
    respec(&mut backend, &spec_with_migration("orders:2"));
    settle(&mut server, &mut backend);
    let held = message(&backend);
    assert!(held.contains("migration repair"), "{held}");
    server.remove(ObjectKind::Migration, "repair");
    settle(&mut server, &mut backend);
    let held = message(&backend);
    assert!(!held.contains("migration repair"), "{held}");
}
