//! What a Backend names and is not there, what stands under its names and is not Slipway's, and what is doubtful in it: each is told with the
//! field, the fault and the next command, and heals by itself when the cause is gone.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use slipway::api::backend::Backend;
use slipway::api::database::Database;
use slipway::core::migration::planned::planned;

use crate::cluster::canary::PASSWORD;
use crate::cluster::read::text;
use crate::cluster::{release, wait};
use crate::world::{PATIENCE, World};

/// B-8, B-18, B-22, and a UDP port that nothing can ask: warnings stop nothing.
pub async fn a_backend_tells_all_that_is_doubtful_in_it(world: World) -> Result<()> {
    let _operator = world.operator().await?;
    world.database("words").await?;
    let doubtful = json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend",
        "metadata": {"name": "doubtful", "namespace": world.namespace},
        "spec": {
            "image": "slipway.test/orders",
            "replicas": 0,
            "ports": [{"name": "beat", "port": 5000, "protocol": "UDP"}],
            "env": [
                {"name": "EARLY", "value": "$(PGHOST) $(LATE) $$(ESCAPED)"},
                {"name": "LATE", "value": "$(EARLY)"},
                {"name": "ODD", "value": "$(NOBODY)"},
            ],
            "resources": {"requests": {"memory": "64"}, "limits": {"memory": "128"}},
            "databases": [{"name": "words"}],
            "migrations": [{
                "name": "schema", "tool": "Goose",
                "source": {"image": "slipway.test/orders:1.0.0", "path": "/migrations"},
            }],
        },
    });
    world.apply(&doubtful).await?;
    world.ready("doubtful").await?;
    let warning = |code: &str, path: &str, rest: &str| json!({"code": code, "path": path, "severity": "warning", "message": format!("{path}{rest}")});
    let no_digest = " has no digest; a moved tag runs code that was not migrated";
    let expected = json!([
        warning("SLP0104", "spec.image", no_digest),
        warning("SLP0104", "spec.migrations[schema].source.image", no_digest),
        warning("SLP0106", "spec.env[EARLY]", ": $(LATE) is not defined before it and stays as it is written"),
        warning("SLP0106", "spec.env[ODD]", ": $(NOBODY) is not defined before it and stays as it is written"),
        warning("SLP0105", "spec.resources.requests.memory", ": 64 is a number of bytes; did you mean 64Mi?"),
        warning("SLP0105", "spec.resources.limits.memory", ": 128 is a number of bytes; did you mean 128Mi?"),
        {
            "code": "SLP0108", "path": "spec.probes.readiness", "severity": "warning",
            "message": "port beat speaks UDP, so pods count as ready once they run; give spec.probes.readiness a command",
        },
    ]);
    let told = world.get("slb/doubtful").await?["status"]["problems"].clone();
    ensure!(told == expected, "{told:#}, not {expected:#}");
    Ok(())
}

/// B-25, B-26, B-28, B-43, and ConfigMaps: the way of one Backend from nothing to Ready, a missing object after the other.
pub async fn what_a_backend_names_is_waited_for_and_named_until_it_comes(
    world: World,
) -> Result<()> {
    let _operator = world.operator().await?;
    let mut database =
        release::database_with_secret(world.cluster(), &world.namespace, "words", PASSWORD).await?;
    let namespace = &world.namespace;
    world.kubectl(&["delete", "secret", "words-app"]).await?;
    world.apply(&needy(&world)).await?;
    missing(
        &world,
        "DatabaseNotFound",
        "database words not found (named by spec.databases)",
        "get sldb words",
    )
    .await?;

    database["metadata"]["finalizers"] = json!(["example.test/held"]);
    world.apply(&database).await?;
    missing(
        &world,
        "ConfigMapMissing",
        "configmap settings not found (named by spec.env[MODE])",
        "get configmap settings",
    )
    .await?;
    world
        .kubectl(&["delete", "sldb", "words", "--wait=false"])
        .await?;
    missing(
        &world,
        "DatabaseTerminating",
        "database words is being deleted (named by spec.databases); nothing new is started on it",
        "get sldb words",
    )
    .await?;
    world
        .patch("sldb/words", &json!({"metadata": {"finalizers": null}}))
        .await?;
    database["metadata"]["finalizers"] = Value::Null;
    told(&world, "clerk", "DatabaseNotFound", "not found").await?;
    world.apply(&database).await?;

    let mut settings = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": namespace},
        "data": {"other": "x"},
    });
    world.apply(&settings).await?;
    missing(
        &world,
        "ConfigMapMissing",
        "configmap settings has no key mode (named by spec.env[MODE])",
        "describe configmap settings",
    )
    .await?;
    settings["data"] = json!({"mode": "quick"});
    world.apply(&settings).await?;

    its_pods(&world).await
}

