//! What others did to the children, and what becomes of it.

use serde_json::json;

use super::super::decide;
use super::looks::{look, released, respec, settle};
use super::server::{Server, now, spec_with_migration};
use crate::core::plan::{ObjectKind, Step};

#[test]
fn a_rollback_by_hand_is_reverted() {
    let (mut server, mut backend) = released(&spec_with_migration("orders:1"));
    let old = server.objects[&(ObjectKind::Deployment, "orders".to_owned())].clone();
    respec(&mut backend, &spec_with_migration("orders:2"));
    settle(&mut server, &mut backend);
    server.finish_migrations("Succeeded");
    settle(&mut server, &mut backend);
    server.finish_rollout();
    settle(&mut server, &mut backend);
    let undo = json!({"spec": {"template": old["spec"]["template"]}, "metadata": {"annotations": old["metadata"]["annotations"]}});
    server.edit(ObjectKind::Deployment, "orders", &undo);
    server.writes.clear();
    assert_eq!(look(&mut server, &mut backend), ["ManualRollbackReverted"]);
    let image = &server.objects[&(ObjectKind::Deployment, "orders".to_owned())]["spec"]["template"]
        ["spec"]["containers"][0]["image"];
    assert_eq!(image, "orders:2");
}

#[test]
fn a_template_of_an_existing_deployment_changes_only_after_a_confirmation() {
    let (mut server, mut backend) =
        released(&json!({"image": "orders:1", "ports": [{"name": "http", "port": 8080}]}));
    respec(
        &mut backend,
        &json!({"image": "orders:2", "ports": [{"name": "http", "port": 8080}]}),
    );
    let decision = decide(&server.seen(&backend), now());
    assert!(
        matches!(
            decision.plan.steps.as_slice(),
            [Step::Confirm(_), Step::Create(_), Step::Apply(_)]
        ),
        "{:?}",
        decision.plan
    );
    settle(&mut server, &mut backend);
}

#[test]
fn a_service_port_changed_by_hand_comes_back() {
    let (mut server, mut backend) = released(&spec_with_migration("orders:1"));
    let edit = json!({"spec": {"ports": [{"name": "http", "port": 9999, "protocol": "TCP", "targetPort": "http"}]}});
    server.edit(ObjectKind::Service, "orders", &edit);
    assert_eq!(look(&mut server, &mut backend), ["DriftReverted"]);
    settle(&mut server, &mut backend);
    let ports = &server.objects[&(ObjectKind::Service, "orders".to_owned())]["spec"]["ports"];
    assert_eq!(
        ports,
        &json!([{"name": "http", "port": 8080, "protocol": "TCP", "targetPort": "http", "appProtocol": "http"}])
    );
}

/// The garbage collector takes the children of a Backend that is gone; the caches may show that before they show why.
#[test]
fn a_child_that_was_there_is_made_again_only_after_a_confirmation() {
    let (mut server, mut backend) =
        released(&json!({"image": "orders:1", "ports": [{"name": "http", "port": 8080}]}));
    server
        .objects
        .remove(&(ObjectKind::Service, "orders".to_owned()));
    let decision = decide(&server.seen(&backend), now());
    assert!(
        matches!(
            decision.plan.steps.as_slice(),
            [Step::Confirm(_), Step::Apply(_)]
        ),
        "{:?}",
        decision.plan
    );
    assert_eq!(settle(&mut server, &mut backend), ["apply Service orders"]);
}

#[test]
fn a_deleted_controller_revision_comes_back_without_a_restart() {
    let (mut server, mut backend) = released(&spec_with_migration("orders:1"));
    let template =
        server.objects[&(ObjectKind::Deployment, "orders".to_owned())]["spec"]["template"].clone();
    server
        .objects
        .remove(&(ObjectKind::ControllerRevision, "orders-r1".to_owned()));
    assert_eq!(
        settle(&mut server, &mut backend),
        ["create ControllerRevision orders-r1"]
    );
    assert_eq!(
        server.objects[&(ObjectKind::Deployment, "orders".to_owned())]["spec"]["template"],
        template
    );
}

/// I-12: the caches of a new leader may show the Deployment of a release before the ControllerRevision; the model of the gate found that it
/// went back to the release before.
#[test]
fn a_release_whose_controller_revision_is_not_shown_makes_room_for_no_older_one() {
    let (mut server, mut backend) = released(&spec_with_migration("orders:1"));
    respec(&mut backend, &spec_with_migration("orders:2"));
    settle(&mut server, &mut backend);
    server.finish_migrations("Succeeded");
    settle(&mut server, &mut backend);
    server.remove(ObjectKind::ControllerRevision, "orders-r2");
    let mut closed = server.clone();
    let mut waiting = backend.clone();

    respec(&mut backend, &spec_with_migration("orders:1"));
    settle(&mut server, &mut backend);
    respec(&mut waiting, &spec_with_migration("orders:3"));
    settle(&mut closed, &mut waiting);

    let release = |server: &Server| {
        let deployment = &server.objects[&(ObjectKind::Deployment, "orders".to_owned())];
        deployment["spec"]["template"]["metadata"]["labels"]["slipway.dev/release"].clone()
    };
    assert_eq!(
        (release(&server), release(&closed)),
        (json!("3"), json!("2"))
    );
}
