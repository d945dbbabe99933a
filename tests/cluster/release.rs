//! What a story needs on a cluster: Slipway's image and chart, the releases of the orders service, a database with its Secret.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::application::{Application, tools_image};
use super::postgres::Postgres;
use super::product::Product;
use super::read::text;
use super::session::Cluster;
use super::{helm, wait};

pub use super::read::get;

/// The name that Slipway's image has in the test cluster.
pub const SLIPWAY_IMAGE: &str = concat!("slipway.test/slipway:", env!("CARGO_PKG_VERSION"));

/// The namespace that the chart is installed into.
pub const SLIPWAY_NAMESPACE: &str = "slipway-system";

/// Loads Slipway's image and that of the tools; returns the name of the latter.
pub async fn load_slipway(cluster: &Cluster, product: &Product) -> Result<String> {
    cluster.load_image(&product.image(SLIPWAY_IMAGE)?).await?;
    let tools = tools_image(&cluster.program("goose")?, &cluster.program("migrate")?);
    cluster.load_image(&tools).await?;
    Ok(tools.name().to_owned())
}

/// Installs the chart as a platform team would, and waits until its pods are ready.
pub async fn install_slipway(cluster: &Cluster, tools: &str) -> Result<String> {
    install_slipway_as(cluster, "slipway", SLIPWAY_NAMESPACE, tools, &[]).await
}

/// The same under another name, in another namespace, with further values.
pub async fn install_slipway_as(
    cluster: &Cluster,
    name: &str,
    namespace: &str,
    tools: &str,
    further: &[&str],
) -> Result<String> {
    let (repository, tag) = SLIPWAY_IMAGE
        .rsplit_once(':')
        .context("the image has a tag")?;
    let repository = format!("image.repository={repository}");
    let tag = format!("image.tag={tag}");
    let goose = format!("toolImages.goose={tools}");
    let golang_migrate = format!("toolImages.golangMigrate={tools}");
    let ours = [repository.as_str(), &tag, &goose, &golang_migrate];
    let values = [&ours[..], further].concat();
    cluster
        .install_chart(name, &helm::slipway_chart(), namespace, &values)
        .await
}

/// Builds the orders service and loads it as `slipway.test/orders:VERSION` with one folder of migrations.
pub async fn load_orders(cluster: &Cluster, version: &str, migrations: &str) -> Result<()> {
    let application = Application::build("orders", version).await?;
    cluster.load_image(&application.image(migrations)?).await?;
    Ok(())
}

/// A database of its own on the cluster's server.
pub async fn database_with_secret(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
    password: &str,
) -> Result<Value> {
    let postgres = cluster.postgres().await?;
    database_on(cluster, &postgres, namespace, name, password).await
}

/// A database of its own with a user and a password, and the Secret that holds them; returns the manifest of the Database.
pub async fn database_on(
    cluster: &Cluster,
    postgres: &Postgres,
    namespace: &str,
    name: &str,
    password: &str,
) -> Result<Value> {
    let database = format!("{namespace}-{name}");
    postgres
        .create_database(&database, &database, password)
        .await?;
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": format!("{name}-app"), "namespace": namespace},
        "type": "kubernetes.io/basic-auth",
        "stringData": {"username": database, "password": password},
    });
    cluster.apply(&secret.to_string()).await?;
    Ok(json!({
        "apiVersion": "slipway.dev/v1alpha1", "kind": "Database",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "engine": "PostgreSQL",
            "host": cluster.database_address()?.to_string(),
            "port": postgres.port(),
            "name": database,
            "credentials": {"secret": format!("{name}-app")},
        },
    }))
}

/// Waits until a condition of an object has this status, and returns its reason and message.
pub async fn condition(
    cluster: &Cluster,
    namespace: &str,
    object: &str,
    type_: &str,
    status: &str,
    limit: Duration,
) -> Result<(String, String)> {
    wait::until(
        &format!("{object} to be {type_}={status}"),
        limit,
        async || {
            let object = get(cluster, namespace, object).await?;
            let condition = current_condition(&object, type_);
            match condition {
                Some(condition) if condition["status"] == status => {
                    Ok((text(&condition["reason"]), text(&condition["message"])))
                }
                _ => bail!("{}", object["status"]["conditions"]),
            }
        },
    )
    .await
}

/// What a condition of the object's newest generation says.
pub fn message(object: &Value, type_: &str) -> Option<String> {
    current_condition(object, type_).map(|condition| text(&condition["message"]))
}

/// The words of the kubectl command that a message ends with.
pub fn next_command(message: &str) -> Result<Vec<&str>> {
    let (_, command) = message
        .rsplit_once(": kubectl ")
        .with_context(|| format!("no command in: {message}"))?;
    let words = command.split_whitespace();
    Ok(words.map(|word| word.trim_matches('\'')).collect())
}

/// A condition that is of the object's newest generation.
fn current_condition<'a>(object: &'a Value, type_: &str) -> Option<&'a Value> {
    let generation = &object["metadata"]["generation"];
    object["status"]["conditions"]
        .as_array()?
        .iter()
        .find(|condition| {
            condition["type"] == type_ && &condition["observedGeneration"] == generation
        })
}
