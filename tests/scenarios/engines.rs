//! Databases that are not a plain PostgreSQL: MariaDB with TLS and a user of migrations' own, and a server behind a pooler.

use std::fs;

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable as _;
use serde_json::{Value, json};

use crate::cluster::build::PAUSE_IMAGE;
use crate::cluster::canary::{PASSWORD, WORD};
use crate::cluster::certificates::Certificates;
use crate::cluster::mariadb::MariaDb;
use crate::cluster::pgbouncer::PgBouncer;
use crate::cluster::server::{Options, Tls};
use crate::migrations::found_nowhere;
use crate::objects::told;
use crate::witness::{Body, Witnessed, backend};
use crate::world::World;

/// migrations.md cases 1, 30.
/// I-39: goose on a MariaDB that demands TLS, past a door that is closed. The authority's certificate is waited for by its name; pods get their own user and never see that of
/// migrations, and a migration never sees theirs.
pub async fn a_backend_on_mariadb_is_ready_and_its_pods_never_see_the_user_of_migrations(
    world: World,
) -> Result<()> {
    let operator = world.operator().await?;
    let (server, authority) = mariadb(&world).await?;
    let name = world.database_name("shop");
    server.create_database(&name, "owner", PASSWORD).await?;
    for (secret, user, password) in [("owner", "owner", PASSWORD), ("app", "app", WORD)] {
        world
            .apply(&json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": secret, "namespace": world.namespace},
                "stringData": {"username": user, "password": password},
            }))
            .await?;
    }
    let address = world.cluster().database_address()?.to_string();
    world
        .apply(&json!({
            "apiVersion": "slipway.dev/v1alpha1", "kind": "Database",
            "metadata": {"name": "shop", "namespace": world.namespace},
            "spec": {
                "engine": "MySQL", "host": address, "port": 1, "name": name,
                "direct": {"host": address, "port": server.port()},
                "credentials": {"secret": "app"},
                "migrationCredentials": {"secret": "owner"},
                "tls": {"mode": "VerifyFull", "ca": {"configMap": "authority"}},
            },
        }))
        .await?;
    let mut shop = backend(&world, "shop", "shop", Body::MariaDb);
    shop["spec"]["image"] = json!(PAUSE_IMAGE);
    shop["spec"]["replicas"] = json!(1);
    world.apply(&shop).await?;
    for words in [
        "configmap authority not found (named by database shop, spec.tls.ca); nothing is released yet",
        "Next: kubectl get configmap authority",
    ] {
        told(&world, "shop", "ConfigMapMissing", words).await?;
    }
    world.apply(&authority).await?;
    world.ready("shop").await?;

    let secret = |name: &str, key: &str| json!({"secretKeyRef": {"name": name, "key": key}});
    let expected = |host: Value, secret_name: &str, certificate: &str| {
        json!([
            {"name": "MYSQL_HOST", "value": address},
            {"name": "MYSQL_PORT", "value": host},
            {"name": "MYSQL_DATABASE", "value": name},
            {"name": "MYSQL_USER", "valueFrom": secret(secret_name, "username")},
            {"name": "MYSQL_PASSWORD", "valueFrom": secret(secret_name, "password")},
            {"name": "MYSQL_SSL_CA", "value": certificate},
        ])
    };
    let (migrations, programs): (Vec<Value>, Vec<Value>) = world
        .list("pods")
        .await?
        .into_iter()
        .partition(|pod| pod["spec"]["containers"][0]["name"] == "migrate");
    let (Some(migration), Some(program)) = (migrations.first(), programs.first()) else {
        anyhow::bail!(
            "{} migration pods, {} of the program",
            migrations.len(),
            programs.len()
        );
    };
    ensure!(
        of_mysql(program) == expected(json!("1"), "app", "/slipway-databases/shop/ca.crt"),
        "the program gets {}",
        of_mysql(program)
    );
    ensure!(
        of_mysql(migration)
            == expected(
                json!(server.port().to_string()),
                "owner",
                "/slipway-database/ca.crt"
            ),
        "the migration gets {}",
        of_mysql(migration)
    );
    ensure!(
        !program.to_string().contains("\"owner\"") && !migration.to_string().contains("\"app\""),
        "a pod names the Secret of the other"
    );
    let mut rows = server.connect(Some(&name)).await?;
    let witnessed: Vec<String> = rows.query("SELECT what FROM witness ORDER BY at").await?;
    ensure!(witnessed == ["begin", "end"], "{witnessed:?}");
    found_nowhere(&world, &operator).await
}

