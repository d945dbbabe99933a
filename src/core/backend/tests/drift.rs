//! What others did to the children, and what becomes of it.

use serde_json::{Value, json};

use super::super::build::deployment::is_of_later_release;
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

/// The template of the Deployment, its replicas, and the number that it bears beside.
fn out(server: &Server) -> (Value, Value, Value) {
    let deployment = &server.objects[&(ObjectKind::Deployment, "orders".to_owned())];
    let annotations = &deployment["metadata"]["annotations"];
    (
        deployment["spec"]["template"].clone(),
        deployment["spec"]["replicas"].clone(),
        annotations["slipway.dev/release"].clone(),
    )
}

fn label(server: &mut Server, number: &Value) {
    let labels = json!({"metadata": {"labels": {"slipway.dev/release": number}}});
    let edit = json!({"spec": {"template": labels}});
    server.edit(ObjectKind::Deployment, "orders", &edit);
}

/// F-32: `kubectl edit`; the number alone makes no release.
#[test]
fn a_release_label_raised_or_taken_off_by_hand_comes_back_and_no_release_goes_out() {
    for number in [json!("99"), json!(i64::MAX.to_string()), Value::Null] {
        let (mut server, mut backend) = released(&spec_with_migration("orders:1"));
        let ours = out(&server);
        label(&mut server, &number);
        assert_eq!(look(&mut server, &mut backend), ["DriftReverted"]);
        assert_eq!(
            server.writes.split_off(0),
            ["apply Deployment orders", "status RollingOut"]
        );
        server.finish_rollout();
        assert_eq!(settle(&mut server, &mut backend), ["status Ready"]);
        assert_eq!(out(&server), ours);
    }
}

/// I-12: what the gate holds is the new template, not the care for the last.
#[test]
fn a_release_label_raised_behind_a_closed_gate_comes_back_while_replicas_go_on() {
    let (mut server, mut backend) = released(&spec_with_migration("orders:1"));
    let (template, _, number) = out(&server);
    let mut spec = spec_with_migration("orders:2");
    spec["replicas"] = json!(5);
    respec(&mut backend, &spec);
    label(&mut server, &json!("99"));
    let writes = settle(&mut server, &mut backend);
    let deployed = writes.iter().filter(|write| write.contains("Deployment"));
    assert_eq!(deployed.count(), 1, "{writes:?}");
    assert_eq!(out(&server), (template, json!(5), number));
    server.finish_migrations("Succeeded");
    settle(&mut server, &mut backend);
    let (template, _, number) = out(&server);
    assert_eq!(
        (
            &template["metadata"]["labels"]["slipway.dev/release"],
            number
        ),
        (&json!("2"), json!("2"))
    );
}

/// `kubectl rollout undo` copies the annotations of the older ReplicaSet; one from before the annotation has none.
#[test]
fn a_rollback_by_hand_to_what_bears_no_number_beside_is_reverted_too() {
    let (mut server, mut backend) = released(&spec_with_migration("orders:1"));
    let (first, ..) = out(&server);
    respec(&mut backend, &spec_with_migration("orders:2"));
    settle(&mut server, &mut backend);
    server.finish_migrations("Succeeded");
    settle(&mut server, &mut backend);
    let second = out(&server);
    for number in [json!("2"), Value::Null] {
        let annotations = json!({"slipway.dev/release": number});
        let undo = json!({"spec": {"template": first}, "metadata": {"annotations": annotations}});
        server.edit(ObjectKind::Deployment, "orders", &undo);
        assert_eq!(look(&mut server, &mut backend), ["ManualRollbackReverted"]);
        assert_eq!(out(&server), second);
    }
}

/// A Deployment without our label is in no cache. The release before the one whose ControllerRevision is gone stays where it is: the API
/// server still has the later one, and the writer would meet it again and again.
#[test]
fn a_release_that_is_neither_kept_nor_shown_makes_room_for_no_older_one() {
    let (mut server, mut backend) = released(&spec_with_migration("orders:1"));
    respec(&mut backend, &spec_with_migration("orders:2"));
    settle(&mut server, &mut backend);
    server.finish_migrations("Succeeded");
    settle(&mut server, &mut backend);
    server.remove(ObjectKind::ControllerRevision, "orders-r2");
    let deployment = (ObjectKind::Deployment, "orders".to_owned());
    let hidden = server.objects.remove(&deployment).expect("it is out");
    respec(&mut backend, &spec_with_migration("orders:3"));
    let writes = settle(&mut server, &mut backend);
    assert!(
        !writes.iter().any(|write| write.contains("Deployment")),
        "{writes:?}"
    );
    let status = backend.status.clone().expect("a status");
    assert_eq!(status.release.map(|release| release.revision), Some(2));

    server.finish_migrations("Succeeded");
    let steps = decide(&server.seen(&backend), now()).plan.steps;
    let Some(Step::Apply(apply)) = steps.last() else {
        panic!("a Deployment is last: {steps:?}");
    };
    assert!(!is_of_later_release(&hidden, &apply.body), "{steps:?}");
    settle(&mut server, &mut backend);
    assert_eq!(out(&server).2, json!("3"));
}
