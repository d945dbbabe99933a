//! The migration Job: born suspended, without an owner and with a finalizer, so that nobody starts or removes it before its outcome can be
//! recorded (`migrations.md` section 3).

use std::collections::BTreeMap;

use kube::ResourceExt;
use serde_json::{Value, json};

use crate::api::backend::Backend;
use crate::api::common::Tool;
use crate::api::database::{Database, RunMode, TakenForApplied};
use crate::api::migration::{Migration, MigrationSpec};
use crate::core::database::endpoint::Endpoint;
use crate::core::meta;
use crate::core::migration::build::environment;
use crate::core::migration::parameters::{
    ARMED_VARIABLE, ConfigMapFiles, PARAMETERS_VARIABLE, RunParameters,
};
use crate::core::migration::planned;
use crate::core::run::evidence::MAIN_CONTAINER;
use crate::core::run::ticket::{TICKET_ANNOTATION, Ticket, job_name};
use crate::core::settings::{MigrationTimes, Settings};

/// Folder of the runner in the pod: an emptyDir that the first init container fills.
const RUNNER_FOLDER: &str = "/slipway-runner";

/// Folder of the migration files in the pod: an emptyDir that the second init container fills, or the runner from a ConfigMap.
const FILES_FOLDER: &str = "/slipway-files";

/// Where a ConfigMap with the migration files is mounted. The kubelet changes what is there whenever the ConfigMap changes, so no tool reads
/// it there.
const CONFIG_MAP_FOLDER: &str = "/slipway-config-map";

/// Where the image with the files is mounted.
const IMAGE_FOLDER: &str = "/slipway-image";

/// Uid and gid of the pod: an image without USER would start as root, which the restricted policy refuses.
const USER: i64 = 65532;

/// Added to all limits of the runner, so that the runner's own deadlines come first: two minutes, in seconds.
const DEADLINE_SLACK_SECONDS: u64 = 120;

/// What an attempt is made from.
#[derive(Clone, Debug)]
pub struct Attempt<'a> {
    pub migration: &'a Migration,
    /// Its spec as the Backend asks for it now: what the plan key leaves out may have changed since the Migration was made.
    pub spec: &'a MigrationSpec,
    /// What the ledger knows of the files that ran, for a tool whose own table does not name them.
    pub known: Option<&'a TakenForApplied>,
    /// Whether the program may have run before the ledger began.
    pub may_have_run: bool,
    pub backend: &'a Backend,
    pub database: &'a Database,
    pub settings: &'a Settings,
    pub term: &'a str,
    pub number: i64,
    pub mode: RunMode,
    /// Whether a Check run only lists what is pending.
    pub lists: bool,
    /// Digest of what may run; absent: any.
    pub approved: Option<String>,
}

impl Attempt<'_> {
    fn times(&self) -> MigrationTimes {
        self.settings
            .migrations
            .with(self.spec.options.timeouts.as_ref())
    }
}

/// The body of the POST. Its hash stands in the annotation `slipway.dev/hash` and leaves out the leader's term.
#[must_use]
pub fn job(attempt: &Attempt) -> Value {
    let ticket = ticket(attempt);
    let labels = labels(&ticket);
    let mut body = json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name(&ticket.migration, attempt.number, attempt.mode),
            "namespace": attempt.migration.namespace(),
            "labels": labels,
            "annotations": {TICKET_ANNOTATION: as_text(&ticket)},
            "finalizers": [meta::OUTCOME_FINALIZER],
        },
        "spec": {
            "suspend": true,
            "backoffLimit": 0,
            "parallelism": 1,
            "completions": 1,
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": {
                "rules": [{"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}],
            },
            "activeDeadlineSeconds": deadline_seconds(&attempt.times()),
            "template": {"metadata": pod_metadata(&labels), "spec": pod_spec(attempt, &ticket)},
        },
    });
    let hash = crate::core::hash::of_value(&body);
    if let Some(annotations) = body
        .pointer_mut("/metadata/annotations")
        .and_then(Value::as_object_mut)
    {
        annotations.insert(meta::HASH_ANNOTATION.to_owned(), Value::String(hash));
        annotations.insert(
            meta::LEADER_ANNOTATION.to_owned(),
            Value::String(attempt.term.to_owned()),
        );
    }
    body
}