/// A MariaDB that pods reach and that takes nobody without TLS, and a ConfigMap with its authority's certificate.
async fn mariadb(world: &World) -> Result<(MariaDb, Value)> {
    let address = world.cluster().database_address()?;
    let options = Options::scratch();
    let folder = options.directory.with_extension("certificates");
    fs::create_dir_all(&folder)?;
    let certificates = Certificates::create(&folder)?;
    certificates.server("database", &[&format!("IP:{address}")])?;
    let tls = Tls {
        certificate: fs::read_to_string(certificates.certificate("database"))?,
        key: fs::read_to_string(certificates.key("database"))?,
        required: true,
    };
    let authority = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "authority", "namespace": world.namespace},
        "data": {"ca.crt": fs::read_to_string(certificates.certificate("ca"))?},
    });
    fs::remove_dir_all(&folder)?;
    let server = MariaDb::start(Options {
        address,
        tls: Some(tls),
        ..options
    })
    .await?;
    Ok((server, authority))
}

/// The variables of MySQL in a pod's only container.
fn of_mysql(pod: &Value) -> Value {
    let all = pod["spec"]["containers"][0]["env"].as_array();
    let of_mysql = all.into_iter().flatten().filter(|variable| {
        variable["name"]
            .as_str()
            .is_some_and(|name| name.starts_with("MYSQL_"))
    });
    json!(of_mysql.collect::<Vec<_>>())
}

/// migrations.md case 28.
/// F-41b: a pooler that lends sessions for one transaction is told before anything runs, with the next step; typed, it leads to the server itself.
pub async fn a_pooler_before_the_database_is_named_with_the_way_past_it(
    world: World,
) -> Result<()> {
    let _operator = world.operator().await?;
    let postgres = world.postgres().await?;
    let database = Witnessed::on(&world, &postgres, "books").await?;
    database.let_go().await?;
    let address = world.cluster().database_address()?;
    let folder = Options::scratch().directory;
    fs::create_dir_all(&folder)?;
    let name = world.database_name("books");
    let pooler = PgBouncer::start(&postgres, &name, "transaction", address, &folder).await?;
    fs::remove_dir_all(&folder)?;
    let door = json!({"spec": {"port": pooler.port}});
    world.patch("sldb/books", &door).await?;
    world
        .apply(&backend(&world, "books", "books", Body::Transactional))
        .await?;
    let (reason, message) = world.condition("slb/books", "Stalled", "True").await?;
    ensure!(reason == "MigrationBlocked", "{reason}: {message}");
    let migrations = world.list("slm").await?;
    let message = migrations
        .first()
        .and_then(|migration| {
            let conditions = migration["status"]["conditions"].as_array()?;
            conditions
                .iter()
                .find(|condition| condition["type"] == "Stalled")?["message"]
                .as_str()
        })
        .context("the migration says nothing")?;
    let (_, step) = message
        .split_once("Next: kubectl ")
        .with_context(|| message.to_owned())?;
    let (step, _) = step
        .split_once("; then: ")
        .with_context(|| message.to_owned())?;
    let step = step
        .replace("HOST", &address.to_string())
        .replace("PORT", &postgres.port().to_string());
    let words: Vec<&str> = step
        .split_whitespace()
        .map(|word| word.trim_matches('\''))
        .collect();
    world.cluster().kubectl_ok(&words).await?;
    world.type_next_command(message).await?;
    world.ready("books").await?;
    let versions = world.versions("books").await?;
    ensure!(versions == [1], "{versions:?}");
    Ok(())
}
