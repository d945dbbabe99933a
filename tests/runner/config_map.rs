//! Files from a ConfigMap: the runner takes them out of a mount that is laid out and changed as the kubelet does it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::Result;
use slipway::api::common::Tool;
use slipway::api::database::RunMode;
use slipway::core::config_map;
use slipway::core::migration::parameters::ConfigMapFiles;

use crate::bench::Bench;

type Files<'a> = [(&'a str, &'a str)];

const A: (&str, &str) = ("1_a.sql", "-- +goose Up\nCREATE TABLE a (id int);\n");
const B: (&str, &str) = ("2_b.sql", "-- +goose Up\nCREATE TABLE b (id int);\n");

/// The digest of a ConfigMap with these keys.
fn digest(files: &Files) -> String {
    let hashes: BTreeMap<String, String> = files
        .iter()
        .map(|(name, content)| {
            (
                (*name).to_owned(),
                config_map::hash_of_value(content.as_bytes()),
            )
        })
        .collect();
    config_map::digest(&hashes)
}

/// Lays the keys out in a folder of their own, leads `..data` to it in one move, and makes the links for who reads the mount. A link to a key
/// that is no more leads nowhere, as it does for a moment in a pod.
fn mount(folder: &Path, time: &str, files: &Files) -> Result<()> {
    let own = folder.join(time);
    fs::create_dir_all(&own)?;
    for (name, content) in files {
        fs::write(own.join(name), content)?;
        let link = folder.join(name);
        if !link.is_symlink() {
            symlink(Path::new("..data").join(name), link)?;
        }
    }
    symlink(time, folder.join("..data_tmp"))?;
    Ok(fs::rename(
        folder.join("..data_tmp"),
        folder.join("..data"),
    )?)
}

/// The plan of a ConfigMap with these keys, which the pod sees.
async fn bench(tool: Tool, files: &Files<'_>) -> Result<(Bench, PathBuf)> {
    let mut bench = Bench::new(&[]).await?.with(tool)?;
    let folder = Path::new(&bench.parameters.files).with_file_name("config-map");
    mount(&folder, "..2026_11_24", files)?;
    plan(&mut bench, &folder, files);
    Ok((bench, folder))
}

fn plan(bench: &mut Bench, folder: &Path, files: &Files) {
    bench.parameters.config_map = Some(ConfigMapFiles {
        name: "orders-sql".to_owned(),
        folder: folder.display().to_string(),
        digest: digest(files),
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tool_takes_its_files_from_a_config_map() -> Result<()> {
    let up = "CREATE TABLE a (id int);";
    for (tool, files) in [
        (Tool::Goose, [A, ("README.md", "Not SQL.")]),
        (
            Tool::GolangMigrate,
            [("1_a.up.sql", up), ("1_a.down.sql", "DROP TABLE a;")],
        ),
        (
            Tool::Flyway,
            [
                ("V1__a.sql", up),
                (
                    "R__view.sql",
                    "CREATE OR REPLACE VIEW v AS SELECT id FROM a;",
                ),
            ],
        ),
    ] {
        let (bench, _) = bench(tool, &files).await?;
        let ended = bench.run().await?;
        assert_eq!(
            ended.verdict(),
            "Succeeded Succeeded none->1 exit 0",
            "{}: {}",
            tool.word(),
            ended.output
        );
        assert!(bench.has("a").await?);
    }
    Ok(())
}

/// migrations.md case 43: another attempt may find them as planned, if they are put back.
#[tokio::test]
async fn a_config_map_that_is_not_as_it_was_planned_runs_nothing_until_it_is_again() -> Result<()> {
    let (mut bench, folder) = bench(Tool::Goose, &[A]).await?;
    let changed = [
        ("..2", vec![(A.0, "-- +goose Up\nDROP TABLE orders;\n")]),
        ("..3", vec![A, B]),
        ("..4", vec![]),
    ];
    for (time, files) in changed {
        mount(&folder, time, &files)?;
        let ended = bench.run().await?;
        assert_eq!(
            (
                ended.verdict(),
                ended.message.error.unwrap_or_default().text
            ),
            (
                "Failed SourceChanged none->none retry not started exit 10".to_owned(),
                format!(
                    "the pod found {} files in configmap orders-sql, and they are not those that were planned; nothing was run",
                    files.len()
                )
            )
        );
    }
    bench.parameters.mode = RunMode::Check;
    assert_eq!(
        bench.run().await?.verdict(),
        "Unknown SourceChanged none->none not started exit 13"
    );
    bench.parameters.mode = RunMode::Run;
    assert!(!bench.has("goose_db_version").await?);
    mount(&folder, "..5", &[A])?;
    assert_eq!(
        bench.run().await?.verdict(),
        "Succeeded Succeeded none->1 exit 0"
    );
    Ok(())
}

/// migrations.md case 13.
#[tokio::test]
async fn an_empty_config_map_has_no_migrations() -> Result<()> {
    let (bench, _) = bench(Tool::Goose, &[]).await?;
    assert_eq!(
        bench.run().await?.verdict(),
        "Failed NoMigrationFiles none->none not started exit 11"
    );
    Ok(())
}

/// migrations.md case 43: the kubelet changes a mount at any time, and what was compared is what runs.
#[tokio::test]
async fn a_config_map_that_changes_while_the_tool_runs_changes_nothing_of_the_run() -> Result<()> {
    let wait = (
        "2_wait.sql",
        "-- +goose Up\nSELECT pg_advisory_xact_lock(43);\n",
    );
    let last = ("3_c.sql", "-- +goose Up\nCREATE TABLE planned (id int);\n");
    let (bench, folder) = bench(Tool::Goose, &[A, wait, last]).await?;
    let holder = bench.client().await?;
    holder.batch_execute("SELECT pg_advisory_lock(43)").await?;
    let running = bench.start()?;
    bench
        .session("wait_event = 'advisory' AND application_name LIKE 'slipway/%'")
        .await?;
    let other = "-- +goose Up\nCREATE TABLE other (id int);\n";
    mount(&folder, "..2", &[A, wait, (last.0, other)])?;
    holder
        .batch_execute("SELECT pg_advisory_unlock(43)")
        .await?;
    assert_eq!(
        running.end().await?.verdict(),
        "Succeeded Succeeded none->3 exit 0"
    );
    assert!(bench.has("planned").await? && !bench.has("other").await?);
    Ok(())
}
