//! The test harness, tested: what it promises to the tests that stand on it.

#[path = "cluster/mod.rs"]
mod cluster;

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Method, Request, StatusCode, Uri};
use bytes::Bytes;
use cluster::postgres::{Options, Postgres};
use cluster::product::Product;
use cluster::programs::FAMILIES;
use cluster::proxy::call::Verb;
use cluster::proxy::rules::{Fault, Match};
use cluster::proxy::{FaultProxy, WatchEnd};
use cluster::wait;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

const LIMIT: Duration = Duration::from_secs(5);
const JOBS: &str = "/apis/batch/v1/namespaces/a/jobs";

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

/// F-8: the create of a leader that was deposed, and is dead, still arrives.
#[tokio::test]
async fn a_held_write_arrives_after_its_caller_is_dead() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let proxy = FaultProxy::in_front_of(&server.url, b"").await?;
    let held = proxy.add(Match::verb(Verb::Create).resource("jobs"), Fault::Hold);

    let call = tokio::spawn(send(proxy.url(), Method::POST, JOBS));
    held.reached(1, LIMIT).await?;
    call.abort();
    assert!(call.await.is_err_and(|error| error.is_cancelled()));
    assert_eq!(server.calls(), Vec::<String>::new());
    held.release();

    let arrived = format!("POST {JOBS}");
    wait::until("the held call", LIMIT, async || {
        let calls = server.calls();
        (calls == [arrived.clone()])
            .then_some(())
            .ok_or(format!("{calls:?}"))
    })
    .await
}

#[tokio::test]
async fn a_dropped_call_is_sent_or_not_as_its_rule_says() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let proxy = FaultProxy::in_front_of(&server.url, b"").await?;
    let before = proxy.add(Match::writes().only(2), Fault::DropBefore);
    let after = proxy.add(Match::verb(Verb::Delete), Fault::DropAfter);

    assert_eq!(
        send(proxy.url(), Method::POST, JOBS).await?,
        (StatusCode::OK, "done".to_owned())
    );
    assert!(
        send(proxy.url(), Method::PUT, &format!("{JOBS}/one"))
            .await
            .is_err()
    );
    assert!(
        send(proxy.url(), Method::DELETE, &format!("{JOBS}/two"))
            .await
            .is_err()
    );

    assert_eq!(
        server.calls(),
        [format!("POST {JOBS}"), format!("DELETE {JOBS}/two")]
    );
    assert_eq!((before.hits(), after.hits()), (1, 1));
    let codes: Vec<_> = proxy
        .seen()
        .into_iter()
        .map(|seen| (seen.call.verb, seen.code))
        .collect();
    assert_eq!(
        codes,
        [
            (Verb::Create, Some(200)),
            (Verb::Update, None),
            (Verb::Delete, None)
        ]
    );
    Ok(())
}

#[tokio::test]
async fn a_refusal_reads_as_the_api_servers_own() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let proxy = FaultProxy::in_front_of(&server.url, b"").await?;
    let _busy = proxy.add(
        Match::any().first(1),
        Fault::Answer {
            code: 429,
            retry_after: Some(2),
        },
    );

    let (code, body) = send(proxy.url(), Method::PATCH, &format!("{JOBS}/one/status")).await?;
    let status: serde_json::Value = serde_json::from_str(&body)?;
    assert_eq!(code, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        (
            &status["reason"],
            &status["code"],
            &status["details"]["retryAfterSeconds"]
        ),
        (&"TooManyRequests".into(), &429.into(), &2.into())
    );
    assert_eq!(
        send(proxy.url(), Method::PATCH, JOBS).await?.0,
        StatusCode::OK
    );
    Ok(())
}

#[tokio::test]
async fn an_open_watch_hangs_goes_on_and_ends_with_410() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let proxy = FaultProxy::in_front_of(&server.url, b"").await?;
    let request = Request::get(format!("{}/api/v1/pods?watch=true", proxy.url()))
        .body(Full::<Bytes>::default())?;
    let mut events = client().request(request).await?.into_body();
    assert_eq!(next(&mut events).await?, "event 0\n");

    let silence = proxy.add(Match::verb(Verb::Watch), Fault::Hang);
    server.push("event 1\n");
    assert!(
        tokio::time::timeout(Duration::from_millis(200), events.frame())
            .await
            .is_err(),
        "a hanging watch says nothing"
    );
    silence.remove();
    assert_eq!(next(&mut events).await?, "event 1\n");

    proxy.break_watches(Match::verb(Verb::Watch).resource("pods"), WatchEnd::Gone);
    let last: serde_json::Value = serde_json::from_str(&next(&mut events).await?)?;
    assert_eq!(
        (&last["type"], &last["object"]["code"]),
        (&"ERROR".into(), &410.into())
    );
    assert!(events.frame().await.is_none(), "the watch has ended");
    Ok(())
}

/// A watch that hangs is noticed only if the next one does not.
#[tokio::test]
async fn an_open_watch_hangs_while_a_new_one_goes_on() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let proxy = FaultProxy::in_front_of(&server.url, b"").await?;
    let watch = async || -> anyhow::Result<Incoming> {
        let request = Request::get(format!("{}/api/v1/pods?watch=true", proxy.url()))
            .body(Full::<Bytes>::default())?;
        let mut events = client().request(request).await?.into_body();
        assert_eq!(next(&mut events).await?, "event 0\n");
        Ok(events)
    };
    let mut open = watch().await?;
    let _silence = proxy.add(Match::verb(Verb::Watch), Fault::HangOpen);
    let mut new = watch().await?;
    server.push("event 1\n");
    assert_eq!(next(&mut new).await?, "event 1\n");
    assert!(
        tokio::time::timeout(Duration::from_millis(200), open.frame())
            .await
            .is_err(),
        "the open watch says nothing"
    );
    Ok(())
}

