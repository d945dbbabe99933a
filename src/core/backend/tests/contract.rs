//! Expand before the rollout, contract after it, seen from the Backend.

use serde_json::{Value, json};

use super::looks::{look_at, message, reason, released, respec, settle};
use super::server::{Server, backend, now, spec_with_contract, spec_with_migration};
use crate::api::backend::{Backend, BackendStatus, Soak};
use crate::api::common::Phase;
use crate::api::database::{Contract, Holder, RunMode};
use crate::core::plan::ObjectKind;

fn status(backend: &Backend) -> BackendStatus {
    backend.status.clone().expect("a status")
}

/// `status/reason` of a condition.
fn condition(backend: &Backend, type_: &str) -> String {
    let conditions = status(backend).conditions;
    let condition = conditions
        .into_iter()
        .find(|condition| condition.type_ == type_)
        .expect("all conditions are there");
    format!("{}/{}", condition.status, condition.reason)
}

/// Names of the Migrations of an entry in `spec.migrations`.
fn migrations(server: &Server, entry: &str) -> Vec<String> {
    let all = server.objects.iter();
    all.filter(|((kind, _), body)| *kind == ObjectKind::Migration && body["spec"]["name"] == entry)
        .map(|((_, name), _)| name.clone())
        .collect()
}

fn migration(server: &Server, entry: &str) -> Option<String> {
    migrations(server, entry).into_iter().next()
}

/// The release is out, its expansion done; the contract waits.
fn expanded(image: &str) -> (Server, Backend) {
    let (mut server, mut backend) = (Server::default(), backend(&spec_with_contract(image)));
    roll(&mut server, &mut backend, "schema");
    (server, backend)
}

/// Ends this migration well and rolls out what follows.
fn roll(server: &mut Server, backend: &mut Backend, entry: &str) {
    settle(server, backend);
    for name in migrations(server, entry) {
        server.finish_migration(&name, "Succeeded");
    }
    settle(server, backend);
    server.finish_rollout();
    settle(server, backend);
}

fn seconds_later(seconds: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(now().as_second() + seconds).expect("a valid moment")
}

/// What the ledger says of files and contract: the release's files end at `top`, a contract reached `version`.
fn contracted(server: &mut Server, top: &str, version: &str) {
    let by = migration(server, "contract").unwrap_or_default();
    for entry in &mut server.ledger.entries {
        entry.files_top = Some(top.to_owned());
    }
    let plan_key = server
        .ledger
        .entries
        .iter()
        .find(|entry| entry.migration == by)
        .map_or_else(String::new, |entry| entry.plan_key.clone());
    server.ledger.contracts = vec![Contract {
        version_table: "goose_db_version".to_owned(),
        version: version.to_owned(),
        plan_key,
        backend: "orders".to_owned(),
    }];
}

/// migrations.md case 48.
#[test]
fn a_migration_after_the_rollout_is_made_once_the_release_is_out_and_holds_it_not() {
    let (mut server, mut backend) = (Server::default(), backend(&spec_with_contract("orders:1")));
    settle(&mut server, &mut backend);
    let schema = migration(&server, "schema").expect("made at once");
    server.finish_migration(&schema, "Succeeded");
    settle(&mut server, &mut backend);
    assert_eq!(
        (reason(&status(&backend)), migration(&server, "contract")),
        ("RollingOut".to_owned(), None)
    );
    server.finish_rollout();
    settle(&mut server, &mut backend);
    let contract = migration(&server, "contract").expect("made once the release is out");
    assert_eq!(
        (
            condition(&backend, "Ready"),
            condition(&backend, "Migrated"),
            status(&backend).soak
        ),
        (
            "True/Ready".to_owned(),
            "False/ContractPending".to_owned(),
            Some(Soak {
                release: 1,
                since: now().to_string()
            })
        )
    );
    server.finish_migration(&contract, "Succeeded");
    settle(&mut server, &mut backend);
    assert_eq!(
        (
            condition(&backend, "Ready"),
            condition(&backend, "Migrated"),
            status(&backend).soak
        ),
        ("True/Ready".to_owned(), "True/Migrated".to_owned(), None)
    );
}

#[test]
fn to_add_a_migration_after_the_rollout_restarts_nothing() {
    let mut spec = spec_with_contract("orders:1");
    let both = spec.clone();
    spec["migrations"].as_array_mut().expect("a list").pop();
    let (mut server, mut backend) = released(&spec);
    respec(&mut backend, &both);
    let writes = settle(&mut server, &mut backend);
    let contract = migration(&server, "contract").expect("made");
    assert_eq!(
        writes,
        [
            format!("create Migration {contract}"),
            "status Ready".to_owned()
        ]
    );
    assert_eq!(condition(&backend, "Migrated"), "False/ContractPending");
}

