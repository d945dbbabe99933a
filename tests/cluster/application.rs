//! The Go services of `tests/apps`, built here and put into `scratch` images with the migrations of one release.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::build::build_go_program;
use super::image::Image;
use super::place;

/// A built service.
#[derive(Clone, Debug)]
pub struct Application {
    name: String,
    version: String,
    program: PathBuf,
}

impl Application {
    /// Builds the service in `tests/apps/NAME`, telling it its version. Seconds at first, then Go's cache answers.
    pub async fn build(name: &str, version: &str) -> Result<Self> {
        let folder = place::target().join("applications");
        fs::create_dir_all(&folder)?;
        let program = folder.join(format!("{name}-{version}"));
        let (source, output, stamp) = (
            source(name),
            program.clone(),
            format!("main.version={version}"),
        );
        tokio::task::spawn_blocking(move || build_go_program(&source, ".", &[stamp], &output))
            .await??;
        Ok(Self {
            name: name.to_owned(),
            version: version.to_owned(),
            program,
        })
    }

    pub fn program(&self) -> &Path {
        &self.program
    }

    /// A release: the program as entrypoint at `/NAME`, and one folder of its sources, such as `migrations-broken`, as `/migrations`. The image
    /// is called `slipway.test/NAME:VERSION`.
    pub fn image(&self, migrations: &str) -> Result<Image> {
        let migrations = source(&self.name).join(migrations);
        ensure!(
            migrations.is_dir(),
            "there is no folder {}",
            migrations.display()
        );
        Ok(self.image_with(&migrations))
    }

    /// The same with migrations that a test has written anywhere.
    pub fn image_with(&self, migrations: &Path) -> Image {
        self.image_named(
            &format!("slipway.test/{}:{}", self.name, self.version),
            migrations,
        )
    }

    /// The same under a name of the caller's.
    pub fn image_named(&self, image: &str, migrations: &Path) -> Image {
        let entrypoint = format!("/{}", self.name);
        Image::new(image)
            .file(&self.program, &entrypoint)
            .file(migrations, "/migrations")
            .entrypoint([&entrypoint])
    }
}

/// The tool image of goose and golang-migrate, as the Dockerfile's target `tools` makes it.
pub fn tools_image(goose: &Path, migrate: &Path) -> Image {
    Image::new("slipway.test/tools:1")
        .file(goose, "/goose")
        .file(migrate, "/migrate")
        .user("65532:65532")
}

fn source(name: &str) -> PathBuf {
    place::project().join("tests/apps").join(name)
}
