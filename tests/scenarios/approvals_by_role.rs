//! I-46: a user with the role edit alone cannot make a migration run that waits for an approval, by no edit of Backend, Migration or Database.
//! The files drop tables; whether a table is there is asked of the database itself.

mod users;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::approvals::awaited;
use crate::cluster::canary::PASSWORD;
use crate::cluster::read::text;
use crate::cluster::wait;
use crate::world::{PATIENCE, World};
use users::Users;

const FIRST: &str = "00001_drop.sql";
const SECOND: &str = "00002_drop.sql";
const IMAGE: &str = "slipway.test/orders:1.0.0";

/// Case a08 of issue 12, and every other way with the role edit.
pub async fn a_user_who_may_not_approve_makes_no_waiting_migration_run_by_any_edit(
    world: World,
) -> Result<()> {
    let _operator = world.operator().await?;
    let users = Users::of(&world).await?;
    world.database("d").await?;
    let tables =
        "CREATE TABLE one (id int); CREATE TABLE two (id int); CREATE TABLE three (id int)";
    execute(&world, tables).await?;
    world.apply(&files(&world, "sql", &["one"])).await?;
    let demand = json!({"approval": "OnDestructive"});
    users.apply(&backend(&world, "b", &demand)).await?;
    awaited(&world, "b", FIRST).await?;
    users.until_all_policies_are_in_force().await?;

    edits_of_the_backend_are_refused(&users).await?;
    edits_of_the_migration_run_nothing(&users).await?;
    plans_of_others_wait_too(&users).await?;
    a_backend_that_is_made_again_waits_as_before(&users).await?;
    the_demand_of_a_database_stays(&users).await?;
    nothing_has_run(&world).await?;

    users.approve(&awaited(&world, "b", FIRST).await?).await?;
    world.ready("b").await?;
    ensure!(!has_table(&world, "one").await?, "the approved file ran");
    a_user_who_may_approve_lowers_for_the_next_plan(&users).await?;
    users.leave().await?;
    a_namespace_takes_a_database_that_demands_approvals_with_it(&world).await
}

/// Each edit that lowers the demand is refused, and the refusal says what to type; the others are taken and run nothing.
async fn edits_of_the_backend_are_refused(users: &Users<'_>) -> Result<()> {
    let world = users.world;
    for paused in [true, false] {
        let rollout = json!({"spec": {"rollout": {"paused": paused}}});
        users.changes("slb/b", &rollout).await?;
    }
    let demanding = |changes: &Value| with(entry(&json!({"approval": "OnDestructive"})), changes);
    let entries = |entries: &[Value]| json!({"spec": {"migrations": entries}});
    for changes in [
        json!({"approval": null}),
        json!({"approval": "None"}),
        json!({"name": "renamed"}),
        json!({"name": "renamed", "approval": null}),
        json!({"approval": null, "source": {"configMap": "copy"}}),
        json!({"approval": null, "versionTable": "other"}),
        json!({"approval": null, "target": "1"}),
        json!({"approval": null, "phase": "AfterRollout", "soakSeconds": 0}),
    ] {
        let lowered = entries(&[demanding(&changes)]);
        users.may_not_change("slb/b", &lowered).await?;
    }
    users.may_not_change("slb/b", &entries(&[])).await?;
    let beside = entry(&json!({"name": "beside"}));
    let both = entries(&[demanding(&json!({})), beside]);
    users.may_not_change("slb/b", &both).await?;
    let mut shipped = entries(&[entry(&json!({}))]);
    shipped["spec"]["image"] = json!("slipway.test/orders:1.1.0");
    users.may_not_change("slb/b", &shipped).await?;
    let remove = r#"[{"op": "remove", "path": "/spec/migrations/0/approval"}]"#;
    let patch = ["patch", "slb/b", "--type=json", "-p", remove];
    users.may_not(&patch, "").await?;
    let bare = backend(world, "b", &json!({})).to_string();
    users.may_not(&users::APPLY, &bare).await?;
    users.may_not(&["replace", "-f", "-"], &bare).await?;

    // Raised by the same user, and lowered again.
    let raised = entries(&[demanding(&json!({"approval": "Always"}))]);
    users.changes("slb/b", &raised).await?;
    let lowered = entries(&[demanding(&json!({}))]);
    users.may_not_change("slb/b", &lowered).await
}