/// migrations.md case 48.
#[test]
fn the_soak_begins_when_the_last_older_pod_has_ended_and_anew_after_every_break() {
    let (mut server, mut backend) = expanded("orders:1");
    let since = |backend: &Backend| status(backend).soak.map(|soak| soak.since);
    let at = |seconds| Some(seconds_later(seconds).to_string());
    let look = |server: &mut Server, backend: &mut Backend, seconds| {
        look_at(server, backend, seconds_later(seconds), "");
        since(backend)
    };
    assert_eq!(look(&mut server, &mut backend, 5), at(0), "it goes on");

    server.put_pod("old", 0, &json!({"phase": "Running"}));
    assert_eq!(look(&mut server, &mut backend, 10), None);
    assert_eq!(condition(&backend, "Ready"), "True/Ready");
    server.put_pod("old", 0, &json!({"phase": "Failed", "reason": "Evicted"}));
    assert_eq!(look(&mut server, &mut backend, 20), at(20), "it has ended");
    server.remove(ObjectKind::Pod, "old");
    assert_eq!(look(&mut server, &mut backend, 25), at(20));

    let lost = json!({"status": {"availableReplicas": 1, "readyReplicas": 1}});
    server.edit(ObjectKind::Deployment, "orders", &lost);
    assert_eq!(look(&mut server, &mut backend, 30), None, "a pod is lost");
    server.finish_rollout();
    assert_eq!(look(&mut server, &mut backend, 40), at(40));

    let mut restarted = backend.clone();
    restarted.metadata.resource_version = None;
    assert_eq!(
        look(&mut server, &mut restarted, 50),
        at(40),
        "another operator reads it from the status"
    );
}

/// migrations.md case 48.
#[test]
fn a_failed_migration_after_the_rollout_stalls_the_backend_that_serves_on() {
    for (phase, expected) in [
        ("Failed", "False/MigrationFailed"),
        ("Blocked", "False/MigrationBlocked"),
        ("RetryWait", "True/Ready"),
        ("Unknown", "True/Ready"),
        ("Running", "True/Ready"),
    ] {
        let (mut server, mut backend) = expanded("orders:1");
        let contract = migration(&server, "contract").expect("made");
        server.finish_migration(&contract, phase);
        let told = json!({"status": {"conditions": [{
            "type": "Ready", "status": "False", "reason": "SqlError", "lastTransitionTime": now().to_string(),
            "message": "00008_drop.sql:2 SQLSTATE 2BP01. Fix the cause, push a new image",
        }]}});
        server.edit(ObjectKind::Migration, &contract, &told);
        settle(&mut server, &mut backend);
        let migrated = condition(&backend, "Migrated");
        assert_eq!(
            (
                condition(&backend, "Ready").as_str(),
                condition(&backend, "Available").as_str(),
                migrated.starts_with("False/")
            ),
            (expected, "True/PodsServe", true),
            "{phase}"
        );
        if phase == "Failed" {
            assert_eq!(
                message(&backend),
                format!(
                    "migration {contract}: 00008_drop.sql:2 SQLSTATE 2BP01; release 1 keeps serving 2/2. Fix the cause, push a new image"
                )
            );
        }
    }
}

/// migrations.md 4.6: an armed one ends first, and what it did is known, before another release goes out.
#[test]
fn a_release_waits_for_a_contract_at_work_and_for_one_whose_end_is_not_known() {
    let (mut server, mut backend) = expanded("orders:1");
    let contract = migration(&server, "contract").expect("made");
    server.ledger.holder = Some(Holder {
        migration: contract.clone(),
        backend: "orders".to_owned(),
        mode: RunMode::Run,
        lists: false,
        phase: Some(Phase::AfterRollout),
        ..Holder::default()
    });
    respec(&mut backend, &spec_with_contract("orders:2"));
    assert_eq!(settle(&mut server, &mut backend), ["status Migrating"]);
    assert_eq!(
        message(&backend),
        format!(
            "migration {contract} (AfterRollout) of an earlier release is at work on database orders-db and ends before image 2 goes on; release 1 keeps serving 2/2"
        )
    );
    server.ledger.holder = None;
    server.record(&contract, "Unknown");
    assert_eq!(settle(&mut server, &mut backend), Vec::<String>::new());
    server.record(&contract, "Succeeded");
    let writes = settle(&mut server, &mut backend);
    assert!(
        writes
            .iter()
            .any(|write| write.starts_with("create Migration")),
        "{writes:?}"
    );
}