#[tokio::test]
async fn every_odd_call_is_dropped_and_every_even_one_goes_through() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let proxy = FaultProxy::in_front_of(&server.url, b"").await?;
    let _drops = proxy.add(Match::verb(Verb::Create).odd(), Fault::DropBefore);
    let mut went_through = Vec::new();
    for _ in 0..4 {
        went_through.push(send(proxy.url(), Method::POST, JOBS).await.is_ok());
    }
    assert_eq!(went_through, [false, true, false, true]);
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_down_refuses_and_comes_back_at_its_address() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let proxy = FaultProxy::in_front_of(&server.url, b"").await?;
    assert_eq!(
        send(proxy.url(), Method::GET, JOBS).await?.0,
        StatusCode::OK
    );
    proxy.go_down();
    wait::until("a refused connection", LIMIT, async || {
        match send(proxy.url(), Method::GET, JOBS).await {
            Err(_) => Ok(()),
            Ok(answer) => Err(format!("{answer:?}")),
        }
    })
    .await?;
    proxy.come_up();
    let (code, _) = wait::until("an answer", LIMIT, async || {
        send(proxy.url(), Method::GET, JOBS).await
    })
    .await?;
    assert_eq!(code, StatusCode::OK);
    Ok(())
}

/// The clusters of the tests run images that no builder made; they are those that the Dockerfile describes.
#[test]
fn the_dockerfile_describes_the_images_that_are_tested() -> anyhow::Result<()> {
    let text = include_str!("../Dockerfile");
    let stage = |first: &str| -> Vec<String> {
        let lines = text.lines().skip_while(|line| *line != first).skip(1);
        let of_stage = lines.take_while(|line| !line.is_empty());
        of_stage.map(str::to_owned).collect()
    };
    let slipway = Product::of_file(env!("CARGO_BIN_EXE_slipway")).image("slipway")?;
    let no_file = std::path::Path::new("");
    assert_eq!(
        [stage("FROM scratch"), stage("FROM scratch AS tools")],
        [
            slipway.dockerfile("build"),
            cluster::application::tools_image(no_file, no_file).dockerfile("build-tools")
        ]
    );
    assert!(
        text.contains("\nRUN cargo build --release --locked --bin slipway \\\n"),
        "{text}"
    );
    for family in FAMILIES {
        let built = format!("-tags {} -o /{}", family.tags, family.packages[0].program);
        let is_tool = ["goose", "golang-migrate"].contains(&family.name);
        assert_eq!(text.contains(&built), is_tool, "{built}");
    }
    Ok(())
}

/// Stands for the API server where only the proxy is looked at: it notes each call; a watch sends what the test pushes.
struct Server {
    url: String,
    calls: Arc<Mutex<Vec<String>>>,
    events: tokio::sync::broadcast::Sender<String>,
}

#[derive(Clone)]
struct Notes {
    calls: Arc<Mutex<Vec<String>>>,
    events: tokio::sync::broadcast::Sender<String>,
}

impl Server {
    async fn start() -> anyhow::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let notes = Notes {
            calls: Arc::default(),
            events: tokio::sync::broadcast::Sender::new(8),
        };
        let (calls, events) = (Arc::clone(&notes.calls), notes.events.clone());
        let router = Router::new().fallback(note).with_state(notes);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, calls, events })
    }

    fn calls(&self) -> Vec<String> {
        self.calls
            .lock()
            .map(|calls| calls.clone())
            .unwrap_or_default()
    }

    fn push(&self, event: &str) {
        assert!(self.events.send(event.to_owned()).is_ok(), "nobody watches");
    }
}

async fn note(State(notes): State<Notes>, method: Method, uri: Uri) -> Body {
    if uri.query() == Some("watch=true") {
        let first = futures::stream::iter([Ok::<_, Infallible>("event 0\n".to_owned())]);
        let more = futures::stream::unfold(notes.events.subscribe(), async |mut events| {
            events.recv().await.ok().map(|event| (Ok(event), events))
        });
        return Body::from_stream(futures::StreamExt::chain(first, more));
    }
    if let Ok(mut calls) = notes.calls.lock() {
        calls.push(format!("{method} {uri}"));
    }
    Body::from("done")
}

fn client() -> Client<HttpConnector, Full<Bytes>> {
    Client::builder(TokioExecutor::new()).build_http()
}

async fn send(server: String, method: Method, path: &str) -> anyhow::Result<(StatusCode, String)> {
    let request = Request::builder()
        .method(method)
        .uri(format!("{server}{path}"))
        .body(Full::default())?;
    let (parts, body) = client().request(request).await?.into_parts();
    Ok((
        parts.status,
        String::from_utf8(body.collect().await?.to_bytes().to_vec())?,
    ))
}

async fn next(body: &mut hyper::body::Incoming) -> anyhow::Result<String> {
    let frame = tokio::time::timeout(LIMIT, body.frame()).await?;
    let bytes = frame
        .ok_or_else(|| anyhow::anyhow!("the watch has ended"))??
        .into_data()
        .unwrap_or_default();
    Ok(String::from_utf8(bytes.to_vec())?)
}
