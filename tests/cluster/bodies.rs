//! Migrations that note in the database when their bodies begin and end, and take as long as a test wants between the two: what shows that no
//! two bodies ever ran at once, and which ran how often (`promises.md` I-3).

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio_postgres::Client;

/// The first version of these, behind those of the services.
const FIRST: i64 = 1001;

const TABLE: &str =
    "CREATE TABLE bodies (id bigint GENERATED ALWAYS AS IDENTITY, version bigint, step text)";

/// Writes a folder of migrations: those of `base`, then `count` that take `duration` each. Each commits what it notes at once.
pub fn write(folder: &Path, base: &Path, count: i64, duration: Duration) -> Result<PathBuf> {
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    for entry in fs::read_dir(base)? {
        let entry = entry?;
        fs::copy(entry.path(), folder.join(entry.file_name()))?;
    }
    fs::write(
        folder.join("01000_bodies.sql"),
        format!("-- +goose Up\n{TABLE};\n"),
    )?;
    for version in FIRST..FIRST + count {
        let text = format!(
            "-- +goose NO TRANSACTION\n-- +goose Up\n{}SELECT pg_sleep({});\n{}",
            note(version, "begin"),
            duration.as_secs_f32(),
            note(version, "end")
        );
        fs::write(folder.join(format!("{version:05}_body.sql")), text)?;
    }
    Ok(folder.to_owned())
}

fn note(version: i64, step: &str) -> String {
    format!("INSERT INTO bodies (version, step) VALUES ({version}, '{step}');\n")
}

/// What body `number`, the first being 1, notes when it begins.
pub fn began(number: i64) -> (i64, String) {
    (FIRST + number - 1, "begin".to_owned())
}

/// What the first `count` bodies leave behind if each ran once, one after the other.
pub fn one_after_the_other(count: i64) -> Vec<(i64, String)> {
    (FIRST..FIRST + count)
        .flat_map(|version| ["begin", "end"].map(|step| (version, step.to_owned())))
        .collect()
}

/// What the bodies have noted so far, in its order; nothing before the first.
pub async fn notes(database: &Client) -> Result<Vec<(i64, String)>> {
    let known: bool = database
        .query_one("SELECT to_regclass('bodies') IS NOT NULL", &[])
        .await?
        .get(0);
    if !known {
        return Ok(Vec::new());
    }
    let rows = database
        .query("SELECT version, step FROM bodies ORDER BY id", &[])
        .await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}