async fn edits_of_the_migration_run_nothing(users: &Users<'_>) -> Result<()> {
    let world = users.world;
    let migrations = world.list("slm").await?;
    ensure!(migrations.len() == 1, "{migrations:?}");
    let object = format!("slm/{}", text(&migrations[0]["metadata"]["name"]));
    let message = awaited(world, "b", FIRST).await?;
    let digest = message.rsplit('=').next().unwrap_or_default();
    let approve = format!("slipway.dev/approve={digest}");
    let annotate = ["annotate", "--overwrite", &object];
    users
        .may_not(&[&annotate[..], &[&approve]].concat(), "")
        .await?;
    users
        .does(&[&annotate[..], &["slipway.dev/retry=1"]].concat(), "")
        .await?;
    let label = ["label", "--overwrite", &object, "slipway.dev/backend=other"];
    users.does(&label, "").await?;
    let status = json!({"status": {"phase": "Succeeded"}}).to_string();
    let patch = ["patch", &object, "--subresource=status", "--type=merge"];
    let answer = users
        .types(&[&patch[..], &["-p", &status]].concat(), "")
        .await?;
    ensure!(answer.stderr.contains("Forbidden"), "{answer:?}");
    let orphan = json!({"metadata": {"ownerReferences": null}});
    users.changes(&object, &orphan).await?;
    users.does(&["delete", &object], "").await?;
    waiting(world, 1).await?;
    users
        .does(&["delete", "--raw", &users.all_of("migrations")], "")
        .await?;
    waiting(world, 1).await
}

/// Other Backends and hand-written Migrations without a demand: with the same plan, the same files or the same version table.
async fn plans_of_others_wait_too(users: &Users<'_>) -> Result<()> {
    let world = users.world;
    let mut copy = files(world, "copy", &["one"]);
    copy["data"][FIRST] = json!(format!("-- A copy.\n{}", drops("one")));
    world.apply(&copy).await?;
    let mut same_address = json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Database",
        "metadata": {"name": "e", "namespace": world.namespace},
    });
    same_address["spec"] = world.get("sldb/d").await?["spec"].clone();
    users.apply(&same_address).await?;
    let mut by_address = backend(world, "address", &json!({}));
    by_address["spec"]["databases"] = json!([{"name": "e"}]);
    users.apply(&by_address).await?;
    waiting(world, 2).await?;
    let others = [
        ("same", json!({})),
        ("copied", json!({"source": {"configMap": "copy"}})),
        ("table", json!({"versionTable": "other"})),
        ("target", json!({"target": "1"})),
        ("late", json!({"phase": "AfterRollout", "soakSeconds": 0})),
    ];
    for (name, changes) in &others {
        users.apply(&backend(world, name, changes)).await?;
    }
    let written = [
        hand_written(world, "names-it", "b", "sql", "goose_db_version"),
        hand_written(world, "names-another", "same", "copy", "another"),
    ];
    for migration in &written {
        users.apply(migration).await?;
    }
    waiting(world, 2 + others.len() + written.len()).await?;
    nothing_has_run(world).await?;
    for name in others.iter().map(|(name, _)| *name).chain(["address"]) {
        users.does(&["delete", &format!("slb/{name}")], "").await?;
    }
    users.may_not(&["delete", "sldb/e"], "").await?;
    users
        .does(&["delete", "slm/names-it", "slm/names-another"], "")
        .await?;
    waiting(world, 1).await
}