/// What the pods of `clerk` need, until it is Ready.
async fn its_pods(world: &World) -> Result<()> {
    told(
        world,
        "clerk",
        "Forbidden",
        "serviceaccount clerk-account not found (named by spec.serviceAccountName)",
    )
    .await?;
    told(
        world,
        "clerk",
        "Forbidden",
        &format!(
            "Next: kubectl get serviceaccount clerk-account -n {}",
            world.namespace
        ),
    )
    .await?;
    world
        .kubectl(&["create", "serviceaccount", "clerk-account"])
        .await?;

    told(
        world,
        "clerk",
        "SecretMissing",
        "secret words-app not found (named by database words, spec.credentials)",
    )
    .await?;
    told(
        world,
        "clerk",
        "SecretMissing",
        &format!("Next: kubectl get secret words-app -n {}", world.namespace),
    )
    .await?;
    let mut half = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "words-app", "namespace": world.namespace},
    });
    half["stringData"] = json!({"username": world.database_name("words")});
    world.apply(&half).await?;
    told(
        world,
        "clerk",
        "SecretMissing",
        "secret words-app has no key password (named by database words, spec.credentials)",
    )
    .await?;
    half["stringData"]["password"] = json!(PASSWORD);
    world.apply(&half).await?;
    world.ready("clerk").await
}

/// Waits until the Backend `clerk` tells what is missing, what serves, until when that is waited for, and a command, which is typed.
async fn missing(world: &World, reason: &str, what: &str, command: &str) -> Result<()> {
    let words = format!("{what}; nothing is released yet, deadline ");
    told(world, "clerk", reason, &words).await?;
    let next = format!(" UTC. Next: kubectl {command} -n {}", world.namespace);
    told(world, "clerk", reason, &next).await
}

fn needy(world: &World) -> Value {
    json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend",
        "metadata": {"name": "clerk", "namespace": world.namespace},
        "spec": {
            "type": "Worker", "image": "slipway.test/orders:1.0.0",
            "serviceAccountName": "clerk-account",
            "env": [{"name": "MODE", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "mode"}}}],
            "databases": [{"name": "words"}],
            "shutdown": {"graceSeconds": 5},
        },
    })
}

/// migrations.md case 42.
/// B-28 for a run: the pod of a migration whose Secret is missing waits for it, and is named with it.
pub async fn a_migration_whose_secret_is_missing_names_it_and_runs_when_it_comes(
    world: World,
) -> Result<()> {
    let _operator = world.operator().await?;
    world.database("orders-db").await?;
    let secret = world.get("secret/orders-db-app").await?["data"].clone();
    world
        .kubectl(&["delete", "secret", "orders-db-app"])
        .await?;
    let mut orders = world.orders("orders", "1.0.0", "orders-db");
    orders["spec"]["replicas"] = json!(0);
    world.apply(&orders).await?;
    for words in [
        "secret \"orders-db-app\" not found",
        "(named by database orders-db, spec.credentials)",
        &format!(
            "Next: kubectl get secret orders-db-app -n {}",
            world.namespace
        ),
    ] {
        told(&world, "orders", "Migrating", words).await?;
    }
    world
        .apply(&json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "orders-db-app", "namespace": world.namespace}, "data": secret,
        }))
        .await?;
    world.ready("orders").await
}

/// B-3, B-4, B-59, I-27: each object of somebody else that stands under a name of ours is told and stays as it is, byte for byte; when it is gone,
/// the Backend goes on.
pub async fn what_is_not_slipways_stays_as_it_is_and_is_named(world: World) -> Result<()> {
    let _operator = world.operator().await?;
    world.database("orders-db").await?;
    let (account, service, deployment, job, migration) = tokio::join!(
        conflict(&world, "account"),
        conflict(&world, "service"),
        conflict(&world, "deployment"),
        conflict(&world, "job"),
        conflict(&world, "migration")
    );
    account.and(service).and(deployment).and(job).and(migration)
}

/// One foreign object under a name of ours, from its conflict to its end.
async fn conflict(world: &World, name: &str) -> Result<()> {
    let mut backend = world.orders(name, "1.0.0", "orders-db");
    backend["spec"]["replicas"] = json!(0);
    match name {
        "job" => {}
        // Another plan than the other's, which would be done for this one too.
        "migration" => backend["spec"]["migrations"][0]["target"] = json!("1"),
        _ => backend["spec"]["migrations"] = json!([]),
    }
    let mut foreign = foreign(name, &migration_name(world, &backend).await?);
    foreign["metadata"]["namespace"] = json!(world.namespace);
    let kind = match name {
        "migration" => "slm".to_owned(),
        _ => text(&foreign["kind"]).to_lowercase(),
    };
    let named = format!("{kind} {}", text(&foreign["metadata"]["name"]));
    let object = named.replace(' ', "/");
    world.apply(&foreign).await?;
    let before = without_its_controllers_part(world.get(&object).await?);
    world.apply(&backend).await?;
    let reason = if name == "job" {
        "MigrationBlocked"
    } else {
        "NameConflict"
    };
    let whose = match name {
        "migration" => "is not this Backend's",
        _ => "is not Slipway's",
    };
    for words in [whose, "stays untouched"] {
        told(world, name, reason, words).await?;
    }
    let next = format!(
        "if nobody needs it: kubectl delete {named} -n {}",
        world.namespace
    );
    let message = tells(world, &format!("slb/{name}"), reason, &next).await?;
    let after = without_its_controllers_part(world.get(&object).await?);
    ensure!(before == after, "{object}: {before:#} became {after:#}");
    world.type_next_command(&message).await?;
    world.ready(name).await.context(object)
}

