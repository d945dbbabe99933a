//! What the real API server answers to good and to bad input.

use anyhow::{Result, ensure};

use crate::answers::wrong_answers;
use crate::world::World;

/// `promises.md` 5: each row is answered as written there, by the server itself.
pub async fn every_good_and_bad_input_is_answered_as_promised(world: World) -> Result<()> {
    let wrong = wrong_answers(&world.cluster().client(), &world.namespace).await?;
    ensure!(wrong.is_empty(), "{wrong:#?}");
    Ok(())
}
