//! The flags that name the images of migration tools: the same for `run` and `render`, so that both make the same Jobs.

use clap::Args;

use crate::core::settings::ToolImages;

/// Images that hold the programs of migration tools; without one, each migration's own image must hold it.
#[derive(Clone, Debug, Args)]
pub struct ToolImageArguments {
    /// Image that holds the program goose; without it: each migration's own image must hold it
    #[arg(
        long = "goose-image",
        env = "SLIPWAY_GOOSE_IMAGE",
        value_name = "IMAGE"
    )]
    goose: Option<String>,
    /// Image that holds golang-migrate's program migrate; without it: each migration's own image must hold it
    #[arg(
        long = "golang-migrate-image",
        env = "SLIPWAY_GOLANG_MIGRATE_IMAGE",
        value_name = "IMAGE"
    )]
    golang_migrate: Option<String>,
    /// Image that holds the program flyway; without it: each migration's own image must hold it
    #[arg(
        long = "flyway-image",
        env = "SLIPWAY_FLYWAY_IMAGE",
        value_name = "IMAGE"
    )]
    flyway: Option<String>,
}

impl From<ToolImageArguments> for ToolImages {
    fn from(arguments: ToolImageArguments) -> Self {
        let ToolImageArguments {
            goose,
            golang_migrate,
            flyway,
        } = arguments;
        Self {
            goose,
            golang_migrate,
            flyway,
        }
    }
}