/// A rollback of both images, with what the ledger knows of the files of the first.
fn rolled_back(top: &str, contract: &str) -> (Server, Backend) {
    let (mut server, mut backend) = expanded("orders:1");
    let first = server.ledger.clone();
    respec(&mut backend, &spec_with_contract("orders:2"));
    roll(&mut server, &mut backend, "schema");
    roll(&mut server, &mut backend, "contract");
    contracted(&mut server, contract, contract);
    for entry in &mut server.ledger.entries {
        if first
            .entries
            .iter()
            .any(|known| known.plan_key == entry.plan_key)
        {
            entry.files_top = Some(top.to_owned());
        }
    }
    respec(&mut backend, &spec_with_contract("orders:1"));
    settle(&mut server, &mut backend);
    (server, backend)
}

fn image(server: &Server) -> Value {
    let deployment = &server.objects[&(ObjectKind::Deployment, "orders".to_owned())];
    deployment["spec"]["template"]["spec"]["containers"][0]["image"].clone()
}

/// migrations.md case 49.
#[test]
fn an_image_whose_files_end_below_a_contract_does_not_go_out() {
    let (server, backend) = rolled_back("7", "8");
    let by = server
        .ledger
        .entries
        .iter()
        .find(|entry| entry.plan_key == server.ledger.contracts[0].plan_key)
        .map(|entry| entry.migration.clone())
        .expect("known");
    assert_eq!(
        (
            condition(&backend, "Stalled"),
            condition(&backend, "Available"),
            image(&server)
        ),
        (
            "True/RollbackUnsafe".to_owned(),
            "True/PodsServe".to_owned(),
            json!("orders:2")
        )
    );
    assert_eq!(
        message(&backend),
        format!(
            "image 1 must not go out: its migration files end at version 7, and migration {by} (AfterRollout) took database orders-db to \
             version 8, which older code may not work with; release 2 keeps serving 2/2. Ship an image with files up to version 8 or higher; \
             or stay with the image that serves: kubectl patch slb/orders -n team-a --type=merge -p '{{\"spec\":{{\"image\":\"orders:2\"}}}}'"
        )
    );
}

/// migrations.md case 49.
#[test]
fn what_closes_the_gate_is_in_the_ledger_so_another_operator_sees_it_too_and_the_way_back_opens_it()
{
    let (mut server, mut backend) = rolled_back("7", "8");
    let shown = backend.status.take();
    settle(&mut server, &mut backend);
    assert_eq!(
        (condition(&backend, "Stalled"), image(&server)),
        ("True/RollbackUnsafe".to_owned(), json!("orders:2"))
    );
    backend.status = shown;
    respec(&mut backend, &spec_with_contract("orders:2"));
    settle(&mut server, &mut backend);
    assert_eq!(condition(&backend, "Ready"), "True/Ready");
}

/// migrations.md case 49.
#[test]
fn an_older_image_whose_files_reach_the_contract_goes_out() {
    let (server, backend) = rolled_back("8", "8");
    assert_eq!(
        (reason(&status(&backend)), image(&server)),
        ("RollingOut".to_owned(), json!("orders:1"))
    );
}

/// migrations.md case 49.
#[test]
fn a_release_whose_own_contract_ended_below_anothers_is_told_though_it_is_out() {
    let (mut server, mut backend) = expanded("orders:1");
    let contract = migration(&server, "contract").expect("made");
    server.finish_migration(&contract, "Skipped");
    contracted(&mut server, "7", "8");
    for entry in &mut server.ledger.entries {
        if entry.phase == Some(Phase::BeforeRollout) {
            entry.files_top = None;
        }
    }
    settle(&mut server, &mut backend);
    assert_eq!(
        (
            condition(&backend, "Stalled"),
            condition(&backend, "Available")
        ),
        (
            "True/RollbackUnsafe".to_owned(),
            "True/PodsServe".to_owned()
        )
    );
    assert!(
        message(&backend).contains("Ship an image with files up to version 8 or higher"),
        "{}",
        message(&backend)
    );
}

#[test]
fn an_entry_without_a_target_that_leaves_nothing_for_later_is_doubtful() {
    let codes = |spec: &Value| {
        let (mut server, mut backend) = (Server::default(), backend(spec));
        settle(&mut server, &mut backend);
        let problems = status(&backend).problems;
        problems
            .into_iter()
            .filter(|problem| problem.code == "SLP0109")
            .map(|problem| problem.path)
            .collect::<Vec<String>>()
    };
    let mut spec = spec_with_contract("orders:1");
    assert_eq!(codes(&spec), Vec::<String>::new());
    spec["migrations"][0]["target"] = Value::Null;
    assert_eq!(codes(&spec), ["spec.migrations[schema].target"]);
    assert_eq!(
        codes(&spec_with_migration("orders:1")),
        Vec::<String>::new()
    );
}
