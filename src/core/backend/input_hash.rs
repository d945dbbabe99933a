//! The input hash: of what the application team decided and what reaches the pod template. A release belongs to one. Replicas, the rollout's
//! settings, the Service's own numbers, and how a given Slipway builds are not in it: none of them restarts a pod.

use kube::ResourceExt;
use serde_json::{Value, json};

use super::resolved::Bound;
use super::seen::Seen;
use crate::api::backend::{Backend, BackendSpec};
use crate::api::common::Engine;
use crate::core::database::endpoint::Endpoint;
use crate::core::hash;

/// The hash of the spec as written (a changed default is no decision of the team), the surroundings as pods see them, and the plan as far as
/// the release waits for it: what runs after it restarts nothing.
#[must_use]
pub fn input_hash(seen: &Seen, bound: &Bound) -> String {
    let plan_keys: Vec<&str> = seen
        .planned
        .migrations
        .iter()
        .filter(|migration| migration.is_before_rollout())
        .map(|migration| migration.spec.plan_key.as_str())
        .collect();
    let databases: Vec<Value> = bound.databases.iter().map(of_database).collect();
    hash::of_value(&json!({
        "spec": of_spec(&seen.backend),
        "databases": databases,
        "config": bound.config_hash,
        "planKeys": plan_keys,
    }))
}

fn of_spec(backend: &Backend) -> Value {
    let BackendSpec {
        type_: _,
        image,
        command,
        args,
        image_pull_policy,
        image_pull_secrets,
        env,
        env_from,
        files,
        restart_on_config_change: _,
        ports,
        probes,
        resources,
        go,
        replicas: _,
        shutdown,
        security,
        service_account_name,
        databases,
        migrations: _,
        rollout: _,
    } = &backend.spec;
    let ports: Vec<Value> = ports
        .iter()
        .map(|port| json!({"name": port.name, "port": port.port, "protocol": port.protocol}))
        .collect();
    json!({
        "name": backend.name_any(),
        "image": image,
        "command": command,
        "args": args,
        "imagePullPolicy": image_pull_policy,
        "imagePullSecrets": image_pull_secrets,
        "env": env,
        "envFrom": env_from,
        "files": files,
        "ports": ports,
        "probes": probes,
        "resources": resources,
        "go": go,
        "shutdown": shutdown,
        "security": security,
        "serviceAccountName": service_account_name,
        "databases": databases,
    })
}

fn of_database(database: &Endpoint) -> Value {
    let Endpoint {
        engine,
        host,
        port,
        name,
        tls,
        secret,
        user_key,
        password_key,
        authority,
    } = database;
    let mut value = json!({"host": host, "port": port, "name": name, "tls": tls, "secret": secret, "userKey": user_key, "passwordKey": password_key});
    // What older releases could not have is no part of theirs.
    if let Some(members) = value.as_object_mut() {
        if *engine == Engine::MySQL {
            members.insert("engine".to_owned(), json!(engine));
        }
        if let Some(authority) = authority {
            members.insert("authority".to_owned(), authority.volume("authority"));
        }
    }
    value
}
