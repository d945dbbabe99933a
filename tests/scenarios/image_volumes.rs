//! Migration files by a volume of their image, where the platform says that its nodes have such volumes.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::cluster::operator::Operator;
use crate::objects::{tells, told};
use crate::witness::Body;
use crate::world::World;

/// migrations.md cases 13, 44.
/// KEP-4639: one init container less, and a folder that is not in the image, or a file that the pod's user may not read, is named all the same.
pub async fn files_of_an_image_come_by_a_volume_where_the_platform_says_so(
    world: World,
) -> Result<()> {
    let options = world.operator_options().argument("--image-volumes");
    let _operator = Operator::start(world.cluster(), options).await?;
    world.release_orders().await?;
    let pods = world.list("pods").await?;
    let migration = pods
        .iter()
        .find(|pod| pod["metadata"]["labels"]["slipway.dev/migration"].is_string())
        .context("no pod of a migration")?;
    let images: Vec<&Value> = migration["spec"]["volumes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|volume| volume["name"] == "source")
        .map(|volume| &volume["image"]["reference"])
        .collect();
    ensure!(images == ["slipway.test/orders:1.0.0"], "{images:?}");
    let init = migration["spec"]["initContainers"].as_array();
    ensure!(init.is_some_and(|init| init.len() == 1), "{init:?}");

    let nowhere =
        json!([{"op": "replace", "path": "/spec/migrations/0/source/path", "value": "/nowhere"}]);
    let nowhere = nowhere.to_string();
    world
        .kubectl(&["patch", "slb/orders", "--type=json", "-p", &nowhere])
        .await?;
    let words = "folder /nowhere of image slipway.test/orders:1.0.0 cannot be read";
    told(&world, "orders", "MigrationFailed", words).await?;

    let image = Body::Transactional.unreadable_image();
    let unreadable = json!([{"op": "replace", "path": "/spec/migrations/0/source", "value": {"image": image, "path": "/migrations"}}]);
    let unreadable = unreadable.to_string();
    world
        .kubectl(&["patch", "slb/orders", "--type=json", "-p", &unreadable])
        .await?;
    let words = format!("folder /migrations of image {image} cannot be read");
    let message = tells(&world, "slb/orders", "MigrationFailed", &words).await?;
    ensure!(
        message.contains(".sql cannot be read: Permission denied"),
        "{message}"
    );
    Ok(())
}