/// A Job of somebody with all our labels is none of ours either: it has no ticket and no holder.
fn foreign(name: &str, migration: &str) -> Value {
    let container = json!({"name": "c", "image": "slipway.test/orders:1.0.0"});
    let theirs = json!({"app": "theirs"});
    let ours = json!({
        "app.kubernetes.io/managed-by": "slipway", "slipway.dev/migration": "some-uid",
        "slipway.dev/plan-key": "some-key", "slipway.dev/database-identity": "some-database",
    });
    match name {
        "account" => {
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}})
        }
        "service" => json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"ports": [{"port": 1}], "selector": theirs},
        }),
        "deployment" => json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {
                "replicas": 0, "selector": {"matchLabels": theirs},
                "template": {"metadata": {"labels": theirs}, "spec": {"containers": [container]}},
            },
        }),
        "migration" => json!({
            "apiVersion": "slipway.dev/v1alpha1", "kind": "Migration", "metadata": {"name": migration},
            "spec": {
                "backend": "theirs", "name": "schema", "database": "orders-db", "tool": "Goose", "phase": "BeforeRollout",
                "source": {"image": "slipway.test/orders:1.0.0", "path": "/migrations"}, "planKey": "a".repeat(52),
            },
        }),
        _ => json!({
            "apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"name": format!("{migration}-1"), "labels": ours},
            "spec": {
                "suspend": true,
                "template": {"metadata": {"labels": ours}, "spec": {"restartPolicy": "Never", "containers": [container]}},
            },
        }),
    }
}

/// Kubernetes' own controllers write the status of a Deployment and a Service.
fn without_its_controllers_part(mut object: Value) -> Value {
    object["status"] = Value::Null;
    object["metadata"]["resourceVersion"] = Value::Null;
    object["metadata"]["managedFields"] = Value::Null;
    object["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = Value::Null;
    object
}

/// The name that the Migration of a Backend will have, by Slipway's own code; empty without one.
async fn migration_name(world: &World, backend: &Value) -> Result<String> {
    let backend: Backend = serde_json::from_value(backend.clone())?;
    let database: Database = serde_json::from_value(world.get("sldb/orders-db").await?)?;
    let databases = BTreeMap::from([("orders-db".to_owned(), Arc::new(database))]);
    let planned = planned(&backend, &databases, &BTreeMap::new()).migrations;
    Ok(planned
        .first()
        .map(|planned| planned.object_name.clone())
        .unwrap_or_default())
}

/// Waits until a Migration is Blocked for this reason with this token in its next command; returns its message.
pub async fn blocked_by(world: &World, reason: &str, token: &str) -> Result<String> {
    wait::until(reason, PATIENCE, async || {
        let migrations = world.list("slm").await?;
        let conditions = migrations
            .iter()
            .filter_map(|migration| migration["status"]["conditions"].as_array());
        let messages: Vec<String> = conditions
            .flatten()
            .filter(|condition| condition["reason"] == reason)
            .map(|condition| text(&condition["message"]))
            .collect();
        let found = messages.iter().find(|message| message.ends_with(token));
        found.cloned().with_context(|| format!("{messages:?}"))
    })
    .await
}

/// Waits until a Backend is not Ready for this reason, in these words; a command in them that only looks is typed.
pub async fn told(world: &World, backend: &str, reason: &str, words: &str) -> Result<()> {
    let message = tells(world, &format!("slb/{backend}"), reason, words).await?;
    if words.contains("Next: kubectl ") {
        world.look(&message).await?;
    }
    Ok(())
}

/// Waits until `Ready` of an object has this reason and its message these words; returns the message.
pub async fn tells(world: &World, object: &str, reason: &str, words: &str) -> Result<String> {
    let what = format!("{object} to tell {reason}: {words}");
    wait::until(&what, PATIENCE, async || {
        let object = world.get(object).await?;
        let conditions = object["status"]["conditions"].as_array();
        let ready = conditions
            .into_iter()
            .flatten()
            .find(|condition| condition["type"] == "Ready")
            .context("no condition yet")?;
        let message = text(&ready["message"]);
        ensure!(
            ready["reason"] == reason && message.contains(words),
            "{ready}"
        );
        anyhow::Ok(message)
    })
    .await
}
