//! Files from a volume of their image: the runner copies them out of the mount, which it does not write to.

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::bench::Bench;

/// migrations.md cases 1, 13, 44.
#[tokio::test]
async fn files_of_a_mounted_image_are_taken_and_a_folder_that_is_not_there_is_named() -> Result<()>
{
    let mut bench = Bench::new(&[]).await?;
    let folder = Path::new(&bench.parameters.files).with_file_name("image");
    fs::create_dir_all(&folder)?;
    fs::write(
        folder.join("1_a.sql"),
        "-- +goose Up\nCREATE TABLE a (id int);\n",
    )?;
    bench.parameters.image_folder = Some(folder.display().to_string());
    assert_eq!(
        bench.run().await?.verdict(),
        "Succeeded Succeeded none->1 exit 0"
    );
    fs::remove_dir_all(&folder)?;
    let ended = bench.run().await?;
    assert_eq!(
        ended.verdict(),
        "Failed SourceUnreadable none->none not started exit 11"
    );
    assert!(
        ended.output.contains("cannot be read: No such file"),
        "{}",
        ended.output
    );
    Ok(())
}
