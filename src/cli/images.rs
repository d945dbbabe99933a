//! The flags that name the images of migration pods: the same for `run` and `render`, so that both make the same Jobs.

use clap::Args;

use crate::core::settings::{Images, ToolImages};

/// What migration pods are made of.
#[derive(Clone, Debug, Args)]
pub(super) struct ImageArguments {
    /// Slipway's own image, which brings the runner into migration pods; without it: slipway:VERSION
    #[arg(long, env = "SLIPWAY_IMAGE", value_name = "IMAGE")]
    image: Option<String>,
    /// Image that holds the program goose; without it: each migration's own image must hold it
    #[arg(long, env = "SLIPWAY_GOOSE_IMAGE", value_name = "IMAGE")]
    goose_image: Option<String>,
    /// Image that holds golang-migrate's program migrate; without it: each migration's own image must hold it
    #[arg(long, env = "SLIPWAY_GOLANG_MIGRATE_IMAGE", value_name = "IMAGE")]
    golang_migrate_image: Option<String>,
    /// Image that holds the program flyway; without it: each migration's own image must hold it
    #[arg(long, env = "SLIPWAY_FLYWAY_IMAGE", value_name = "IMAGE")]
    flyway_image: Option<String>,
    /// Mount the image that holds migration files as an image volume, where nodes and API server have them, instead of copying the files
    #[arg(long, env = "SLIPWAY_IMAGE_VOLUMES")]
    image_volumes: bool,
}

impl From<ImageArguments> for Images {
    fn from(arguments: ImageArguments) -> Self {
        let ImageArguments {
            image,
            goose_image,
            golang_migrate_image,
            flyway_image,
            image_volumes,
        } = arguments;
        Self {
            runner: image.unwrap_or_else(|| Self::default().runner),
            tools: ToolImages {
                goose: goose_image,
                golang_migrate: golang_migrate_image,
                flyway: flyway_image,
            },
            volumes: image_volumes,
        }
    }
}