/// The ledger is the memory of what waits, so its Database stays as long: also where the garbage collector is led to it.
async fn a_backend_that_is_made_again_waits_as_before(users: &Users<'_>) -> Result<()> {
    let world = users.world;
    let database = world.get("sldb/d").await?["metadata"]["uid"].clone();
    let bait = files(world, "bait", &[]);
    world.apply(&bait).await?;
    let bait = world.get("configmap/bait").await?["metadata"]["uid"].clone();
    let owner = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "bait", "uid": bait}]);
    let led = json!({"metadata": {"ownerReferences": owner}});
    users.changes("sldb/d", &led).await?;
    world.kubectl(&["delete", "configmap/bait"]).await?;
    for source in ["sql", "copy"] {
        users.does(&["delete", "slb/b"], "").await?;
        users.may_not(&["delete", "sldb/d"], "").await?;
        let all = users.all_of("databases");
        users.may_not(&["delete", "--raw", &all], "").await?;
        for elsewhere in [
            json!({"port": 5433}),
            json!({"direct": {"host": "elsewhere"}}),
        ] {
            users
                .may_not_change("sldb/d", &json!({"spec": elsewhere}))
                .await?;
        }
        let again = json!({"source": {"configMap": source}});
        users.apply(&backend(world, "b", &again)).await?;
        waiting(world, 1).await?;
    }
    let free = json!({"metadata": {"ownerReferences": null}});
    users.changes("sldb/d", &free).await?;
    let stays = world.get("sldb/d").await?;
    ensure!(
        stays["metadata"]["uid"] == database && stays["metadata"]["deletionTimestamp"].is_null(),
        "{stays}"
    );
    Ok(())
}

async fn the_demand_of_a_database_stays(users: &Users<'_>) -> Result<()> {
    let demand = |approval: Value| json!({"spec": {"approval": approval}});
    for raised in ["OnDestructive", "Always"] {
        users.changes("sldb/d", &demand(json!(raised))).await?;
    }
    for lowered in [json!("OnDestructive"), json!("None"), Value::Null] {
        users.may_not_change("sldb/d", &demand(lowered)).await?;
    }
    users.may_not(&["delete", "sldb/d"], "").await
}

/// The controller of namespaces may not approve either, and is not in the way of anybody.
async fn a_namespace_takes_a_database_that_demands_approvals_with_it(world: &World) -> Result<()> {
    let guarded = world.beside("guarded").await?;
    let users = Users::of(&guarded).await?;
    let mut database = json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Database",
        "metadata": {"name": "d", "namespace": guarded.namespace},
    });
    database["spec"] = world.get("sldb/d").await?["spec"].clone();
    database["spec"]["approval"] = json!("Always");
    users.apply(&database).await?;
    wait::until("the policy to refuse", PATIENCE, async || {
        users
            .may_not(&["delete", "sldb/d", "--dry-run=server"], "")
            .await
    })
    .await?;
    let namespace = format!("namespace/{}", guarded.namespace);
    guarded
        .kubectl(&["delete", &namespace, "--wait=false"])
        .await?;
    guarded.until_gone("sldb").await?;
    users.leave().await?;
    guarded.end().await
}

/// What waits when the demand is lowered, waits on; the next plan does not.
async fn a_user_who_may_approve_lowers_for_the_next_plan(users: &Users<'_>) -> Result<()> {
    let world = users.world;
    let none = json!({"spec": {"approval": null}});
    world.apply(&files(world, "copy", &["one", "two"])).await?;
    let message = awaited(world, "b", SECOND).await?;
    let by = "spec.approval of database d demands it";
    ensure!(message.contains(by), "{message}");
    users.may_not_change("sldb/d", &none).await?;
    users.lead_changes("sldb/d", &none).await?;
    let copied = json!({"source": {"configMap": "copy"}, "approval": "OnDestructive"});
    let demanding = json!({"spec": {"migrations": [entry(&copied)]}});
    users.changes("slb/b", &demanding).await?;
    let bare = entry(&json!({"source": {"configMap": "copy"}}));
    let bare = json!({"spec": {"migrations": [bare]}});
    users.may_not_change("slb/b", &bare).await?;
    users.lead_changes("slb/b", &bare).await?;
    users.lead_does(&["delete", "sldb/e"]).await?;
    users.approve(&awaited(world, "b", SECOND).await?).await?;
    world.ready("b").await?;
    ensure!(!has_table(world, "two").await?, "the approved file ran");
    let all = ["one", "two", "three"];
    world.apply(&files(world, "copy", &all)).await?;
    wait::until("the next plan to run", PATIENCE, async || {
        ensure!(!has_table(world, "three").await?, "it waits");
        anyhow::Ok(())
    })
    .await
}