fn ticket(attempt: &Attempt) -> Ticket {
    let spec = attempt.spec;
    let attempts = spec.options.retry.as_ref().and_then(|retry| retry.attempts);
    Ticket {
        migration: attempt.migration.name_any(),
        migration_uid: attempt.migration.uid().unwrap_or_default(),
        backend: spec.backend.clone(),
        database: spec.database.clone(),
        database_identity: planned::identity(&attempt.database.spec),
        plan_key: spec.plan_key.clone(),
        attempt: attempt.number,
        mode: attempt.mode,
        tool: spec.tool,
        phase: spec.phase,
        version_table: planned::version_table(spec).to_owned(),
        secret: endpoint(attempt).secret,
        start_seconds: Some(attempt.times().start.as_secs()),
        attempts: attempts.map(i64::from),
        lists: attempt.lists,
        approved: attempt.approved.clone(),
    }
}

fn labels(ticket: &Ticket) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        (meta::MANAGED_BY, meta::MANAGER.to_owned()),
        (meta::MIGRATION_LABEL, ticket.migration_uid.clone()),
        (meta::DATABASE_LABEL, ticket.database_identity.clone()),
        (meta::PLAN_KEY_LABEL, ticket.plan_key.clone()),
    ])
}

fn pod_metadata(labels: &BTreeMap<&'static str, String>) -> Value {
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

fn deadline_seconds(times: &MigrationTimes) -> u64 {
    [times.start, times.lock_wait, times.run, times.grace]
        .iter()
        .map(std::time::Duration::as_secs)
        .fold(DEADLINE_SLACK_SECONDS, u64::saturating_add)
}

fn pod_spec(attempt: &Attempt, ticket: &Ticket) -> Value {
    let source = &attempt.spec.source;
    let runner = format!("{RUNNER_FOLDER}/slipway");
    let tool_image = tool_image(attempt);
    let mut command = vec![runner.as_str(), "runner", "run"];
    if !attempt.spec.options.command.is_empty() {
        command.push("--");
        // Here, and not among the parameters, so that the kubelet puts variables in place of `$(NAME)`.
        command.extend(attempt.spec.options.command.iter().map(String::as_str));
    }
    let mut mounts = vec![("runner", RUNNER_FOLDER), ("tmp", "/tmp")];
    let has_files = source.path.is_some() || source.config_map.is_some();
    let mut volumes = vec![
        json!({"name": "runner", "emptyDir": {}}),
        json!({"name": "tmp", "emptyDir": {}}),
    ];
    let mut init_containers = vec![container(
        "runner",
        &attempt.settings.runner_image,
        &["/slipway", "runner", "copy-self", &runner],
        &[("runner", RUNNER_FOLDER)],
    )];
    if has_files {
        mounts.push(("files", FILES_FOLDER));
        volumes.push(json!({"name": "files", "emptyDir": {}}));
    }
    if source.path.is_some() && !attempt.settings.image_volumes {
        init_containers.push(copying(attempt, ticket, &runner));
    }
    let mut main = container(
        MAIN_CONTAINER,
        tool_image.unwrap_or(&source.image),
        &command,
        &mounts,
    );
    set(&mut main, "env", environment(attempt, ticket));
    if tool_image.is_none() {
        pull(&mut main, attempt);
    }
    if let Some(authority) = endpoint(attempt).authority {
        volumes.push(authority.volume("database-ca"));
        push(
            &mut main,
            "volumeMounts",
            json!({"name": "database-ca", "mountPath": environment::AUTHORITY_FOLDER, "readOnly": true}),
        );
    }
    if image_folder(attempt).is_some() {
        volumes.push(image_volume(attempt));
        push(
            &mut main,
            "volumeMounts",
            json!({"name": "source", "mountPath": IMAGE_FOLDER, "readOnly": true}),
        );
    }
    if let Some(name) = &source.config_map {
        // Where it is gone meanwhile, the runner says so at once; a pod would wait for it.
        volumes.push(json!({"name": "config-map", "configMap": {"name": name, "optional": true}}));
        push(
            &mut main,
            "volumeMounts",
            json!({"name": "config-map", "mountPath": CONFIG_MAP_FOLDER, "readOnly": true}),
        );
    }
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
        "initContainers": init_containers,
        "containers": [main],
        "volumes": volumes,
    });
    if !attempt.backend.spec.image_pull_secrets.is_empty() {
        let secrets = json!(attempt.backend.spec.image_pull_secrets);
        set(&mut spec, "imagePullSecrets", secrets);
    }
    spec
}

/// The init container that copies the files out of their image.
fn copying(attempt: &Attempt, ticket: &Ticket, runner: &str) -> Value {
    let source = &attempt.spec.source;
    let path = source.path.as_deref().unwrap_or_default();
    let mut copying = container(
        "source",
        &source.image,
        &[
            runner,
            "runner",
            "copy-files",
            "--from",
            path,
            "--to",
            FILES_FOLDER,
        ],
        &[("runner", RUNNER_FOLDER), ("files", FILES_FOLDER)],
    );
    set(
        &mut copying,
        "env",
        json!([parameters_variable(attempt, ticket)]),
    );
    pull(&mut copying, attempt);
    copying
}

