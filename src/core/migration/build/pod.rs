//! The pod of the migration Job: two init containers bring the runner and the files, the main one is the runner with the tool. Restricted,
//! without a token, and left alone by autoscaler and meshes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::attempt::Attempt;
use super::environment;
use super::parameters;
use super::volumes::{self, FILES_FOLDER, Mounted, RUNNER_FOLDER};
use crate::core::meta;
use crate::core::migration::parameters::ARMED_VARIABLE;
use crate::core::run::evidence::MAIN_CONTAINER;
use crate::core::run::ticket::Ticket;

/// Uid and gid of the pod: an image without USER would start as root, which the restricted policy refuses.
const USER: i64 = 65532;

/// The Job's pod template.
pub(super) fn template(
    attempt: &Attempt,
    ticket: &Ticket,
    labels: &BTreeMap<&'static str, String>,
) -> Value {
    json!({"metadata": metadata(labels), "spec": spec(attempt, ticket)})
}

fn metadata(labels: &BTreeMap<&'static str, String>) -> Value {
    let mut labels = labels.clone();
    labels.insert("sidecar.istio.io/inject", "false".to_owned());
    json!({
        "labels": labels,
        "annotations": {
            "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
            "linkerd.io/inject": "disabled",
        },
    })
}

fn spec(attempt: &Attempt, ticket: &Ticket) -> Value {
    let (volumes, mounts) = volumes::of_main(attempt)
        .into_iter()
        .map(|Mounted { volume, mount }| (volume, mount))
        .unzip();
    let mut spec = json!({
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": attempt.settings.migrations.grace.as_secs(),
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "securityContext": {
            "runAsNonRoot": true,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "initContainers": init_containers(attempt, ticket),
        "containers": [main(attempt, ticket, mounts)],
        "volumes": Value::Array(volumes),
    });
    if !attempt.backend.spec.image_pull_secrets.is_empty() {
        let secrets = json!(attempt.backend.spec.image_pull_secrets);
        set(&mut spec, "imagePullSecrets", secrets);
    }
    spec
}

/// Where the runner's file is.
fn runner() -> String {
    format!("{RUNNER_FOLDER}/slipway")
}

fn init_containers(attempt: &Attempt, ticket: &Ticket) -> Vec<Value> {
    let copying_itself = container(
        "runner",
        &attempt.settings.images.runner,
        &["/slipway", "runner", "copy-self", &runner()],
        vec![volumes::runner().mount],
    );
    let path = attempt.spec.source.path.as_deref();
    let copying_files = path
        .filter(|_| !attempt.settings.images.volumes)
        .map(|path| copying_files(attempt, ticket, path));
    [Some(copying_itself), copying_files]
        .into_iter()
        .flatten()
        .collect()
}

/// The init container that copies the files out of their image.
fn copying_files(attempt: &Attempt, ticket: &Ticket, path: &str) -> Value {
    let mut copying = container(
        "source",
        &attempt.spec.source.image,
        &[
            &runner(),
            "runner",
            "copy-files",
            "--from",
            path,
            "--to",
            FILES_FOLDER,
        ],
        vec![volumes::runner().mount, volumes::files().mount],
    );
    set(
        &mut copying,
        "env",
        json!([parameters::variable(attempt, ticket)]),
    );
    pull(&mut copying, attempt);
    copying
}

/// The container in which the runner runs the tool.
fn main(attempt: &Attempt, ticket: &Ticket, mounts: Vec<Value>) -> Value {
    let runner = runner();
    let mut command = vec![runner.as_str(), "runner", "run"];
    if !attempt.spec.options.command.is_empty() {
        command.push("--");
        // Here, and not among the parameters, so that the kubelet puts variables in place of `$(NAME)`.
        command.extend(attempt.spec.options.command.iter().map(String::as_str));
    }
    let tool_image = tool_image(attempt);
    let image = tool_image.unwrap_or(&attempt.spec.source.image);
    let mut main = container(MAIN_CONTAINER, image, &command, mounts);
    set(&mut main, "env", variables(attempt, ticket));
    if tool_image.is_none() {
        pull(&mut main, attempt);
    }
    main
}

/// The platform's image of the tool, unless the entry says where the tool is in its own, or has a program of its own.
fn tool_image<'a>(attempt: &Attempt<'a>) -> Option<&'a String> {
    let own = attempt.spec.options.tool_path.is_some();
    let image = attempt.settings.images.tools.of(attempt.spec.tool);
    image.filter(|_| !own)
}

/// The connection, what the runner is told, and then the migration's own.
fn variables(attempt: &Attempt, ticket: &Ticket) -> Value {
    let armed = format!("metadata.annotations['{}']", meta::ARMED_ANNOTATION);
    let mut variables = environment::connection(&attempt.endpoint());
    variables
        .push(json!({"name": ARMED_VARIABLE, "valueFrom": {"fieldRef": {"fieldPath": armed}}}));
    variables.push(parameters::variable(attempt, ticket));
    variables.extend(environment::own(&attempt.spec.options.env));
    json!(variables)
}

fn container(name: &str, image: &str, command: &[&str], mounts: Vec<Value>) -> Value {
    json!({
        "name": name,
        "image": image,
        "command": command,
        "terminationMessagePolicy": "File",
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": Value::Array(mounts),
    })
}

/// The user's images are pulled as the Backend says.
fn pull(container: &mut Value, attempt: &Attempt) {
    if let Some(policy) = attempt.backend.spec.image_pull_policy {
        set(container, "imagePullPolicy", json!(policy));
    }
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}
