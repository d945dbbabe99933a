//! The test harness, tested: what it promises to the tests that stand on it.

#[path = "cluster/mod.rs"]
mod cluster;

use cluster::postgres::{Options, Postgres};

/// A crash in the middle of a transaction loses the transaction and nothing else, as in production.
#[tokio::test]
async fn a_scratch_postgres_recovers_from_a_crash() -> anyhow::Result<()> {
    let mut server = Postgres::start(Options::scratch()).await?;
    let password = r#"@:/?#%+&'"\ b"#;
    server
        .create_database("orders", "team \"a\"", password)
        .await?;
    let client = server.connect_as("team \"a\"", password, "orders").await?;
    client
        .batch_execute("create table t (n int); insert into t values (1)")
        .await?;
    client
        .batch_execute("begin; insert into t values (2)")
        .await?;

    server.crash().await?;
    assert!(
        server.connect("orders").await.is_err(),
        "a crashed server answers nobody"
    );
    server.start_again().await?;

    let rows = server
        .connect("orders")
        .await?
        .query("select n from t", &[])
        .await?;
    let numbers: Vec<i32> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(numbers, [1]);
    Ok(())
}

#[tokio::test]
async fn a_scratch_postgres_leaves_nothing_behind() -> anyhow::Result<()> {
    let options = Options::scratch();
    let directory = options.directory.clone();
    let server = Postgres::start(options).await?;
    let process = format!("/proc/{}", server.pid()?);
    assert!(std::path::Path::new(&process).exists());
    drop(server);
    assert!(
        !directory.exists(),
        "{} is still there",
        directory.display()
    );
    assert!(
        !std::path::Path::new(&process).exists(),
        "{process} is still there"
    );
    Ok(())
}
