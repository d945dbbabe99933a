//! Sends every row of `inputs` to a real API server. Only there are the costs of rules estimated, patterns read by Go, nulls dropped and
//! unknown fields refused. Objects that are only created are sent as a dry run, so nothing is left behind and no operator sees them.

use anyhow::{Context, Result, bail};
use kube::Client;
use kube::api::{DeleteParams, PostParams};
use kube::core::Request;
use serde_json::Value;

use crate::inputs::{Answer, Input, Kind, inputs};

/// Sends all rows, one after the other; gives what was answered otherwise than written, a text for each. The namespace must have no
/// operator: rows about a change make real objects for a moment.
pub async fn wrong_answers(client: &Client, namespace: &str) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for input in inputs() {
        let said = send(client, namespace, &input)
            .await
            .with_context(|| input.says.clone())?;
        let right = match (&input.answer, &said) {
            (Answer::Accepted, None) => true,
            (Answer::Refused(words), Some(message)) => message.contains(words),
            _ => false,
        };
        if !right {
            wrong.push(format!(
                "{} {}: wanted {:?}, got {said:?}",
                input.promise, input.says, input.answer
            ));
        }
    }
    Ok(wrong)
}

/// The message of the refusal; nothing if the row was accepted.
async fn send(client: &Client, namespace: &str, input: &Input) -> Result<Option<String>> {
    let plural = match input.kind {
        Kind::Backend => "backends",
        Kind::Database => "databases",
        Kind::Migration => "migrations",
    };
    let path = format!("/apis/slipway.dev/v1alpha1/namespaces/{namespace}/{plural}");
    match &input.before {
        None => refusal(create(client, &path, &input.object, true).await),
        Some(before) => change(client, &path, before, &input.object).await,
    }
}

async fn change(
    client: &Client,
    path: &str,
    before: &Value,
    after: &Value,
) -> Result<Option<String>> {
    let name = before["metadata"]["name"]
        .as_str()
        .context("a row names its object")?;
    let stored = with_status(client, path, name, before).await;
    let answer = match stored {
        Ok(version) => {
            let mut after = after.clone();
            after["metadata"]["resourceVersion"] = version;
            refusal(replace(client, path, name, None, &after).await)
        }
        Err(error) => Err(error),
    };
    let delete = Request::new(path).delete(name, &DeleteParams::default())?;
    client.request::<Value>(delete).await?;
    answer
}

/// Makes the object, with its status if the row has one; gives the stored resourceVersion.
async fn with_status(client: &Client, path: &str, name: &str, object: &Value) -> Result<Value> {
    let mut stored = create(client, path, object, false).await?;
    if let Some(status) = object.get("status") {
        stored["status"] = status.clone();
        stored = replace(client, path, name, Some("status"), &stored).await?;
    }
    Ok(stored["metadata"]["resourceVersion"].clone())
}

async fn create(
    client: &Client,
    path: &str,
    object: &Value,
    dry_run: bool,
) -> Result<Value, kube::Error> {
    let body = object.to_string().into_bytes();
    let mut request = Request::new(path)
        .create(&PostParams::default(), body)
        .map_err(kube::Error::BuildRequest)?;
    let dry_run = if dry_run { "&dryRun=All" } else { "" };
    if let Ok(uri) = format!("{path}?fieldValidation=Strict{dry_run}").parse() {
        *request.uri_mut() = uri;
    }
    client.request(request).await
}

async fn replace(
    client: &Client,
    path: &str,
    name: &str,
    part: Option<&str>,
    object: &Value,
) -> Result<Value, kube::Error> {
    let body = object.to_string().into_bytes();
    let request = match part {
        Some(part) => {
            Request::new(path).replace_subresource(part, name, &PostParams::default(), body)
        }
        None => Request::new(path).replace(name, &PostParams::default(), body),
    };
    client
        .request(request.map_err(kube::Error::BuildRequest)?)
        .await
}

/// A refusal is an answer; anything else that went wrong is not.
fn refusal(answer: Result<Value, kube::Error>) -> Result<Option<String>> {
    match answer {
        Ok(_) => Ok(None),
        Err(kube::Error::Api(status))
            if (400..500).contains(&status.code) && status.code != 429 =>
        {
            Ok(Some(status.message.clone()))
        }
        Err(error) => bail!("{error}"),
    }
}