/// Waits until there are so many Migrations, and each waits for an approval.
async fn waiting(world: &World, count: usize) -> Result<()> {
    wait::until("all to wait for an approval", PATIENCE, async || {
        let migrations = world.list("slm").await?;
        let phases = migrations.iter().map(|migration| {
            let name = text(&migration["metadata"]["name"]);
            (name, text(&migration["status"]["phase"]))
        });
        let phases: Vec<_> = phases.collect();
        let all_wait = phases.iter().all(|(_, phase)| phase == "AwaitingApproval");
        ensure!(phases.len() == count && all_wait, "{phases:?}");
        anyhow::Ok(())
    })
    .await
}

/// Neither a table is gone, nor was there a Job that runs the tool.
async fn nothing_has_run(world: &World) -> Result<()> {
    ensure!(has_table(world, "one").await?, "a file ran unapproved");
    for database in world.list("sldb").await? {
        let entries = database["status"]["ledger"]["entries"].as_array().cloned();
        for entry in entries.into_iter().flatten() {
            ensure!(entry["lastAttempt"] == 0, "{entry}");
        }
    }
    Ok(())
}

async fn has_table(world: &World, table: &str) -> Result<bool> {
    let postgres = world.postgres().await?;
    let client = postgres.connect(&world.database_name("d")).await?;
    let row = client
        .query_one("SELECT to_regclass($1) IS NOT NULL", &[&table])
        .await?;
    Ok(row.get(0))
}

/// As the user of the migrations would do it.
async fn execute(world: &World, statements: &str) -> Result<()> {
    let name = world.database_name("d");
    let postgres = world.postgres().await?;
    let client = postgres.connect_as(&name, PASSWORD, &name).await?;
    client.batch_execute(statements).await?;
    Ok(())
}

/// A ConfigMap whose files drop these tables.
fn files(world: &World, name: &str, tables: &[&str]) -> Value {
    let numbered = tables.iter().zip(1..);
    let file =
        |(table, number): (&&str, u32)| (format!("{number:05}_drop.sql"), json!(drops(table)));
    let data: serde_json::Map<String, Value> = numbered.map(file).collect();
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": world.namespace},
        "data": data,
    })
}

fn drops(table: &str) -> String {
    format!("-- +goose Up\nDROP TABLE {table};\n")
}

/// A Backend without pods, whose entry is changed so.
fn backend(world: &World, name: &str, changes: &Value) -> Value {
    world.migrating(name, IMAGE, "d", &entry(changes))
}

/// The entry that demands nothing, changed so.
fn entry(changes: &Value) -> Value {
    let entry = json!({"name": "m", "tool": "Goose", "source": {"configMap": "sql"}});
    with(entry, changes)
}

fn hand_written(world: &World, name: &str, backend: &str, files: &str, table: &str) -> Value {
    json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Migration",
        "metadata": {"name": name, "namespace": world.namespace},
        "spec": {
            "backend": backend, "name": "again", "database": "d", "tool": "Goose", "phase": "BeforeRollout",
            "source": {"image": IMAGE, "configMap": files}, "versionTable": table,
        },
    })
}

/// The same with these fields; null leaves a field out.
fn with(mut base: Value, changes: &Value) -> Value {
    if let (Some(fields), Some(changes)) = (base.as_object_mut(), changes.as_object()) {
        fields.extend(changes.clone());
        fields.retain(|_, value| !value.is_null());
    }
    base
}