/// Where the folder with the files is in the mounted image, if it is mounted.
fn image_folder(attempt: &Attempt) -> Option<String> {
    let path = attempt.spec.source.path.as_ref()?;
    let mounted = attempt.settings.image_volumes;
    mounted.then(|| format!("{IMAGE_FOLDER}{path}"))
}

fn image_volume(attempt: &Attempt) -> Value {
    let mut image = json!({"reference": attempt.spec.source.image});
    if let Some(policy) = attempt.backend.spec.image_pull_policy {
        set(&mut image, "pullPolicy", json!(policy));
    }
    json!({"name": "source", "image": image})
}

/// The user's images are pulled as the Backend says.
fn pull(container: &mut Value, attempt: &Attempt) {
    if let Some(policy) = attempt.backend.spec.image_pull_policy {
        set(container, "imagePullPolicy", json!(policy));
    }
}

/// The platform's image of the tool, unless the entry says where the tool is in its own, or has a program of its own.
fn tool_image<'a>(attempt: &Attempt<'a>) -> Option<&'a String> {
    let own = attempt.spec.options.tool_path.is_some();
    let image = attempt.settings.tool_images.of(attempt.spec.tool);
    image.filter(|_| !own)
}

fn container(name: &str, image: &str, command: &[&str], mounts: &[(&str, &str)]) -> Value {
    let mounts: Vec<Value> = mounts
        .iter()
        .map(|(volume, path)| json!({"name": volume, "mountPath": path}))
        .collect();
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
        "volumeMounts": mounts,
    })
}

/// Where migrations of this Database go.
fn endpoint(attempt: &Attempt) -> Endpoint {
    Endpoint::of_migrations(&attempt.database.spec)
}

fn environment(attempt: &Attempt, ticket: &Ticket) -> Value {
    let armed = format!("metadata.annotations['{}']", meta::ARMED_ANNOTATION);
    let mut variables = environment::connection(&endpoint(attempt));
    variables
        .push(json!({"name": ARMED_VARIABLE, "valueFrom": {"fieldRef": {"fieldPath": armed}}}));
    variables.push(parameters_variable(attempt, ticket));
    variables.extend(environment::own(&attempt.spec.options.env));
    json!(variables)
}

fn parameters_variable(attempt: &Attempt, ticket: &Ticket) -> Value {
    json!({"name": PARAMETERS_VARIABLE, "value": as_text(&parameters(attempt, ticket))})
}

fn parameters(attempt: &Attempt, ticket: &Ticket) -> RunParameters {
    let database = endpoint(attempt);
    let times = attempt.times();
    let options = &attempt.spec.options;
    let source = &attempt.spec.source;
    let files = source.path.as_ref().or(source.config_map.as_ref());
    let config_map = source.config_map.as_ref().map(|name| ConfigMapFiles {
        name: name.clone(),
        folder: CONFIG_MAP_FOLDER.to_owned(),
        digest: source.digest.clone().unwrap_or_default(),
    });
    let seconds =
        |duration: std::time::Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    RunParameters {
        migration_uid: ticket.migration_uid.clone(),
        plan_key: ticket.plan_key.clone(),
        attempt: attempt.number,
        mode: attempt.mode,
        tool: ticket.tool,
        engine: database.engine,
        host: database.host,
        port: database.port,
        database: database.name,
        tls: database.tls,
        authority: database.authority.map(|_| environment::authority_file()),
        own_user: attempt.database.spec.migration_credentials.is_some(),
        files: files.map(|_| FILES_FOLDER.to_owned()).unwrap_or_default(),
        image_folder: image_folder(attempt),
        config_map,
        target: attempt.spec.target.clone(),
        known: attempt.known.cloned(),
        may_have_run: attempt.may_have_run,
        out_of_order: options.out_of_order.unwrap_or_default(),
        tool_path: options.tool_path.clone(),
        command: Vec::new(),
        read_back: options.read_back,
        idempotent: options.idempotent == Some(true),
        secrets: environment::secrets(&options.env),
        version_table: ticket.version_table.clone(),
        // A program has no list to compare: its approval is bound to the plan key.
        approved: attempt
            .approved
            .clone()
            .filter(|_| ticket.tool != Tool::Exec),
        lock_wait_seconds: seconds(times.lock_wait),
        run_seconds: seconds(times.run),
        grace_seconds: seconds(times.grace),
    }
}

fn push(object: &mut Value, name: &str, value: Value) {
    if let Some(list) = object.get_mut(name).and_then(Value::as_array_mut) {
        list.push(value);
    }
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

fn as_text<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests;
