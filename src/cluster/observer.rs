//! Who is told of every request, and the layer of the clients that tells it.

use std::sync::Arc;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::BoxFuture;
use http::{Method, Request, Response, StatusCode};
use tower::{Layer, Service};

/// Counts what was sent and what was not.
pub trait RequestObserver: Send + Sync {
    /// A write, or a quorum read before one, was answered: verb as in a role, kind as in manifests, and how it ended.
    fn answered(&self, verb: &'static str, kind: &'static str, outcome: &'static str);
    /// A write was not sent, because leadership is gone or in doubt.
    fn withheld(&self);
    /// An HTTP request of any sort, a watch too, was answered with this status, or not at all.
    fn sent(&self, method: &Method, code: Option<StatusCode>);
}

/// Tells an observer of every request of a client.
#[derive(Clone)]
pub struct Observed(pub Arc<dyn RequestObserver>);

impl<S> Layer<S> for Observed {
    type Service = ObservedService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ObservedService {
            inner,
            observer: Arc::clone(&self.0),
        }
    }
}

/// See [`Observed`].
#[derive(Clone)]
pub struct ObservedService<S> {
    inner: S,
    observer: Arc<dyn RequestObserver>,
}

impl<S, B, A> Service<Request<B>> for ObservedService<S>
where
    S: Service<Request<B>, Response = Response<A>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (method, observer) = (request.method().clone(), Arc::clone(&self.observer));
        let answer = self.inner.call(request);
        async move {
            let answer = answer.await;
            observer.sent(&method, answer.as_ref().ok().map(Response::status));
            answer
        }
        .boxed()
    }
}
