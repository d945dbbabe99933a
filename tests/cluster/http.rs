//! A plain HTTP/1.1 request with a limit, for tests that only ask one thing of a service.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::wait;

/// Longest wait for an answer.
const LIMIT: Duration = Duration::from_secs(5);

/// Status and body of `GET http://ADDRESS/PATH`; `address` is `host:port`.
pub async fn get(address: &str, path: &str) -> Result<(u16, String)> {
    tokio::time::timeout(LIMIT, request(address, path))
        .await
        .with_context(|| format!("{address}{path} did not answer within {LIMIT:?}"))?
}

/// Longest wait until a Service leads to its pods: the node's rules follow the pods' readiness, and their end, by seconds.
const ROUTED: Duration = Duration::from_secs(30);

/// The body of the first answer that is 200 and has these words in it.
pub async fn answer(address: &str, path: &str, words: &str) -> Result<String> {
    wait::until(
        &format!("GET {path} to answer `{words}`"),
        ROUTED,
        async || {
            let (code, body) = get(address, path).await?;
            ensure!(code == 200 && body.contains(words), "{code}: {body}");
            Ok(body)
        },
    )
    .await
}

async fn request(address: &str, path: &str) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("connect to {address}"))?;
    let head = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .context("the answer has no body")?;
    let code = head
        .split_whitespace()
        .nth(1)
        .and_then(|word| word.parse().ok())
        .context("the answer has no status")?;
    Ok((code, body.to_owned()))
}
