//! Slipway itself: its static file, as cargo builds it, and its image.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::debian::find_program;
use super::image::Image;
use super::place;
use super::process;

/// The user of Slipway's image, as of most images without a system in them.
const USER: &str = "65532:65532";

/// A built file.
#[derive(Clone, Debug)]
pub struct Product {
    program: PathBuf,
}

impl Product {
    /// The file that cargo has built already: `env!("CARGO_BIN_EXE_slipway")` in a test.
    pub fn of_file(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
        }
    }

    /// Lets cargo build the file with these features of the package, and keeps a copy, as the next build with other features overwrites it.
    ///
    /// The harness' own example is built along: only then does cargo take the libraries in the same shape as for tests and demo, and
    /// compiles nothing twice.
    pub async fn build(features: &[&str]) -> Result<Self> {
        let features = features.join(",");
        tokio::task::spawn_blocking(move || build(&features)).await?
    }

    /// A copy of the file, which stays as it is when cargo builds another one in its place.
    pub fn kept(&self, name: &str) -> Result<Self> {
        keep(&self.program, name)
    }

    /// The file, with its symbols.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The image of this file, stripped: `/slipway` is the entrypoint, and nothing else is in it.
    pub fn image(&self, name: &str) -> Result<Image> {
        Ok(Image::new(name)
            .file(self.stripped()?, "/slipway")
            .entrypoint(["/slipway"])
            .user(USER))
    }

    /// The file without symbols, or as it is where there is no `strip`.
    pub fn stripped(&self) -> Result<PathBuf> {
        let Some(strip) = find_program("strip") else {
            return Ok(self.program.clone());
        };
        let folder = place::target().join("product");
        fs::create_dir_all(&folder)?;
        let name = self
            .program
            .file_name()
            .context("a program's path ends with its name")?;
        let output = folder.join(format!("{}-stripped", name.to_string_lossy()));
        process::run(
            Command::new(strip)
                .arg("-o")
                .arg(&output)
                .arg(&self.program),
        )
        .context("strip the file")?;
        Ok(output)
    }
}

fn build(features: &str) -> Result<Product> {
    let cargo = std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
    let output = Command::new(cargo)
        .args([
            "build",
            "--locked",
            "--quiet",
            "--bin",
            "slipway",
            "--example",
            "cluster",
        ])
        .args([
            "--features",
            features,
            "--message-format",
            "json-render-diagnostics",
        ])
        .current_dir(place::project())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("start cargo")?;
    ensure!(output.status.success(), "cargo could not build slipway");
    let built = executable(&String::from_utf8_lossy(&output.stdout))
        .context("cargo named no file of slipway")?;
    let suffix = if features.is_empty() {
        String::new()
    } else {
        format!("-{}", features.replace(',', "-"))
    };
    keep(&built, &format!("slipway{suffix}"))
}

/// Copies a file to where cargo does not write. A process that runs the former copy goes on with it.
fn keep(file: &Path, name: &str) -> Result<Product> {
    let folder = place::target().join("product");
    fs::create_dir_all(&folder)?;
    let program = folder.join(name);
    let partial = program.with_extension("partial");
    fs::copy(file, &partial)?;
    fs::rename(&partial, &program)?;
    Ok(Product { program })
}

/// The file that cargo says it built for the binary `slipway`.
fn executable(messages: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| {
            message["target"]["name"] == "slipway" && message["target"]["kind"][0] == "bin"
        })
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::executable;

    #[test]
    fn the_built_file_is_the_one_that_cargo_names() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"slipway"},"executable":null}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"slipway"},"executable":"/t/slipway"}"#,
        );
        assert_eq!(executable(messages), Some(PathBuf::from("/t/slipway")));
    }
}
