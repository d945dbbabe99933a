//! One request through the fault proxy: what its rule says, then on to the API server and back, watches piece by piece.

use std::convert::Infallible;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER, TRANSFER_ENCODING, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::call::{Call, Verb};
use super::rules::Fault;
use super::{Shared, WatchEnd};

/// A body on its way to the caller; an error breaks the connection.
type Body = BoxBody<Bytes, anyhow::Error>;

/// A piece of a watch, or what broke it.
type Piece = Result<Frame<Bytes>, hyper::Error>;

/// What a watch says when what it stands on is compacted away.
const GONE: &str = r#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version","reason":"Expired","code":410}}"#;

/// Answers one request. An error breaks the connection without an answer.
pub(super) async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Body>> {
    let call = Call::read(
        request.method().as_str(),
        request.uri().path(),
        request.uri().query().unwrap_or_default(),
    );
    let agent = request
        .headers()
        .get(USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let note = shared.note(&call, agent);
    let (parts, body) = request.into_parts();
    let request = Request::from_parts(parts, Full::new(body.collect().await?.to_bytes()));

    // The task outlives this request's caller.
    let task = tokio::spawn(befall(Arc::clone(&shared), call, request));
    let response = task.await??;
    shared.note_code(note, response.status().as_u16());
    Ok(response)
}

/// Lets the first rule that takes the call have its way.
async fn befall(
    shared: Arc<Shared>,
    call: Call,
    request: Request<Full<Bytes>>,
) -> Result<Response<Body>> {
    let Some(rule) = shared.rules.take(&call) else {
        return send(&shared, call, request).await;
    };
    match &rule.fault {
        Fault::Delay(duration) => {
            tokio::time::sleep(*duration).await;
            send(&shared, call, request).await
        }
        Fault::Hold => {
            if !rule.wait_for_release().await {
                return Err(anyhow!("a held call was given up"));
            }
            send(&shared, call, request).await
        }
        Fault::HoldAnswer => {
            let response = send(&shared, call, request).await?;
            if rule.wait_for_release().await {
                Ok(response)
            } else {
                Err(anyhow!("a held answer was given up"))
            }
        }
        Fault::DropBefore => Err(anyhow!("dropped before it was sent")),
        Fault::DropAfter => {
            send(&shared, call, request).await?;
            Err(anyhow!("dropped after it was sent"))
        }
        Fault::Answer { code, retry_after } => refusal(*code, *retry_after),
        // Silence and lag themselves are in the pump of each watch.
        Fault::Hang | Fault::HangOpen | Fault::Lag(_) => send(&shared, call, request).await,
    }
}

/// Passes a request on; the answer of a watch is a stream, any other is whole.
async fn send(
    shared: &Arc<Shared>,
    call: Call,
    mut request: Request<Full<Bytes>>,
) -> Result<Response<Body>> {
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    *request.uri_mut() = format!("{}{path}", shared.server).parse()?;
    request.headers_mut().remove(HOST);
    // The body is whole by now and carries its length.
    request.headers_mut().remove(TRANSFER_ENCODING);
    let (mut parts, body) = shared.client.request(request).await?.into_parts();
    parts.headers.remove(TRANSFER_ENCODING);
    if call.verb == Verb::Watch && parts.status == StatusCode::OK {
        let (sender, receiver) = mpsc::channel(16);
        tokio::spawn(pump(Arc::clone(shared), call, body, sender));
        let stream = futures::stream::unfold(receiver, async |mut receiver| {
            receiver.recv().await.map(|frame| (frame, receiver))
        });
        return Ok(Response::from_parts(
            parts,
            BodyExt::boxed(StreamBody::new(stream)),
        ));
    }
    Ok(Response::from_parts(
        parts,
        whole(body.collect().await?.to_bytes()),
    ))
}

/// Carries a watch's pieces to the caller, until one of the two ends, or an order ends it.
async fn pump(
    shared: Arc<Shared>,
    call: Call,
    body: Incoming,
    caller: mpsc::Sender<Result<Frame<Bytes>>>,
) {
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    tokio::spawn(read(body, arrived));
    let mut orders = shared.break_watches.subscribe();
    let mut down = shared.down.subscribe();
    orders.mark_unchanged();
    let opened = shared.rules.moment();
    loop {
        tokio::select! {
            arrival = arrivals.recv() => {
                let Some((frame, at)) = arrival else { return };
                if let Some(lag) = shared.rules.lag(&call) {
                    tokio::time::sleep_until(at + lag).await;
                }
                while let Some(rule) = shared.rules.hanging(&call, opened) {
                    rule.wait_for_end().await;
                }
                if caller.send(frame.map_err(Into::into)).await.is_err() {
                    return;
                }
            }
            changed = orders.changed() => {
                if changed.is_err() { return }
                let end = {
                    let order = orders.borrow_and_update();
                    order.1.fits(&call).then_some(order.2)
                };
                if let Some(end) = end {
                    // A caller that is gone needs no end.
                    let _ = caller.send(last_words(end)).await;
                    return;
                }
            }
            () = async { let _ = down.wait_for(|down| *down).await.is_ok(); } => return,
            () = caller.closed() => return,
        }
    }
}

/// Takes a watch's pieces as they come, and when; ends with the watch, or when nobody wants them any more.
async fn read(mut body: Incoming, arrived: mpsc::UnboundedSender<(Piece, Instant)>) {
    loop {
        let piece = tokio::select! {
            piece = body.frame() => piece,
            () = arrived.closed() => None,
        };
        let Some(piece) = piece else { return };
        if arrived.send((piece, Instant::now())).is_err() {
            return;
        }
    }
}

fn last_words(end: WatchEnd) -> Result<Frame<Bytes>> {
    match end {
        WatchEnd::Gone => Ok(Frame::data(Bytes::from(format!("{GONE}\n")))),
        WatchEnd::Cut => Err(anyhow!("the watch was cut")),
    }
}

/// The answer of an API server that refuses: a `Status`, as clients expect it.
fn refusal(code: u16, retry_after: Option<u32>) -> Result<Response<Body>> {
    let reason = match code {
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        410 => "Expired",
        422 => "Invalid",
        429 => "TooManyRequests",
        500 => "InternalError",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "Unknown",
    };
    let mut status = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": format!("the fault proxy answers {code}"),
        "reason": reason,
        "code": code,
    });
    if let Some(seconds) = retry_after {
        status["details"] = json!({"retryAfterSeconds": seconds});
    }
    let mut response = Response::new(whole(serde_json::to_vec(&status)?.into()));
    *response.status_mut() = StatusCode::from_u16(code)?;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    Ok(response)
}

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes)
        .map_err(|never: Infallible| match never {})
        .boxed()
}
