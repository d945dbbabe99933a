//! Images of migration files: a folder beside a scenario's code holds a folder for each release of them.

use std::path::PathBuf;

use anyhow::Result;

use crate::cluster::image::Image;
use crate::cluster::place;
use crate::cluster::session::Cluster;

/// The releases in this folder of `tests/scenarios`.
#[derive(Clone, Copy)]
pub struct Sources(pub &'static str);

impl Sources {
    /// The name of a release's image.
    pub fn image(self, release: &str) -> String {
        format!("slipway.test/{}:{release}", self.0)
    }

    /// The folder of a release's files.
    pub fn folder(self, release: &str) -> PathBuf {
        place::project()
            .join("tests/scenarios")
            .join(self.0)
            .join(release)
    }

    /// Gives the cluster images that hold nothing but the files, in `/migrations`.
    pub async fn load(self, cluster: &Cluster, releases: &[&str]) -> Result<()> {
        for release in releases {
            let image = Image::new(self.image(release)).file(self.folder(release), "/migrations");
            cluster.load_image(&image).await?;
        }
        Ok(())
    }

    /// The name of a release's image whose files the user of migration pods may not read.
    pub fn unreadable_image(self, release: &str) -> String {
        self.image(&format!("unreadable-{release}"))
    }

    /// Gives it to the cluster.
    pub async fn load_unreadable(self, cluster: &Cluster, release: &str) -> Result<()> {
        let image = Image::new(self.unreadable_image(release))
            .file(self.folder(release), "/migrations")
            .only_for_root();
        cluster.load_image(&image).await?;
        Ok(())
    }
}
