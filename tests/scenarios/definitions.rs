//! An object that was stored when the definition said something else (B-60): it cannot be read, and harms nobody but itself.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cluster::wait;
use crate::world::{PATIENCE, World};

/// The definitions that are loosened for a moment, and where: one more word in an enumeration.
const LOOSENED: [(&str, &str); 2] = [
    ("databases.slipway.dev", "tls/properties/mode"),
    ("backends.slipway.dev", "type"),
];

/// The word that no Slipway knows.
const ODD: &str = "Odd";

/// The others are looked at as ever; the bad ones are told what is wrong; a ledger is kept; the mended one goes on.
pub async fn an_object_of_a_looser_definition_is_told_so_and_keeps_its_ledger(
    world: World,
) -> Result<()> {
    let _operator = world.operator().await?;
    world.database("orders-db").await?;
    let mut orders = world.orders("orders", "1.0.0", "orders-db");
    orders["spec"]["replicas"] = 0.into();
    world.apply(&orders).await?;
    world.ready("orders").await?;
    let ledger = world.get("sldb/orders-db").await?["status"]["ledger"].clone();

    let mut put_back = Vec::new();
    for (definition, field) in LOOSENED {
        put_back.push((definition, loosen(&world, definition, field).await?));
    }
    let shown = bad_objects(&world).await;
    for (definition, patch) in put_back {
        patch_definition(&world, definition, &patch).await?;
    }
    shown?;

    set_tls_mode(&world, &Value::Null).await?;
    world.condition("sldb/orders-db", "Ready", "True").await?;
    let kept = world.get("sldb/orders-db").await?["status"]["ledger"].clone();
    ensure!(
        kept == ledger && !ledger.is_null(),
        "the ledger {ledger} became {kept}"
    );
    Ok(())
}

async fn bad_objects(world: &World) -> Result<()> {
    wait::until("the loosened definition", PATIENCE, async || {
        set_tls_mode(world, &ODD.into()).await
    })
    .await?;
    let odd = worker(world, "odd", ODD);
    wait::until("the loosened definition", PATIENCE, async || {
        world.apply(&odd).await
    })
    .await?;
    for object in ["sldb/orders-db", "slb/odd"] {
        let (reason, message) = world.condition(object, "Stalled", "True").await?;
        ensure!(
            reason == "InvalidSpec" && message.contains(ODD),
            "{object}: {reason}: {message}"
        );
    }
    world.apply(&worker(world, "even", "Worker")).await?;
    world.ready("even").await?;
    world.kubectl(&["delete", "slb/odd"]).await
}

fn worker(world: &World, name: &str, type_: &str) -> Value {
    json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Backend",
        "metadata": {"name": name, "namespace": world.namespace},
        "spec": {"type": type_, "image": "slipway.test/none:0", "replicas": 0, "ports": [{"name": "http", "port": 8080}]},
    })
}

async fn set_tls_mode(world: &World, mode: &Value) -> Result<()> {
    let change = json!({"spec": {"tls": {"mode": mode}}});
    world.patch("sldb/orders-db", &change).await
}

/// Adds the word to the enumeration of a field; returns the patch that takes it away again.
async fn loosen(world: &World, definition: &str, field: &str) -> Result<Value> {
    let object = world.get(&format!("crd/{definition}")).await?;
    let path =
        format!("/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/{field}/enum");
    let words = object.pointer(&path).cloned().unwrap_or_default();
    let mut more = words.as_array().cloned().unwrap_or_default();
    ensure!(!more.is_empty(), "{definition} has no words at {path}");
    more.push(ODD.into());
    let replace = |value: Value| json!([{"op": "replace", "path": path, "value": value}]);
    patch_definition(world, definition, &replace(more.into())).await?;
    Ok(replace(words))
}

async fn patch_definition(world: &World, definition: &str, patch: &Value) -> Result<()> {
    let patch = patch.to_string();
    let arguments = ["patch", "crd", definition, "--type=json", "-p", &patch];
    world.cluster().kubectl_ok(&arguments).await?;
    Ok(())
}
